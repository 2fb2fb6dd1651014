//! What the user asks for; stored in the log, so that a bisect can be resumed exactly.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bisect::{Find, Kind, Terms};
use crate::cli::failure::Failure;
use crate::release::Release;
use crate::report::{quoted, shell_line};
use crate::run::{CellName, Folders, Rerun};
use crate::scenario::{Millis, ParseMillisError};

/// How long a step waits where nothing is said.
const TIMEOUT: &str = "10s";

/// How long a build may take where nothing is said.
const BUILD_TIMEOUT: &str = "10m";

/// What the user asks for.
#[derive(clap::Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are switches of a command line, each of its own kind, and not the states of one thing"
)]
pub(super) struct BisectArgs {
    /// The scenario; with a step, nothing else in it counts
    #[arg(value_name = "SCENARIO[#STEP]", required_unless_present_any = ["resume", "replay"])]
    pub(super) scenario: Option<String>,
    /// The folder that scenario ids are counted from [default: as for `run`]
    #[arg(long = "folder", value_name = "DIR")]
    #[serde(default)]
    pub(super) suite_folder: Option<PathBuf>,
    /// A build that is good
    #[arg(long, value_name = "RELEASE|REV", requires = "bad")]
    pub(super) good: Option<String>,
    /// A build that is bad
    #[arg(long, value_name = "RELEASE|REV", requires = "good")]
    pub(super) bad: Option<String>,
    /// What to look for; the good end is the earlier one for a regression, the later one for a fix
    #[arg(long, value_enum, default_value_t)]
    pub(super) find: Find,
    /// Words to use for good and bad
    #[arg(long, value_name = "GOOD,BAD")]
    pub(super) terms: Option<String>,
    /// Take every failure as bad, not only the one that the bad end shows
    #[arg(long)]
    pub(super) any_failure: bool,
    /// List every change over the range, not one
    #[arg(long, conflicts_with = "confidence")]
    pub(super) all_transitions: bool,
    /// Measure again what is known
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Run each build this often; bad is what fails once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeat: u32,
    /// For flaky behaviour: test on until the answer is this likely, such as 0.99
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) confidence: Option<f64>,
    /// How long a step waits for an answer, where the scenario does not say
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = duration)]
    pub(super) timeout: String,
    /// How long a gateway may take to boot [default: as long as its release is known to need]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    #[serde(default)]
    pub(super) boot_timeout: Option<String>,
    /// Seed of all keys and secrets [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// A repository: search its commits, first parents first. With releases as ends, the releases are
    /// searched before, and then the commits between the two that differ
    #[arg(long, value_name = "DIR", requires = "good")]
    pub(super) repo: Option<PathBuf>,
    /// Name a merge as the answer, and do not go on among the commits that it brought in
    #[arg(long, requires = "repo")]
    #[serde(default)]
    pub(super) first_parent: bool,
    /// Shell command that builds a commit, run in a tree of its own
    #[arg(long, value_name = "COMMAND", requires_all = ["repo", "gateway"])]
    pub(super) build: Option<String>,
    /// The gateway of a built tree: path:{dir} or cmd:COMMAND, with {dir} for the tree and {port}
    #[arg(long, value_name = "TARGET", requires = "repo")]
    pub(super) gateway: Option<String>,
    /// A repository that this program knows how to build
    #[arg(long, value_enum, requires = "repo", conflicts_with_all = ["build", "gateway"])]
    pub(super) preset: Option<Preset>,
    /// How long a build may take; one that takes longer is skipped
    #[arg(long, value_name = "DURATION", default_value = BUILD_TIMEOUT, value_parser = duration)]
    pub(super) build_timeout: String,
    /// Put the commit that is found on the earlier end, and take it out of the later one, and measure both
    #[arg(long, requires = "repo")]
    pub(super) ablate: bool,
}

/// Repositories that this program knows how to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Preset {
    /// The gateway's own repository.
    Openclaw,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.5 && *share < 1.0);
    share.ok_or_else(|| "write a share above 0.5 and below 1, such as 0.99".to_owned())
}

