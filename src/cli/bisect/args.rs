//! The arguments that define a bisect. They are stored in the log, so that a bisect resumes exactly as it began.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bisect::{
    BisectRequest, BuildMethod, CandidateKind, CommitRequest, Question, RangeEnds, SoughtChange, Terms,
    digest,
};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::vars::{assignment, given};
use crate::error_chain::chain;
use crate::gateway::TargetProvider;
use crate::report::{quoted, shell_line};
use crate::run::{CellName, Folders, Rerun, Settings};
use crate::scenario::{Millis, ParseMillisError, Scenario};

/// Default of `--timeout`.
const TIMEOUT: &str = "10s";

/// Default of `--build-timeout`.
const BUILD_TIMEOUT: &str = "10m";

/// The arguments that define a bisect.
#[derive(clap::Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent switches of a command line")]
pub(super) struct BisectArgs {
    /// The scenario; with a step, the rest of the scenario does not count
    #[arg(value_name = "SCENARIO[#STEP]", required_unless_present_any = ["resume", "replay"])]
    pub(super) scenario: Option<String>,
    /// The folder that scenario ids are relative to [default: as for `run`]
    #[arg(long = "folder", value_name = "DIR")]
    #[serde(default)]
    pub(super) suite_folder: Option<PathBuf>,
    /// Give a variable of the scenario another value than its default (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    #[serde(default)]
    pub(super) vars: Vec<String>,
    /// A release or revision that is good
    #[arg(long, value_name = "RELEASE|REV", requires = "bad")]
    pub(super) good: Option<String>,
    /// A release or revision that is bad
    #[arg(long, value_name = "RELEASE|REV", requires = "good")]
    pub(super) bad: Option<String>,
    /// What to look for; the good end is the earlier one for a regression, the later one for a fix
    #[arg(long, value_enum, default_value_t)]
    pub(super) find: FindArg,
    /// Words to show instead of good and bad
    #[arg(long, value_name = "GOOD,BAD")]
    pub(super) terms: Option<String>,
    /// Count every failure as bad, not just the one that the bad end shows
    #[arg(long)]
    pub(super) any_failure: bool,
    /// Find every change of the range, not just one
    #[arg(long, conflicts_with = "confidence")]
    pub(super) all_transitions: bool,
    /// Ignore stored results and measure again
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Run each build this often; one failure makes it bad
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeat: u32,
    /// For flaky behaviour: keep testing until the answer is this likely, such as 0.99
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) confidence: Option<f64>,
    /// How long a step waits for an answer, unless the scenario says otherwise
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = duration)]
    pub(super) timeout: String,
    /// How long a gateway may take to boot [default: what its release is known to need]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(default)]
    pub(super) boot_timeout: Option<String>,
    /// Seed of all keys and secrets [default: a different one each time]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Search the commits of this repository, first parents first. If the ends are releases, the releases are searched first,
    /// then the commits between the two that differ
    #[arg(long, value_name = "DIR", requires = "good")]
    pub(super) repo: Option<PathBuf>,
    /// Accept a merge as the answer instead of searching the commits it brought in
    #[arg(long, requires = "repo")]
    #[serde(default)]
    pub(super) first_parent: bool,
    /// Shell command that builds a commit, run in a working tree of its own
    #[arg(long, value_name = "COMMAND", requires_all = ["repo", "gateway"])]
    pub(super) build: Option<String>,
    /// The gateway of a built commit: path:{dir} or cmd:COMMAND, with {dir} for the working tree and {port} for the port
    #[arg(long, value_name = "TARGET", requires = "repo")]
    pub(super) gateway: Option<String>,
    /// Build the commits of a well-known repository
    #[arg(long, value_enum, requires = "repo", conflicts_with_all = ["build", "gateway"])]
    pub(super) preset: Option<Preset>,
    /// How long a build may take; a commit whose build takes longer is skipped
    #[arg(long, value_name = "DURATION", default_value = BUILD_TIMEOUT, value_parser = duration)]
    pub(super) build_timeout: String,
    /// Also apply the commit that is found to the earlier end, revert it on the later end, and measure both
    #[arg(long, requires = "repo")]
    pub(super) ablate: bool,
}

/// The kind of change to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FindArg {
    /// The first build that fails
    #[default]
    Regression,
    /// The first build that is right again
    Fix,
}

impl From<FindArg> for SoughtChange {
    fn from(arg: FindArg) -> Self {
        match arg {
            FindArg::Regression => Self::Regression,
            FindArg::Fix => Self::Fix,
        }
    }
}

