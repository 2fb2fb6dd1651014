//! The exploration itself: rounds of new stories and of candidates of shrinking, on both targets at the same time.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::compare::{Compared, Difference, Wanted, compare, words};
use super::expected::expected;
use super::finding::{Finding, Ledger, Told};
use super::generate::Generator;
use super::lawful::{LawsOf, Played, broken_by_one, broken_by_twins};
use super::render::{Hears, Looks, Part, Written, scenario};
use super::situation::{kind, situation};
use super::stage::{Ran, Stage, StageError};
use super::story::Story;
use super::twin::{Twin, twins};
use crate::laws::LawName;
use crate::model::RuleSet;
use crate::run::Cell;
use crate::scenario::Scenario;

/// Stories in a round. A round ends when both targets are done, so larger ones wait less.
const ROUND: usize = 300;

/// The same if the first difference ends it.
const ROUND_TO_THE_FIRST: usize = 60;

/// The same if a target is a release, whose rounds take longer.
const ROUND_OF_RELEASES: usize = 240;

/// How often it is kept where the exploration is.
const KEEP_EVERY: Duration = Duration::from_secs(3);

/// Tenths of the time after which no new story begins.
const STORIES_END: u32 = 4;

/// Tenths of the time after which nothing more is shrunk.
const SHRINKING_ENDS: u32 = 7;

/// The smallest round of stories if the time is limited.
const SMALLEST_ROUND: usize = 60;

/// A round takes about this part of the time.
const ROUNDS_IN_TIME: f64 = 20.0;

/// Stories that are kept to be changed.
const KEPT: usize = 400;

/// Stories of at most so many steps are not asked twice.
const SHORT: usize = 2;

/// Short stories that are remembered.
const ASKED: usize = 20_000;

/// How often another story is made instead of one that was asked before.
const TRIES: usize = 8;

/// Stories that restart, which share a boot on a real target.
const HELD: usize = 120;

/// Findings that run at the same time, each alone on its model.
const ALONE_AT_ONCE: usize = 64;

/// How often a finding is run alone.
const ALONE: usize = 3;

/// What to explore, and for how long.
#[derive(Clone, Debug)]
pub struct ExploreRequest {
    /// Seed of the stories.
    pub seed: u64,
    /// How long all of it may take. New stories begin in the first two fifths, later only as long as nothing was found, and
    /// shrinking ends after seven tenths; the rest is left for confirming what was found.
    pub time: Option<Duration>,
    /// How many new stories run at most.
    pub stories: Option<usize>,
    /// Stop at the first difference. It is shrunk as always.
    pub first_only: bool,
    /// When stories look at what is stored about their devices.
    pub looks: Looks<'static>,
    /// The laws to hold a single target to; without them two targets are held against each other.
    pub laws: Option<LawsOf>,
    /// Where an earlier exploration stopped, to go on from there.
    pub earlier: Option<HuntState>,
}

/// Where an exploration is between two rounds: all that decides how it goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HuntState {
    /// The state of the random numbers.
    rng: u64,
    progress: Progress,
    ledger: Ledger,
    seen: BTreeSet<u64>,
    /// Short stories that ran.
    asked: BTreeSet<u64>,
    kept: Vec<Story>,
    held: Vec<Story>,
    growth: Vec<Growth>,
    fired: RuleSet,
    ids: usize,
}

impl HuntState {
    fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed).get_seed(), ..Self::default() }
    }

    /// How many stories ran so far.
    pub const fn stories(&self) -> usize {
        self.progress.stories
    }
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
    /// Rules of the models that decided something so far.
    pub rules: usize,
    /// Findings so far.
    pub findings: usize,
}

/// What an exploration had seen at some point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Stories that had run.
    pub stories: usize,
    /// Different outcomes of steps in different situations.
    pub outcomes: usize,
    /// Rules of the models that had decided something.
    pub rules: usize,
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// How far it came.
    pub progress: Progress,
    /// What differs, as classes.
    pub findings: Vec<Finding>,
    /// What had been seen after each round.
    pub growth: Vec<Growth>,
    /// Why a story said nothing, for the first of those.
    pub broke: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Where another exploration can go on.
    pub state: HuntState,
}

