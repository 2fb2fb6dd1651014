//! How one build has to be booted.

use std::time::Duration;

use super::quirk_table::{Store, Workaround, workarounds};
use crate::release::Release;

/// What is special about booting a build. Comes from [`QUIRKS`](super::QUIRKS) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// How long a boot may take until the gateway is ready.
    pub ready_within: Duration,
    /// Where paired devices are stored.
    pub store: Store,
    /// The protocol version that operators speak.
    pub protocol: u8,
    /// Folders below `TMPDIR` that all runs of the build may share; link them to
    /// [`Build::shared_temporary`](super::Build::shared_temporary).
    pub shared_temporary: Vec<&'static str>,
    /// What the command lines of children hold that are known to outlive the gateway.
    pub stray_children: Vec<&'static str>,
    /// Whether scenarios must not be at work at the same time on one gateway.
    pub one_at_a_time: bool,
    /// Whether the bundled plugins stay off where the configuration does not ask for them.
    pub without_plugins: bool,
}

impl Quirks {
    /// The quirks of a release; of the newest for a build that does not tell its release.
    pub fn of(release: Option<Release>) -> Self {
        let mut quirks = Self {
            ready_within: Duration::from_mins(3),
            store: Store::Sqlite,
            protocol: 4,
            shared_temporary: Vec::new(),
            stray_children: Vec::new(),
            one_at_a_time: false,
            without_plugins: false,
        };
        for workaround in workarounds(release) {
            match workaround {
                Workaround::ReadyWithin(time) => quirks.ready_within = time,
                Workaround::Store(store) => quirks.store = store,
                Workaround::Protocol(version) => quirks.protocol = version,
                Workaround::SharedTemporary(folder) => quirks.shared_temporary.push(folder),
                Workaround::WithoutPlugins => quirks.without_plugins = true,
                Workaround::OneAtATime => quirks.one_at_a_time = true,
                Workaround::StrayChild(start) => quirks.stray_children.push(start),
                Workaround::Override { .. }
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
    fn quirks_follow_the_release() {
        let of = |text: &str| Quirks::of(Some(text.parse().unwrap()));
        let (old, new) = (of("2026.3.2"), of("2026.9.6"));
        assert_eq!((old.store, old.protocol), (Store::Json, 3));
        assert_eq!((new.store, new.protocol), (Store::Sqlite, 4));
        assert!(old.ready_within > new.ready_within);
        assert_eq!(of("2026.4.15").stray_children, ["@zed-industries/codex-acp"]);
        assert_eq!(Quirks::of(None), new);
    }
}
