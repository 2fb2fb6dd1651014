//! What single releases need to be installed and booted: one table, each row with its reason, and what follows from it
//! for one build.

use std::time::Duration;

use crate::release::{Release, ReleaseRange};

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
    /// Start the program once at installation if this file is in the package.
    FinishOnce(&'static str),
    /// All runs of a build may share this folder below `TMPDIR`.
    SharedTemporary(&'static str),
    /// A child whose command line contains this outlives the gateway.
    StrayChild(&'static str),
    /// A boot may take this long until the gateway is ready.
    ReadyWithin(Duration),
    /// Scenarios must not run at the same time on one gateway.
    OneAtATime,
    /// A gateway that is up may be given another configuration, for which it restarts inside its process.
    TakeOver,
    /// The configuration has this value at this JSON pointer, unless a scenario's configuration says otherwise.
    Setting(&'static str, bool),
    /// It asks for this machine by itself, and nothing switches that off.
    OwnCall(&'static str),
    /// Boot without the bundled plugins, unless a scenario's configuration says otherwise.
    WithoutPlugins,
}

/// A row of the table: for these releases, this is done, for this reason.
#[derive(Clone, Copy, Debug)]
pub struct Quirk {
    /// The first release of the range; none means from the very first.
    pub first: Option<Release>,
    /// The first release after the range; none means up to the newest.
    pub until: Option<Release>,
    /// What is done.
    pub workaround: Workaround,
    /// The reason, as measured on the releases.
    pub why: &'static str,
}

impl Quirk {
    /// The releases that it applies to.
    pub fn releases(&self) -> ReleaseRange {
        ReleaseRange::from_until(self.first, self.until)
    }
}

const fn release(month: u8, day: u16) -> Release {
    Release::new(2026, month, day)
}

/// All quirks. Where two rows of the same kind apply to a release, the later one wins.
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
        first: Some(release(3, 28)),
        until: None,
        workaround: Workaround::Setting("/update/checkOnStart", false),
        why: "the gateway asks the registry for a newer release at every start; before 5.12 no variable switches \
              that off",
    },
    Quirk {
        first: Some(release(8, 1)),
        until: None,
        workaround: Workaround::Setting("/models/catalogRefresh/enabled", false),
        why: "the gateway fetches a list of models from catalog.openclaw.ai at every start",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::OwnCall("openrouter.ai"),
        why: "an agent's first turn asks for prices of models there; its answers do not depend on that",
    },
    Quirk {
        first: None,
        until: None,
        workaround: Workaround::OwnCall("127.0.0.1:11434"),
        why: "an agent's first turn looks whether the user runs models on this machine, which are none of its business",
    },
    Quirk {
        first: Some(release(8, 1)),
        until: None,
        workaround: Workaround::OwnCall("clawhub.ai"),
        why: "the gateway fetches a list of plugins at every start, and has no setting for that; the guard refuses \
              the name before anything is asked",
    },
    Quirk {
        first: Some(release(3, 28)),
        until: Some(release(4, 3)),
        workaround: Workaround::TakeOver,
        why: "runs of the whole suite with --cold and with --warm agreed in every cell on 3.28, 3.31 and 4.2, with \
              45 and 26 boots on the latter two; an in-process restart takes 0.6 s, a boot 2 s and more",
    },
];

/// The workarounds for a release; for a build of unknown release, those of the newest.
pub(super) fn workarounds(release: Option<Release>) -> impl Iterator<Item = Workaround> {
    QUIRKS
        .iter()
        .filter(move |quirk| match release {
            Some(release) => quirk.releases().contains(&release),
            None => quirk.until.is_none(),
        })
        .map(|quirk| quirk.workaround)
}

/// What is special about booting a build. Follows from [`QUIRKS`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// How long a boot may take until the gateway is ready.
    pub ready_within: Duration,
    /// Folders below `TMPDIR` that all runs of the build may share; link them to
    /// [`Build::shared_temporary`](super::Build::shared_temporary).
    pub shared_temporary: Vec<&'static str>,
    /// Parts of the command lines of children that are known to outlive the gateway.
    pub stray_children: Vec<&'static str>,
    /// Whether scenarios must not run at the same time on one gateway.
    pub one_at_a_time: bool,
    /// Values that the configuration has at these JSON pointers unless a scenario changes them. A build of unknown release
    /// gets none, because it may not know them and refuse to boot.
    pub settings: Vec<(&'static str, bool)>,
    /// Machines that it is known to ask for by itself.
    pub own_calls: Vec<&'static str>,
    /// Whether the bundled plugins stay off unless the configuration turns them on.
    pub without_plugins: bool,
    /// Whether a gateway that is up may be given another configuration, because that was measured to change no outcome.
    pub take_over: bool,
}

impl Quirks {
    /// The quirks of a release; for a build of unknown release, those of the newest.
    pub fn of(release: Option<Release>) -> Self {
        let mut quirks = Self {
            ready_within: Duration::from_mins(3),
            shared_temporary: Vec::new(),
            stray_children: Vec::new(),
            one_at_a_time: false,
            settings: Vec::new(),
            own_calls: Vec::new(),
            without_plugins: false,
            take_over: false,
        };
        for workaround in workarounds(release) {
            match workaround {
                Workaround::ReadyWithin(time) => quirks.ready_within = time,
                Workaround::SharedTemporary(folder) => quirks.shared_temporary.push(folder),
                Workaround::Setting(pointer, value) if release.is_some() => {
                    quirks.settings.push((pointer, value));
                }
                Workaround::OwnCall(machine) => quirks.own_calls.push(machine),
                Workaround::WithoutPlugins => quirks.without_plugins = true,
                Workaround::TakeOver => quirks.take_over = true,
                Workaround::OneAtATime => quirks.one_at_a_time = true,
                Workaround::StrayChild(start) => quirks.stray_children.push(start),
                Workaround::Setting(..)
                | Workaround::Override { .. }
                | Workaround::LeaveOut(_)
                | Workaround::FinishOnce(_)
                | Workaround::BundledPluginDependencies => {}
            }
        }
        quirks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_a_reason_and_a_non_empty_range() {
        for quirk in QUIRKS {
            assert!(quirk.why.len() > 20, "{quirk:?}");
            let range = quirk.releases().to_string();
            assert_eq!(range.parse::<ReleaseRange>().unwrap(), quirk.releases(), "{quirk:?}");
        }
    }

    #[test]
    fn workarounds_apply_to_their_releases_only() {
        let needs = |text: &str, wanted: Workaround| {
            workarounds(Some(text.parse().unwrap())).any(|workaround| workaround == wanted)
        };
        assert!(needs("2026.4.5", Workaround::BundledPluginDependencies));
        assert!(!needs("2026.4.2", Workaround::BundledPluginDependencies));
        assert!(
            needs("2026.4.29", Workaround::WithoutPlugins) && !needs("2026.5.2", Workaround::WithoutPlugins)
        );
        assert!(needs("2026.3.13", Workaround::SharedTemporary("jiti")));
    }

    #[test]
    fn quirks_depend_on_the_release() {
        let of = |text: &str| Quirks::of(Some(text.parse().unwrap()));
        let (old, new) = (of("2026.3.2"), of("2026.9.6"));
        assert!(old.ready_within > new.ready_within);
        assert!(of("2026.3.13").one_at_a_time && !new.one_at_a_time);
        assert_eq!(of("2026.4.15").stray_children, ["@zed-industries/codex-acp"]);
        assert!(old.settings.is_empty());
        assert_eq!(of("2026.5.12").settings, [("/update/checkOnStart", false)]);
        assert_eq!(Quirks::of(None), Quirks { settings: Vec::new(), ..new });
    }
}
