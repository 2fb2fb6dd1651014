//! A bisect under way: over releases, over commits, or first the ones and then the others.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::args::BisectArgs;
use super::log_writer::LogWriter;
use super::range;
use super::scenarios::scenarios;
use crate::bisect::{
    Answered, Asked, BISECT_FORMAT, Candidate, Conditions, Drive, Ending, Entry, Evidence, Find, Kind, Known,
    Log, Measure, Oracle, Question, Releases, Story, digest,
};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_on_interrupt;
use crate::gateway::TargetProvider;
use crate::release::Release;
use crate::run::Settings;
use crate::scenario::Scenario;

/// A bisect under way.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) wish: &'a BisectArgs,
    jobs: usize,
    pub(super) provider: TargetProvider,
    /// The scenario that was asked for, then those that share its boot.
    scenarios: Vec<Scenario>,
    settings: Settings,
    pub(super) question: Question,
    pub(super) evidence: Evidence,
    pub(super) runtime: tokio::runtime::Runtime,
    /// Searches of the log that is resumed.
    past: Vec<Story>,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        context: &'a Context,
        wish: &'a BisectArgs,
        jobs: usize,
        past: &[Entry],
    ) -> Result<Self, Failure> {
        let scenarios = scenarios(context, wish)?;
        let (_, step) = wish.named();
        let asked = &scenarios[0];
        let question = Question {
            scenario: asked.id.clone(),
            title: asked.title.clone(),
            path: asked.source.path.clone(),
            digest: digest(asked),
            step: step.map(str::to_owned),
            find: wish.find,
            any_failure: wish.any_failure,
            repeat: wish.repeat,
            confidence: wish.confidence,
            terms: wish.words()?,
            all_transitions: wish.all_transitions,
        };
        let stories = Story::all(past);
        if stories.iter().any(|story| story.asked.question.digest != question.digest) {
            return Err(Failure::usage(format!("{} has changed since this bisect began", question.path))
                .hint("ask anew; what was measured of the old text does not count"));
        }
        let settings = settings(context, wish);
        let evidence = Evidence::below(&context.cache_dir, Conditions::of(&settings, wish.repeat));
        let provider = TargetProvider::open(context.provider_settings(None)).map_err(Failure::broke)?;
        Ok(Self {
            context,
            wish,
            jobs,
            provider,
            question,
            evidence,
            settings,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(Failure::broke)?,
            past: stories,
            scenarios,
        })
    }

    pub(super) fn measure(&self) -> Measure<'_> {
        Measure {
            provider: &self.provider,
            scenarios: self.scenarios.clone(),
            settings: self.settings.clone(),
            repeat: self.wish.repeat,
        }
    }

    /// Searches releases, commits, or first the ones and then the others. All entries, those of the past
    /// included, and whether it was interrupted.
    pub(super) fn search(&self, log: &mut Log, past: Vec<Entry>) -> Result<(Vec<Entry>, bool), Failure> {
        let mut entries = past;
        let commits = match (&self.wish.repo, &self.wish.good, &self.wish.bad) {
            (Some(repo), Some(good), Some(bad)) => Some((repo, good.clone(), bad.clone())),
            _ => None,
        };
        let Some((repo, mut good, mut bad)) = commits else {
            let (told, interrupted) = self.releases(log)?;
            entries.extend(told);
            return Ok((entries, interrupted));
        };
        if self.wish.release_ends().is_some() {
            let (told, interrupted) = self.releases(log)?;
            entries.extend(told);
            let answer = Story::all(&entries).into_iter().find(|story| story.asked.kind == Kind::Release);
            let Some((story, (before, at))) = answer.and_then(|story| {
                let change = story.change()?;
                Some((story, change))
            }) else {
                return Ok((entries, interrupted));
            };
            let release = |at: usize| story.asked.candidates.get(at).and_then(|one| one.release);
            let (Some(before), Some(at)) = (release(before), release(at)) else {
                return Ok((entries, interrupted));
            };
            let ends = self.commits_of(repo, [before, at])?;
            let [before, at] = ends;
            (good, bad) = match self.wish.find {
                Find::Regression => (before, at),
                Find::Fix => (at, before),
            };
            if interrupted {
                return Ok((entries, true));
            }
        }
        for round in 0.. {
            let (told, interrupted) = self.commits(log, repo, (&good, &bad), round)?;
            entries.extend(told);
            if interrupted || self.wish.first_parent {
                return Ok((entries, interrupted));
            }
            let Some((before, at)) = self.brought_in(repo, &entries)? else { break };
            (good, bad) = match self.wish.find {
                Find::Regression => (before, at),
                Find::Fix => (at, before),
            };
        }
        Ok((entries, false))
    }

    /// Searches releases; what was told, and whether it was interrupted.
    fn releases(&self, log: &mut Log) -> Result<(Vec<Entry>, bool), Failure> {
        let past = self.past_of(Kind::Release, 0);
        let candidates = match past {
            Some(story) => story.asked.candidates.clone(),
            None => self.range()?,
        };
        let guesses = self.guesses(&candidates)?;
        let free = self.wish.good.is_none();
        if free && guesses.is_empty() && !self.wish.all_transitions {
            return Err(Failure::usage(format!("no change of {} is known", self.question.scenario))
                .hint("name both ends with --good and --bad, or run `gatecrash matrix` first"));
        }
        let releases: Vec<Release> = candidates.iter().filter_map(|one| one.release).collect();
        let oracle = Releases::new(self.measure(), releases, self.evidence.clone(), !self.wish.no_cache);
        let oracle =
            oracle.map_err(|error| Failure::broke(format!("the evidence cannot be read: {error}")))?;
        let asked = self.asked(Kind::Release, candidates, Vec::new())?;
        let mut log = LogWriter::new(log, &asked);
        let interrupted = self.lead(&oracle, &mut log, past.cloned(), (&guesses, free));
        Ok((log.finish()?, interrupted))
    }

    /// The search of that number over builds of a kind, in the log that is resumed.
    pub(super) fn past_of(&self, kind: Kind, number: usize) -> Option<&Story> {
        self.past.iter().filter(|story| story.asked.kind == kind).nth(number)
    }

    /// Leads one search; whether it was interrupted comes back.
    pub(super) fn lead(
        &self,
        oracle: &impl Oracle,
        log: &mut LogWriter<'_>,
        past: Option<Story>,
        (guesses, free): (&[usize], bool),
    ) -> bool {
        if past.as_ref().is_some_and(|story| story.answered.is_some()) {
            return false;
        }
        let asked = log.asked;
        match &past {
            None => log.take(Entry::Asked(Box::new(asked.clone()))),
            Some(story) => anstream::eprintln!("going on after {} looks", story.looks.len()),
        }
        let started = Instant::now();
        let looks = past.map(|story| story.looks).unwrap_or_default();
        let ending = self.runtime.block_on(async {
            let cancel = CancellationToken::new();
            let interrupts = tokio::spawn(cancel_on_interrupt(cancel.clone()));
            let mut emit = |entry| log.take(entry);
            let (question, count) = (&asked.question, asked.candidates.len());
            let drive = Drive::new(oracle, question, count, self.jobs, &cancel, &mut emit);
            let drive = drive.guided(guesses, free);
            let ending = drive.after(looks).search().await;
            interrupts.abort();
            ending
        });
        let Ending::Done(finding, confidence) = ending else { return true };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        log.take(Entry::Answered(Answered { finding, confidence, duration_ms }));
        false
    }

    pub(super) fn asked(
        &self,
        kind: Kind,
        candidates: Vec<Candidate>,
        notes: Vec<String>,
    ) -> Result<Asked, Failure> {
        Ok(Asked {
            format: BISECT_FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            question: self.question.clone(),
            kind,
            candidates,
            wish: serde_json::to_value(self.wish).map_err(Failure::broke)?,
            notes,
        })
    }

    /// The releases to search: between the ends, or all.
    fn range(&self) -> Result<Vec<Candidate>, Failure> {
        let all = range::releases(self.context, &self.provider)?;
        let release = |text: &str| text.parse::<Release>().map_err(Failure::usage);
        match (&self.wish.good, &self.wish.bad) {
            (Some(good), Some(bad)) if self.wish.all_transitions => {
                let (good, bad) = (release(good)?, release(bad)?);
                let find = if good < bad { Find::Regression } else { Find::Fix };
                range::between(all, good, bad, find)
            }
            (Some(good), Some(bad)) => range::between(all, release(good)?, release(bad)?, self.wish.find),
            _ => Ok(all),
        }
    }

    /// Where to look first.
    fn guesses(&self, candidates: &[Candidate]) -> Result<Vec<usize>, Failure> {
        let scenario = &self.scenarios[0];
        let known = if self.wish.no_cache { Ok(Known::default()) } else { self.evidence.known(scenario) };
        let known = known.map_err(|error| Failure::broke(format!("the evidence cannot be read: {error}")))?;
        let find = (!self.wish.all_transitions).then_some(self.wish.find);
        Ok(range::changes(candidates, &known, scenario, self.question.step.as_deref(), find))
    }
}

/// How everything is measured.
fn settings(context: &Context, wish: &BisectArgs) -> Settings {
    Settings {
        boot_timeout: wish.boot_within(),
        ..Settings::new(wish.seed.unwrap_or_default(), wish.step_timeout(), Arc::clone(&context.now_ms))
    }
}
