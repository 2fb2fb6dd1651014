//! Runs one scenario on a lane, from its first step to its verdict.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::SemaphorePermit;
use tracing::debug;

use super::bindings::Bindings;
use super::context::{Beginning, CaseContext};
use super::doubt::disturbance;
use super::event::{Cell, FramesChecked, ListedDeviation, LogStretch, SAYS_NOTHING, StepRecord};
use super::excerpt::Excerpt;
use super::lane::{Case, Lane};
use super::pressure::WatchedPeriod;
use super::seeds;
use super::sockets::UnexpectedEnd;
use super::step::perform;
use super::step_error::StepError;
use super::stored;
use crate::client::Checked;
use crate::error_chain::chain;
use crate::gateway::{LogLine, Unread};
use crate::release::Release;
use crate::scenario::{
    Action, Destination, Expectation, Millis, Saved, Source, Span, Spanned, Step, StoryDeviation, StoryStep,
    Upgrade,
};
use crate::verdict::{
    Judgement, Mismatch, Outcome, Signature, Verdict, judge, normalised, overall, satisfies,
};
use crate::wire::{Masker, Sender};

/// Maximum number of gateway log lines kept in a cell.
const LOG_LINES: usize = 60;

/// How many of them are kept that came before the step in question.
const LOG_LINES_BEFORE: usize = 10;

/// How long after a step a gateway may write what it logs about it.
const LOGS_LATER: Duration = Duration::from_millis(150);

/// How long a gateway may take to notice a changed configuration (0.55 s measured on 2026.3.31).
const RELOADS: Duration = Duration::from_secs(2);

/// Why a cell does not count until its case has been retried on a gateway of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing arrived within our own time limit.
    TimedOut,
    /// The machine was starved of processor time during a wait.
    Starved,
    /// Other cases on the same gateway interfered; the text says how.
    Disturbed(String),
    /// It is not fine, on a gateway that was taken over from other cases.
    TakenOver,
    /// It is not as expected, over connections that injected faults made slower; the text names one.
    Slowed(String),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("nothing came within gatecrash's own time limit"),
            Self::Starved => f.write_str("the machine was starved of processor time"),
            Self::Disturbed(how) | Self::Slowed(how) => f.write_str(how),
            Self::TakenOver => f.write_str("it ran on a gateway that was taken over from other scenarios"),
        }
    }
}

/// The result of running a case.
#[derive(Debug)]
pub(super) struct Ran {
    /// The judged cell.
    pub cell: Cell,
    /// Why it does not count yet, if it does not.
    pub doubt: Option<Doubt>,
    /// Whether a fault that was injected at random ended it, as it would again.
    pub injected: bool,
}

impl Ran {
    /// The cell that counts if the case is not retried. A timeout only counts if enough others were confirmed; a case
    /// that others disturbed is neither a pass nor a failure.
    pub(super) fn without_retry(self, trust_timeouts: bool) -> Cell {
        match self.doubt {
            None | Some(Doubt::Starved) => self.cell,
            Some(Doubt::TimedOut) if trust_timeouts => self.cell,
            Some(doubt) => Cell {
                verdict: Verdict::Error,
                reason: Some(format!("{doubt}, and the scenario was not retried")),
                ..self.cell
            },
        }
    }
}

/// An observed step, with secrets not yet masked.
struct ObservedStep {
    record: StepRecord,
    /// When it began; `None` if it was not reached.
    began: Option<Instant>,
    raw: Option<Outcome>,
    signature: Option<Signature>,
    problem: Option<String>,
    doubt: Option<Doubt>,
}

impl ObservedStep {
    const fn unreached(record: StepRecord) -> Self {
        Self { record, began: None, raw: None, signature: None, problem: None, doubt: None }
    }
}

impl ObservedStep {
    /// The same with the place where the file says what is expected, if it is not fine. `listed` is a deviation that applies.
    fn written(mut self, step: &StoryStep, listed: Option<(&Source, Span)>) -> Self {
        if self.record.verdict == Verdict::Pass {
            return self;
        }
        let right = match &step.action {
            Action::One(_, Some(right)) => right.span,
            Action::One(_, None) | Action::Together(_) | Action::Repeat(..) => step.span,
        };
        self.record.written = match listed {
            Some((source, span)) => Excerpt::of(source, span, span),
            None => Excerpt::of(&step.source, step.span, right),
        };
        self
    }
}

