//! The known cases that the suite covers.

use super::format::CoverageFormat;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::suite::{self, Selection};
use crate::curate::sources::{BUILT_IN, SourceCoverage, SourceKind, coverage, markdown, read};
use crate::report::text::count;
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn run(format: CoverageFormat, folder: Option<&Path>, context: &Context) -> Result<Exit, Failure> {
    let every = ["**".to_owned()];
    let scenarios =
        suite::scenarios(context, &Selection { folder, names: &every, tags: &[], exclude: &[], vars: None })?;
    let place = context.working_dir.join("suite-data/sources.yaml");
    let text = if place.is_file() {
        std::fs::read_to_string(&place)
            .map_err(|error| Failure::usage(error).context(format!("cannot read {}", place.display())))?
    } else if folder.is_some() || suite::is_of_ones_own(&context.working_dir) {
        return own_cases(format, &scenarios, context);
    } else {
        BUILT_IN.to_owned()
    };
    let found = coverage(&read(&text).map_err(Failure::usage)?, &scenarios);
    if found.sources.is_empty() {
        return Err(Failure::nothing("there are no known cases that the suite could cover")
            .hint("`suite-data/sources.yaml` lists them"));
    }
    let text = match format {
        CoverageFormat::Text | CoverageFormat::Html | CoverageFormat::Lcov => shares(&found),
        CoverageFormat::Markdown => markdown(&found),
        CoverageFormat::Json => {
            let mut text = serde_json::to_string_pretty(&found).map_err(Failure::broke)?;
            text.push('\n');
            text
        }
    };
    context.print(&text)?;
    let open = found.sources.iter().any(|one| one.covered_by.is_empty() && one.reason.is_none());
    Ok(if open || !found.unknown.is_empty() { Exit::Bad } else { Exit::Fine })
}

/// What a suite of one's own is about: without a list of known cases, the sources that its scenarios name.
fn own_cases(format: CoverageFormat, scenarios: &[Scenario], context: &Context) -> Result<Exit, Failure> {
    let mut sources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in scenarios {
        for origin in &one.origins {
            sources.entry(origin).or_default().push(&one.id);
        }
    }
    let text = if format == CoverageFormat::Json {
        format!("{:#}\n", serde_json::json!({"scenarios": scenarios.len(), "sources": sources}))
    } else {
        let mut text = format!("{} in this suite\n", count(scenarios.len(), "scenario"));
        for (source, ids) in &sources {
            let _ = writeln!(text, "{source}: {}", ids.join(", "));
        }
        let without = scenarios.iter().filter(|one| one.origins.is_empty()).count();
        if without > 0 {
            let _ = writeln!(text, "{} without `source:`", count(without, "scenario"));
        }
        text + "list the cases that the suite should cover in suite-data/sources.yaml, and this says which are missing\n"
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

fn shares(found: &SourceCoverage) -> String {
    let mut text = String::new();
    for kind in [SourceKind::Upstream, SourceKind::UpstreamPart, SourceKind::Report] {
        let (covered, argued, all) = found.share(kind);
        let _ = writeln!(text, "{}: {covered} of {all} covered, {argued} argued", kind.describe());
    }
    for one in found.sources.iter().filter(|one| one.covered_by.is_empty() && one.reason.is_none()) {
        let _ = writeln!(text, "neither covered nor argued: {} ({})", one.id, one.about);
    }
    for id in &found.unknown {
        let _ = writeln!(text, "unknown source: {id}");
    }
    text
}
