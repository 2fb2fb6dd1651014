//! Joins the parts of a run that was distributed over machines.

use crate::run::{Deny, Event, PlannedPart, RunStarted};

/// Why runs cannot be joined.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// No run was given.
    #[error("there is no run to join")]
    Nothing,
    /// A run has no first event.
    #[error("run number {0} has no beginning")]
    NoStart(usize),
    /// The runs have different seeds, so the commands to reproduce cells would be wrong.
    #[error("the runs have different seeds ({one} and {other}): give every part the same --seed")]
    Seeds {
        /// The seed of the first run.
        one: u64,
        /// The seed of another run.
        other: u64,
    },
    /// The runs have different options, so their cells were not judged alike.
    #[error(
        "the runs have different options: give every part the same --timeout, --boot-timeout, --assume-release and --allow-remote"
    )]
    Options,
}

/// Joins the events of several runs into those of one.
///
/// The joined run has all rows and columns. A cell that is in several runs counts as repeated. If a part was cut off, so is
/// the joined run.
///
/// # Errors
/// Fails if the runs do not belong together.
pub fn merge(runs: Vec<Vec<Event>>) -> Result<Vec<Event>, MergeError> {
    let mut whole: Option<RunStarted> = None;
    let mut events = Vec::new();
    let mut gateways = 0;
    let mut duration = 0;
    let mut interrupted = false;
    let mut cut_off = false;
    for (number, run) in (1..).zip(runs) {
        let mut run = run.into_iter();
        let Some(Event::RunStarted(started)) = run.next() else { return Err(MergeError::NoStart(number)) };
        match &mut whole {
            None => whole = Some(RunStarted { parts: started.planned(), ..started }),
            Some(whole) => join(whole, started)?,
        }
        let first = gateways;
        let mut ended = false;
        for mut event in run {
            if let Some(gateway) = gateway_of(&mut event) {
                *gateway += first;
                gateways = gateways.max(*gateway + 1);
            }
            match event {
                Event::RunFinished { duration_ms, interrupted: early } => {
                    ended = true;
                    duration = duration.max(duration_ms);
                    interrupted |= early;
                }
                other => events.push(other),
            }
        }
        cut_off |= !ended;
    }
    let mut whole = whole.ok_or(MergeError::Nothing)?;
    if whole.targets.iter().all(|target| target.release.is_some()) {
        whole.targets.sort_by_key(|target| target.release);
    }
    whole.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
    let all = [PlannedPart { scenarios: ids(&whole), targets: names(&whole), repeat: whole.repeat }];
    if whole.parts == all {
        whole.parts.clear();
    }
    events.insert(0, Event::RunStarted(whole));
    if !cut_off {
        events.push(Event::RunFinished { duration_ms: duration, interrupted });
    }
    Ok(events)
}

fn join(whole: &mut RunStarted, part: RunStarted) -> Result<(), MergeError> {
    if whole.seed != part.seed {
        return Err(MergeError::Seeds { one: whole.seed, other: part.seed });
    }
    if !whole.rerun.is_like(&part.rerun) {
        return Err(MergeError::Options);
    }
    let ids = |started: &RunStarted| started.scenarios.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    let (own, theirs) = (ids(whole), ids(&part));
    whole.rerun.join(&part.rerun, &own, &theirs);
    whole.started_ms = whole.started_ms.min(part.started_ms);
    whole.repeat = whole.repeat.max(part.repeat);
    whole.parts.extend(part.planned());
    let more: Vec<Deny> = part.deny.into_iter().filter(|one| !whole.deny.contains(one)).collect();
    whole.deny.extend(more);
    for target in part.targets {
        if !whole.targets.contains(&target) {
            whole.targets.push(target);
        }
    }
    for scenario in part.scenarios {
        if whole.scenarios.iter().all(|known| known.id != scenario.id) {
            whole.scenarios.push(scenario);
        }
    }
    Ok(())
}

fn ids(run: &RunStarted) -> Vec<String> {
    run.scenarios.iter().map(|one| one.id.clone()).collect()
}

fn names(run: &RunStarted) -> Vec<String> {
    run.targets.iter().map(|one| one.target.clone()).collect()
}

