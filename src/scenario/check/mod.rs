//! Static checks: mistakes in a scenario that can be found without running it.

mod behind;
mod deviation;
mod file;
mod outcome;
mod outside;
mod step;
mod story;
mod vague;
mod words;

pub(super) use file::check_file;
pub use outside::OUTSIDE;

use crate::scenario::diagnostic::{Diagnostic, Severity, tidy};
use crate::scenario::load::Suite;

/// Everything that is wrong with a suite, sorted by file and position: what loading found, and mistakes in
/// the scenarios themselves. With `strict`, warnings become errors.
pub fn check(suite: &Suite, strict: bool) -> Vec<Diagnostic> {
    let mut found = suite.diagnostics.clone();
    let mut captures = story::CaptureUse::default();
    let mut reasons = vague::VagueReasons::default();
    for scenario in &suite.scenarios {
        story::check_story(scenario, &mut captures, &mut found);
        found.extend(behind::check_behind(scenario));
        deviation::check_deviations(scenario, &mut found);
        vague::check_vague(scenario, &mut reasons, &mut found);
        words::check_words(scenario, &mut found);
    }
    found.extend(captures.unused());
    found.extend(reasons.needless());
    if strict {
        for one in &mut found {
            one.severity = Severity::Error;
        }
    }
    tidy(&mut found);
    found
}
