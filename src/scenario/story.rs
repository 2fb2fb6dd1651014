//! A scenario that is ready to run: tables expanded, reused steps included, every step named.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::capability::Capability;
use super::device::Device;
use super::expect::{Expectation, ExpectationKind};
use super::file::{DeviationClass, Requires};
use super::reference::Reference;
use super::source::Source;
use super::span::{Span, Spanned};
use super::vars::Variable;
use super::verbs::Step;
use crate::release::{Release, ReleaseRange};

/// A scenario ready to run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Permanent id: the path below `scenarios/` without the extension, followed by the name of the row if the file
    /// has a table.
    pub id: String,
    /// The file it is written in.
    pub source: Arc<Source>,
    /// What should happen, in one sentence.
    pub title: String,
    /// Why that is right.
    pub why: String,
    /// Issue or pull request.
    pub issue: Option<String>,
    /// Where the case comes from.
    pub origins: Vec<String>,
    /// Words to select scenarios by.
    pub tags: Vec<String>,
    /// What a target must have.
    pub requires: Requires,
    /// The variables of its file, and of those that it uses, with their values.
    pub vars: Vec<Variable>,
    /// Keys of the gateway's configuration.
    pub config: Map<String, Value>,
    /// The release that boots first, if that is not the target.
    pub starts_on: Option<Release>,
    /// Files to place in the state directory.
    pub files: Map<String, Value>,
    /// Environment variables of the gateway, in addition to those that the harness sets.
    pub env: BTreeMap<String, String>,
    /// Whether it requests a gateway to itself.
    pub alone: bool,
    /// Whether to continue after a step that differs.
    pub observe_all: bool,
    /// Devices by name.
    pub devices: Vec<(String, Device)>,
    /// What happens, in order.
    pub steps: Vec<StoryStep>,
    /// Steps that always run at the end.
    pub finally: Vec<StoryStep>,
    /// Steps whose expectations need not name the reason for a refusal.
    pub vague: Vec<StoryVague>,
    /// Releases that deviate.
    pub deviations: Vec<StoryDeviation>,
}

/// Why the expectation of a step need not name the reason for a refusal.
#[derive(Clone, Debug)]
pub struct StoryVague {
    /// The file it is written in.
    pub source: Arc<Source>,
    /// The name of the step.
    pub step: Spanned<String>,
    /// The reason.
    pub why: String,
}

/// A step with its name and its expectation.
#[derive(Clone, Debug)]
pub struct StoryStep {
    /// Name, unique in the scenario.
    pub id: String,
    /// The file it is written in; for a reused step, that of the scenario it comes from.
    pub source: Arc<Source>,
    /// Its position in the file.
    pub span: Span,
    /// The references in its texts, with their positions.
    pub references: Vec<Spanned<Reference>>,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A single step, and the outcome that is right; `None` if it has no outcome to judge.
    One(Step, Option<Spanned<Expectation>>),
    /// Several steps at the same time.
    Together(Vec<StoryStep>),
    /// Several steps, repeated this many times.
    Repeat(u32, Vec<StoryStep>),
}

/// Releases on which steps have a different outcome.
#[derive(Clone, Debug)]
pub struct StoryDeviation {
    /// The file it is written in.
    pub source: Arc<Source>,
    /// Its position in the file.
    pub span: Span,
    /// The releases it applies to.
    pub releases: ReleaseRange,
    /// What kind of difference it is.
    pub class: DeviationClass,
    /// Whether the releases grant or reveal something that the right outcome refuses; `None` if the entry does not
    /// say.
    pub security: Option<Spanned<bool>>,
    /// The issue that reports it.
    pub issue: Option<String>,
    /// What happens and why.
    pub why: Option<String>,
    /// The outcome of each step that differs, by the step's name.
    pub steps: Vec<(Spanned<String>, Spanned<Expectation>)>,
}

impl StoryStep {
    /// The connection that it opens or uses, as named in the transcript.
    pub fn connection(&self) -> Option<&str> {
        match &self.action {
            Action::One(step, _) => step.as_verb().transcript_of(),
            Action::Together(_) | Action::Repeat(..) => None,
        }
    }
}

impl StoryDeviation {
    /// Whether the releases grant or reveal something that the right outcome refuses.
    pub fn is_of_security(&self) -> bool {
        self.security.as_ref().is_some_and(|one| one.value)
    }
}

impl Scenario {
    /// The same scenario without expectations: every step is done and observed, and none is judged.
    #[must_use]
    pub fn only_observed(mut self) -> Self {
        fn without_expectation(step: &mut StoryStep) {
            match &mut step.action {
                Action::One(_, right) => *right = None,
                Action::Together(inner) | Action::Repeat(_, inner) => {
                    inner.iter_mut().for_each(without_expectation);
                }
            }
        }
        self.steps.iter_mut().chain(&mut self.finally).for_each(without_expectation);
        self.deviations.clear();
        self.observe_all = true;
        self
    }

    /// Whether none of its steps has an expectation.
    pub fn judges_nothing(&self) -> bool {
        let judged = |step: &&StoryStep| matches!(&step.action, Action::One(_, Some(_)));
        !self.all_steps().iter().any(judged)
    }

    /// The outcome listed for a step on a release, with the deviation that lists it.
    pub fn deviation(
        &self,
        step: &str,
        release: &Release,
    ) -> Option<(&StoryDeviation, &Spanned<Expectation>)> {
        self.deviations.iter().filter(|entry| entry.releases.contains(release)).find_map(|entry| {
            entry.steps.iter().find(|(id, _)| id.value == step).map(|(_, expectation)| (entry, expectation))
        })
    }