/// Repositories that gatecrash knows how to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Preset {
    /// The gateway's own repository
    Openclaw,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.5 && *share < 1.0);
    share.ok_or_else(|| "write a number above 0.5 and below 1, such as 0.99".to_owned())
}

/// Checks a duration and keeps its text, as the log stores it.
fn duration(text: &str) -> Result<String, String> {
    let millis: Millis = text.parse().map_err(|error: ParseMillisError| chain(&error))?;
    if millis.as_duration().is_zero() {
        return Err("it must be longer than 0".to_owned());
    }
    Ok(text.to_owned())
}

impl BisectArgs {
    fn terms(&self) -> Result<Terms, Failure> {
        let Some(terms) = &self.terms else {
            return Ok(Terms { good: "good".into(), bad: "bad".into() });
        };
        let pair = terms.split_once(',').map(|(good, bad)| (good.trim(), bad.trim()));
        match pair.filter(|(good, bad)| !good.is_empty() && !bad.is_empty() && good != bad) {
            Some((good, bad)) => Ok(Terms { good: good.to_owned(), bad: bad.to_owned() }),
            None => Err(Failure::usage(format!("`{terms}` is not a pair of different words"))
                .hint("write two words, such as --terms works,locked-out")),
        }
    }

    /// The id of the scenario, and the name of the step if there is one.
    pub(super) fn named(&self) -> (&str, Option<&str>) {
        let whole = self.scenario.as_deref().unwrap_or_default();
        whole.split_once('#').map_or((whole, None), |(id, step)| (id, Some(step)))
    }

    fn question(&self, scenario: &Scenario) -> Result<Question, Failure> {
        Ok(Question {
            scenario: scenario.id.clone(),
            title: scenario.title.clone(),
            path: scenario.source.path.clone(),
            digest: digest(scenario),
            step: self.named().1.map(str::to_owned),
            find: self.find.into(),
            any_failure: self.any_failure,
            repeat: self.repeat,
            confidence: self.confidence,
            terms: self.terms()?,
            all_transitions: self.all_transitions,
        })
    }