/// The number of the gateway that an event is about.
fn gateway_of(event: &mut Event) -> Option<&mut usize> {
    match event {
        Event::GatewayStarting { gateway, .. }
        | Event::GatewayReady { gateway, .. }
        | Event::GatewayFailed { gateway, .. }
        | Event::GatewayStopped { gateway, .. } => Some(gateway),
        Event::CellFinished(cell) => cell.gateway.as_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::run::test_support::{cell, finished, started};
    use crate::run::{Ending, RunRecord};
    use crate::verdict::Verdict;

    /// The sample, split into the parts that two machines would have run.
    fn parts() -> (Vec<Event>, Vec<Event>) {
        let mut parts = (Vec::new(), Vec::new());
        for event in sample::events() {
            match &event {
                Event::RunStarted(started) => {
                    let (one, other): (Vec<_>, Vec<_>) =
                        started.scenarios.iter().cloned().partition(|one| one.id.starts_with("pairing"));
                    parts.0.push(Event::RunStarted(RunStarted { scenarios: one, ..started.clone() }));
                    parts.1.push(Event::RunStarted(RunStarted { scenarios: other, ..started.clone() }));
                }
                Event::CellFinished(cell) if cell.scenario.starts_with("pairing") => parts.0.push(event),
                Event::CellFinished(_) => parts.1.push(event),
                _ => {
                    parts.0.push(event.clone());
                    parts.1.push(event);
                }
            }
        }
        parts
    }

    #[test]
    fn joined_parts_give_the_whole_run() {
        let (one, other) = parts();
        let merged = RunRecord::of(&merge(vec![other, one]).unwrap());
        let whole = RunRecord::of(&sample::events());
        assert_eq!(merged.scenarios, whole.scenarios);
        assert_eq!(merged.targets, whole.targets);
        assert_eq!((&merged.timelines, merged.summary), (&whole.timelines, whole.summary));
        assert_eq!(merged.gateways.len(), 2 * whole.gateways.len());
        assert!(!merged.run.interrupted);
        let gateway = |record: &RunRecord, cell: &crate::run::Cell| {
            cell.gateway.map(|number| record.gateways[number].target.clone())
        };
        for (one, other) in merged.cells.iter().zip(&whole.cells) {
            assert_eq!(gateway(&merged, one), gateway(&whole, other), "gateways are numbered anew");
        }
    }

    #[test]
    fn a_part_that_was_cut_off_makes_the_joined_run_cut_off() {
        let (one, mut other) = parts();
        other.truncate(other.len() - 5);
        let merged = merge(vec![one, other]).unwrap();
        let record = RunRecord::of(&merged);
        assert_eq!(record.ending(), Ending::CutOff);
        assert!(record.summary.not_run > 0);
        let again = RunRecord::of(&merge(vec![merged]).unwrap());
        assert_eq!(again.unfinished, record.unfinished, "merging again loses nothing");
    }

    #[test]
    fn a_part_that_was_interrupted_makes_the_joined_run_interrupted() {
        let (one, mut other) = parts();
        if let Some(Event::RunFinished { interrupted, .. }) = other.last_mut() {
            *interrupted = true;
        }
        assert_eq!(RunRecord::of(&merge(vec![one, other]).unwrap()).ending(), Ending::Interrupted);
    }

    #[test]
    fn a_cell_that_no_part_planned_is_not_missing() {
        let part = |scenario: &str, target: &str| {
            let done = Event::CellFinished(Box::new(cell(scenario, target, Verdict::Pass)));
            vec![started(&[scenario], &[target]), done, finished()]
        };
        let merged = merge(vec![part("a", "2026.3.28"), part("b", "2026.3.31")]).unwrap();
        assert_eq!(RunRecord::of(&merged).ending(), Ending::Whole);
    }

    #[test]
    fn runs_that_do_not_belong_together_are_refused() {
        assert_eq!(merge(vec![]), Err(MergeError::Nothing));
        assert_eq!(merge(vec![vec![]]), Err(MergeError::NoStart(1)));
        let (one, mut other) = parts();
        if let Some(Event::RunStarted(started)) = other.first_mut() {
            started.seed = 8;
        }
        assert_eq!(merge(vec![one, other]), Err(MergeError::Seeds { one: 7, other: 8 }));
    }
}
