//! Everything that one release needs and another does not: one table, each row with its reason.

use crate::release::{Release, ReleaseRange};
use std::time::Duration;

/// Where a release keeps its paired devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// `devices/paired.json` and `devices/pending.json`.
    Json,
    /// `state/openclaw.sqlite`.
    Sqlite,
}

/// What is done about a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workaround {
    /// Install this version of a dependency instead of what is asked for.
    Override {
        /// Name of the dependency.
        package: &'static str,
        /// Version on the registry.
        version: &'static str,
    },
    /// Do not install optional dependencies whose names match this.
    LeaveOut(&'static str),
    /// Install the dependencies of the plugins that come inside the package beside its own.
    BundledPluginDependencies,
    /// Start the program once at installation when this file is in the package.
    FinishOnce(&'static str),
    /// A folder below `TMPDIR` that all runs of a build may share.
    SharedTemporary(&'static str),
    /// A child that outlives the gateway; its command line holds this.
    StrayChild(&'static str),
    /// How long a boot may take until the gateway is ready.
    ReadyWithin(Duration),
    /// Where paired devices are stored.
    Store(Store),
    /// The protocol version that operators speak.
    Protocol(u8),
    /// Scenarios must not be at work at the same time on one gateway.
    OneAtATime,
    /// Boot without the bundled plugins, unless a scenario's configuration says otherwise.
    WithoutPlugins,
}

/// One row: for these releases, this is done, because.
#[derive(Clone, Copy, Debug)]
pub struct Quirk {
    /// First release of the range; none is from the very first.
    pub first: Option<Release>,
    /// First release that is no longer inside; none is to the newest.
    pub until: Option<Release>,
    /// What is done.
    pub workaround: Workaround,
    /// Why, as measured on the releases.
    pub why: &'static str,
}

impl Quirk {
    /// The releases that this is done for.
    pub fn releases(&self) -> ReleaseRange {
        ReleaseRange::from_until(self.first, self.until)
    }
}

const fn release(month: u8, day: u16) -> Release {
    Release::new(2026, month, day)
}

/// All traps. Where two rows of a kind fit one release, the later row counts.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::Override { package: "libsignal", version: "2.0.1" },
        why: "a dependency of a dependency (in 3.2, 3.13, 4.15 and wherever it comes back) names libsignal by \
              its git address, which needs a git host; the registry has the same version. Left out \
              altogether, the plugins of 3.2 do not load",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::LeaveOut("@node-llama-cpp/*"),
        why: "engines for language models of 660 MB, most of them for graphics cards, which 3.2 and before \
              bring along; no gateway loads them at boot",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::LeaveOut("@anthropic-ai/claude-agent-sdk-*"),
        why: "a coding agent of 330 MB as one executable, which 8.1 brings along; no gateway starts it at boot",
    },
    Quirk {
        first: Some(release(4, 5)),
        until: Some(release(4, 7)),
        workaround: Workaround::BundledPluginDependencies,
        why: "the gateway loads the chat plugins at boot, and only the package's postinstall script would \
              fetch what they need: without it, 'Cannot find module @buape/carbon'",
    },
    Quirk {
        first: Some(release(4, 20)),
        until: Some(release(5, 2)),
        workaround: Workaround::WithoutPlugins,
        why: "the gateway runs 'npm install' at every boot of a fresh home for what its bundled plugins need, and \
              is not ready before; without plugins 4.20, 4.22, 4.25, 4.27 and 4.29 boot in 6 to 13 s",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::FinishOnce(".openclaw-lifecycle-pending"),
        why: "9.6 does at its first start what its postinstall script was kept from, and then deletes this \
              file: two first boots at once would race, and the package would look damaged after one",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::SharedTemporary("jiti"),
        why: "releases before 3.22 transpile their plugins into it at every boot with a fresh TMPDIR: 41 s \
              and 1.6 GB, against 5 s and 0.5 GB when it is there; entries are named by content",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::ReadyWithin(Duration::from_mins(3)),
        why: "a boot takes 2 to 8 s on two free cores, and 4.15 took 98 s on two cores with a load of 17; \
              waiting ends earlier when the gateway dies",
    },
    Quirk {
        first: None,
        until: Some(release(3, 22)),
        workaround: Workaround::ReadyWithin(Duration::from_mins(5)),
        why: "a first boot also transpiles the plugins: 3.2 took 53 s on two cores with another boot beside it",
    },
    Quirk {
        first: Some(release(4, 5)),
        until: Some(release(4, 20)),
        workaround: Workaround::StrayChild("@zed-industries/codex-acp"),
        why: "the ACP plugin starts an agent through 'npm exec' at boot, and SIGTERM to the gateway does not \
              reach it: it stays for about a minute",
    },
    Quirk {
        first: Some(release(3, 13)),
        until: Some(release(3, 22)),
        workaround: Workaround::OneAtATime,
        why: "2026.3.13 gives a handshake three seconds and knows no setting for it: many connects at once on a \
              busy machine are closed with 1000 (openclaw#46892)",
    },
    Quirk {
        first: Some(release(5, 12)),
        until: Some(release(5, 28)),
        workaround: Workaround::OneAtATime,
        why: "2026.5.12 closes a connect with 1000 when another one writes the pairing store meanwhile \
              ('File changed during read'); 2026.5.7 and 2026.5.28 were not seen to do so",
    },
    Quirk {
        first: None,
        until: Some(release(8, 1)),
        workaround: Workaround::Store(Store::Json),
        why: "devices/paired.json and pending.json, read again at every connect",
    },
    Quirk {
        first: Some(release(8, 1)),
        until: None,
        workaround: Workaround::Store(Store::Sqlite),
        why: "state/openclaw.sqlite from 8.1 on",
    },
    Quirk {
        first: None,
        until: Some(release(5, 12)),
        workaround: Workaround::Protocol(3),
        why: "operators speak protocol 3 up to 5.7",
    },
    Quirk {
        first: Some(release(5, 12)),
        until: None,
        workaround: Workaround::Protocol(4),
        why: "operators have to speak exactly protocol 4 from 5.12 on",
    },
];

/// The workarounds for a release; for a build that does not tell its release, those of the newest.
pub(super) fn workarounds(release: Option<Release>) -> impl Iterator<Item = Workaround> {
    QUIRKS
        .iter()
        .filter(move |quirk| match release {
            Some(release) => quirk.releases().contains(&release),
            None => quirk.until.is_none(),
        })
        .map(|quirk| quirk.workaround)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trap_has_a_reason_and_a_range_that_is_not_empty() {
        for quirk in QUIRKS {
            assert!(quirk.why.len() > 20, "{quirk:?}");
            let range = quirk.releases().to_string();
            assert_eq!(range.parse::<ReleaseRange>().unwrap(), quirk.releases(), "{quirk:?}");
        }
    }

    #[test]
    fn the_known_traps_are_met_and_their_neighbours_left_alone() {
        let needs = |text: &str, wanted: Workaround| {
            workarounds(Some(text.parse().unwrap())).any(|workaround| workaround == wanted)
        };
        assert!(needs("2026.4.5", Workaround::BundledPluginDependencies));
        assert!(!needs("2026.4.2", Workaround::BundledPluginDependencies));
        assert!(
            needs("2026.4.29", Workaround::WithoutPlugins) && !needs("2026.5.2", Workaround::WithoutPlugins)
        );
        assert!(needs("2026.3.13", Workaround::SharedTemporary("jiti")));
        assert!(needs("2026.5.7", Workaround::Protocol(3)) && needs("2026.5.12", Workaround::Protocol(4)));
        assert!(needs("2026.7.35", Workaround::Store(Store::Json)));
        assert!(needs("2026.8.1", Workaround::Store(Store::Sqlite)));
    }
}
