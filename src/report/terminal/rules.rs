//! Shows the history of the handshake rules.

use std::fmt::Write as _;

use super::Appearance;
use super::palette::paint;
use crate::model::{NotModelled, RuleChange};
use crate::release::Release;
use crate::report::text::wrap;

/// The maximum width of prose, because longer lines are hard to read.
const WIDEST: usize = 110;

/// The changes by release, and what the model leaves out.
pub fn rules(changes: &[&RuleChange], missing: &[NotModelled], appearance: &Appearance) -> String {
    let width = appearance.width.min(WIDEST);
    let mut text = String::new();
    let mut last: Option<Release> = None;
    for one in changes {
        if last != Some(one.since) {
            let gap = if last.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", paint(appearance.palette.strong(), &one.since.to_string()));
            last = Some(one.since);
        }
        for line in wrap(one.about, width.saturating_sub(2)) {
            let _ = writeln!(text, "  {line}");
        }
        for line in wrap(one.evidence, width.saturating_sub(6)) {
            let _ = writeln!(text, "      {}", paint(appearance.palette.quiet(), &line));
        }
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "\n{}", paint(appearance.palette.strong(), "not modelled"));
    }
    for one in missing {
        for (at, line) in
            wrap(&format!("{}: {}", one.what, one.why), width.saturating_sub(4)).iter().enumerate()
        {
            let indent = if at == 0 { "  " } else { "    " };
            let _ = writeln!(text, "{indent}{line}");
        }
    }
    text
}
