//! Coverage-guided fuzz targets, each with the laws that it holds the code to.
//!
//! A run of the tests replays the corpus below `__fuzz__` and adds some random inputs. `scripts/fuzz` runs the targets
//! for long and lets coverage guide them (see CONTRIBUTING.md).

#![cfg(test)]

mod client;
mod editor;
mod loader;
mod masker;
mod matcher;
mod sprout;
mod stored_runs;
