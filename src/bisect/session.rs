//! A whole bisect: over releases, over commits, or over releases first and then over the commits between two of them.

use tokio_util::sync::CancellationToken;

use super::commits::{brought_in_by_answer, commits_of_releases, search_commits};
use super::entry::{CandidateKind, LogEntry, SoughtChange};
use super::error::BisectError;
use super::log::Log;
use super::log_writer::OnProgress;
use super::release_search::search_releases;
use super::request::{BisectRequest, RangeEnds};
use super::search_context::SearchContext;
use super::search_record::SearchRecord;
use crate::release::Release;

/// What a bisect produced.
#[derive(Clone, Debug, PartialEq)]
pub struct Bisected {
    /// All entries, including those of the log that was resumed.
    pub entries: Vec<LogEntry>,
    /// Whether it was interrupted before its end.
    pub interrupted: bool,
}

/// Runs a bisect, or the rest of one whose log holds the entries `past`. New entries are appended to `log` as they are
/// made. Cancelling stops all gateways and returns what was found so far.
///
/// # Errors
///
/// When the range or the repository cannot be used, or the log cannot be written. A build that cannot be tested is not an
/// error: it is skipped.
pub async fn bisect(
    request: &BisectRequest<'_>,
    past: Vec<LogEntry>,
    log: &mut Log,
    on_progress: OnProgress<'_>,
    cancel: &CancellationToken,
) -> Result<Bisected, BisectError> {
    let searches = SearchRecord::all(&past);
    let digest = &request.question.digest;
    if searches.iter().any(|search| search.start.question.digest != *digest) {
        return Err(BisectError::ScenarioChanged { path: request.question.path.clone() });
    }
    let context = SearchContext::new(request, searches, cancel);
    let mut entries = past;
    let (Some(commits), Some(ends)) = (&request.commits, &request.ends) else {
        let (new, interrupted) = search_releases(&context, log, on_progress).await?;
        entries.extend(new);
        return Ok(Bisected { entries, interrupted });
    };
    let find = request.question.find;
    let mut ends = ends.clone();
    if ends.good.parse::<Release>().is_ok() && ends.bad.parse::<Release>().is_ok() {
        let (new, interrupted) = search_releases(&context, log, &mut *on_progress).await?;
        entries.extend(new);
        let Some(releases) = changed_releases(&entries) else { return Ok(Bisected { entries, interrupted }) };
        let [before, at] = commits_of_releases(&context, commits, releases).await?;
        ends = named(find, before, at);
        if interrupted {
            return Ok(Bisected { entries, interrupted });
        }
    }
    for round in 0.. {
        let (new, interrupted) =
            search_commits(&context, commits, &ends, round, log, &mut *on_progress).await?;
        entries.extend(new);
        if interrupted || commits.first_parent {
            return Ok(Bisected { entries, interrupted });
        }
        let Some((before, at)) = brought_in_by_answer(commits, &entries).await? else { break };
        ends = named(find, before, at);
    }
    Ok(Bisected { entries, interrupted: false })
}

/// The last release without the change and the first one with it.
fn changed_releases(entries: &[LogEntry]) -> Option<[Release; 2]> {
    let searches = SearchRecord::all(entries);
    let search = searches.iter().find(|search| search.start.kind == CandidateKind::Release)?;
    let (before, at) = search.change()?;
    let release = |at: usize| search.start.candidates.get(at)?.release;
    Some([release(before)?, release(at)?])
}

/// An earlier and a later end as the good and the bad one.
fn named(find: SoughtChange, earlier: String, later: String) -> RangeEnds {
    let (good, bad) = find.ordered(earlier, later);
    RangeEnds { good, bad }
}
