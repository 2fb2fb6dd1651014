//! What a measurement depends on besides the scenario and the tested build.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::Settings;

/// What a measurement depends on besides the scenario and the tested build. Measurements under other conditions are not
/// used as evidence.
///
/// The seed is not part of it: behaviour that depends on the seed is flaky. Neither is the speed of the machine: results
/// of a machine that was too slow are not evidence in the first place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// The build of gatecrash: its version and a digest of its sources.
    harness: String,
    /// Operating system and processor architecture.
    platform: String,
    /// Default timeout of a step in milliseconds.
    timeout_ms: u64,
    /// Boot timeout in milliseconds, if one is set.
    boot_timeout_ms: Option<u64>,
    /// Runs of the scenario.
    repeat: u32,
}

impl Conditions {
    /// The conditions of a run with these settings, by this build of gatecrash on this machine.
    pub fn of(settings: &Settings, repeat: u32) -> Self {
        Self {
            harness: concat!(env!("CARGO_PKG_VERSION"), "+", env!("GATECRASH_BUILD")).to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            timeout_ms: millis(settings.timeout),
            boot_timeout_ms: settings.boot_timeout.map(millis),
            repeat,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;

    fn settings() -> Settings {
        Settings::new(7, Duration::from_secs(30), Arc::new(|| 0))
    }

    /// The conditions of a run with the usual options.
    pub(crate) fn usual() -> Conditions {
        Conditions::of(&settings(), 1)
    }

    /// Conditions that differ from the usual ones in one thing each.
    pub(crate) fn others() -> Vec<Conditions> {
        vec![
            Conditions::of(&Settings { timeout: Duration::from_millis(1), ..settings() }, 1),
            Conditions::of(&Settings { boot_timeout: Some(Duration::from_secs(1)), ..settings() }, 1),
            Conditions::of(&settings(), 2),
            Conditions { harness: "0.1.0+0000000000000000".into(), ..usual() },
            Conditions { platform: "another".into(), ..usual() },
        ]
    }

    #[test]
    fn the_seed_is_not_a_condition() {
        assert_eq!(Conditions::of(&Settings { seed: 8, ..settings() }, 1), usual());
    }

    #[test]
    fn the_harness_is_identified_by_its_sources() {
        let (version, build) =
            usual().harness.split_once('+').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        assert!(build.len() == 16 && build.bytes().all(|one| one.is_ascii_hexdigit()), "{build}");
    }
}
