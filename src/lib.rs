//! gatecrash reproduces regressions of the `OpenClaw` gateway's handshake against real releases.
//!
//! Most people use the `gatecrash` program. The crate is its library: tests of other crates can load scenarios, run them
//! on a target, and read the verdicts.
//!
//! # Running a scenario
//!
//! [`scenario::load`] turns texts into scenarios and says what is wrong with them. A [`gateway::TargetProvider`] prepares
//! targets: the embedded gateway needs nothing but a folder. A [`run::Pool`] boots a gateway when a scenario needs one and
//! returns a [`run::RunRecord`] whose cells hold the verdicts. `examples/run_one_scenario.rs` is the same as a program.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use gatecrash::gateway::{ProviderSettings, TargetProvider};
//! use gatecrash::run::{Pool, Settings};
//! use gatecrash::scenario::{Source, load};
//! use gatecrash::verdict::Verdict;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = "
//! title: A fresh device on loopback is let in
//! why: The docs promise it.
//! devices: {laptop: {}}
//! steps:
//!   - connect: {as: operator, device: laptop, expect: hello}
//! ";
//! let source = Arc::new(Source { path: "scenarios/pairing/fresh.yaml".into(), text: text.into() });
//! let suite = load(&[("pairing/fresh".into(), source)]);
//! assert!(suite.diagnostics.is_empty());
//!
//! let folder = tempfile::tempdir()?;
//! let clock = Arc::new(|| 1_775_000_000_000);
//! let provider = TargetProvider::open(ProviderSettings::offline(folder.path(), clock.clone()))?;
//! let pool = Pool::new(provider, suite.scenarios, Settings::new(1, Duration::from_secs(10), clock), 1);
//! let record = pool.run(&"embedded:2026.3.31".parse()?, "pairing/fresh", 1).await?;
//! assert_eq!(record.cells[0].verdict, Verdict::Pass);
//! pool.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Releases and ranges
//!
//! ```
//! use gatecrash::release::{Release, ReleaseRange};
//!
//! let broken: ReleaseRange = ">=2026.3.31, <2026.4.2".parse()?;
//! let release: Release = "2026.4.1".parse()?;
//! assert!(broken.contains(&release));
//! assert!(!broken.contains(&"2026.3.28".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Judging an outcome
//!
//! [`verdict::judge`] is a pure function: it compares what a step did with what is right and with what a deviation lists.
//!
//! ```
//! use gatecrash::scenario::{DeviationClass, Expectation};
//! use gatecrash::verdict::{Outcome, Verdict, judge};
//! use gatecrash::wire::Close;
//!
//! let right: Expectation = serde_json::from_str(r#""silence""#)?;
//! let listed: Expectation = serde_json::from_str(r#"{"closed": 1008}"#)?;
//! let closed = Outcome::Closed { close: Close::frame(Some(1008), "pairing required"), error: None };
//! assert_eq!(judge(&Outcome::Silence, &right, None).verdict, Verdict::Pass);
//! assert_eq!(judge(&closed, &right, None).verdict, Verdict::Fail);
//! assert_eq!(judge(&closed, &right, Some((&listed, DeviationClass::Regression))).verdict, Verdict::Known);
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod bisect;
mod bounded_read;
pub mod cli;
pub mod client;
pub mod coverage;
pub mod curate;
pub mod diff;
mod error_chain;
pub mod explore;
pub mod gateway;
pub mod laws;
pub mod learn;
pub mod model;
pub mod mutation;
pub mod preflight;
pub mod release;
pub mod report;
pub mod run;
pub mod scenario;
mod suggest;
pub mod verdict;
pub mod wire;

// The sample run of the tests names this crate as the tests of the binary do.
#[cfg(test)]
extern crate self as gatecrash;
