//! The HTML page that contains the data.

use std::fmt::Write as _;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::data::{Index, cells, stories};
use crate::report::change::{BehaviourChange, changes};
use crate::report::difference::{Difference, differences};
use crate::report::known::{KnownWrong, known_deviations};
use crate::report::standing::Standing;
use crate::report::text::{count, duration};
use crate::report::undone;
use crate::run::{KnownCounts, RunInfo, RunRecord, Series, behaviour};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(
    include_str!("base.js"),
    include_str!("matrix.js"),
    include_str!("cell.js"),
    include_str!("main.js")
);

#[derive(Template)]
#[template(path = "page.html")]
struct HtmlPage<'a> {
    script_hash: String,
    style: &'static str,
    script: &'static str,
    run: &'a RunInfo,
    headline: String,
    started: String,
    duration: String,
    boots: String,
    scenarios: String,
    targets: String,
    counts: Vec<Count>,
    differences: Vec<DifferenceCard>,
    wrongs: Vec<DifferenceCard>,
    releases: Vec<ReleaseChanges<'a>>,
    not_run: Vec<String>,
    troubles: Vec<String>,
    tags: Vec<&'a str>,
    target_names: Vec<&'a str>,
    data: String,
    stories: Vec<String>,
}

struct Count {
    word: &'static str,
    number: usize,
    meaning: &'static str,
}

/// A difference, as a card of the page.
struct DifferenceCard {
    link: String,
    verdict: &'static str,
    scenario: String,
    on: String,
    said: String,
}

struct ReleaseChanges<'a> {
    name: String,
    changes: Vec<Turned<'a>>,
}

struct Turned<'a> {
    link: String,
    turn: &'static str,
    scenario: &'a str,
    before: &'a str,
    after: &'a str,
}

/// The whole page as HTML.
pub fn render(record: &RunRecord) -> String {
    let known = cells(record);
    let index = Index::of(record, &known);
    let mut tags: Vec<&str> = record.scenarios.iter().flat_map(|one| &one.tags).map(String::as_str).collect();
    tags.sort_unstable();
    tags.dedup();
    let page = HtmlPage {
        script_hash: format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT))),
        style: STYLE,
        script: SCRIPT,
        run: &record.run,
        headline: headline(record),
        started: jiff::Timestamp::from_millisecond(record.run.started_ms)
            .map(|started| started.strftime("%Y-%m-%d %H:%M UTC").to_string())
            .unwrap_or_default(),
        duration: duration(record.run.duration_ms),
        boots: count(record.run.boots, "boot"),
        scenarios: count(record.scenarios.len(), "scenario"),
        targets: count(record.targets.len(), "target"),
        counts: counts(record),
        differences: differences(record).iter().map(|one| look(record, one)).collect(),
        wrongs: known_deviations(record).iter().filter(|one| one.known.is_wrong()).map(wrong).collect(),
        releases: by_release(record),
        not_run: undone::lines(record),
        troubles: record.run.unusable.iter().chain(&record.run.leaks).cloned().collect(),
        tags,
        target_names: record.targets.iter().map(|one| one.target.as_str()).collect(),
        data: for_script(&serde_json::to_string(&index).unwrap_or_default()),
        stories: record.scenarios.iter().map(|one| stories(record, &known, &one.id)).collect(),
    };
    // The template writes plain values to memory, which cannot fail.
    page.render().unwrap_or_default()
}

