//! What a measurement depends on beside the scenario and the build that is tested.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::Settings;

/// What a measurement depends on beside the scenario and the build that is tested. Measurements under other
/// conditions are not taken for evidence.
///
/// The seed is not among them: what depends on it is flaky. Neither is how fast the machine is: what it was too
/// slow for is no evidence at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// The build of gatecrash: its version, and what it was made from.
    harness: String,
    /// Operating system and processor.
    platform: String,
    /// How long a step waits where the scenario does not say, in milliseconds.
    timeout_ms: u64,
    /// How long a gateway may take to boot, where that is said, in milliseconds.
    boot_timeout_ms: Option<u64>,
    /// How often the scenario is run.
    repeat: u32,
}

impl Conditions {
    /// Those of a run with these settings, by this build on this machine.
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
    fn the_seed_decides_nothing() {
        assert_eq!(Conditions::of(&Settings { seed: 8, ..settings() }, 1), usual());
    }

    #[test]
    fn a_build_is_named_by_its_sources() {
        let (version, build) =
            usual().harness.split_once('+').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        assert!(build.len() == 16 && build.bytes().all(|one| one.is_ascii_hexdigit()), "{build}");
    }
}