/// Checks a duration and keeps its text, which is what the log stores.
fn duration(text: &str) -> Result<String, String> {
    let millis: Millis = text.parse().map_err(|error: ParseMillisError| error.to_string())?;
    if millis.as_duration().is_zero() {
        return Err("it must be longer than nothing".to_owned());
    }
    Ok(text.to_owned())
}

impl BisectArgs {
    /// The words for good and bad.
    pub(super) fn words(&self) -> Result<Terms, Failure> {
        let Some(terms) = &self.terms else {
            return Ok(Terms { good: "good".into(), bad: "bad".into() });
        };
        let pair = terms.split_once(',').map(|(good, bad)| (good.trim(), bad.trim()));
        match pair.filter(|(good, bad)| !good.is_empty() && !bad.is_empty() && good != bad) {
            Some((good, bad)) => Ok(Terms { good: good.to_owned(), bad: bad.to_owned() }),
            None => Err(Failure::usage(format!("`{terms}` are no terms"))
                .hint("write two words, such as --terms works,locked-out")),
        }
    }

    /// Id of the scenario and name of the step.
    pub(super) fn named(&self) -> (&str, Option<&str>) {
        let whole = self.scenario.as_deref().unwrap_or_default();
        whole.split_once('#').map_or((whole, None), |(id, step)| (id, Some(step)))
    }

    /// The ends as releases, where both are.
    pub(super) fn release_ends(&self) -> Option<(Release, Release)> {
        Some((self.good.as_ref()?.parse().ok()?, self.bad.as_ref()?.parse().ok()?))
    }

    /// How long a step waits.
    pub(super) fn step_timeout(&self) -> Duration {
        self.timeout.parse().map_or(Duration::from_secs(30), Millis::as_duration)
    }

    /// How long a gateway may take to boot, where that is said.
    pub(super) fn boot_within(&self) -> Option<Duration> {
        let within: Option<Millis> = self.boot_timeout.as_ref()?.parse().ok();
        within.map(Millis::as_duration)
    }

    /// How long a build may take.
    pub(super) fn build_within(&self) -> Duration {
        self.build_timeout.parse().map_or(Duration::from_mins(10), Millis::as_duration)
    }

    /// What of the question decides about a cell.
    fn rerun(&self) -> Rerun {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let folder = self.suite_folder.as_ref().map(|folder| folder.display().to_string());
        let folders = folder.map(|folder| (self.named().0.to_owned(), folder)).into_iter().collect();
        Rerun {
            folders: Folders::of(folders, 1),
            timeout_ms: Some(millis(self.step_timeout())),
            boot_timeout_ms: self.boot_within().map(millis),
            ..Rerun::default()
        }
    }

    /// The command that shows the change again: a run of a bad release, or a bisect over two commits.
    pub(super) fn reproduce(&self, kind: Kind, before: &str, at: &str) -> String {
        let named = quoted(self.scenario.as_deref().unwrap_or_default());
        let (good, bad) = match self.find {
            Find::Regression => (before, at),
            Find::Fix => (at, before),
        };
        let Some(repo) = self.repo.as_ref().filter(|_| kind == Kind::Commit) else {
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
        if self.find == Find::Fix {
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

    fn wish(more: &serde_json::Value) -> BisectArgs {
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
        Kind::Release,
        "gatecrash run roles/x --gateway 2026.3.31 --timeout 10s --seed 7"
    )]
    #[case(
        json!({"suite_folder": "my suite", "timeout": "2s", "boot_timeout": "4m"}),
        Kind::Release,
        "gatecrash run roles/x --folder 'my suite' --gateway 2026.3.31 --timeout 2s --boot-timeout 240s --seed 7"
    )]
    #[case(
        json!({"repo": "dir", "preset": "openclaw", "suite_folder": "own", "timeout": "2s"}),
        Kind::Commit,
        "gatecrash bisect 'roles/x#node' --good 2026.3.28 --bad 2026.3.31 --folder own --timeout 2s --repo dir \
         --preset openclaw"
    )]
    fn the_line_says_all_that_was_asked_for(
        #[case] asked: serde_json::Value,
        #[case] kind: Kind,
        #[case] line: &str,
    ) {
        assert_eq!(wish(&asked).reproduce(kind, "2026.3.28", "2026.3.31"), line);
    }
}