/// JSON, escaped so that it cannot end the element that contains it.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn headline(record: &RunRecord) -> String {
    let sums = &record.summary;
    let unlisted = sums.fail + sums.fixed + sums.flaky + sums.error;
    let bad = match (unlisted, sums.listed.denied) {
        (0, 0) => None,
        (0, denied) => Some(format!("{} denied", count(denied, "cell"))),
        (unlisted, 0) => Some(format!("{} not as listed", count(unlisted, "cell"))),
        (unlisted, denied) => Some(format!("{} not as listed, {denied} denied", count(unlisted, "cell"))),
    };
    let wrongs = KnownCounts { superseded: 0, unsupported: 0, ..sums.listed }.told().join(", ");
    let listed = if wrongs.is_empty() { String::new() } else { format!(" · {wrongs}") };
    let ending = undone::ending(record).map(|ending| {
        let mut letters = ending.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    match (ending, bad, sums.pass + sums.known) {
        (Some(ending), None, _) => format!("{ending}{listed}"),
        (Some(ending), Some(bad), _) => format!("{ending}; {bad}{listed}"),
        (None, Some(bad), _) => format!("{bad}{listed}"),
        (None, None, 0) => "Nothing could be tested".to_owned(),
        (None, None, _) if wrongs.is_empty() => "As expected".to_owned(),
        (None, None, _) => format!("As listed: {wrongs}"),
    }
}

/// The number of cells by standing, the worst first.
fn counts(record: &RunRecord) -> Vec<Count> {
    let mut found: Vec<(Standing, Count)> = Vec::new();
    for cell in &record.cells {
        let standing = Standing::of(&record.run.deny, cell);
        if let Some((_, open)) = found.iter_mut().find(|(_, one)| one.word == standing.word()) {
            open.number += 1;
        } else {
            let count = Count { word: standing.word(), number: 1, meaning: standing.meaning() };
            found.push((standing, count));
        }
    }
    found.sort_by_key(|(standing, _)| standing.place());
    found.into_iter().map(|(_, count)| count).collect()
}

/// A known regression, as a card of the page.
fn wrong(one: &KnownWrong<'_>) -> DifferenceCard {
    DifferenceCard {
        link: link(&one.cell.scenario, one.on.first().copied().unwrap_or(&one.cell.target)),
        verdict: one.known.word(),
        scenario: one.cell.scenario.clone(),
        on: one.on.join(", "),
        said: format!("{}. {}", one.told(), one.why()).trim().to_owned(),
    }
}

fn look(record: &RunRecord, one: &Difference<'_>) -> DifferenceCard {
    let also = if one.also.is_empty() { String::new() } else { format!(", {}", one.also.join(", ")) };
    let word = behaviour(one.cell);
    let said = if word == "ok" || word == "?" { one.cell.reason.clone() } else { Some(word) };
    DifferenceCard {
        link: link(&one.cell.scenario, &one.cell.target),
        verdict: Standing::of(&record.run.deny, one.cell).word(),
        scenario: one.heading(),
        on: format!("{}{also}", one.cell.target),
        said: said.unwrap_or_default(),
    }
}

fn by_release(record: &RunRecord) -> Vec<ReleaseChanges<'_>> {
    let mut releases: Vec<ReleaseChanges<'_>> = Vec::new();
    let series = Series::of(&record.cells);
    for change in changes(record) {
        let name = change.place();
        let target = record
            .targets
            .iter()
            .find(|one| one.release == Some(change.release) && series.label(&one.target) == Some(change.of));
        let turned = turned(&change, target.map_or(name.as_str(), |one| one.target.as_str()));
        match releases.last_mut() {
            Some(open) if open.name == name => open.changes.push(turned),
            _ => releases.push(ReleaseChanges { name, changes: vec![turned] }),
        }
    }
    releases
}

fn turned<'a>(change: &BehaviourChange<'a>, target: &str) -> Turned<'a> {
    Turned {
        link: link(change.scenario, target),
        turn: change.direction().word(),
        scenario: change.scenario,
        before: change.before,
        after: change.after,
    }
}

/// The link to a cell within the page.
fn link(scenario: &str, target: &str) -> String {
    format!("#cell={}@{}", encoded(scenario), encoded(target))
}

/// A text, escaped for a URL; the page decodes it.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// The scripts share one scope, in which a second function of the same name would silently replace the first.
    #[test]
    fn no_name_is_declared_twice_in_the_scripts() {
        let mut names = std::collections::BTreeSet::new();
        for line in SCRIPT.lines() {
            for keyword in ["function ", "async function ", "const ", "let "] {
                let Some(rest) = line.strip_prefix(keyword) else { continue };
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                assert!(names.insert(name), "{name} is declared twice");
            }
        }
        assert!(names.len() > 20, "{names:?}");
    }

    #[test]
    fn the_page_refers_to_nothing_outside() {
        let page = render(&RunRecord::of(&sample::events()));
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("3 cells not as listed") || page.contains("5 cells not as listed"));
    }

    #[test]
    fn a_card_names_two_releases_if_those_in_between_were_not_run() {
        let page = render(&RunRecord::of(&sample::events()));
        assert!(page.contains("<h3>2026.3.31</h3>"), "{page}");
        assert!(page.contains("<h3>between 2026.4.2 and 2026.9.6</h3>"), "{page}");
        assert!(!page.contains("<h3>2026.9.6</h3>"), "{page}");
    }

    #[test]
    fn a_run_that_was_cut_off_is_reported_as_such() {
        let mut events = sample::events();
        events.truncate(events.len() - 6);
        let page = render(&RunRecord::of(&events));
        assert!(page.contains("<title>Cut off, "), "{page}");
        assert!(page.contains("<h2 id=\"undone-title\">Not run"), "{page}");
    }

    #[test]
    fn texts_of_a_run_are_escaped() {
        let mut record = RunRecord::of(&sample::events());
        for one in &mut record.scenarios {
            one.title = "</script><script>alert(1)</script>".into();
            one.tags = vec!["<b>".into()];
        }
        for cell in &mut record.cells {
            cell.reason = Some("</script><img>".into());
        }
        let page = render(&record);
        assert!(!page.contains("<script>alert") && !page.contains("<img>") && !page.contains("<b>\""));
    }

    #[test]
    fn a_large_run_stays_small() {
        let record = RunRecord::of(&sample::large(60, 30));
        let page = render(&record);
        let plain = serde_json::to_string(&record).unwrap();
        assert!(page.len() * 4 < plain.len(), "{} against {}", page.len(), plain.len());
    }

    #[test]
    fn links_escape_names() {
        assert_eq!(link("a/b", "cmd:x y"), "#cell=a/b@cmd%3Ax%20y");
    }
}