/// Why an exploration ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// A target cannot run stories.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Where it is cannot be kept for another exploration.
    #[error("cannot keep where the exploration is")]
    Keep(#[source] std::io::Error),
    /// A task ended without a result.
    #[error("a task of the exploration ended without a result")]
    Task(#[from] JoinError),
}

/// A story that is ready to run.
struct Ready {
    story: Story,
    written: Written,
    /// Other stories that have the same answers by a law.
    twins: Vec<(LawName, Twin, Written)>,
    /// The class that it is a candidate of; `None` for a new story.
    class: Option<usize>,
}

/// A story before it is written as a scenario.
struct Draft {
    story: Story,
    class: Option<usize>,
    twins: Vec<(LawName, Twin)>,
    /// The number of its scenario; those of its twins follow.
    first: usize,
    looks: Looks<'static>,
    hears: Hears,
}

impl Draft {
    /// The story as a scenario, and behind it one for each of its twins.
    fn written(self) -> Option<(Vec<Scenario>, Ready)> {
        let Self { story, class, twins, first, looks, hears } = self;
        let write =
            |story: &Story, number: usize| scenario(story, &format!("explore/s{number}"), looks, hears).ok();
        let (own, written) = write(&story, first)?;
        let mut scenarios = vec![own];
        let mut ready = Ready { written, twins: Vec::new(), class, story };
        for (number, (law, twin)) in (first + 1..).zip(twins) {
            if let Some((one, text)) = write(&twin.story, number) {
                scenarios.push(one);
                ready.twins.push((law, twin, text));
            }
        }
        Some((scenarios, ready))
    }
}

/// Who follows an exploration.
pub struct Followers<'a> {
    /// Is told after each round how far it is.
    pub tell: &'a (dyn Fn(Progress, &[Finding]) + Sync),
    /// Keeps where it is between two rounds, from time to time, so that another exploration can go on if this one is
    /// killed.
    pub keep: &'a (dyn Fn(&HuntState) -> std::io::Result<()> + Sync),
}

/// Explores two targets, or one that has to obey laws.
///
/// # Errors
/// Fails if a target does not come up or cannot be seeded.
pub async fn explore(
    sides: Vec<Stage>,
    generator: &Generator<'_>,
    request: &ExploreRequest,
    followers: &Followers<'_>,
    cancel: &CancellationToken,
) -> Result<Explored, ExploreError> {
    let begun = Instant::now();
    let mut hunt = Hunt::new(sides, generator, request);
    let result = hunt.rounds(begun, followers, cancel).await;
    let confirmed = match result {
        Ok(()) if !cancel.is_cancelled() => Box::pin(hunt.confirm(begun, cancel)).await,
        other => other,
    };
    let boots = hunt.stop().await;
    confirmed?;
    // Stories of a round that was interrupted run again.
    let mut state = hunt.before.take().unwrap_or_else(|| hunt.state());
    state.ledger.take_confirmed(&hunt.ledger);
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
        state,
    })
}

struct Hunt<'a> {
    /// A side is away while it runs stories.
    sides: Vec<Option<Stage>>,
    rng: Rng,
    ledger: Ledger,
    progress: Progress,
    seen: BTreeSet<u64>,
    /// Short stories that ran.
    asked: BTreeSet<u64>,
    /// Stories that showed something new, to be changed.
    kept: Vec<Story>,
    /// Stories that restart a real gateway, which wait until it is worth a gateway of their own.
    held: Vec<Story>,
    growth: Vec<Growth>,
    /// The rules of models that decided something so far.
    fired: RuleSet,
    broke: Option<String>,
    /// The number of stories that ran so far, which makes their ids.
    ids: usize,
    /// Stories and candidates that had run before, in an earlier exploration.
    ran_before: usize,
    /// Where it was before the round that is running.
    before: Option<HuntState>,
    request: &'a ExploreRequest,
    generator: &'a Generator<'a>,
}

impl<'a> Hunt<'a> {
    fn new(sides: Vec<Stage>, generator: &'a Generator<'a>, request: &'a ExploreRequest) -> Self {
        let earlier = request.earlier.clone().unwrap_or_else(|| HuntState::new(request.seed));
        let HuntState { rng, progress, ledger, seen, asked, kept, held, growth, fired, ids } = earlier;
        Self {
            sides: sides.into_iter().map(Some).collect(),
            rng: Rng::with_seed(rng),
            ledger,
            progress,
            seen,
            asked,
            kept,
            held,
            growth,
            fired,
            broke: None,
            ids,
            ran_before: progress.stories + progress.candidates,
            before: None,
            request,
            generator,
        }
    }

