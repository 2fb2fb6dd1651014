//! An installation while it goes on.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::gateway::install::InstallEvent;

/// Shows an installation on standard error: one changing line on a terminal, plain lines elsewhere.
pub(super) struct Display(Option<ProgressBar>);

impl Display {
    pub(super) fn new(live: bool) -> Self {
        Self(live.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        }))
    }

    pub(super) fn show(&self, event: &InstallEvent) {
        match (&self.0, event) {
            (Some(bar), InstallEvent::Noted { .. }) => bar.println(event.to_string()),
            (Some(bar), _) => bar.set_message(event.to_string()),
            (None, InstallEvent::Advanced { .. }) => {}
            (None, _) => anstream::eprintln!("{event}"),
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
