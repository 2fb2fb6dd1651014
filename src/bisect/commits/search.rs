//! The search over commits.

use std::path::Path;

use super::checks::Checks;
use super::git::{GitError, Repository};
use super::oracle::CommitOracle;
use super::recipe::BuildRecipe;
use super::trees::WorkTrees;
use crate::bisect::entry::{CandidateKind, LogEntry};
use crate::bisect::error::BisectError;
use crate::bisect::log::Log;
use crate::bisect::log_writer::{LogWriter, OnProgress};
use crate::bisect::request::{BuildMethod, CommitRequest, RangeEnds};
use crate::bisect::search_context::{Guesses, SearchContext, Searched};
use crate::bisect::search_record::SearchRecord;
use crate::gateway::TargetProvider;
use crate::release::Release;

/// The commits that releases were built from: by their tags, else as their packages say.
pub(in crate::bisect) async fn commits_of_releases(
    context: &SearchContext<'_>,
    commits: &CommitRequest,
    [one, other]: [Release; 2],
) -> Result<[String; 2], BisectError> {
    let repository = open(commits).await?;
    let provider = context.request.provider;
    Ok([commit_of(provider, &repository, one).await?, commit_of(provider, &repository, other).await?])
}

async fn commit_of(
    provider: &TargetProvider,
    repository: &Repository,
    release: Release,
) -> Result<String, BisectError> {
    let stamped = provider.cache().build(release).ok().flatten().and_then(|build| {
        let text = std::fs::read_to_string(build.entry.parent()?.join("dist/build-info.json")).ok()?;
        let info: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(info["commit"].as_str()?.to_owned())
    });
    let tags = [format!("refs/tags/v{release}"), format!("refs/tags/{release}")];
    for name in tags.into_iter().chain(stamped) {
        if let Ok(commit) = repository.resolve(&name).await {
            return Ok(commit);
        }
    }
    Err(BisectError::NoCommitOfRelease(release))
}

async fn open(commits: &CommitRequest) -> Result<Repository, BisectError> {
    Repository::open(&commits.repository, &commits.env).await.map_err(BisectError::Repository)
}

fn recipe(context: &SearchContext<'_>, commits: &CommitRequest) -> Result<BuildRecipe, BisectError> {
    let (within, env) = (commits.build_timeout, commits.env.clone());
    match &commits.build {
        BuildMethod::Openclaw => {
            // Any installed release has a Node that is new enough to build with.
            let provider = context.request.provider;
            let node = provider
                .installed()?
                .into_iter()
                .rev()
                .find_map(|release| Some(provider.cache().build(release).ok()??.node));
            let node = node.ok_or(BisectError::NoNode)?;
            Ok(BuildRecipe::openclaw(Path::new(&node), &commits.path, within, env))
        }
        BuildMethod::Commands { build, gateway } => {
            Ok(BuildRecipe::plain(build.clone(), gateway.clone(), within, env))
        }
    }
}

/// The commits that the answer of the last search brought in: where their branch began, and its last commit. None if the
/// answer is not a merge.
pub(in crate::bisect) async fn brought_in_by_answer(
    commits: &CommitRequest,
    entries: &[LogEntry],
) -> Result<Option<(String, String)>, BisectError> {
    let searches = SearchRecord::all(entries);
    let Some(search) = searches.last().filter(|search| search.start.kind == CandidateKind::Commit) else {
        return Ok(None);
    };
    let found = search.change().filter(|(before, at)| before + 1 == *at);
    let Some(commit) = found.and_then(|(_, at)| search.start.candidates.get(at)) else { return Ok(None) };
    Ok(open(commits).await?.brought_in(&commit.name).await?)
}

/// Searches commits and checks the answer. `round` counts the searches over commits from 0.
pub(in crate::bisect) async fn search_commits(
    context: &SearchContext<'_>,
    commits: &CommitRequest,
    ends: &RangeEnds,
    round: usize,
    log: &mut Log,
    on_progress: OnProgress<'_>,
) -> Result<Searched, BisectError> {
    let request = context.request;
    let repository = open(commits).await?;
    let recipe = recipe(context, commits)?;
    let (earlier, later) = request.question.find.ordered(&ends.good, &ends.bad);
    let past = context.past_search(CandidateKind::Commit, round);
    let (candidates, notes) = match past {
        Some(search) => (search.start.candidates.clone(), search.start.notes.clone()),
        None => range(&repository, earlier, later).await.map_err(BisectError::CommitRange)?,
    };
    let fresh = !request.use_known;
    let trees = WorkTrees::open(repository.clone(), recipe, &request.cache_dir, &commits.env, fresh).await?;
    let ids: Vec<String> = candidates.iter().map(|one| one.name.clone()).collect();
    let evidence = context.evidence.clone();
    let oracle = CommitOracle::new(context.runner(), ids, &trees, evidence, request.use_known).await?;
    let start = context.start(CandidateKind::Commit, candidates, notes);
    let mut log = LogWriter::new(log, &start, on_progress);
    let interrupted = context.search(&oracle, &mut log, past, Guesses::default()).await;
    let mut search = past.cloned().unwrap_or_else(|| SearchRecord::new(start.clone()));
    log.entries().iter().for_each(|entry| search.take(entry));
    let Some((before, at)) = search.change().filter(|_| !interrupted) else {
        return Ok((log.finish()?, interrupted));
    };
    if search.commit.is_none() {
        log.add(LogEntry::CommitFound(repository.commit(&start.candidates[at].name).await?));
    }
    if search.checks.is_empty() && before + 1 == at {
        let checks = Checks::new(&request.question, &oracle, &search, at, commits.ablate);
        let interrupted = checks.run(&mut log, context.cancel).await;
        return Ok((log.finish()?, interrupted));
    }
    Ok((log.finish()?, false))
}

/// The commits of a range, and remarks on it.
async fn range(
    repository: &Repository,
    earlier: &str,
    later: &str,
) -> Result<(Vec<crate::bisect::entry::Candidate>, Vec<String>), GitError> {
    let (earlier, later) = (repository.resolve(earlier).await?, repository.resolve(later).await?);
    repository.range(&earlier, &later).await
}
