//! The exploration itself: rounds of new stories and of candidates of shrinking, on both targets at the same time.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::compare::{Compared, Difference, compare, words};
use super::expected::expected;
use super::finding::{Finding, Ledger};
use super::generate::Generator;
use super::render::{Written, scenario};
use super::situation::{kind, situation};
use super::stage::{Stage, StageError};
use super::story::Story;
use crate::run::Cell;
use crate::scenario::Scenario;

/// Stories in a round. A round ends when both targets are done, so larger ones wait less.
const ROUND: usize = 250;

/// Tenths of the time after which no new story begins.
const STORIES_END: u32 = 4;

/// Tenths of the time after which nothing more is shrunk.
const SHRINKING_ENDS: u32 = 7;

/// Stories that are kept to be changed.
const KEPT: usize = 400;

/// How often a finding is run alone.
const ALONE: usize = 3;

/// What to explore, and for how long.
#[derive(Clone, Debug)]
pub struct ExploreRequest {
    /// Seed of the stories.
    pub seed: u64,
    /// How long all of it may take. New stories begin in the first two fifths, and shrinking ends after seven tenths; the
    /// rest is left for confirming what was found.
    pub time: Option<Duration>,
    /// How many new stories run at most.
    pub stories: Option<usize>,
    /// Stop at the first difference. It is shrunk as always.
    pub first_only: bool,
    /// Whether stories end with what is stored about each device.
    pub stored: bool,
    /// Findings of an earlier exploration, which are counted on.
    pub known: Vec<Finding>,
    /// How many stories the earlier exploration ran; they are not run again.
    pub skip: usize,
}

/// How far an exploration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// New stories that ran on both targets.
    pub stories: usize,
    /// Runs of candidates while stories were shrunk.
    pub candidates: usize,
    /// Gateways that were started.
    pub boots: usize,
    /// Stories in which a target or the harness broke, so that they say nothing.
    pub broken: usize,
    /// Different outcomes of steps in different situations that were seen so far.
    pub seen: usize,
    /// Findings so far.
    pub findings: usize,
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// How far it came.
    pub progress: Progress,
    /// What differs, as classes.
    pub findings: Vec<Finding>,
    /// The number of outcomes that had been seen after each round: stories, and outcomes.
    pub growth: Vec<(usize, usize)>,
    /// Why a story said nothing, for the first of those.
    pub broke: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// Why an exploration ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// A target cannot run stories.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A task ended without a result.
    #[error("a task of the exploration ended without a result")]
    Task(#[from] JoinError),
}

/// What each target did in each step of a story, as expectations.
type Told = [Vec<Value>; 2];

/// A story that is ready to run.
struct Ready {
    story: Story,
    written: Written,
    /// The class that it is a candidate of; `None` for a new story.
    class: Option<usize>,
}

/// Explores two targets.
///
/// # Errors
/// Fails if a target does not come up or cannot be seeded.
pub async fn explore(
    sides: [Stage; 2],
    generator: &Generator<'_>,
    request: &ExploreRequest,
    tell: &(dyn Fn(Progress, &[Finding]) + Sync),
    cancel: &CancellationToken,
) -> Result<Explored, ExploreError> {
    let mut hunt = Hunt {
        sides: sides.map(Some),
        rng: Rng::with_seed(request.seed),
        ledger: Ledger::with(request.known.clone()),
        progress: Progress { stories: request.skip, ..Progress::default() },
        seen: HashSet::new(),
        kept: Vec::new(),
        growth: Vec::new(),
        broke: None,
        ids: 0,
        request,
        generator,
    };
    let begun = Instant::now();
    for _ in 0..request.skip {
        // The stories that have run already are made again, so that the others are the ones that would have followed.
        let _ = generator.story(&mut hunt.rng);
    }
    let result = hunt.rounds(begun, tell, cancel).await;
    let confirmed = match result {
        Ok(()) if !cancel.is_cancelled() => Box::pin(hunt.confirm(begun, cancel)).await,
        other => other,
    };
    let boots = hunt.stop().await;
    confirmed?;
    let mut progress = hunt.progress;
    progress.boots = boots;
    let findings = hunt.ledger.into_findings();
    progress.findings = findings.len();
    Ok(Explored {
        progress,
        findings,
        growth: hunt.growth,
        broke: hunt.broke,
        took: begun.elapsed(),
        interrupted: cancel.is_cancelled(),
    })
}

