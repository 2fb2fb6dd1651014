//! The command from its arguments to its exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::range;
use super::report::Report;
use super::wish::Wish;
use crate::bisect::{
    Answer, Answered, Asked, BISECT_FORMAT, Candidate, Conclusion, Drive, Ending, Entry, Evidence, Find,
    Kind, Known, Log, Measure, Oracle, Question, Releases, Story, digest, doubtful, entries, progress, text,
};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_on_interrupt;
use crate::cli::suite::{self, Selection};
use crate::gateway::Workshop;
use crate::release::Release;
use crate::report::quoted;
use crate::run::Settings;
use crate::scenario::{Scenario, Step, did_you_mean};

/// Find where behaviour changed, with a scenario as the oracle.
///
/// Only the failure that the bad end shows counts as bad; a build with another failure, or one that cannot
/// be installed or booted, is skipped and named. What a run, a matrix or a bisect has measured before costs
/// no boot.
///
/// Exit codes: 0 found, 1 the ends do not differ, 2 bad usage, 3 it cannot be said, 4 harness or gateway
/// broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    wish: Wish,
    /// Builds at the same time; more than one tests ahead
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Go on with the bisect of this log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "replay"])]
    resume: Option<PathBuf>,
    /// Show the answer of this log again, without testing anything
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    replay: Option<PathBuf>,
    /// Where the log is written [default: a new file below the cache directory]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "replay"])]
    log: Option<PathBuf>,
    /// Write a report: json=FILE or markdown=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Report>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.reports.iter().filter(|report| report.is_to_stdout()).count() > 1 {
        return Err(Failure::usage("only one report can go to standard output"));
    }
    if let Some(file) = &args.replay {
        let entries = entries(&context.working_dir.join(file)).map_err(Failure::usage)?;
        let wish = wish_of(&entries)?;
        return show(args, context, &wish, &entries);
    }
    let (wish, past, path) = if let Some(file) = &args.resume {
        let path = context.working_dir.join(file);
        let past = entries(&path).map_err(Failure::usage)?;
        (wish_of(&past)?, past, path)
    } else {
        let mut wish = args.wish.clone();
        wish.seed.get_or_insert(context.entropy & 0xffff_ffff);
        (wish, Vec::new(), new_log(args, context)?)
    };
    let session = Session::open(context, &wish, args.jobs, &past)?;
    let mut log = Log::open(&path).map_err(Failure::broke)?;
    let (entries, interrupted) = session.search(&mut log, past)?;
    if interrupted {
        let cache = quoted(&context.cache_dir.display().to_string());
        let log = quoted(&path.display().to_string());
        anstream::eprintln!("go on with: gatecrash --cache-dir {cache} bisect --resume {log}");
    }
    let exit = show(args, context, &wish, &entries)?;
    Ok(if interrupted { Exit::Interrupted } else { exit })
}

/// Where the log of a new bisect is written.
fn new_log(args: &Args, context: &Context) -> Result<PathBuf, Failure> {
    let Some(file) = &args.log else {
        let name = format!("{}-{:08x}.jsonl", (context.now_ms)(), context.entropy & 0xffff_ffff);
        return Ok(context.cache_dir.join("bisects").join(name));
    };
    let path = context.working_dir.join(file);
    if path.exists() {
        return Err(Failure::usage(format!("{} is there already", path.display()))
            .hint("go on with it by --resume, or name another file"));
    }
    Ok(path)
}

fn wish_of(entries: &[Entry]) -> Result<Wish, Failure> {
    let Some(Entry::Asked(asked)) = entries.first() else {
        return Err(Failure::usage("the log has no question"));
    };
    serde_json::from_value(asked.wish.clone())
        .map_err(|error| Failure::usage(format!("the log's question cannot be read: {error}")))
}

/// Writes the reports and the answer.
fn show(args: &Args, context: &Context, wish: &Wish, entries: &[Entry]) -> Result<Exit, Failure> {
    let Some(answer) = Answer::of(entries) else { return Err(Failure::usage("the log has no question")) };
    let at = answer.first_bad.as_deref().or(answer.first_good.as_deref());
    let change = answer.before.as_deref().zip(at);
    let reproduce = change.map(|(before, at)| wish.reproduce(answer.kind, before, at));
    for report in &args.reports {
        report.write(context, entries, reproduce.as_deref())?;
    }
    if !args.reports.iter().any(Report::is_to_stdout) {
        context.print(&text(entries, reproduce.as_deref()))?;
    }
    Ok(exit(&answer))
}

fn exit(answer: &Answer) -> Exit {
    match answer.result {
        Conclusion::Found | Conclusion::FoundDespiteSkips if doubtful(&answer.checks) => {
            Exit::NothingTestable
        }
        Conclusion::Found | Conclusion::FoundDespiteSkips => Exit::Fine,
        Conclusion::EndsDoNotDiffer | Conclusion::EndsSwapped => Exit::Bad,
        Conclusion::Indeterminate => Exit::NothingTestable,
        Conclusion::Unfinished => Exit::Interrupted,
    }
}

/// A bisect under way.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) wish: &'a Wish,
    jobs: usize,
    pub(super) workshop: Workshop,
    /// The scenario that was asked for, then those that share its boot.
    scenarios: Vec<Scenario>,
    pub(super) question: Question,
    pub(super) evidence: Evidence,
    pub(super) runtime: tokio::runtime::Runtime,
    /// Searches of the log that is resumed.
    past: Vec<Story>,
}

