//! Colours.

use anstyle::{AnsiColor, Style};

use crate::verdict::Verdict;

/// The colours of a text. Without colours every part is still told apart by words and signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    good: Style,
    listed: Style,
    bad: Style,
    broken: Style,
    quiet: Style,
    strong: Style,
}

impl Palette {
    /// No colours, for pipes and files.
    pub const PLAIN: Self = Self {
        good: Style::new(),
        listed: Style::new(),
        bad: Style::new(),
        broken: Style::new(),
        quiet: Style::new(),
        strong: Style::new(),
    };

    /// The sixteen colours that every terminal has.
    pub const COLOURED: Self = Self {
        good: AnsiColor::Green.on_default(),
        listed: AnsiColor::Yellow.on_default(),
        bad: AnsiColor::Red.on_default().bold(),
        broken: AnsiColor::Magenta.on_default().bold(),
        quiet: Style::new().dimmed(),
        strong: Style::new().bold(),
    };

    /// Colours or none.
    pub const fn new(coloured: bool) -> Self {
        if coloured { Self::COLOURED } else { Self::PLAIN }
    }

    /// The style of a verdict.
    pub(crate) const fn of(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Known => self.listed,
            Verdict::Fail | Verdict::Fixed | Verdict::Flaky => self.bad,
            Verdict::Error => self.broken,
            Verdict::Skipped | Verdict::Untestable => self.quiet,
        }
    }

    /// The style of what matters less.
    pub(crate) const fn quiet(&self) -> Style {
        self.quiet
    }

    /// The style of headings.
    pub(crate) const fn strong(&self) -> Style {
        self.strong
    }
}

/// A text in a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// The sign of a verdict, one column wide.
pub(crate) const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Known => "≈",
        Verdict::Fail | Verdict::Fixed => "✗",
        Verdict::Flaky => "~",
        Verdict::Error => "!",
        Verdict::Skipped | Verdict::Untestable => "–",
    }
}
