//! Runs one scenario on the embedded gateway and asserts its verdict, as a test of another crate would do it.
//!
//! `cargo run --example run_one_scenario`

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gatecrash::gateway::{ProviderSettings, Target, TargetProvider};
use gatecrash::model::Clock;
use gatecrash::run::{Pool, Settings};
use gatecrash::scenario::{Source, load};
use gatecrash::verdict::Verdict;

const SCENARIO: &str = "
title: A fresh device on direct loopback is paired as operator without asking
why: The docs promise that a local client with the shared token is approved silently.
devices:
  laptop: {}
steps:
  - connect: {as: operator, device: laptop, expect: {hello: {auth: {role: operator}}}}
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let id = "pairing/fresh-device";
    let source = Arc::new(Source { path: format!("scenarios/{id}.yaml"), text: SCENARIO.to_owned() });
    let suite = load(&[(id.to_owned(), source)]);
    assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);

    let folder = tempfile::tempdir()?;
    let clock: Clock = Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
    });
    let provider = TargetProvider::open(ProviderSettings::offline(folder.path(), Arc::clone(&clock)))?;
    let settings = Settings::new(1, Duration::from_secs(10), clock);
    let pool = Pool::new(provider, suite.scenarios, settings, 1);

    let target: Target = "embedded:2026.3.31".parse()?;
    let record = pool.run(&target, id, 1).await?;
    pool.close().await;

    let cell = &record.cells[0];
    assert_eq!(cell.verdict, Verdict::Pass, "{:?}", cell.reason);
    println!("{} on {}: {}", cell.scenario, cell.target, cell.verdict);
    Ok(())
}