    /// All steps in the order they are written, including nested ones.
    pub fn all_steps(&self) -> Vec<&StoryStep> {
        fn collect<'a>(steps: &'a [StoryStep], into: &mut Vec<&'a StoryStep>) {
            for step in steps {
                into.push(step);
                if let Action::Together(inner) | Action::Repeat(_, inner) = &step.action {
                    collect(inner, into);
                }
            }
        }
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        collect(&self.finally, &mut all);
        all
    }

    /// Whether any step satisfies `test`.
    pub fn any_step(&self, test: impl Fn(&Step) -> bool) -> bool {
        self.all_steps().iter().any(|step| matches!(&step.action, Action::One(one, _) if test(one)))
    }

    /// Whether it needs a gateway to itself on a release, because it changes what others on the same gateway rely on.
    pub fn is_alone(&self, release: Option<&Release>) -> bool {
        self.alone
            || self.starts_on.is_some()
            || self.any_step(|step| step.as_verb().changes_the_home())
            || self.all_steps().iter().any(|step| self.changes_the_gateway(step, release))
    }

    /// Whether a step calls a method that changes the gateway for all its clients, and may succeed.
    fn changes_the_gateway(&self, step: &StoryStep, release: Option<&Release>) -> bool {
        let Action::One(Step::Call(call), right) = &step.action else { return false };
        let succeeds = |one: &Expectation| one.kinds().contains(&ExpectationKind::Ok);
        let listed = || {
            let holds = |entry: &&StoryDeviation| release.is_none_or(|one| entry.releases.contains(one));
            let steps = self.deviations.iter().filter(holds).flat_map(|entry| &entry.steps);
            steps.filter(|(id, _)| id.value == step.id).any(|(_, listed)| succeeds(&listed.value))
        };
        changes_everybody(&call.method.value)
            && (right.as_ref().is_none_or(|right| succeeds(&right.value)) || listed())
    }

    /// Whether it restarts its gateway.
    pub fn restarts(&self) -> bool {
        self.any_step(|step| matches!(step, Step::Restart(_)))
    }

    /// Whether all its steps start other gateways next to the shared one.
    pub fn only_starts_others(&self) -> bool {
        let steps = self.all_steps();
        let starts = |step: &&StoryStep| matches!(&step.action, Action::One(Step::Start(_), _));
        !steps.is_empty() && steps.iter().all(starts)
    }

    /// The releases that it needs in addition to the target.
    pub fn other_releases(&self) -> Vec<Release> {
        let named = |step: &StoryStep| match &step.action {
            Action::One(one, _) => one.as_verb().other_release(),
            Action::Together(_) | Action::Repeat(..) => None,
        };
        let mut releases: Vec<Release> =
            self.starts_on.into_iter().chain(self.all_steps().into_iter().filter_map(named)).collect();
        releases.sort_unstable();
        releases.dedup();
        releases
    }

    /// Whether it runs programs or named gateways next to the one under test.
    pub fn runs_programs(&self) -> bool {
        self.any_step(|step| step.as_verb().is_of_a_program() || step.as_verb().starts_gateway().is_some())
    }

    /// Whether it uses the agent, which needs a scripted model.
    pub fn has_agent(&self) -> bool {
        self.any_step(|step| matches!(step, Step::Model(_) | Step::AgentTurn(_)))
    }

    /// The capabilities that a target needs: those the scenario requires, and those its steps imply.
    pub fn needs(&self) -> Vec<Capability> {
        let seeded = self.devices.iter().any(|(_, one)| one.paired.is_some() || one.pending.is_some());
        let of_steps = self.all_steps().into_iter().flat_map(|step| match &step.action {
            Action::One(one, _) => one.as_verb().needs(),
            Action::Together(_) | Action::Repeat(..) => Vec::new(),
        });
        let of_the_whole = [
            (Capability::Seed, seeded),
            (Capability::Upgrade, self.starts_on.is_some()),
            (Capability::Config, !self.config.is_empty() || !self.env.is_empty()),
            (Capability::Real, !self.files.is_empty()),
        ];
        let mut needs: Vec<Capability> = self.requires.capabilities.iter().map(|one| one.value).collect();
        needs.extend(of_the_whole.into_iter().filter(|(_, there)| *there).map(|(one, _)| one));
        needs.extend(of_steps);
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}

/// Whether a successful call of a method changes the configuration or the program of the gateway, and so may restart
/// it for all its clients. Measured on 2026.3.31 for `config.patch` and `config.apply`; inferred from their names for
/// the others.
pub fn changes_everybody(method: &str) -> bool {
    let (family, verb) = method.split_once('.').unwrap_or((method, ""));
    match family {
        "config" => matches!(verb, "set" | "patch" | "apply"),
        "update" => verb == "run",
        "gateway" => verb.starts_with("restart"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("config.patch", true)]
    #[case("config.apply", true)]
    #[case("update.run", true)]
    #[case("gateway.restart.request", true)]
    #[case("config.get", false)]
    #[case("config.schema.lookup", false)]
    #[case("update.status", false)]
    #[case("device.pair.list", false)]
    fn methods_that_change_the_gateway_are_recognised(#[case] method: &str, #[case] changes: bool) {
        assert_eq!(changes_everybody(method), changes);
    }
}
