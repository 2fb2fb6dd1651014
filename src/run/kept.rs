//! Gateways that stay up between runs, for a person who edits scenarios and wants to see their verdicts at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Map, Value};

use super::case;
use super::engine::{info, untestable, without_run};
use super::event::{Cell, Event, RUN_FORMAT, RunStarted, TargetInfo};
use super::lane::{Case, Lane, Settings};
use super::record::RunRecord;
use super::rerun::Rerun;
use crate::error_chain::chain;
use crate::gateway::PreparedTarget;
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// The gateways of a target that stay up, one for each configuration.
///
/// A scenario that restarts or changes its gateway gets one of its own each time. The model boots in no time, so that its
/// gateways are not kept.
pub struct KeptGateways {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    /// How many may be up at the same time.
    most: usize,
    /// The gateways, the one that was used last at the end.
    kept: Vec<Kept>,
    rounds: u32,
    booted: usize,
}

struct Kept {
    needs: Needs,
    lane: Lane,
}

/// What a scenario asks of its gateway.
#[derive(Clone, Debug, Default, PartialEq)]
struct Needs {
    config: Map<String, Value>,
    files: Map<String, Value>,
    env: BTreeMap<String, String>,
}

impl Needs {
    fn of(scenario: &Scenario) -> Self {
        Self { config: scenario.config.clone(), files: scenario.files.clone(), env: scenario.env.clone() }
    }

    /// Whether a gateway that is up can be given what is needed.
    fn is_only_config(&self) -> bool {
        self.files.is_empty() && self.env.is_empty()
    }
}

impl KeptGateways {
    /// No gateway yet; at most `most` will be up at the same time.
    pub fn new(prepared: Arc<PreparedTarget>, settings: Settings, most: usize) -> Self {
        Self { prepared, settings, most: most.max(1), kept: Vec::new(), rounds: 0, booted: 0 }
    }

    /// Boots a gateway with the default configuration, so that the first run need not wait for it. The model is not
    /// booted.
    ///
    /// # Errors
    /// Fails, with the reason in words, if it does not come up.
    pub async fn boot_plain(&mut self) -> Result<(), String> {
        if !self.prepared.is_embedded() {
            let lane = self.boot(&[]).await?.one_by_one();
            self.kept.push(Kept { needs: Needs::default(), lane });
        }
        Ok(())
    }

    /// Runs scenarios; each run has its own devices. Whatever breaks is an error in its cells.
    pub async fn run(&mut self, scenarios: &[Scenario]) -> RunRecord {
        let begun = Instant::now();
        self.rounds += 1;
        let started = RunStarted {
            format: RUN_FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            // It is not kept, so nothing can refer to it.
            id: String::new(),
            seed: self.settings.seed,
            started_ms: (self.settings.now_ms)(),
            targets: vec![TargetInfo {
                target: self.prepared.name().to_owned(),
                release: self.prepared.release(),
            }],
            scenarios: scenarios.iter().map(info).collect(),
            repeat: 1,
            deny: Vec::new(),
            rerun: Rerun::default(),
            parts: Vec::new(),
        };
        let cells = self.cells(scenarios).await;
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let interrupted = self.settings.interrupt.is_cancelled();
        let mut events = vec![Event::RunStarted(started)];
        events.extend(cells.into_iter().map(|cell| Event::CellFinished(Box::new(cell))));
        events.push(Event::RunFinished { duration_ms, interrupted });
        RunRecord::of(&events)
    }

