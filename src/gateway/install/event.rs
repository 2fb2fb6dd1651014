//! Progress of an installation.

use std::fmt;

use tracing::debug;

use crate::release::Release;

/// Something in the cache that is fetched on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachePart {
    /// A release of the gateway.
    Release(Release),
    /// A Node runtime of this version.
    Node(String),
    /// The package manager, of this version.
    Pnpm(String),
    /// Upstream's schema of the protocol, of this version.
    Protocol(String),
    /// A package from this tarball.
    Package(String),
}

impl fmt::Display for CachePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => write!(f, "openclaw {release}"),
            Self::Node(version) => write!(f, "node {version}"),
            Self::Pnpm(version) => write!(f, "pnpm {version}"),
            Self::Protocol(version) => write!(f, "the protocol's schema of {version}"),
            Self::Package(file) => write!(f, "the package {file}"),
        }
    }
}

/// How far the installation of a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallAmount {
    /// Packages that are there, of how many.
    Packages(u64, u64),
    /// Bytes that are unpacked, of how many if that is known.
    Bytes(u64, Option<u64>),
}

/// A step of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallEvent {
    /// Another process is installing the same part; this one waits for it.
    Waiting(CachePart),
    /// A part is being installed.
    Installing(CachePart),
    /// It is known how far the part is.
    Advanced {
        /// What is being installed.
        part: CachePart,
        /// What is being done, one line.
        text: String,
        /// How far that is, if it can be counted.
        amount: Option<InstallAmount>,
    },
    /// Something did not work as planned, and the installation continues in another way.
    Noted {
        /// What is being installed.
        part: CachePart,
        /// What happened, one line.
        text: String,
    },
    /// The files are being hashed.
    Verifying(CachePart),
    /// The part is installed.
    Installed(CachePart),
}

impl fmt::Display for InstallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(part) => write!(f, "waiting for another process that installs {part}"),
            Self::Installing(part) => write!(f, "installing {part}"),
            Self::Advanced { part, text, .. } | Self::Noted { part, text } => write!(f, "{part}: {text}"),
            Self::Verifying(part) => write!(f, "verifying {part}"),
            Self::Installed(part) => write!(f, "installed {part}"),
        }
    }
}

/// Is told about the progress of an installation.
pub trait InstallProgress: Send + Sync {
    /// Is called with each event, from the thread that installs.
    fn tell(&self, event: InstallEvent);
}

impl<F: Fn(InstallEvent) + Send + Sync> InstallProgress for F {
    fn tell(&self, event: InstallEvent) {
        self(event);
    }
}

/// Tells what a line of pnpm says about its progress, if it does.
pub(super) fn report_line(progress: &dyn InstallProgress, part: &CachePart, line: &str) {
    let line = line.trim();
    let counts = line.strip_prefix("Progress: ");
    let large = line.strip_prefix("Downloading ").map(|file| format!("downloading {file}"));
    let (text, amount) = match (counts, large) {
        (Some(counts), _) => packages(counts).unwrap_or_else(|| (counts.to_owned(), None)),
        (None, Some(large)) => (large, None),
        (None, None) => return,
    };
    report(progress, InstallEvent::Advanced { part: part.clone(), text, amount });
}

/// What counts such as `resolved 512, reused 3, downloaded 80, added 10` come to.
fn packages(counts: &str) -> Option<(String, Option<InstallAmount>)> {
    let number = |name: &str| -> Option<u64> {
        let part = counts.split(", ").find_map(|part| part.strip_prefix(name))?;
        part.trim().parse().ok()
    };
    let (all, here) = (number("resolved")?, number("reused")?.saturating_add(number("downloaded")?));
    Some(match here {
        0 => (format!("looking up packages, {all} so far"), None),
        here => ("fetching".to_owned(), Some(InstallAmount::Packages(here, all))),
    })
}

/// Tells and logs an event.
pub(super) fn report(progress: &dyn InstallProgress, event: InstallEvent) {
    debug!("{event}");
    progress.tell(event);
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Progress: resolved 512, reused 3, downloaded 80, added 10", Some((Some(83), "pnpm 10: fetching")))]
    #[case("Progress: resolved 51, reused 0, downloaded 0, added 0", Some((None, "pnpm 10: looking up packages, 51 so far")))]
    #[case("Progress: half", Some((None, "pnpm 10: half")))]
    #[case("Downloading openclaw@2026.9.6: 12.3 MB/45.6 MB", Some((None, "pnpm 10: downloading openclaw@2026.9.6: 12.3 MB/45.6 MB")))]
    #[case("Done in 3 s", None)]
    fn a_line_of_pnpm_tells_how_far_it_is(#[case] line: &str, #[case] expected: Option<(Option<u64>, &str)>) {
        let told = Mutex::new(Vec::new());
        let progress = |event: InstallEvent| told.lock().push(event);
        report_line(&progress, &CachePart::Pnpm("10".to_owned()), line);
        let told = told.into_inner();
        let told = told.first().map(|event| {
            let InstallEvent::Advanced { amount, .. } = event else { panic!("{event:?}") };
            let here = amount.map(|amount| match amount {
                InstallAmount::Packages(here, 512) => here,
                other => panic!("{other:?}"),
            });
            (here, event.to_string())
        });
        assert_eq!(told, expected.map(|(here, text)| (here, text.to_owned())));
    }
}
