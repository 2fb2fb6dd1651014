//! What changed in new releases: a behavioural changelog for people with paired devices.

use std::fmt::Write as _;

use serde::Serialize;

use super::change::{BehaviourChange, ChangeDirection, changes};
use super::standing::Standing;
use super::text::count;
use crate::run::{Known, RunRecord};
use crate::verdict::Verdict;

/// The news of a run on releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct News {
    /// What was compared, in chronological order; the first is the one before the news.
    pub targets: Vec<String>,
    /// What changed, release by release, what broke first.
    pub entries: Vec<NewsEntry>,
    /// Targets and cells that broke, so that nothing is known about them.
    pub broken: Vec<String>,
}

/// A scenario that a release changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewsEntry {
    /// The release, or between which two the change happened.
    pub place: String,
    /// The scenario.
    pub scenario: String,
    /// What should happen.
    pub title: String,
    /// Its outcome before: `ok` if it was right.
    pub before: String,
    /// Its outcome since.
    pub after: String,
    /// `broke`, `changed` or `mended`.
    pub direction: &'static str,
    /// The class of the new behaviour: `right`, `unlisted`, or that of the listed deviation.
    pub class: String,
    /// Whether something that a paired device relies on, or that keeps others out, is wrong now and was right before.
    pub alarming: bool,
}

impl News {
    /// The news of a run.
    pub fn of(record: &RunRecord) -> Self {
        let entries = changes(record).iter().map(|change| entry(record, change)).collect();
        let cells = record.cells.iter().filter(|cell| cell.verdict == Verdict::Error);
        let broken_cells = cells.map(|cell| format!("{} on {}", cell.scenario, cell.target));
        let broken = record.run.unusable.iter().cloned().chain(broken_cells).collect();
        Self { targets: record.targets.iter().map(|one| one.target.clone()).collect(), entries, broken }
    }

    /// Whether something broke that people rely on.
    pub fn is_alarming(&self) -> bool {
        self.entries.iter().any(|one| one.alarming)
    }

    /// The news as Markdown, for an issue or a changelog.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", self.headline());
        // Writing to a string cannot fail.
        for direction in [ChangeDirection::Broke, ChangeDirection::Changed, ChangeDirection::Mended] {
            let these: Vec<&NewsEntry> = self.of_direction(direction).collect();
            if these.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n## {} ({})\n", title(direction), these.len());
            for one in these {
                let _ = writeln!(
                    text,
                    "- **{}** `{}`: {} → {} ({})  \n  {}",
                    one.place, one.scenario, one.before, one.after, one.class, one.title
                );
            }
        }
        if !self.broken.is_empty() {
            let _ = writeln!(text, "\n## Not known ({})\n", self.broken.len());
            for line in &self.broken {
                let _ = writeln!(text, "- {line}");
            }
        }
        text
    }

    /// The news as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for direction in [ChangeDirection::Broke, ChangeDirection::Changed, ChangeDirection::Mended] {
            for one in self.of_direction(direction) {
                let _ = writeln!(
                    text,
                    "{:<7} {}  {}: {} → {} ({})",
                    one.direction, one.place, one.scenario, one.before, one.after, one.class
                );
            }
        }
        for line in &self.broken {
            let _ = writeln!(text, "unknown {line}");
        }
        let _ = writeln!(text, "{}", self.headline());
        text
    }

    fn headline(&self) -> String {
        let (first, rest) = match self.targets.split_first() {
            None => return "No release was run".to_owned(),
            Some((first, [])) => return format!("Only {first} was run, so nothing can have changed"),
            Some((first, rest)) => (first, rest.join(", ")),
        };
        if self.entries.is_empty() {
            return format!("{rest} behaves as {first} did");
        }
        let number = |direction| self.of_direction(direction).count();
        format!(
            "{rest} after {first}: {} ({} broke, {} changed, {} mended)",
            count(self.entries.len(), "difference"),
            number(ChangeDirection::Broke),
            number(ChangeDirection::Changed),
            number(ChangeDirection::Mended)
        )
    }

    fn of_direction(&self, direction: ChangeDirection) -> impl Iterator<Item = &NewsEntry> {
        self.entries.iter().filter(move |one| one.direction == direction.word())
    }
}

const fn title(direction: ChangeDirection) -> &'static str {
    match direction {
        ChangeDirection::Broke => "Broke",
        ChangeDirection::Changed => "Wrong in another way",
        ChangeDirection::Mended => "Mended",
    }
}

fn entry(record: &RunRecord, change: &BehaviourChange<'_>) -> NewsEntry {
    let cell = record
        .cells
        .iter()
        .find(|cell| cell.scenario == change.scenario && cell.release == Some(change.release));
    let standing = cell.map(|cell| Standing::of(&[], cell));
    let class = match standing {
        None | Some(Standing::Verdict(Verdict::Pass)) => "right".to_owned(),
        Some(Standing::Verdict(Verdict::Fixed)) => "right, and still listed as wrong".to_owned(),
        Some(Standing::Verdict(Verdict::Fail)) => "unlisted".to_owned(),
        Some(standing) => standing.word().to_owned(),
    };
    // A contract that changed on purpose, or a feature that a release lacks, is not alarming.
    let accepted = matches!(standing, Some(Standing::Known(Known::Superseded | Known::Unsupported)));
    let title = record.scenarios.iter().find(|one| one.id == change.scenario);
    NewsEntry {
        place: change.place(),
        scenario: change.scenario.to_owned(),
        title: title.map(|one| one.title.clone()).unwrap_or_default(),
        before: change.before.to_owned(),
        after: change.after.to_owned(),
        direction: change.direction().word(),
        class,
        alarming: change.direction() == ChangeDirection::Broke && !accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_news_of_a_run_as_markdown() {
        insta::assert_snapshot!(News::of(&RunRecord::of(&sample::events())).markdown());
    }

    #[test]
    fn what_broke_and_is_not_accepted_is_alarming() {
        let news = News::of(&RunRecord::of(&sample::events()));
        assert!(news.is_alarming());
        for one in &news.entries {
            let accepted = ["superseded", "unsupported"].contains(&one.class.as_str());
            assert_eq!(one.alarming, one.direction == "broke" && !accepted, "{one:?}");
        }
    }

    #[test]
    fn without_changes_there_is_no_alarm() {
        let mut record = RunRecord::of(&sample::events());
        record.timelines.clear();
        record.cells.clear();
        record.run.unusable.clear();
        let news = News::of(&record);
        assert!(!news.is_alarming());
        assert!(news.text().ends_with("behaves as 2026.3.24 did\n"), "{}", news.text());
    }
}