    /// What these arguments ask for, with the scenarios they name.
    pub(super) fn request<'a>(
        &self,
        context: &Context,
        provider: &'a TargetProvider,
        scenarios: Vec<Scenario>,
        jobs: usize,
    ) -> Result<BisectRequest<'a>, Failure> {
        let Some(asked) = scenarios.first() else {
            return Err(Failure::usage(format!("`{}` names no scenario", self.named().0)));
        };
        let clock = Arc::clone(&context.now_ms);
        Ok(BisectRequest {
            provider,
            question: self.question(asked)?,
            settings: Settings {
                boot_timeout: self.boot_within(),
                ..Settings::new(self.seed.unwrap_or_default(), self.step_timeout(), clock)
            },
            jobs,
            ends: self.good.clone().zip(self.bad.clone()).map(|(good, bad)| RangeEnds { good, bad }),
            commits: self.repo.as_ref().map(|repo| self.commits(context, repo)).transpose()?,
            use_known: !self.no_cache,
            cache_dir: context.cache_dir.clone(),
            tell: {
                let progress = context.progress.clone();
                Arc::new(move |text| progress.stage(text))
            },
            arguments: serde_json::to_value(self).map_err(Failure::broke)?,
            scenarios,
        })
    }

    fn commits(&self, context: &Context, repo: &Path) -> Result<CommitRequest, Failure> {
        let build = match (self.preset, &self.build, &self.gateway) {
            (Some(Preset::Openclaw), _, _) => BuildMethod::Openclaw,
            (None, build, Some(gateway)) => BuildMethod::Commands {
                build: build.clone().unwrap_or_else(|| "true".to_owned()),
                gateway: gateway.clone(),
            },
            (None, _, None) => {
                return Err(Failure::usage("it is not known how to build and start a commit").hint(
                    "add --build COMMAND and --gateway path:{dir} or cmd:COMMAND, or --preset openclaw",
                ));
            }
        };
        Ok(CommitRequest {
            repository: context.working_dir.join(repo),
            build,
            build_timeout: self.build_within(),
            first_parent: self.first_parent,
            ablate: self.ablate,
            env: context.environment.clone(),
            path: context.path.clone(),
        })
    }

    fn step_timeout(&self) -> Duration {
        self.timeout.parse().map_or(Duration::from_secs(30), Millis::as_duration)
    }

    fn boot_within(&self) -> Option<Duration> {
        let within: Option<Millis> = self.boot_timeout.as_ref()?.parse().ok();
        within.map(Millis::as_duration)
    }

    fn build_within(&self) -> Duration {
        self.build_timeout.parse().map_or(Duration::from_mins(10), Millis::as_duration)
    }

    /// The options that a run of one cell needs.
    fn rerun(&self) -> Rerun {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let folder = self.suite_folder.as_ref().map(|folder| folder.display().to_string());
        let vars = given(&self.vars);
        let folders = folder.map(|folder| (self.named().0.to_owned(), folder)).into_iter().collect();
        Rerun {
            folders: Folders::of(folders, 1),
            timeout_ms: Some(millis(self.step_timeout())),
            boot_timeout_ms: self.boot_within().map(millis),
            vars_of: [(self.named().0.to_owned(), vars.keys().cloned().collect())].into(),
            vars,
            ..Rerun::default()
        }
    }

    /// The command that shows the change again: a run of a bad release, or a bisect over two commits.
    pub(super) fn reproduce(&self, kind: CandidateKind, before: &str, at: &str) -> String {
        let named = quoted(self.scenario.as_deref().unwrap_or_default());
        let (good, bad) = match self.find {
            FindArg::Regression => (before, at),
            FindArg::Fix => (at, before),
        };
        let Some(repo) = self.repo.as_ref().filter(|_| kind == CandidateKind::Commit) else {
            return shell_line(&self.rerun().words(&CellName {
                scenario: self.named().0,
                target: bad,
                seed: self.seed,
                times: self.repeat,
            }));
        };
        let mut text = format!("gatecrash bisect {named} --good {good} --bad {bad}");
        if let Some(folder) = &self.suite_folder {
            text.extend([" --folder ", &quoted(&folder.display().to_string())]);
        }
        for var in &self.vars {
            text.extend([" --var ", &quoted(var)]);
        }
        if self.find == FindArg::Fix {
            text.push_str(" --find fix");
        }
        let spans = [
            (" --timeout ", Some(&self.timeout).filter(|one| *one != TIMEOUT)),
            (" --boot-timeout ", self.boot_timeout.as_ref()),
            (" --build-timeout ", Some(&self.build_timeout).filter(|one| *one != BUILD_TIMEOUT)),
        ];
        for (name, span) in spans {
            if let Some(span) = span {
                text.extend([name, &quoted(span)]);
            }
        }
        if self.any_failure {
            text.push_str(" --any-failure");
        }
        text.extend([" --repo ", &quoted(&repo.display().to_string())]);
        match (&self.preset, &self.build, &self.gateway) {
            (Some(Preset::Openclaw), _, _) => text.push_str(" --preset openclaw"),
            (None, build, gateway) => {
                for (name, value) in [(" --build ", build), (" --gateway ", gateway)] {
                    if let Some(value) = value {
                        text.extend([name, &quoted(value)]);
                    }
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn arguments(more: &serde_json::Value) -> BisectArgs {
        let mut whole = json!({
            "scenario": "roles/x#node", "find": "regression", "any_failure": false, "all_transitions": false,
            "no_cache": false, "repeat": 1, "timeout": TIMEOUT, "seed": 7, "build_timeout": BUILD_TIMEOUT,
            "ablate": false,
        });
        let Some(whole_map) = whole.as_object_mut() else { unreachable!() };
        whole_map.extend(more.as_object().cloned().unwrap_or_default());
        serde_json::from_value(whole).unwrap()
    }

    #[rstest]
    #[case(
        json!({}),
        CandidateKind::Release,
        "gatecrash run roles/x --gateway 2026.3.31 --timeout 10s --seed 7"
    )]
    #[case(
        json!({"suite_folder": "my suite", "timeout": "2s", "boot_timeout": "4m", "vars": ["n=1"]}),
        CandidateKind::Release,
        "gatecrash run roles/x --folder 'my suite' --gateway 2026.3.31 --var n=1 --timeout 2s --boot-timeout 240s --seed 7"
    )]
    #[case(
        json!({"repo": "dir", "preset": "openclaw", "suite_folder": "own", "timeout": "2s", "vars": ["host=a b"]}),
        CandidateKind::Commit,
        "gatecrash bisect 'roles/x#node' --good 2026.3.28 --bad 2026.3.31 --folder own --var 'host=a b' --timeout 2s --repo dir \
         --preset openclaw"
    )]
    fn the_reproduction_keeps_every_relevant_option(
        #[case] asked: serde_json::Value,
        #[case] kind: CandidateKind,
        #[case] line: &str,
    ) {
        assert_eq!(arguments(&asked).reproduce(kind, "2026.3.28", "2026.3.31"), line);
    }
}
