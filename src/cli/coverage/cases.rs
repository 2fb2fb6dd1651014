//! Which known cases the suite covers.

use super::format::Format;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::suite::{self, Selection};
use crate::curate::sources::{BUILT_IN, SourceCoverage, SourceKind, coverage, markdown, read};
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn run(format: Format, folder: Option<&Path>, context: &Context) -> Result<Exit, Failure> {
    let every = ["**".to_owned()];
    let scenarios = suite::scenarios(context, &Selection { folder, names: &every, tags: &[], exclude: &[] })?;
    let place = context.working_dir.join("coverage/sources.yaml");
    let text = if place.is_file() {
        std::fs::read_to_string(&place)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", place.display())))?
    } else {
        BUILT_IN.to_owned()
    };
    let found = coverage(&read(&text).map_err(Failure::usage)?, &scenarios);
    if found.sources.is_empty() {
        return Err(Failure::nothing("no case is known that the suite could cover")
            .hint("`coverage/sources.yaml` lists them"));
    }
    let text = match format {
        Format::Text | Format::Html | Format::Lcov => shares(&found),
        Format::Markdown => markdown(&found),
        Format::Json => {
            let mut text = serde_json::to_string_pretty(&found).map_err(Failure::broke)?;
            text.push('\n');
            text
        }
    };
    context.print(&text)?;
    let open = found.sources.iter().any(|one| one.covered_by.is_empty() && one.reason.is_none());
    Ok(if open || !found.unknown.is_empty() { Exit::Bad } else { Exit::Fine })
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
