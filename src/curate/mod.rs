//! Keeping a suite up to date: compares what it lists with what runs have shown, and with the known cases.

pub mod expect;
pub mod reasons;
pub mod sources;
pub mod timeline;