/// Runs a case on a lane that was booted for it.
///
/// A case that only starts other gateways takes no slot, and restarts do not wait for it.
pub(super) async fn run(lane: &Lane, case: Case<'_>) -> Ran {
    if case.scenario.only_starts_others() {
        return run_now(lane, case, None).await;
    }
    let slot = lane.enter().await;
    let ran = run_now(lane, case, slot).await;
    lane.leave();
    ran
}

async fn run_now(lane: &Lane, case: Case<'_>, slot: Option<SemaphorePermit<'_>>) -> Ran {
    let bindings = lane.bindings(case).await;
    if !lane.is_measured() {
        return run_case(lane, case, bindings, slot).await;
    }
    let ran = run_case(lane, case, bindings, None).await;
    lane.take_executed(&case.scenario.id).await;
    drop(slot);
    ran
}

/// Runs a case and judges it. `slot` is released as soon as nothing is left to do but listen.
async fn run_case(lane: &Lane, case: Case<'_>, bindings: Bindings, slot: Option<SemaphorePermit<'_>>) -> Ran {
    let started = Instant::now();
    let run = CaseRun { context: CaseContext::new(lane, case, bindings, started) };
    let context = &run.context;
    let mut observed = Vec::new();
    let mode = if case.scenario.observe_all { AfterFailure::Continue } else { AfterFailure::Stop };
    run.run_all(&case.scenario.steps, mode, None, &mut observed).await;
    run.run_all(&case.scenario.finally, AfterFailure::Continue, None, &mut observed).await;
    drop(slot);
    // Where every connection may end and nothing is kept of it, a later end says nothing.
    if !lane.is_interrupted() && (lane.keeps_transcripts() || !case.scenario.judges_nothing()) {
        context.sockets.listen_on().await;
    }
    let restarted = run.restart_by_itself(started).await;
    run.fail_unexpected_ends(&mut observed);
    context.sockets.close_all().await;

    context.programs.end().await;
    context.neighbours.end().await;
    let mut doubt = observed.iter().find_map(|step| step.doubt.clone());
    if let Some(how) = restarted {
        if lane.is_shared() {
            doubt = Some(Doubt::Disturbed(format!("the gateway restarted by itself ({how})")));
        } else {
            blame_for_restart(&mut observed, &how);
        }
    }
    if lane.is_shared() && observed.iter().any(|step| !step.record.verdict.is_fine()) {
        doubt = doubt.or(run.superseded(started).await);
    }
    // Where nothing is judged, a step that another one made impossible is an observation like any other.
    let judges_nothing = case.scenario.judges_nothing();
    let verdicts = observed.iter().map(|step| step.record.verdict);
    let mut verdict = overall(verdicts.filter(|one| !judges_nothing || *one != Verdict::Skipped));
    if matches!(verdict, Verdict::Fail | Verdict::Fixed)
        && doubt != Some(Doubt::Starved)
        && let Some(how) = context.network.slowed()
    {
        doubt = Some(Doubt::Slowed(how));
    }
    let death = lane.died(!verdict.is_fine()).await;
    let deciding = observed.iter().find(|step| step.record.verdict == verdict && step.problem.is_some());
    let first = || observed.iter().find(|step| step.problem.is_some());
    let mut reason = deciding.or_else(first).and_then(|step| step.problem.clone());
    if let Some(death) = death {
        verdict = Verdict::Error;
        reason = Some(death);
    }
    if verdict == Verdict::Error && reason.is_none() {
        reason = Some("a step was not run, although everything before it went as expected".to_owned());
    }
    let frames = checked_frames(context).await;
    if let Some(ours) = frames.iter().flat_map(|one| &one.findings).find(|one| one.by == Sender::Harness) {
        verdict = verdict.max(Verdict::Error);
        reason.get_or_insert_with(|| format!("gatecrash sent an invalid frame: {ours}"));
    }
    let frames = frames.map(|Checked { schema, findings }| FramesChecked { schema, findings });
    let mut masker = learn(context, &observed);
    context.learn_stored(&mut masker).await;
    let signature = observed.iter().find_map(|step| step.signature.clone());
    let (log, log_at) = if verdict.is_fine() {
        (Vec::new(), None)
    } else {
        log_lines(&lane.log_since(started).await, first_bad(&observed), &masker)
    };
    let stored = if verdict == Verdict::Pass {
        None
    } else {
        let identity = context.bindings.lock().identity.clone();
        stored::records(lane, case.scenario, &identity, &masker).await
    };
    let cell = Cell {
        scenario: case.scenario.id.clone(),
        target: lane.target().to_owned(),
        release: lane.release(),
        attempt: case.attempt,
        gateway: Some(lane.number()),
        verdict,
        reason: reason.map(|text| shown(&masker, &text)),
        signature,
        duration_ms: millis(started),
        steps: observed.into_iter().map(|step| masked(step, &masker)).collect(),
        transcript: if lane.keeps_transcripts() { context.transcript.masked(0, &masker) } else { Vec::new() },
        log,
        log_at,
        stored,
        retried: None,
        frames,
    };
    let injected = context.network.failure().is_some() && cell.verdict == Verdict::Error;
    Ran { cell, doubt: doubt.filter(|_| !injected), injected }
}

