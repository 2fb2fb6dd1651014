//! The recorded history as one HTML page without dependencies: releases across, cases down.

use std::collections::BTreeMap;

use askama::Template;

use super::difference::section;
use crate::curate::timeline::History;
use crate::release::Release;
use crate::run::Timeline;

const STYLE: &str = concat!(include_str!("html/page.css"), include_str!("html/timeline.css"));

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage<'a> {
    style: &'static str,
    cases: usize,
    releases: Vec<String>,
    sections: Vec<Section<'a>>,
}

struct Section<'a> {
    name: &'a str,
    changing: usize,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// The class of a row that is right on every release that can show it.
    class: &'static str,
    bars: Vec<Bar>,
    command: String,
}

/// Consecutive releases with equal behaviour.
struct Bar {
    /// The columns from the first to behind the last one, from 1.
    from: usize,
    until: usize,
    class: &'static str,
    word: String,
    releases: String,
}

/// The page of a history. Each case opens to its stretches and the command that shows the frames.
pub fn html(history: &History) -> String {
    let mut columns: Vec<Release> = history.releases.iter().chain(&history.between).copied().collect();
    let stretches = history.timelines.iter().flat_map(|one| &one.stretches);
    columns.extend(stretches.flat_map(|one| [one.first, one.last]));
    columns.sort_unstable();
    columns.dedup();
    let mut sections: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for one in &history.timelines {
        let name = match section(&one.scenario) {
            "" => one.scenario.as_str(),
            name => name,
        };
        sections.entry(name).or_default().push(row(one, &columns));
    }
    let sections = sections.into_iter().map(|(name, mut rows)| {
        rows.sort_by_key(|row| row.class);
        Section { name, changing: rows.iter().filter(|row| row.class == "differs").count(), rows }
    });
    let page = TimelinePage {
        style: STYLE,
        cases: history.timelines.len(),
        releases: columns.iter().map(Release::short).collect(),
        sections: sections.collect(),
    };
    // Writing to memory cannot fail.
    page.render().unwrap_or_default()
}

fn row(timeline: &Timeline, columns: &[Release]) -> Row {
    let column = |release: &Release| columns.binary_search(release).unwrap_or_else(|at| at);
    let bars = timeline.stretches.iter().map(|one| Bar {
        from: column(&one.first) + 1,
        until: column(&one.last) + 2,
        class: match one.behaviour.as_str() {
            "ok" => "right",
            "?" => "unknown",
            _ => "other",
        },
        word: one.behaviour.clone(),
        releases: if one.first == one.last {
            one.first.to_string()
        } else {
            format!("{} to {}", one.first, one.last)
        },
    });
    let bars: Vec<Bar> = bars.collect();
    let is_steady = bars.iter().all(|bar| bar.class != "other");
    let ends: Vec<String> = timeline.stretches.iter().map(|one| one.first.to_string()).collect();
    Row {
        name: timeline.name(),
        class: if is_steady { "steady" } else { "differs" },
        bars,
        command: format!(
            "gatecrash matrix {} --gateways {} --report html=run.html",
            timeline.scenario,
            ends.join(",")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curate::timeline::{BUILT_IN, read};

    #[test]
    fn every_case_and_release_is_on_the_page() {
        let history = read(BUILT_IN).unwrap();
        let page = html(&history);
        for one in &history.timelines {
            assert!(page.contains(&one.name()), "{}", one.name());
        }
        for release in history.releases.iter().chain(&history.between) {
            assert!(page.contains(&format!(">{}<", release.short())), "{release}");
        }
        assert!(!page.contains("src=") && !page.contains("://"), "nothing is loaded");
    }

    #[test]
    fn bars_do_not_overlap_and_keep_the_order_of_releases() {
        let history = read(BUILT_IN).unwrap();
        let mut columns: Vec<Release> = history.releases.clone();
        columns.extend(
            history.timelines.iter().flat_map(|one| &one.stretches).flat_map(|one| [one.first, one.last]),
        );
        columns.sort_unstable();
        columns.dedup();
        for one in &history.timelines {
            let row = row(one, &columns);
            let mut at = 1;
            for bar in &row.bars {
                assert!(bar.from >= at && bar.until > bar.from, "{}", row.name);
                at = bar.until;
            }
            assert!(at <= columns.len() + 1);
        }
    }
}