    fn state(&self) -> HuntState {
        HuntState {
            rng: self.rng.get_seed(),
            progress: self.progress,
            ledger: self.ledger.clone(),
            seen: self.seen.clone(),
            asked: self.asked.clone(),
            kept: self.kept.clone(),
            held: self.held.clone(),
            growth: self.growth.clone(),
            fired: self.fired,
            ids: self.ids,
        }
    }

    async fn rounds(
        &mut self,
        begun: Instant,
        followers: &Followers<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), ExploreError> {
        let mut kept_at = Instant::now();
        while !cancel.is_cancelled() {
            let state = self.before.insert(self.state());
            if kept_at.elapsed() >= KEEP_EVERY {
                (followers.keep)(state).map_err(ExploreError::Keep)?;
                kept_at = Instant::now();
            }
            let mut round: Vec<(Option<usize>, Story)> =
                self.ledger.candidates().into_iter().map(|(class, story)| (Some(class), story)).collect();
            let is_over =
                |tenths: u32| self.request.time.is_some_and(|all| begun.elapsed() * 10 >= all * tenths);
            if is_over(SHRINKING_ENDS) {
                break;
            }
            // As long as there is nothing to shrink or to confirm, there is time for more.
            let has_something = !self.ledger.is_settled() || !self.ledger.findings().is_empty();
            let late = is_over(STORIES_END) && has_something;
            let size = self.size_of_round(begun.elapsed());
            let enough =
                self.request.first_only && (!self.ledger.findings().is_empty() || !self.ledger.is_settled());
            let left = self
                .request
                .stories
                .map_or(usize::MAX, |all| all.saturating_sub(self.progress.stories + self.held.len()));
            let new = if late || enough {
                0
            } else {
                size.saturating_sub(round.len()).clamp(size / 5, size).min(left)
            };
            for _ in 0..new {
                let story = self.new_story();
                if story.restarts() && !self.is_embedded() {
                    self.held.push(story);
                } else {
                    round.push((None, story));
                }
            }
            if self.held.len() >= HELD || new == 0 {
                round.extend(self.held.drain(..).map(|story| (None, story)));
            }
            if round.is_empty() {
                break;
            }
            self.round(round, cancel).await?;
            if cancel.is_cancelled() {
                return Ok(());
            }
            self.before = None;
            self.progress.findings = self.ledger.findings().len();
            self.progress.seen = self.seen.len();
            self.progress.boots = self.sides.iter().flatten().map(Stage::boots).sum();
            self.progress.rules = self.fired.len();
            let Progress { stories, seen: outcomes, rules, .. } = self.progress;
            self.growth.push(Growth { stories, outcomes, rules });
            (followers.tell)(self.progress, self.ledger.findings());
        }
        Ok(())
    }

    /// How many stories run before what they show is looked at: fewer if the time is short, as far as is known by now.
    fn size_of_round(&self, took: Duration) -> usize {
        let size = match (self.request.first_only, self.is_embedded()) {
            (true, _) => ROUND_TO_THE_FIRST,
            (_, true) => ROUND,
            (_, false) => ROUND_OF_RELEASES,
        };
        let Some(all) = self.request.time else { return size };
        let ran = self.progress.stories + self.progress.candidates - self.ran_before;
        if ran == 0 {
            return size.min(SMALLEST_ROUND);
        }
        let in_share = all.as_secs_f64() / ROUNDS_IN_TIME / took.as_secs_f64().max(0.001) * count(ran);
        (SMALLEST_ROUND..size).find(|size| count(*size) >= in_share).unwrap_or(size)
    }

    fn is_embedded(&self) -> bool {
        self.sides.iter().flatten().all(Stage::is_embedded)
    }

    /// A story that was not asked before, as far as that is remembered.
    fn new_story(&mut self) -> Story {
        let mut story = self.any_story();
        for _ in 0..TRIES {
            if story.steps.len() > SHORT {
                break;
            }
            let mut hasher = DefaultHasher::new();
            story.hash(&mut hasher);
            let is_new = !self.asked.contains(&hasher.finish());
            if is_new {
                if self.asked.len() < ASKED {
                    self.asked.insert(hasher.finish());
                }
                break;
            }
            story = self.any_story();
        }
        story
    }