struct Hunt<'a> {
    /// A side is away while it runs stories.
    sides: [Option<Stage>; 2],
    rng: Rng,
    ledger: Ledger,
    progress: Progress,
    seen: HashSet<u64>,
    /// Stories that showed something new, to be changed.
    kept: Vec<Story>,
    growth: Vec<(usize, usize)>,
    broke: Option<String>,
    /// The number of stories that ran so far, which makes their ids.
    ids: usize,
    request: &'a ExploreRequest,
    generator: &'a Generator<'a>,
}

impl Hunt<'_> {
    async fn rounds(
        &mut self,
        begun: Instant,
        tell: &(dyn Fn(Progress, &[Finding]) + Sync),
        cancel: &CancellationToken,
    ) -> Result<(), ExploreError> {
        while !cancel.is_cancelled() {
            let mut round: Vec<(Option<usize>, Story)> =
                self.ledger.candidates().into_iter().map(|(class, story)| (Some(class), story)).collect();
            let is_over =
                |tenths: u32| self.request.time.is_some_and(|all| begun.elapsed() * 10 >= all * tenths);
            if is_over(SHRINKING_ENDS) {
                break;
            }
            let late = is_over(STORIES_END);
            let enough =
                self.request.first_only && (!self.ledger.findings().is_empty() || !self.ledger.is_settled());
            let left =
                self.request.stories.map_or(usize::MAX, |all| all.saturating_sub(self.progress.stories));
            let new = if late || enough {
                0
            } else {
                ROUND.saturating_sub(round.len()).clamp(ROUND / 5, ROUND).min(left)
            };
            for _ in 0..new {
                let story = self.new_story();
                round.push((None, story));
            }
            if round.is_empty() {
                break;
            }
            self.round(round, cancel).await?;
            self.progress.findings = self.ledger.findings().len();
            self.progress.seen = self.seen.len();
            self.progress.boots = self.sides.iter().flatten().map(|side| side.boots).sum();
            self.growth.push((self.progress.stories, self.seen.len()));
            tell(self.progress, self.ledger.findings());
        }
        Ok(())
    }

    /// A random story, or one of those that showed something new, changed.
    fn new_story(&mut self) -> Story {
        let change = !self.kept.is_empty() && self.rng.bool();
        let story = self.generator.story(&mut self.rng);
        if !change {
            return story;
        }
        let kept = self.kept[self.rng.usize(0..self.kept.len())].clone();
        self.generator.changed(&kept, &mut self.rng)
    }

    fn ready(&mut self, story: Story, class: Option<usize>) -> Option<(Scenario, Ready)> {
        self.ids += 1;
        let (scenario, written) =
            scenario(&story, &format!("explore/s{}", self.ids), self.request.stored).ok()?;
        Some((scenario, Ready { story, written, class }))
    }

    async fn round(
        &mut self,
        stories: Vec<(Option<usize>, Story)>,
        cancel: &CancellationToken,
    ) -> Result<(), ExploreError> {
        let ready: Vec<(Scenario, Ready)> =
            stories.into_iter().filter_map(|(class, story)| self.ready(story, class)).collect();
        let (scenarios, ready): (Vec<Scenario>, Vec<Ready>) = ready.into_iter().unzip();
        let [first, second] = self.run(Arc::new(scenarios)).await?;
        if cancel.is_cancelled() {
            return Ok(());
        }
        for ((ready, one), other) in ready.into_iter().zip(&first).zip(&second) {
            self.take(ready, one, other);
        }
        Ok(())
    }

    fn take(&mut self, ready: Ready, one: &Cell, other: &Cell) {
        let Ready { story, written, class } = ready;
        let compared = compare(&story, &written, one, other);
        if let Some(class) = class {
            self.progress.candidates += 1;
            if let Compared::Differences(found) = compared {
                self.ledger.answer(class, &story, &found);
            }
            return;
        }
        self.progress.stories += 1;
        match compared {
            Compared::Broken(why) => {
                self.progress.broken += 1;
                self.broke.get_or_insert(why);
            }
            Compared::Differences(found) => {
                self.keep(&story, &written, [one, other]);
                for difference in &found {
                    self.ledger.note(&story, difference);
                }
            }
        }
    }

    /// Keeps a story in which something had an outcome that was not seen before in its situation.
    fn keep(&mut self, story: &Story, written: &Written, cells: [&Cell; 2]) {
        let mut is_new = false;
        for (position, (_, part)) in written.steps.iter().enumerate() {
            let outcomes: Vec<Option<String>> = cells
                .iter()
                .map(|cell| cell.steps.get(position).and_then(|step| step.outcome.as_ref()).map(words))
                .collect();
            let mut hasher = DefaultHasher::new();
            (kind(story, *part), outcomes).hash(&mut hasher);
            // Where a story goes is told well enough by what is special about its tokens, roles and routes.
            let special =
                |word: &&String| ["token", "role", "route", "auth"].iter().any(|one| word.starts_with(one));
            situation(story, *part).iter().filter(special).for_each(|word| word.hash(&mut hasher));
            is_new |= self.seen.insert(hasher.finish());
        }
        if is_new {
            if self.kept.len() < KEPT {
                self.kept.push(story.clone());
            } else {
                let at = self.rng.usize(0..KEPT);
                self.kept[at] = story.clone();
            }
        }
    }

    /// Runs scenarios on both sides at the same time.
    async fn run(&mut self, scenarios: Arc<Vec<Scenario>>) -> Result<[Vec<Cell>; 2], ExploreError> {
        let mut tasks = Vec::with_capacity(2);
        for at in 0..2 {
            if let Some(mut side) = self.sides[at].take() {
                let scenarios = Arc::clone(&scenarios);
                tasks.push(tokio::spawn(async move {
                    let ran = side.run(&scenarios).await;
                    (side, ran)
                }));
            }
        }
        let mut cells = [Vec::new(), Vec::new()];
        let mut failed = None;
        for (at, task) in tasks.into_iter().enumerate() {
            let (side, ran) = task.await?;
            self.sides[at] = Some(side);
            match ran {
                Ok(ran) => cells[at] = ran,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(cells), |error| Err(error.into()))
    }

    /// Runs each finding alone on fresh gateways, several times.
    async fn confirm(&mut self, begun: Instant, cancel: &CancellationToken) -> Result<(), ExploreError> {
        let findings: Vec<Finding> = self.ledger.findings().to_vec();
        let mut shown = vec![0; findings.len()];
        let mut told: Vec<Option<Told>> = vec![None; findings.len()];
        for _ in 0..ALONE {
            for side in self.sides.iter_mut().flatten() {
                side.fresh().await;
            }
            for (at, finding) in findings.iter().enumerate().filter(|(_, one)| one.confirmed.is_none()) {
                let is_over = self.request.time.is_some_and(|all| begun.elapsed() >= all);
                if cancel.is_cancelled() || is_over {
                    return Ok(());
                }
                if let Some(seen) = Box::pin(self.shown_alone(finding)).await? {
                    shown[at] += 1;
                    told[at] = Some(seen);
                }
            }
        }
        for (at, _) in findings.iter().enumerate().filter(|(_, one)| one.confirmed.is_none()) {
            self.ledger.confirm(at, shown[at] == ALONE, told[at].take());
        }
        Ok(())
    }

    /// What both targets do in the story of a finding when nothing else runs; `None` if it does not show.
    async fn shown_alone(&mut self, finding: &Finding) -> Result<Option<Told>, ExploreError> {
        let Some((scenario, ready)) = self.ready(finding.story.clone(), None) else { return Ok(None) };
        let [Some(first), Some(second)] = &mut self.sides else { return Ok(None) };
        let (one, other) = tokio::join!(first.run_alone(&scenario), second.run_alone(&scenario));
        let (Some(one), Some(other)) = (one?, other?) else { return Ok(None) };
        let compared = compare(&ready.story, &ready.written, &one, &other);
        let is_it =
            |found: &Difference| found.pair == finding.pair && found.situation.is_subset(&finding.situation);
        let Compared::Differences(found) = compared else { return Ok(None) };
        let Some(shown) = found.into_iter().find(is_it) else { return Ok(None) };
        Ok(Some([one, other].map(|cell| told(&cell, &shown))))
    }

    /// Stops the gateways and returns how many were started.
    async fn stop(&mut self) -> usize {
        let mut boots = 0;
        for side in self.sides.iter_mut().flatten() {
            side.fresh().await;
            boots += side.boots;
        }
        boots
    }
}

/// What a target did in each step, as expectations; the step that differs names the place.
fn told(cell: &Cell, shown: &Difference) -> Vec<Value> {
    let place = |position: usize| if position == shown.position { shown.pair.place.as_str() } else { "" };
    let outcome = |(position, step): (usize, &crate::run::StepRecord)| {
        step.outcome.as_ref().map_or(Value::Null, |outcome| expected(outcome, place(position)))
    };
    cell.steps.iter().enumerate().map(outcome).collect()
}
