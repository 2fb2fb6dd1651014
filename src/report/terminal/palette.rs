//! The colours and symbols of terminal output.

use anstyle::{AnsiColor, Style};

use crate::report::standing::Standing;
use crate::run::Known;
use crate::verdict::Verdict;

/// The colours of a text. Without colours, words and symbols still distinguish all parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    good: Style,
    hole: Style,
    wrong: Style,
    other: Style,
    lacking: Style,
    bad: Style,
    broken: Style,
    quiet: Style,
    strong: Style,
}

impl Palette {
    /// No colours, for pipes and files.
    pub const PLAIN: Self = Self {
        good: Style::new(),
        hole: Style::new(),
        wrong: Style::new(),
        other: Style::new(),
        lacking: Style::new(),
        bad: Style::new(),
        broken: Style::new(),
        quiet: Style::new(),
        strong: Style::new(),
    };

    /// The sixteen colours that every terminal has.
    pub const COLOURED: Self = Self {
        good: AnsiColor::Green.on_default(),
        hole: AnsiColor::Red.on_default().underline(),
        wrong: AnsiColor::Yellow.on_default(),
        other: AnsiColor::Cyan.on_default(),
        lacking: AnsiColor::Blue.on_default(),
        bad: AnsiColor::Red.on_default().bold(),
        broken: AnsiColor::Magenta.on_default().bold(),
        quiet: Style::new().dimmed(),
        strong: Style::new().bold(),
    };

    /// The palette with or without colours.
    pub const fn new(coloured: bool) -> Self {
        if coloured { Self::COLOURED } else { Self::PLAIN }
    }

    /// Whether it has any colours.
    pub(super) fn is_coloured(&self) -> bool {
        *self != Self::PLAIN
    }

    /// The style of a standing.
    pub(crate) const fn standing(&self, standing: Standing) -> Style {
        match standing {
            Standing::Verdict(verdict) => self.of(verdict),
            Standing::Known(Known::Security) => self.hole,
            Standing::Known(Known::Regression | Known::Unreviewed) => self.wrong,
            Standing::Known(Known::Superseded) => self.other,
            Standing::Known(Known::Unsupported) => self.lacking,
            Standing::Denied(_) => self.bad,
        }
    }

    /// The style of a verdict.
    pub(crate) const fn of(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Known => self.wrong,
            Verdict::Fail | Verdict::Fixed | Verdict::Flaky => self.bad,
            Verdict::Error => self.broken,
            Verdict::Skipped | Verdict::Untestable => self.quiet,
        }
    }

    /// The style of secondary text.
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

/// The symbol of a standing, one column wide.
pub(crate) const fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Verdict(Verdict::Pass) => "✓",
        Standing::Known(Known::Security) => "◆",
        Standing::Known(Known::Regression) | Standing::Verdict(Verdict::Known) => "≠",
        Standing::Known(Known::Unreviewed) => "?",
        Standing::Known(Known::Superseded) => "≈",
        Standing::Known(Known::Unsupported) => "∅",
        Standing::Verdict(Verdict::Fail | Verdict::Fixed) | Standing::Denied(_) => "✗",
        Standing::Verdict(Verdict::Flaky) => "~",
        Standing::Verdict(Verdict::Error) => "!",
        Standing::Verdict(Verdict::Skipped | Verdict::Untestable) => "–",
    }
}
