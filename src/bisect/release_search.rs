//! The search over releases.

use super::candidates::{between, known_changes, stable_releases};
use super::entry::{Candidate, CandidateKind, SoughtChange};
use super::error::BisectError;
use super::evidence::KnownCells;
use super::log::Log;
use super::log_writer::{LogWriter, OnProgress};
use super::release_oracle::ReleaseOracle;
use super::search_context::{Guesses, SearchContext, Searched};
use crate::release::Release;

/// Searches releases.
pub(super) async fn search_releases(
    context: &SearchContext<'_>,
    log: &mut Log,
    on_progress: OnProgress<'_>,
) -> Result<Searched, BisectError> {
    let request = context.request;
    let past = context.past_search(CandidateKind::Release, 0);
    let candidates = match past {
        Some(search) => search.start.candidates.clone(),
        None => range(context)?,
    };
    let guesses = guesses(context, &candidates)?;
    let free = request.ends.is_none();
    if free && guesses.is_empty() && !request.question.all_transitions {
        return Err(BisectError::NoKnownChange { scenario: request.question.scenario.clone() });
    }
    let releases: Vec<Release> = candidates.iter().filter_map(|one| one.release).collect();
    let oracle = ReleaseOracle::new(context.runner(), releases, context.evidence.clone(), request.use_known)
        .map_err(BisectError::Evidence)?;
    let start = context.start(CandidateKind::Release, candidates, Vec::new());
    let mut log = LogWriter::new(log, &start, on_progress);
    let guesses = Guesses { candidates: &guesses, free };
    let interrupted = context.search(&oracle, &mut log, past, guesses).await;
    Ok((log.finish()?, interrupted))
}

/// The releases to search: those between the ends, or all.
fn range(context: &SearchContext<'_>) -> Result<Vec<Candidate>, BisectError> {
    let all = stable_releases(context.request.provider)?;
    let Some(ends) = &context.request.ends else { return Ok(all) };
    let (good, bad): (Release, Release) = (ends.good.parse()?, ends.bad.parse()?);
    let question = &context.request.question;
    let find = match question.all_transitions {
        true if good < bad => SoughtChange::Regression,
        true => SoughtChange::Fix,
        false => question.find,
    };
    between(all, good, bad, find)
}

/// The numbers of candidates that probably start a change.
fn guesses(context: &SearchContext<'_>, candidates: &[Candidate]) -> Result<Vec<usize>, BisectError> {
    let question = &context.request.question;
    let Some(scenario) = context.request.scenarios.first() else { return Ok(Vec::new()) };
    let known = if context.request.use_known {
        context.evidence.known(scenario).map_err(BisectError::Evidence)?
    } else {
        KnownCells::default()
    };
    let find = (!question.all_transitions).then_some(question.find);
    Ok(known_changes(candidates, &known, scenario, question.step.as_deref(), find))
}
