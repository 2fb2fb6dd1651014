//! Keeping a suite true: what it lists is compared with what runs have shown.

pub mod coverage;
pub mod expect;
pub mod reasons;
pub mod timeline;