    /// A random story, or one of those that showed something new, changed.
    fn any_story(&mut self) -> Story {
        let change = !self.kept.is_empty() && self.rng.bool();
        let story = self.generator.story(&mut self.rng);
        if !change {
            return story;
        }
        let kept = self.kept[self.rng.usize(0..self.kept.len())].clone();
        self.generator.changed(&kept, &mut self.rng)
    }

    /// Numbers a story and its twins, which makes the names of their scenarios.
    fn draft(&mut self, story: Story, class: Option<usize>, twins: Vec<(LawName, Twin)>) -> Draft {
        let first = self.ids + 1;
        self.ids += 1 + twins.len();
        let hears = if self.is_embedded() { Hears::Soon } else { Hears::Patiently };
        Draft { story, class, twins, first, looks: self.request.looks, hears }
    }

    /// The twins to run beside a story: one of a random law for a new story, all of its law for a candidate.
    fn twins_for(&mut self, story: &Story, law: Option<LawName>, is_new: bool) -> Vec<(LawName, Twin)> {
        if self.request.laws.is_none() {
            return Vec::new();
        }
        if let Some(law) = law {
            return twins(law, story).into_iter().map(|twin| (law, twin)).collect();
        }
        let mut laws = LawName::OF_TWO_STORIES.to_vec();
        while is_new && !laws.is_empty() {
            let law = laws.swap_remove(self.rng.usize(0..laws.len()));
            let mut found = twins(law, story);
            if !found.is_empty() {
                let chosen = self.rng.usize(0..found.len());
                return vec![(law, found.swap_remove(chosen))];
            }
        }
        Vec::new()
    }

    async fn round(
        &mut self,
        stories: Vec<(Option<usize>, Story)>,
        cancel: &CancellationToken,
    ) -> Result<(), ExploreError> {
        let mut drafts = Vec::with_capacity(stories.len());
        for (class, story) in stories {
            let law = class.and_then(|class| self.ledger.law(class));
            let twins = self.twins_for(&story, law, class.is_none());
            drafts.push(self.draft(story, class, twins));
        }
        let mut scenarios = Vec::new();
        let mut all = Vec::with_capacity(drafts.len());
        for (written, one) in on_all_processors(drafts, Draft::written).into_iter().flatten() {
            all.push((scenarios.len(), one));
            scenarios.extend(written);
        }
        let (cells, fired): (Vec<Vec<Cell>>, Vec<Vec<RuleSet>>) =
            self.run(Arc::new(scenarios)).await?.into_iter().map(|ran| (ran.cells, ran.fired)).unzip();
        if cancel.is_cancelled() {
            return Ok(());
        }
        let laws = self.request.laws.as_ref();
        let judged = on_all_processors(all, |(from, one)| {
            let own = own_cells(&cells, from..from + 1 + one.twins.len());
            let compared = judged(laws, &one, &own);
            (from, one, compared)
        });
        for (from, one, compared) in judged {
            let own: Vec<&Cell> = cells.iter().filter_map(|side| side.get(from)).collect();
            let fired: Vec<RuleSet> = fired.iter().filter_map(|side| side.get(from).copied()).collect();
            self.take(one, compared, &own, &fired);
        }
        Ok(())
    }

