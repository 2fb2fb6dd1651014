//! Running one scenario on a lane, from its first step to its verdict.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::bindings::Bindings;
use super::event::{Cell, ListedDeviation, StepRecord};
use super::lane::Lane;
use super::step::{Stage, Trouble, all};
use super::stored;
use crate::client::Transcript;
use crate::release::Release;
use crate::scenario::{
    Action, Destination, Expectation, Scenario, Spanned, Step, StoryDeviation, StoryStep, Upgrade,
};
use crate::verdict::{
    Judgement, Mismatch, Outcome, Signature, Verdict, judge, normalised, overall, satisfies,
};
use crate::wire::Masker;

/// Gateway log lines that a cell keeps at most.
const LOG_LINES: usize = 60;

/// A scenario on a target, and which repetition of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Which repetition, from 1.
    pub attempt: u32,
}

/// A step as it was observed, secrets still in it.
struct Observed {
    record: StepRecord,
    raw: Option<Outcome>,
    signature: Option<Signature>,
    trouble: Option<String>,
}

impl Observed {
    const fn unreached(record: StepRecord) -> Self {
        Self { record, raw: None, signature: None, trouble: None }
    }
}

/// Runs a case and judges it.
pub(super) async fn run_case(lane: &Lane, case: Case<'_>, bindings: Bindings) -> Cell {
    let started = Instant::now();
    let stage = Stage {
        lane,
        scenario: case.scenario,
        transcript: Transcript::new(started),
        bindings: Mutex::new(bindings),
        connections: Mutex::new(HashMap::new()),
        programs: Mutex::default(),
        started: AtomicUsize::new(0),
    };
    let mut observed = Vec::new();
    stage.run_all(&case.scenario.steps, Mode::StopAtFailure, None, &mut observed).await;
    stage.run_all(&case.scenario.finally, Mode::Always, None, &mut observed).await;
    let open: Vec<_> = stage.connections.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
    all(open.iter().map(|(_, connection)| connection.close(1000)).collect()).await;

    stage.end_programs().await;
    let mut verdict = overall(observed.iter().map(|step| step.record.verdict));
    let death = lane.died(!verdict.is_fine()).await;
    let mut reason = observed.iter().find_map(|step| step.trouble.clone());
    if let Some(death) = death {
        verdict = Verdict::Error;
        reason = Some(death);
    }
    let mut masker = learn(lane, &stage, &observed);
    stage.learn_stored(&mut masker).await;
    let signature = observed.iter().find_map(|step| step.signature.clone());
    let log = if verdict.is_fine() {
        Vec::new()
    } else {
        lane.log_since(started)
            .await
            .iter()
            .rev()
            .take(LOG_LINES)
            .rev()
            .map(|line| masker.text(line))
            .collect()
    };
    let stored = if verdict == Verdict::Pass {
        None
    } else {
        let identity = stage.bindings.lock().unwrap_or_else(PoisonError::into_inner).identity.clone();
        stored::records(lane, case.scenario, &identity, &masker).await
    };
    Cell {
        scenario: case.scenario.id.clone(),
        target: lane.target().to_owned(),
        release: lane.release(),
        attempt: case.attempt,
        gateway: Some(lane.number()),
        verdict,
        reason: reason.map(|text| masker.text(&text)),
        signature,
        duration_ms: millis(started),
        steps: observed.into_iter().map(|step| masked(step, &masker)).collect(),
        transcript: stage.transcript.masked(0, &masker),
        log,
        stored,
    }
}

/// Whether steps go on after one has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    StopAtFailure,
    Always,
}

