//! Commands: one file each. Reads environment, clock and terminal once into a context; maps results to
//! exit codes; shows every error once.

mod app;
mod bisect;
mod broker;
mod check;
mod compare;
mod completions;
mod context;
mod coverage;
mod diff;
mod exit;
mod expect;
mod explain;
mod failure;
mod gateways;
mod interrupt;
mod known;
mod list;
mod man;
mod matrix;
mod memory;
mod merge;
mod mutants;
mod new;
mod origins;
mod preflight;
mod releases;
mod report;
mod rules;
mod run;
mod runs;
mod schema;
mod serve_model;
mod session;
mod shard;
mod show;
mod stored;
mod suite;
mod timeline;

pub use app::main;
pub use broker::{Ask, Reply};
pub use context::{Color, Context};
pub use exit::Exit;
pub use failure::Failure;
pub use suite::scenario_ids;