    fn take(&mut self, ready: Ready, compared: Compared, cells: &[&Cell], fired: &[RuleSet]) {
        let Ready { story, written, class, .. } = ready;
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
                self.keep(&story, &written, cells, fired);
                for difference in &found {
                    self.ledger.note(&story, difference);
                }
            }
        }
    }

    /// Keeps a story in which something had an outcome that was not seen before in its situation, or in which a rule of a
    /// model decided something for the first time.
    fn keep(&mut self, story: &Story, written: &Written, cells: &[&Cell], fired: &[RuleSet]) {
        let mut is_new = false;
        for rules in fired {
            is_new |= self.fired.extend(rules);
        }
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

    /// Runs scenarios on all sides at the same time.
    async fn run(&mut self, scenarios: Arc<Vec<Scenario>>) -> Result<Vec<Ran>, ExploreError> {
        let mut tasks = Vec::with_capacity(self.sides.len());
        for at in 0..self.sides.len() {
            if let Some(mut side) = self.sides[at].take() {
                let scenarios = Arc::clone(&scenarios);
                tasks.push(tokio::spawn(async move {
                    let ran = side.run(&scenarios).await;
                    (side, ran)
                }));
            }
        }
        let mut cells = Vec::with_capacity(tasks.len());
        let mut failed = None;
        for (at, task) in tasks.into_iter().enumerate() {
            let (side, ran) = task.await?;
            self.sides[at] = Some(side);
            match ran {
                Ok(ran) => cells.push(ran),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(cells), |error| Err(error.into()))
    }

    /// Runs each finding several times on gateways that are new for that, with nothing beside it.
    async fn confirm(&mut self, begun: Instant, cancel: &CancellationToken) -> Result<(), ExploreError> {
        let findings: Vec<Finding> = self.ledger.findings().to_vec();
        // Each story has a model of its own, so that several can be alone at the same time.
        let together = if self.is_embedded() { ALONE_AT_ONCE } else { 1 };
        let open: Vec<usize> = (0..findings.len()).filter(|at| findings[*at].confirmed.is_none()).collect();
        for side in self.sides.iter_mut().flatten() {
            side.fresh().await;
        }
        for some in open.chunks(together) {
            let chosen: Vec<&Finding> = some.iter().map(|at| &findings[*at]).collect();
            let mut shown = vec![0; some.len()];
            let mut told: Vec<Option<Told>> = vec![None; some.len()];
            for _ in 0..ALONE {
                let is_over = self.request.time.is_some_and(|all| begun.elapsed() >= all);
                if cancel.is_cancelled() || is_over {
                    return Ok(());
                }
                for (at, seen) in Box::pin(self.shown_alone(&chosen)).await?.into_iter().enumerate() {
                    if let Some(seen) = seen {
                        shown[at] += 1;
                        told[at] = Some(seen);
                    }
                }
            }
            for ((at, shown), told) in some.iter().zip(shown).zip(told) {
                self.ledger.confirm(*at, shown == ALONE, told);
            }
        }
        Ok(())
    }

    /// What the targets do in the stories of findings when nothing else runs; `None` for one that does not show.
    async fn shown_alone(&mut self, findings: &[&Finding]) -> Result<Vec<Option<Told>>, ExploreError> {
        let mut scenarios = Vec::new();
        let mut all = Vec::new();
        for finding in findings {
            let twins = self.twins_for(&finding.story, finding.pair.law, false);
            let ready = self.draft(finding.story.clone(), None, twins).written().map(|(written, ready)| {
                let from = scenarios.len();
                scenarios.extend(written);
                (from..scenarios.len(), ready)
            });
            all.push(ready);
        }
        let runs = self.sides.iter_mut().flatten().map(|side| side.run_each_alone(&scenarios));
        let cells: Vec<Vec<Cell>> = futures_util::future::try_join_all(runs).await?;
        if cells.iter().any(|side| side.len() < scenarios.len()) {
            return Ok(vec![None; findings.len()]);
        }
        let shown = findings.iter().zip(all).map(|(finding, ready)| {
            let (range, ready) = ready?;
            let own = own_cells(&cells, range);
            let Compared::Differences(found) = judged(self.request.laws.as_ref(), &ready, &own) else {
                return None;
            };
            let is_it =
                |one: &Difference| one.pair == finding.pair && one.situation.is_subset(&finding.situation);
            found.into_iter().find(is_it).map(|shown| told(&ready, &own, &shown))
        });
        Ok(shown.collect())
    }

    /// Stops the gateways and returns how many were started.
    async fn stop(&mut self) -> usize {
        let mut boots = 0;
        for side in self.sides.iter_mut().flatten() {
            side.fresh().await;
            boots += side.boots();
        }
        boots
    }
}

/// What a story shows, given the cells of each side: its own, and those of its twins.
fn judged(laws: Option<&LawsOf>, ready: &Ready, cells: &[&[Cell]]) -> Compared {
    let Ready { story, written, twins, .. } = ready;
    if let ([[one, ..], [other, ..]], None) = (cells, laws) {
        return compare(story, written, one, other);
    }
    let ([[own, others @ ..]], Some(laws)) = (cells, laws) else {
        return Compared::Broken("it was interrupted".to_owned());
    };
    let played = Played { story, written, cell: own };
    let mut all = Vec::new();
    let of_twins = twins.iter().zip(others).map(|((law, twin, written), cell)| {
        broken_by_twins(laws, *law, twin, played, Played { story: &twin.story, written, cell })
    });
    for compared in std::iter::once(broken_by_one(laws, played)).chain(of_twins) {
        match compared {
            Compared::Differences(found) => all.extend(found),
            broken @ Compared::Broken(_) => return broken,
        }
    }
    Compared::Differences(all)
}

/// The cells of each side in a range.
fn own_cells(cells: &[Vec<Cell>], range: std::ops::Range<usize>) -> Vec<&[Cell]> {
    cells.iter().filter_map(|side| side.get(range.clone())).collect()
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
const fn count(number: usize) -> f64 {
    number as f64
}

/// Maps items on all processors; the results are in the order of the items.
fn on_all_processors<T: Send, R: Send>(items: Vec<T>, map: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = items.len().div_ceil(threads).max(1);
    let mut items = items.into_iter();
    let parts = std::iter::from_fn(|| {
        Some(items.by_ref().take(size).collect::<Vec<T>>()).filter(|part| !part.is_empty())
    });
    let parts: Vec<Vec<T>> = parts.collect();
    let map = &map;
    std::thread::scope(|scope| {
        let running: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.into_iter().map(map).collect::<Vec<R>>()))
            .collect();
        let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// What happened in each step of a story that shows a difference, as expectations; the step that differs names the place.
fn told(ready: &Ready, cells: &[&[Cell]], shown: &Difference) -> Told {
    let outcomes = |cell: &Cell| -> Vec<Value> {
        let place = |position: usize| if position == shown.position { shown.pair.place.as_str() } else { "" };
        let outcome = |(position, step): (usize, &crate::run::StepRecord)| {
            step.outcome.as_ref().map_or(Value::Null, |outcome| expected(outcome, place(position)))
        };
        cell.steps.iter().enumerate().map(outcome).collect()
    };
    let parts = |written: &Written| -> Vec<Part> { written.steps.iter().map(|(_, part)| *part).collect() };
    let own: Vec<&Cell> = cells.iter().filter_map(|side| side.first()).collect();
    let of_story = |outcomes: [Vec<Value>; 2]| Told {
        story: ready.story.clone(),
        parts: parts(&ready.written),
        outcomes,
    };
    match &shown.wanted {
        None => of_story([0, 1].map(|side| own.get(side).map(|cell| outcomes(cell)).unwrap_or_default())),
        Some(Wanted::Expectation(wanted, instead)) => {
            let mut seen = own.first().map(|cell| outcomes(cell)).unwrap_or_default();
            let mut right = seen.clone();
            if let Some(there) = right.get_mut(shown.position) {
                there.clone_from(wanted);
            }
            if let (Some(instead), Some(there)) = (instead, seen.get_mut(shown.position)) {
                there.clone_from(instead);
            }
            of_story([right, seen])
        }
        Some(Wanted::Twin(story, positions)) => {
            let twin = ready.twins.iter().position(|(_, twin, _)| twin.story == **story);
            let there = |at: usize| Some((ready.twins.get(at)?, cells.first()?.get(at + 1)?));
            let Some(((_, _, written), cell)) = twin.and_then(there) else {
                return of_story([Vec::new(), Vec::new()]);
            };
            let seen = outcomes(cell);
            let mut right = seen.clone();
            // Only the step that differs is told from the story itself; the place is in terms of the other story.
            if let (Some(Some(from)), Some(right)) =
                (positions.get(shown.position), right.get_mut(shown.position))
                && let Some(outcome) =
                    own.first().and_then(|cell| cell.steps.get(*from)).and_then(|step| step.outcome.as_ref())
            {
                *right = expected(outcome, &shown.pair.place);
            }
            Told { story: (**story).clone(), parts: parts(written), outcomes: [right, seen] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_processors_make_is_in_order() {
        for many in [0, 1, 2, 7, 100] {
            let doubled = on_all_processors((0..many).collect(), |one: usize| 2 * one);
            assert_eq!(doubled, (0..many).map(|one| 2 * one).collect::<Vec<_>>());
        }
    }
}
