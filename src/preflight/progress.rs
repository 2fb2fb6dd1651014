//! What a preflight is doing.

use std::fmt;

/// What a preflight is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightProgress {
    /// The release that is asked.
    pub release: String,
    /// What it is doing.
    pub doing: PreflightDoing,
    /// How many releases were asked before it.
    pub done: usize,
    /// How many releases are asked.
    pub all: usize,
}

/// What a release that is asked is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreflightDoing {
    /// It boots.
    Boots,
    /// Stand-ins reconnect.
    Reconnects {
        /// How long the boot took, in milliseconds.
        boot_ms: u64,
        /// How many reconnects are tried.
        tries: usize,
    },
    /// Its agent runs a command.
    Exec,
}

impl fmt::Display for PreflightProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, doing, done, all } = self;
        if *all > 1 {
            write!(f, "{} of {all}: ", done + 1)?;
        }
        match doing {
            PreflightDoing::Boots => write!(f, "{release} boots on a copy of the state"),
            PreflightDoing::Reconnects { boot_ms, tries } => {
                let seconds = boot_ms.div_ceil(1000);
                let tries =
                    if *tries == 1 { "1 reconnect is".to_owned() } else { format!("{tries} reconnects are") };
                write!(f, "{release} is up after {seconds} s, {tries} tried")
            }
            PreflightDoing::Exec => write!(f, "{release} runs a command with its exec tool"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(PreflightDoing::Boots, 1, "2026.4.2 boots on a copy of the state")]
    #[case(PreflightDoing::Boots, 3, "2 of 3: 2026.4.2 boots on a copy of the state")]
    #[case(PreflightDoing::Reconnects { boot_ms: 2100, tries: 1 }, 1, "2026.4.2 is up after 3 s, 1 reconnect is tried")]
    #[case(PreflightDoing::Reconnects { boot_ms: 2000, tries: 4 }, 1, "2026.4.2 is up after 2 s, 4 reconnects are tried")]
    fn it_is_told_which_release_does_what(
        #[case] doing: PreflightDoing,
        #[case] all: usize,
        #[case] told: &str,
    ) {
        let done = usize::from(all > 1);
        let progress = PreflightProgress { release: "2026.4.2".into(), doing, done, all };
        assert_eq!(progress.to_string(), told);
    }
}