/// Checks the frames against upstream's schema; `None` if there is no schema for them.
async fn checked_frames(context: &CaseContext<'_>) -> Option<Checked> {
    let schema = context.lane.schema().filter(|_| context.scenario.other_releases().is_empty())?;
    // Checking large frames takes a while, and must not hold up the gateway's connections.
    let transcript = context.transcript.clone();
    tokio::task::spawn_blocking(move || transcript.check(&schema)).await.ok()
}

/// When the first step that is not fine began and ended.
fn first_bad(observed: &[ObservedStep]) -> Option<(Instant, Instant)> {
    let step = observed.iter().find(|step| !step.record.verdict.is_fine() && step.began.is_some())?;
    let began = step.began?;
    Some((began, began + Duration::from_millis(step.record.duration_ms)))
}

/// The last lines of a gateway's log, or those around a step; and which of them came during the step.
fn log_lines(
    lines: &[LogLine],
    step: Option<(Instant, Instant)>,
    masker: &Masker,
) -> (Vec<String>, Option<LogStretch>) {
    let last = lines.len().saturating_sub(LOG_LINES);
    let stretch = step.map(|(began, ended)| {
        let from = lines.partition_point(|line| line.at < began);
        (from, lines.partition_point(|line| line.at <= ended + LOGS_LATER).max(from))
    });
    let first = stretch.map_or(last, |(from, _)| last.min(from.saturating_sub(LOG_LINES_BEFORE)));
    let kept: Vec<String> =
        lines.iter().skip(first).take(LOG_LINES).map(|line| masker.line(&line.text)).collect();
    let inside = |at: usize| at.saturating_sub(first).min(kept.len());
    let stretch = stretch.map(|(from, until)| LogStretch { from: inside(from), until: inside(until) });
    (kept, stretch)
}

/// Fails the last step that was run, because the gateway restarted by itself.
fn blame_for_restart(observed: &mut [ObservedStep], how: &str) {
    let last = observed.iter_mut().rev().find(|step| step.raw.is_some());
    let Some(step) = last else { return };
    step.record.verdict = step.record.verdict.max(Verdict::Fail);
    step.record.mismatch = Some(Mismatch {
        at: "gateway".to_owned(),
        expected: "it keeps running (a scenario that makes it restart needs `alone: true`)".to_owned(),
        got: format!("it restarted by itself: {how}"),
    });
    step.signature = Some(Signature::of_restart(&step.record.id));
}

/// Whether to continue with the next steps after one has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterFailure {
    Stop,
    Continue,
}

type StepsFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A case that is being run.
struct CaseRun<'a> {
    context: CaseContext<'a>,
}

impl CaseRun<'_> {
    /// Runs steps in order. `round` is the number of the repetition they belong to, from the second on.
    fn run_all<'a>(
        &'a self,
        steps: &'a [StoryStep],
        mode: AfterFailure,
        round: Option<u32>,
        into: &'a mut Vec<ObservedStep>,
    ) -> StepsFuture<'a> {
        Box::pin(async move {
            for step in steps {
                let stopped = into.iter().any(|one| one.record.verdict >= Verdict::Untestable)
                    || self.context.lane.is_interrupted();
                if stopped && mode == AfterFailure::Stop {
                    into.extend(step_names(step).map(|inner| ObservedStep::unreached(skipped(inner, round))));
                    continue;
                }
                match &step.action {
                    Action::One(one, right) => {
                        let right = right.as_ref().map(|right| &right.value);
                        into.push(self.observe(step, one, right, round).await);
                    }
                    Action::Together(branches) => {
                        let runs = branches.iter().map(|branch| async move {
                            let mut observed = Vec::new();
                            self.run_all(std::slice::from_ref(branch), mode, round, &mut observed).await;
                            observed
                        });
                        into.extend(join_all(runs).await.into_iter().flatten());
                    }
                    Action::Repeat(times, inner) => {
                        for number in 1..=*times {
                            self.run_all(inner, mode, (number > 1).then_some(number), into).await;
                        }
                    }
                }
            }
        })
    }

    async fn observe(
        &self,
        step: &StoryStep,
        one: &Step,
        right: Option<&Expectation>,
        round: Option<u32>,
    ) -> ObservedStep {
        let started = Instant::now();
        let first_entry = self.context.transcript.len();
        let beginning = Beginning { at: started, entry: first_entry };
        self.context.beginnings.lock().insert(step.id.clone(), beginning);
        let stretch = self.context.lane.watch().await;
        self.context.limit.step_begins(longest_wait(one, self.context.lane.timeout()));
        let listed =
            self.judged_by(one).and_then(|release| self.context.scenario.deviation(&step.id, &release));
        let done = async {
            self.context.refresh_home_identity().await;
            let right = right.map(|right| self.fill(right)).transpose()?;
            let expected = listed.map(|(_, listed)| self.fill(&listed.value)).transpose()?;
            let outcome = tokio::select! {
                biased;
                () = self.context.lane.interrupted() => Err(StepError::Interrupted),
                limit = self.context.limit.reached() => {
                    Err(StepError::CaseLimit { limit, awaited: one.as_verb().awaits() })
                }
                outcome = perform(&self.context, one, expected.as_ref().or(right.as_ref())) => outcome,
                failure = self.context.network.fails(), if is_on_a_connection(one) => {
                    Err(StepError::Injected(failure))
                }
            }?;
            Ok::<_, StepError>((outcome, right, expected))
        }
        .await;
        let mut record = skipped(step, round);
        record.duration_ms = millis(started);
        record.first_entry = first_entry;
        record.end_entry = Some(self.context.transcript.len());
        record.deviation = listed.map(|(entry, listed)| listed_deviation(entry, &listed.value, right));
        let observed = match done {
            Ok((outcome, right, expected)) => {
                self.context.sockets.step_done(&record.id, one, &outcome);
                let mut judged = self.judged(record, one, outcome, right, expected.as_ref());
                judged.raw = judged.raw.map(|raw| self.context.allowance.lock().abridge(raw));
                self.doubted(judged, one, &stretch)
            }
            Err(error) => {
                let is_doubtful =
                    matches!(error, StepError::NotOpened(_)) && self.context.lane.starved(&stretch).is_some();
                let doubt = is_doubtful.then_some(Doubt::Starved);
                ObservedStep { doubt, ..self.not_done(record, error) }
            }
        };
        let observed = self.unless_injected(observed);
        let listed = listed.map(|(entry, listed)| (&*entry.source, listed.span));
        let observed = ObservedStep { began: Some(started), ..observed.written(step, listed) };
        let verdict = observed.record.verdict;
        debug!(scenario = self.context.scenario.id, step = step.id, ?verdict, ms = millis(started), "step");
        let mut ended = self.context.ended.lock();
        ended.insert(step.id.clone(), observed.record.verdict);
        drop(ended);
        observed
    }

    /// The step, unless a fault was injected at random that can explain whatever it showed: nothing is judged from then on.
    fn unless_injected(&self, mut observed: ObservedStep) -> ObservedStep {
        let Some(failure) = self.context.network.failure() else { return observed };
        if observed.record.verdict == Verdict::Skipped {
            return observed;
        }
        let StepRecord { id, path, line, .. } = &observed.record;
        observed.problem = Some(format!("step `{id}` ({path}:{line}) is not judged: {failure}"));
        observed.record.verdict = Verdict::Error;
        observed.record.mismatch = None;
        ObservedStep { signature: None, doubt: None, ..observed }
    }

    /// A step that has no outcome. It is only skipped if an earlier step deviated from what is right; otherwise nothing
    /// was observed, which must never look like a success.
    fn not_done(&self, mut record: StepRecord, error: StepError) -> ObservedStep {
        let is_excused = error.missing().is_some_and(|missing| self.context.excuses(&missing));
        let (verdict, text) = match error {
            error if is_excused => {
                record.reason = Some(chain(&error));
                (Verdict::Skipped, None)
            }
            StepError::Untestable(text) => (Verdict::Untestable, Some(text)),
            broken => {
                let place = format!("step `{}` ({}:{})", record.id, record.path, record.line);
                (Verdict::Error, Some(format!("{place} could not be run: {}", chain(&broken))))
            }
        };
        record.verdict = verdict;
        ObservedStep { record, began: None, raw: None, signature: None, problem: text, doubt: None }
    }

    /// Whether an observation may be due to our own timeout, or to a gateway that got no processor time. Silence of a
    /// gateway that could not run means nothing, expected or not; neither does any other failure.
    fn doubted(&self, mut observed: ObservedStep, step: &Step, stretch: &WatchedPeriod) -> ObservedStep {
        if !observed.record.verdict.is_fine()
            && self.context.lane.is_shared()
            && let Some(how) = observed.raw.as_ref().and_then(disturbance)
        {
            observed.doubt = Some(Doubt::Disturbed(format!("step `{}` {how}", observed.record.id)));
            return observed;
        }
        let dropped =
            step.as_verb().works_on().map_or(0, |on| self.context.sockets.dropped_frames(&on.value));
        if observed.raw == Some(Outcome::Silence) && dropped > 0 {
            let how = format!(
                "step `{}` may have missed what it waited for: the gateway sent more than is kept, and {dropped} frames \
                 were dropped",
                observed.record.id
            );
            observed.record.verdict = Verdict::Error;
            observed.problem = Some(how.clone());
            observed.doubt = self.context.lane.is_shared().then_some(Doubt::Disturbed(how));
            return observed;
        }
        let silent = observed.raw == Some(Outcome::Silence) && !step.as_verb().answers_with_silence();
        let failed = !observed.record.verdict.is_fine();
        if !silent && !failed {
            return observed;
        }
        if let Some(how) = self.context.lane.starved(stretch) {
            let got = observed.raw.as_ref().map(ToString::to_string).unwrap_or_default();
            observed.record.verdict = Verdict::Error;
            observed.problem = Some(format!(
                "step `{}`: {got} after {:.1} s, but {how}: {SAYS_NOTHING}",
                observed.record.id,
                seconds(observed.record.duration_ms)
            ));
            observed.doubt = Some(Doubt::Starved);
        } else if silent && failed {
            observed.doubt = Some(Doubt::TimedOut);
            if let Some(mismatch) = &mut observed.record.mismatch {
                mismatch.got = format!(
                    "silence (nothing arrived in {:.1} s, which is gatecrash's own limit)",
                    seconds(observed.record.duration_ms)
                );
            }
        }
        observed
    }

    /// Fails the steps that opened a connection which the gateway ended without any step expecting it.
    fn fail_unexpected_ends(&self, observed: &mut [ObservedStep]) {
        for UnexpectedEnd { opener, connection, end } in self.context.sockets.unexpected_ends() {
            let Some(step) = observed.iter_mut().find(|step| step.record.id == opener) else { continue };
            if step.record.verdict >= Verdict::Fail {
                continue;
            }
            if let Some(failure) = self.context.network.failure() {
                step.record.verdict = Verdict::Error;
                step.problem = Some(format!("the end of `{connection}` is not judged: {failure}"));
                continue;
            }
            step.record.verdict = Verdict::Fail;
            step.record.mismatch = Some(Mismatch {
                at: "afterwards".to_owned(),
                expected: format!("`{connection}` stays open until a step ends it"),
                got: Outcome::of_end(end.clone(), None).to_string(),
            });
            step.signature = Some(Signature::of(&opener, &Outcome::of_end(end, None)));
        }
    }

    /// How the gateway restarted by itself during a case that shares it with others; `None` if it did not.
    async fn restart_by_itself(&self, started: Instant) -> Option<String> {
        if self.context.is_alone() {
            return None;
        }
        let changed = *self.context.changed.lock();
        loop {
            let restarted = self.context.lane.restarted_since(started).await;
            // The gateway's file watcher notices a changed configuration with a delay.
            let may_come = changed.is_some_and(|at| at.elapsed() < RELOADS);
            if restarted.is_some() || !may_come || self.context.lane.is_interrupted() {
                return restarted;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the gateway mistook one of the case's devices for an earlier registration of another case's device.
    /// Measured on 2026.9.6: a silent local pairing removes those of the same client that are older than a minute, and on
    /// a busy gateway the pairings of other cases can be.
    async fn superseded(&self, started: Instant) -> Option<Doubt> {
        const SIGN: &str = "pruned superseded silent pairing";
        let ids: Vec<String> = {
            let bindings = self.context.bindings.lock();
            self.context.scenario.devices.iter().map(|(name, _)| bindings.identity.key(name).id()).collect()
        };
        let of_ours = |line: &str| line.contains(SIGN) && ids.iter().any(|id| line.contains(id.as_str()));
        self.context.lane.find_in_log(&mut Unread::since(started), of_ours).await?;
        Some(Doubt::Disturbed(
            "the gateway removed one of its devices as superseded by another scenario's device".to_owned(),
        ))
    }

    /// The release by which a step is judged: the one that is running, or the one that an upgrade boots.
    fn judged_by(&self, step: &Step) -> Option<Release> {
        match step {
            Step::Upgrade(Upgrade { to: Spanned { value: Destination::Release(release), .. }, .. }) => {
                Some(*release)
            }
            Step::Upgrade(_) => self.context.lane.release(),
            _ => self.context.lane.running(),
        }
    }

    fn fill(&self, expectation: &Expectation) -> Result<Expectation, StepError> {
        let bindings = self.context.bindings.lock();
        Ok(expectation.map_text(&mut |value| bindings.fill(value))?)
    }

    fn judged(
        &self,
        mut record: StepRecord,
        step: &Step,
        outcome: Outcome,
        right: Option<Expectation>,
        listed: Option<&Expectation>,
    ) -> ObservedStep {
        let Some(right) = right else {
            // Nothing is expected of the answer, so it need not have the parts to save either.
            self.capture(step, &outcome);
            record.verdict = Verdict::Pass;
            return ObservedStep {
                record,
                began: None,
                raw: Some(outcome),
                signature: None,
                problem: None,
                doubt: None,
            };
        };
        let Judgement { verdict, mismatch } = judge(&outcome, &right, listed);
        record.verdict = verdict;
        record.mismatch = mismatch;
        record.expected = Some(listed.unwrap_or(&right).to_string());
        let lost = self.capture(step, &outcome);
        if verdict == Verdict::Pass
            && let Some(lost) = lost
        {
            record.verdict = Verdict::Fail;
            record.mismatch = Some(lost);
        }
        let differs =
            matches!(record.verdict, Verdict::Fail | Verdict::Known) || !satisfies(&outcome, &right);
        let signature = differs.then(|| Signature::of(&record.id, &outcome));
        ObservedStep { record, began: None, raw: Some(outcome), signature, problem: None, doubt: None }
    }

    /// Saves the parts of the outcome that the step names; returns a mismatch for the first one that is missing.
    fn capture(&self, step: &Step, outcome: &Outcome) -> Option<Mismatch> {
        let document = outcome.document();
        let mut lost = None;
        for (name, pointer) in step.as_verb().saves()?.iter() {
            let Saved { pointer, fallback } = &pointer.value;
            match document.pointer(pointer).or(fallback.as_ref()) {
                Some(value) => {
                    let mut bindings = self.context.bindings.lock();
                    bindings.capture(&name.value, value.clone());
                }
                None if lost.is_none() => {
                    lost = Some(Mismatch {
                        at: format!("save.{}", name.value),
                        expected: format!("something at {pointer}"),
                        got: outcome.to_string(),
                    });
                }
                None => {}
            }
        }
        lost
    }
}

/// Whether a step opens or uses a connection, and so does nothing but wait for its gateway.
fn is_on_a_connection(step: &Step) -> bool {
    let verb = step.as_verb();
    verb.opens().or(verb.works_on()).is_some() && !verb.is_of_a_program() && !verb.stops_the_gateway()
}

/// The longest single wait of a step: its own, or the usual one; programs and gateways may take minutes to start.
fn longest_wait(step: &Step, usual: Duration) -> Duration {
    const STARTS: Duration = Duration::from_mins(5);
    let verb = step.as_verb();
    let own = verb.patience().map_or(usual, Millis::as_duration).max(usual);
    let starts = verb.is_of_a_program()
        || verb.stops_the_gateway()
        || verb.starts_gateway().is_some()
        || verb.other_release().is_some();
    if starts { own.max(STARTS) } else { own }
}

fn step_names(step: &StoryStep) -> Box<dyn Iterator<Item = &StoryStep> + '_> {
    match &step.action {
        Action::One(..) => Box::new(std::iter::once(step)),
        Action::Together(inner) | Action::Repeat(_, inner) => Box::new(inner.iter().flat_map(step_names)),
    }
}

fn skipped(step: &StoryStep, round: Option<u32>) -> StepRecord {
    let verb = match &step.action {
        Action::One(one, _) => one.verb(),
        Action::Together(_) => "together",
        Action::Repeat(..) => "repeat",
    };
    StepRecord {
        id: round.map_or_else(|| step.id.clone(), |round| format!("{}[{round}]", step.id)),
        verb: verb.to_owned(),
        path: step.source.path.clone(),
        line: step.source.line(step.span),
        written: None,
        verdict: Verdict::Skipped,
        reason: None,
        outcome: None,
        expected: None,
        deviation: None,
        mismatch: None,
        duration_ms: 0,
        first_entry: 0,
        end_entry: None,
        connection: step.connection().map(str::to_owned),
    }
}

fn listed_deviation(
    entry: &StoryDeviation,
    listed: &Expectation,
    right: Option<&Expectation>,
) -> ListedDeviation {
    ListedDeviation {
        class: entry.class,
        security: entry.is_of_security(),
        issue: entry.issue.clone(),
        why: entry.why.clone(),
        right: right.map(ToString::to_string).unwrap_or_default(),
        several: matches!(listed, Expectation::AnyOf(_)),
    }
}

/// A masker that knows every secret of the case: the gateway's, the seeded ones, and those in outcomes.
fn learn(context: &CaseContext<'_>, observed: &[ObservedStep]) -> Masker {
    let mut masker = context.lane.masker();
    let bindings = context.bindings.lock();
    for (name, device) in &context.scenario.devices {
        let seeded = device.paired.iter().flat_map(|seed| ["operator", "node"].map(|role| (seed, role)));
        for (_, role) in seeded {
            let token = seeds::token(&bindings.identity, name, role);
            masker.learn(&token, &format!("{name}'s {role} token"));
        }
    }
    for text in bindings.changed() {
        masker.learn(&text, "changed text");
    }
    for step in observed {
        if let Some(outcome) = &step.raw {
            let name = format!("token of {}", step.record.id);
            learn_issued(&mut masker, &outcome.document(), &name);
        }
    }
    masker
}

fn learn_issued(masker: &mut Masker, document: &serde_json::Value, name: &str) {
    for pointer in ["/auth/deviceToken", "/token"] {
        if let Some(token) = document.pointer(pointer).and_then(serde_json::Value::as_str) {
            masker.learn(token, name);
        }
    }
    masker.learn_from(document);
}

/// The longest text of a mismatch or a reason that is shown.
const SHOWN: usize = 16 << 10;

fn shown(masker: &Masker, text: &str) -> String {
    let mut masked = masker.text(text);
    if masked.len() > SHOWN {
        let bytes = masked.len();
        masked.truncate(masked.floor_char_boundary(SHOWN));
        masked = format!("{masked}… ({bytes} bytes)");
    }
    masked
}

fn masked(step: ObservedStep, masker: &Masker) -> StepRecord {
    let mut record = step.record;
    record.reason = record.reason.map(|text| shown(masker, &text));
    record.outcome = step.raw.map(|raw| mask_outcome(&normalised(&raw), masker));
    record.expected = record.expected.map(|text| shown(masker, &text));
    record.written = record.written.map(|written| written.map_text(|text| masker.text(text)));
    record.mismatch = record.mismatch.map(|one| Mismatch {
        at: one.at,
        expected: shown(masker, &one.expected),
        got: shown(masker, &one.got),
    });
    record
}

fn mask_outcome(outcome: &Outcome, masker: &Masker) -> Outcome {
    let value = serde_json::to_value(outcome).map(|value| masker.value(&value));
    value.and_then(serde_json::from_value).unwrap_or(Outcome::Done)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::test_support::cell;

    #[test]
    fn the_log_around_the_step_in_question_is_kept() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let line = |number: u64| LogLine { at: at(number * 10), text: format!("line {number}") };
        let masker = Masker::default();
        // The step ran from line 20 to line 22; what is logged a little later belongs to it.
        let step = Some((at(200), at(220)));
        let lines: Vec<LogLine> = (0..200).map(line).collect();
        let (kept, stretch) = log_lines(&lines, step, &masker);
        let stretch = stretch.unwrap();
        assert_eq!((kept.len(), kept[0].as_str()), (LOG_LINES, "line 10"));
        assert_eq!((kept[stretch.from].as_str(), kept[stretch.until - 1].as_str()), ("line 20", "line 37"));
        // Without a step, the last lines.
        let (kept, stretch) = log_lines(&lines, None, &masker);
        assert_eq!((kept.len(), kept[LOG_LINES - 1].as_str(), stretch), (LOG_LINES, "line 199", None));
        assert_eq!(log_lines(&[], step, &masker).1, Some(LogStretch::default()));
    }

    #[rstest]
    #[case::passed_beside_a_restart(Verdict::Pass, Some(Doubt::Disturbed("SIGUSR1".into())), true, Verdict::Error)]
    #[case::failed_beside_a_restart(Verdict::Fail, Some(Doubt::Disturbed("SIGUSR1".into())), true, Verdict::Error)]
    #[case::timed_out_as_others_did(Verdict::Fail, Some(Doubt::TimedOut), true, Verdict::Fail)]
    #[case::timed_out_and_interrupted(Verdict::Fail, Some(Doubt::TimedOut), false, Verdict::Error)]
    #[case::undoubted(Verdict::Pass, None, false, Verdict::Pass)]
    fn without_a_retry_a_doubtful_cell_counts_only_if_its_timeout_is_trusted(
        #[case] first: Verdict,
        #[case] doubt: Option<Doubt>,
        #[case] trust_timeouts: bool,
        #[case] counts: Verdict,
    ) {
        let ran = Ran { cell: cell("a", "2026.3.31", first), doubt, injected: false };
        assert_eq!(ran.without_retry(trust_timeouts).verdict, counts);
    }
}