    async fn cells(&mut self, scenarios: &[Scenario]) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(scenarios.len());
        let mut groups: Vec<(Needs, Vec<&Scenario>)> = Vec::new();
        for scenario in scenarios {
            if let Some(reason) = untestable(scenario, &self.prepared) {
                cells.push(self.not_run(scenario, Verdict::Untestable, &reason));
            } else if self.needs_its_own(scenario) {
                cells.push(self.run_alone(scenario).await);
            } else {
                let needs = Needs::of(scenario);
                match groups.iter_mut().find(|(known, _)| *known == needs) {
                    Some((_, group)) => group.push(scenario),
                    None => groups.push((needs, vec![scenario])),
                }
            }
        }
        for (needs, group) in groups {
            cells.extend(self.run_group(&needs, &group).await);
        }
        cells
    }

    /// Stops all gateways. Returns what they left behind.
    pub async fn stop(self) -> Vec<String> {
        let mut leaks = Vec::new();
        for kept in self.kept {
            leaks.extend(kept.lane.stop().await.leaks);
        }
        leaks
    }

    fn needs_its_own(&self, scenario: &Scenario) -> bool {
        scenario.is_alone(self.prepared.release().as_ref())
            || scenario.restarts()
            || scenario.has_agent()
            || scenario.only_starts_others()
    }

    /// Runs scenarios with the same needs at the same time. A cell that is in doubt is run again on a gateway of its own.
    async fn run_group(&mut self, needs: &Needs, group: &[&Scenario]) -> Vec<Cell> {
        let attempt = self.rounds;
        let cases: Vec<Case<'_>> = group.iter().map(|scenario| Case { scenario, attempt }).collect();
        let lane = match self.lane(needs, &cases).await {
            Ok(lane) => lane,
            Err(error) => {
                return group.iter().map(|one| self.not_run(one, Verdict::Error, &error)).collect();
            }
        };
        let mut cells = Vec::with_capacity(group.len());
        let mut doubted = Vec::new();
        {
            let mut running: FuturesUnordered<_> =
                cases.iter().map(|case| async { (case.scenario, case::run(&lane, *case).await) }).collect();
            while let Some((scenario, ran)) = running.next().await {
                match ran.doubt {
                    Some(doubt) => doubted.push((scenario, doubt)),
                    None => cells.push(Cell { attempt: 1, ..ran.cell }),
                }
            }
        }
        if lane.is_alive().await && !self.prepared.is_embedded() {
            self.kept.push(Kept { needs: needs.clone(), lane });
        } else {
            lane.stop().await;
        }
        for (scenario, doubt) in doubted {
            let cell = self.run_alone(scenario).await;
            cells.push(Cell { retried: Some(doubt.to_string()), ..cell });
        }
        cells
    }

    /// A gateway with the records of these cases: one that is up if possible.
    async fn lane(&mut self, needs: &Needs, cases: &[Case<'_>]) -> Result<Lane, String> {
        if let Some(at) = self.kept.iter().position(|one| one.needs == *needs) {
            let mut lane = self.kept.remove(at).lane;
            match lane.seed_again(cases).await {
                Ok(()) if lane.is_alive().await => return Ok(lane),
                _ => {
                    lane.stop().await;
                }
            }
        }
        if self.kept.len() >= self.most {
            let Kept { needs: before, lane } = self.kept.remove(0);
            let fits = needs.is_only_config() && before.is_only_config() && lane.can_be_taken_over().await;
            let taken_over = if fits {
                lane.taken_over(self.booted, cases).await.map_err(|(lane, _)| lane)
            } else {
                Err(lane)
            };
            match taken_over {
                Ok((lane, _)) => return Ok(lane.one_by_one()),
                Err(lane) => lane.stop().await,
            };
        }
        Ok(self.boot(cases).await?.one_by_one())
    }

    async fn run_alone(&mut self, scenario: &Scenario) -> Cell {
        let case = Case { scenario, attempt: self.rounds };
        match self.boot(&[case]).await {
            Ok(lane) => {
                let ran = case::run(&lane, case).await;
                lane.stop().await;
                Cell { attempt: 1, ..ran.without_retry(true) }
            }
            Err(error) => self.not_run(scenario, Verdict::Error, &error),
        }
    }

    async fn boot(&mut self, cases: &[Case<'_>]) -> Result<Lane, String> {
        self.booted += 1;
        let booting = Lane::boot(Arc::clone(&self.prepared), self.settings.clone(), self.booted, cases);
        booting.await.map_err(|error| chain(&error))
    }

    fn not_run(&self, scenario: &Scenario, verdict: Verdict, reason: &str) -> Cell {
        without_run(scenario, self.prepared.name(), self.prepared.release(), verdict, reason)
    }
}
