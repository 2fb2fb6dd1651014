//! The search over commits, and the checks of its answer.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::args::Preset;
use super::log_writer::LogWriter;
use super::session::Session;
use crate::bisect::{
    BuildError, Check, Commits, Entry, Find, Judge, Kind, Log, Reading, Recipe, Repository, Story, Tally,
    Trees, Variant, Word, read,
};
use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_on_interrupt;
use crate::release::Release;

/// Checks use other keys than the search.
const FIRST_CHECK: u32 = 10_000;

/// Runs of a check of flaky behaviour.
const MOST_RUNS: i32 = 40;

impl Session<'_> {
    /// The commits that releases were made of: by their tags, else as their packages say.
    pub(super) fn commits_of(&self, repo: &Path, releases: [Release; 2]) -> Result<[String; 2], Failure> {
        let repository = self.repository(repo)?;
        let [one, other] = releases;
        Ok([self.commit_of(&repository, one)?, self.commit_of(&repository, other)?])
    }

    fn commit_of(&self, repository: &Repository, release: Release) -> Result<String, Failure> {
        let stamped = self.provider.cache().build(release).ok().flatten().and_then(|build| {
            let text = std::fs::read_to_string(build.entry.parent()?.join("dist/build-info.json")).ok()?;
            let info: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(info["commit"].as_str()?.to_owned())
        });
        let tags = [format!("refs/tags/v{release}"), format!("refs/tags/{release}")];
        let names = tags.into_iter().chain(stamped);
        for name in names {
            if let Ok(commit) = self.runtime.block_on(repository.resolve(&name)) {
                return Ok(commit);
            }
        }
        Err(Failure::usage(format!("the repository has no commit of release {release}"))
            .hint("there is no tag of that name, nor the commit that the package names: name the revisions"))
    }

    fn repository(&self, repo: &Path) -> Result<Repository, Failure> {
        let dir = self.context.working_dir.join(repo);
        self.runtime.block_on(Repository::open(&dir, &self.context.environment)).map_err(Failure::usage)
    }

    fn recipe(&self) -> Result<Recipe, Failure> {
        let (wish, env) = (self.wish, self.context.environment.clone());
        match (wish.preset, &wish.build, &wish.gateway) {
            (Some(Preset::Openclaw), _, _) => {
                // Any installed release has a Node that is new enough to build with.
                let node = self
                    .provider
                    .installed()
                    .map_err(Failure::broke)?
                    .into_iter()
                    .rev()
                    .find_map(|release| Some(self.provider.cache().build(release).ok()??.node));
                let node = node.ok_or_else(|| {
                    Failure::usage("no release is installed, and with it no Node to build with")
                        .hint("`gatecrash releases install latest` installs both")
                })?;
                Ok(Recipe::openclaw(&node, &self.context.path, wish.build_within(), env))
            }
            (None, build, Some(gateway)) => {
                let build = build.clone().unwrap_or_else(|| "true".to_owned());
                Ok(Recipe::plain(build, gateway.clone(), wish.build_within(), env))
            }
            (None, _, None) => Err(Failure::usage("how is a commit built and started?")
                .hint("say --build COMMAND and --gateway path:{dir} or cmd:COMMAND, or --preset openclaw")),
        }
    }

    /// What the merge brought in that the last search named; none where it named no merge.
    pub(super) fn brought_in(
        &self,
        repo: &Path,
        entries: &[Entry],
    ) -> Result<Option<(String, String)>, Failure> {
        let stories = Story::all(entries);
        let Some(story) = stories.last().filter(|story| story.asked.kind == Kind::Commit) else {
            return Ok(None);
        };
        let found = story.change().filter(|(before, at)| before + 1 == *at);
        let Some(commit) = found.and_then(|(_, at)| story.asked.candidates.get(at)) else { return Ok(None) };
        let repository = self.repository(repo)?;
        self.runtime.block_on(repository.brought_in(&commit.name)).map_err(Failure::broke)
    }

    /// Searches commits and checks the answer; what was told, and whether it was interrupted. `round` counts
    /// the searches over commits from 0.
    pub(super) fn commits(
        &self,
        log: &mut Log,
        repo: &Path,
        (good, bad): (&str, &str),
        round: usize,
    ) -> Result<(Vec<Entry>, bool), Failure> {
        let repository = self.repository(repo)?;
        let recipe = self.recipe()?;
        let (earlier, later) = match self.wish.find {
            Find::Regression => (good, bad),
            Find::Fix => (bad, good),
        };
        let past = self.past_of(Kind::Commit, round);
        let (candidates, notes) = match past {
            Some(story) => (story.asked.candidates.clone(), story.asked.notes.clone()),
            None => self
                .runtime
                .block_on(async {
                    let (earlier, later) =
                        (repository.resolve(earlier).await?, repository.resolve(later).await?);
                    repository.range(&earlier, &later).await
                })
                .map_err(|error| {
                    Failure::usage(error)
                        .hint("for a regression the good end is earlier, for a fix (--find fix) the bad one")
                })?,
        };
        let fresh = self.wish.no_cache;
        let (cache, env) = (&self.context.cache_dir, &self.context.environment);
        let trees = self
            .runtime
            .block_on(Trees::open(repository.clone(), recipe, cache, env, fresh))
            .map_err(|error: BuildError| Failure::broke(error))?;
        let ids: Vec<String> = candidates.iter().map(|one| one.name.clone()).collect();
        let oracle = Commits::new(self.measure(), ids, &trees, self.evidence.clone(), !fresh);
        let oracle = self.runtime.block_on(oracle).map_err(Failure::broke)?;
        let asked = self.asked(Kind::Commit, candidates, notes)?;
        let mut log = LogWriter::new(log, &asked);
        let interrupted = self.lead(&oracle, &mut log, past.cloned(), (&[], false));
        let mut story = past.cloned();
        if !log.entries.is_empty() {
            let mut whole = vec![Entry::Asked(Box::new(asked.clone()))];
            let looks = story.iter().flat_map(|story| &story.looks);
            whole.extend(looks.map(|look| Entry::Looked(Box::new(look.clone()))));
            whole.extend(log.entries.iter().filter(|one| !matches!(one, Entry::Asked(_))).cloned());
            story = Story::all(&whole).pop();
        }
        let found = story.as_ref().and_then(|story| Some((story, story.change()?)));
        if let Some((story, (before, at))) = found.filter(|_| !interrupted) {
            if story.commit.is_none() {
                let commit = self.runtime.block_on(repository.commit(&asked.candidates[at].name));
                log.take(Entry::Described(commit.map_err(Failure::broke)?));
            }
            if story.checks.is_empty() && before + 1 == at && self.checks(&oracle, &mut log, story, at) {
                return Ok((log.finish()?, true));
            }
        }
        Ok((log.finish()?, interrupted))
    }

    /// Measures the parent and the commit again, and where it is wished the ends with the commit put on and
    /// taken out; whether it was interrupted.
    fn checks(&self, oracle: &Commits<'_>, log: &mut LogWriter<'_>, story: &Story, at: usize) -> bool {
        let (old, new) = match self.question.find {
            Find::Regression => (Word::Good, Word::Bad),
            Find::Fix => (Word::Bad, Word::Good),
        };
        let id = |at: usize| story.asked.candidates.get(at).map_or_else(String::new, |one| one.name.clone());
        let plain = |at: usize| Variant { base: id(at), change: None };
        let last = story.asked.candidates.len().saturating_sub(1);
        let mut wanted = vec![
            ("the parent, measured again".to_owned(), old, plain(at - 1)),
            ("the commit, measured again".to_owned(), new, plain(at)),
        ];
        if self.wish.ablate {
            let changed =
                |end: usize, undone: bool| Variant { base: id(end), change: Some((id(at), undone)) };
            wanted.push(("the earlier end with the commit put on it".to_owned(), new, changed(0, false)));
            wanted.push(("the later end with the commit taken out".to_owned(), old, changed(last, true)));
        }
        let Some(runs) = self.runs_of_a_check(story, at) else { return false };
        for (what, expected, variant) in wanted {
            let Some(check) = self.check(oracle, story, &variant, runs) else { return true };
            let ablation = variant.change.is_some();
            log.take(Entry::Checked(Check { what, expected, ablation, ..check }));
        }
        false
    }

    /// How many runs tell whether a variant fails at times; none where the right side fails at times, too, so
    /// that no number of runs would.
    fn runs_of_a_check(&self, story: &Story, at: usize) -> Option<u32> {
        let Some(wanted) = self.question.confidence else { return Some(1) };
        let (mut right, mut wrong) = (Tally::default(), Tally::default());
        for look in story.looks.iter().filter(|look| matches!(look.word, Word::Good | Word::Bad)) {
            let on_wrong_side = (look.candidate >= at) == (self.question.find == Find::Regression);
            let side = if on_wrong_side { &mut wrong } else { &mut right };
            side.add(look.word == Word::Bad);
        }
        let needed = (1..MOST_RUNS).find(|runs| (1.0 - wrong.rate()).powi(*runs) <= 1.0 - wanted);
        (right.new == 0).then(|| u32::try_from(needed.unwrap_or(MOST_RUNS)).unwrap_or(1))
    }

    /// Measures a variant so often, or until it fails; none when interrupted.
    fn check(&self, oracle: &Commits<'_>, story: &Story, variant: &Variant, runs: u32) -> Option<Check> {
        let mut judge = Judge::new(&self.question);
        if let Some(signature) = story.signature() {
            judge.word(&Reading::Wrong(signature.clone()));
        }
        let mut check = Check {
            what: String::new(),
            expected: Word::Skip,
            word: Word::Skip,
            why: None,
            ablation: false,
            boots: 0,
            duration_ms: 0,
        };
        for attempt in 1..=runs {
            let sight = self.runtime.block_on(async {
                let cancel = CancellationToken::new();
                let interrupts = tokio::spawn(cancel_on_interrupt(cancel.clone()));
                let looked = oracle.variant(variant, FIRST_CHECK + attempt, &cancel).await;
                interrupts.abort();
                looked
            })?;
            let reading = read(&sight.cell, self.question.step.as_deref());
            check.boots += sight.boots;
            check.duration_ms += sight.duration_ms;
            check.word = judge.word(&reading);
            check.why = match reading {
                Reading::Right => None,
                Reading::Wrong(signature) => Some(signature.to_string()),
                Reading::Unclear(why) => Some(why),
            };
            if check.word != Word::Good {
                break;
            }
        }
        Some(check)
    }
}