impl<'a> Session<'a> {
    fn open(context: &'a Context, wish: &'a Wish, jobs: usize, past: &[Entry]) -> Result<Self, Failure> {
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
        let workshop = Workshop::open(context.workshop_facts(None)).map_err(Failure::broke)?;
        Ok(Self {
            context,
            wish,
            jobs,
            workshop,
            question,
            evidence: Evidence::below(&context.cache_dir),
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
            workshop: &self.workshop,
            scenarios: self.scenarios.clone(),
            settings: Settings {
                seed: self.wish.seed.unwrap_or_default(),
                timeout: self.wish.step_timeout(),
                now_ms: Arc::clone(&self.context.now_ms),
                boot_timeout: self.wish.boot_within(),
                keep_state: None,
            },
            repeat: self.wish.repeat,
        }
    }

    /// Searches releases, commits, or first the ones and then the others. All entries, those of the past
    /// included, and whether it was interrupted.
    fn search(&self, log: &mut Log, past: Vec<Entry>) -> Result<(Vec<Entry>, bool), Failure> {
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
        let mut teller = Teller { entries: Vec::new(), log, asked: &asked, trouble: None };
        let interrupted = self.lead(&oracle, &mut teller, past.cloned(), (&guesses, free));
        Ok((teller.finish()?, interrupted))
    }

    /// The search of that number over builds of a kind, in the log that is resumed.
    pub(super) fn past_of(&self, kind: Kind, number: usize) -> Option<&Story> {
        self.past.iter().filter(|story| story.asked.kind == kind).nth(number)
    }

    /// Leads one search; whether it was interrupted comes back.
    pub(super) fn lead(
        &self,
        oracle: &impl Oracle,
        teller: &mut Teller<'_>,
        past: Option<Story>,
        (guesses, free): (&[usize], bool),
    ) -> bool {
        if past.as_ref().is_some_and(|story| story.answered.is_some()) {
            return false;
        }
        let asked = teller.asked;
        match &past {
            None => teller.take(Entry::Asked(Box::new(asked.clone()))),
            Some(story) => anstream::eprintln!("going on after {} looks", story.looks.len()),
        }
        let started = Instant::now();
        let looks = past.map(|story| story.looks).unwrap_or_default();
        let ending = self.runtime.block_on(async {
            let cancel = CancellationToken::new();
            let interrupts = tokio::spawn(cancel_on_interrupt(cancel.clone()));
            let mut emit = |entry| teller.take(entry);
            let (question, count) = (&asked.question, asked.candidates.len());
            let drive = Drive::new(oracle, question, count, self.jobs, &cancel, &mut emit);
            let drive = drive.guided(guesses, free);
            let ending = drive.after(looks).search().await;
            interrupts.abort();
            ending
        });
        let Ending::Done(finding, confidence) = ending else { return true };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        teller.take(Entry::Answered(Answered { finding, confidence, duration_ms }));
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
        let all = range::releases(self.context, &self.workshop)?;
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

/// Keeps, logs and shows entries.
pub(super) struct Teller<'a> {
    pub(super) entries: Vec<Entry>,
    pub(super) log: &'a mut Log,
    pub(super) asked: &'a Asked,
    pub(super) trouble: Option<String>,
}

impl Teller<'_> {
    pub(super) fn take(&mut self, entry: Entry) {
        if let Err(error) = self.log.add(&entry) {
            self.trouble.get_or_insert(error.to_string());
        }
        if let Some(line) = progress(self.asked, &entry) {
            anstream::eprintln!("{line}");
        }
        self.entries.push(entry);
    }

    pub(super) fn finish(self) -> Result<Vec<Entry>, Failure> {
        match self.trouble {
            Some(trouble) => Err(Failure::broke(trouble)),
            None => Ok(self.entries),
        }
    }
}

/// The scenario that is named, then the rows beside it that can share its boot.
fn scenarios(context: &Context, wish: &Wish) -> Result<Vec<Scenario>, Failure> {
    let (id, step) = wish.named();
    let names = [id.to_owned()];
    let mut found = suite::select(context, &Selection { names: &names, tags: &[] })?;
    if let Some(exact) = found.iter().position(|one| one.id == id) {
        found.swap(0, exact);
    } else if found.len() > 1 {
        let rows: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
        return Err(Failure::usage(format!("`{id}` is {} scenarios", found.len()))
            .hint(format!("name one: {}", rows.join(", "))));
    }
    let Some(asked) = found.first().cloned() else {
        return Err(Failure::usage(format!("`{id}` has errors")).hint("`gatecrash check` shows them"));
    };
    if let Some(step) = step {
        let steps: Vec<String> = asked.all_steps().iter().map(|one| one.id.clone()).collect();
        if !steps.iter().any(|one| one == step) {
            let near = did_you_mean(step, steps.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("its steps: {}", steps.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Failure::usage(format!("{} has no step `{step}`", asked.id)).hint(hint));
        }
    }
    let file = Path::new(&asked.source.path).with_extension("");
    let table = asked.id.rsplit_once('/').map(|(table, _)| table.to_owned());
    let mut all = vec![asked];
    if let Some(table) = table.filter(|table| file.ends_with(table)) {
        let rows = suite::select(context, &Selection { names: &[table], tags: &[] })?;
        let quick = |one: &Scenario| !one.any_step(|step| matches!(step, Step::Restart(_)));
        let beside = rows.into_iter().filter(|one| {
            one.id != all[0].id
                && one.source.path == all[0].source.path
                && one.config == all[0].config
                && quick(one)
        });
        let beside: Vec<Scenario> = beside.collect();
        all.extend(beside);
    }
    Ok(all)
}