type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl Stage<'_> {
    /// Runs steps in order. `round` is the number of the repetition they stand in, from the second on.
    fn run_all<'a>(
        &'a self,
        steps: &'a [StoryStep],
        mode: Mode,
        round: Option<u32>,
        into: &'a mut Vec<Observed>,
    ) -> Running<'a> {
        Box::pin(async move {
            for step in steps {
                let stopped = into.iter().any(|one| one.record.verdict >= Verdict::Untestable);
                if stopped && mode == Mode::StopAtFailure {
                    into.extend(step_names(step).map(|inner| Observed::unreached(skipped(inner, round))));
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
                        into.extend(all(runs.collect()).await.into_iter().flatten());
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
    ) -> Observed {
        let started = Instant::now();
        let first_entry = self.transcript.len();
        let listed = self.judged_by(one).and_then(|release| self.scenario.deviation(&step.id, &release));
        let done = async {
            self.look_at_identity().await;
            let right = right.map(|right| self.fill(right)).transpose()?;
            let expected = listed.map(|(_, listed)| self.fill(&listed.value)).transpose()?;
            let outcome = self.perform(one, expected.as_ref().or(right.as_ref())).await?;
            Ok::<_, Trouble>((outcome, right, expected))
        }
        .await;
        let mut record = skipped(step, round);
        record.duration_ms = millis(started);
        record.first_entry = first_entry;
        record.end_entry = Some(self.transcript.len());
        record.deviation = listed.map(|(entry, listed)| listed_deviation(entry, &listed.value, right));
        match done {
            Ok((outcome, right, expected)) => self.judged(record, one, outcome, right, expected.as_ref()),
            Err(trouble) => {
                let (verdict, text) = match trouble {
                    Trouble::Unreached(_) => (Verdict::Skipped, None),
                    Trouble::Untestable(text) => (Verdict::Untestable, Some(text)),
                    Trouble::Broken(text) => (Verdict::Error, Some(text)),
                };
                record.verdict = verdict;
                Observed { record, raw: None, signature: None, trouble: text }
            }
        }
    }

    /// The release that a step is judged by: the one that runs, or that an upgrade boots.
    fn judged_by(&self, step: &Step) -> Option<Release> {
        match step {
            Step::Upgrade(Upgrade { to: Spanned { value: Destination::Release(release), .. }, .. }) => {
                Some(*release)
            }
            Step::Upgrade(_) => self.lane.release(),
            _ => self.lane.running(),
        }
    }

    fn fill(&self, expectation: &Expectation) -> Result<Expectation, Trouble> {
        let bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(expectation.map_text(&mut |value| bindings.fill(value))?)
    }

    fn judged(
        &self,
        mut record: StepRecord,
        step: &Step,
        outcome: Outcome,
        right: Option<Expectation>,
        listed: Option<&Expectation>,
    ) -> Observed {
        let Some(right) = right else {
            record.verdict = Verdict::Pass;
            return Observed { record, raw: Some(outcome), signature: None, trouble: None };
        };
        let class = record.deviation.as_ref().map(|deviation| deviation.class);
        let Judgement { verdict, mismatch } = judge(&outcome, &right, listed.zip(class));
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
        Observed { record, raw: Some(outcome), signature, trouble: None }
    }

    /// Keeps what the step saves; the first part that is not there comes back.
    fn capture(&self, step: &Step, outcome: &Outcome) -> Option<Mismatch> {
        let document = outcome.document();
        let mut lost = None;
        for (name, pointer) in step.saves()?.iter() {
            match document.pointer(&pointer.value) {
                Some(value) => {
                    let mut bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
                    bindings.capture(&name.value, value.clone());
                }
                None if lost.is_none() => {
                    lost = Some(Mismatch {
                        at: format!("save.{}", name.value),
                        expected: format!("something at {}", pointer.value),
                        got: outcome.to_string(),
                    });
                }
                None => {}
            }
        }
        lost
    }
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
        verdict: Verdict::Skipped,
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

/// Every secret of the case: the gateway's, the seeded ones, and those that came back.
fn learn(lane: &Lane, stage: &Stage<'_>, observed: &[Observed]) -> Masker {
    let mut masker = lane.masker();
    let bindings = stage.bindings.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, device) in &stage.scenario.devices {
        let seeded = device.paired.iter().flat_map(|seed| ["operator", "node"].map(|role| (seed, role)));
        for (_, role) in seeded {
            let token = super::seeds::token(&bindings.identity, name, role);
            masker.learn(&token, &format!("{name}'s {role} token"));
        }
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

fn masked(step: Observed, masker: &Masker) -> StepRecord {
    let mut record = step.record;
    record.outcome = step.raw.map(|raw| mask_outcome(&normalised(&raw), masker));
    record.expected = record.expected.map(|text| masker.text(&text));
    record.mismatch = record.mismatch.map(|one| Mismatch {
        at: one.at,
        expected: masker.text(&one.expected),
        got: masker.text(&one.got),
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
