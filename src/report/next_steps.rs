//! What to try next after a difference.

use super::difference::{deciding_step, quoted, shell_line};
use super::explain::explain;
use crate::run::{Cell, RunRecord};
use crate::verdict::{Outcome, Verdict};

/// A command, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    /// The command line.
    pub(crate) command: String,
    /// What it shows.
    pub(crate) why: String,
}

/// The prefix of targets that are models of releases.
const EMBEDDED: &str = "embedded";

/// What to try next, the most telling first.
pub(crate) fn next_steps(record: &RunRecord, cell: &Cell) -> Vec<NextStep> {
    let mut found = Vec::new();
    let mut add = |command: String, why: &str| found.push(NextStep { command, why: why.to_owned() });
    if let Some(word) = telling_word(cell) {
        add(format!("gatecrash explain {}", quoted(&word)), "what it means, and since when");
    }
    let name = quoted(&format!("{}@{}", cell.scenario, cell.target));
    let is_kept = !record.run.id.is_empty();
    if !cell.transcript.is_empty() && is_kept {
        add(format!("gatecrash show {} {name}", record.run.id), "every frame, in full");
    }
    match cell.verdict {
        Verdict::Fail => {
            if let Some(search) = search(record, cell) {
                add(search.command, &search.why);
            }
        }
        Verdict::Fixed if is_kept => add(
            format!("gatecrash expect update --from {}", record.run.id),
            "takes this release out of the deviation's range",
        ),
        Verdict::Error => add(broken_again(record, cell), "what the engine did until it broke"),
        _ => {}
    }
    found
}

/// The command that runs a broken cell again with a log.
fn broken_again(record: &RunRecord, cell: &Cell) -> String {
    let mut words: Vec<String> =
        ["gatecrash", "-vv", "run", &cell.scenario, "--gateway", &cell.target].map(str::to_owned).into();
    words.extend(given(record, cell));
    shell_line(&words)
}

/// The values that the command line gave to variables of the scenario.
fn given<'a>(record: &'a RunRecord, cell: &Cell) -> impl Iterator<Item = String> + 'a {
    record.run.rerun.given_vars(&cell.scenario).flat_map(|given| ["--var".to_owned(), given])
}

/// The word of an outcome that says most: the reason, else the detail code, the error code, the close code.
fn telling_word(cell: &Cell) -> Option<String> {
    let outcome = deciding_step(cell)?.outcome.as_ref()?;
    let error = outcome.error();
    let detail = |key: &str| error.and_then(|one| one.detail(key)).map(str::to_owned);
    let code = match outcome {
        Outcome::Closed { close, .. } => close.code,
        Outcome::Http { status, .. } => Some(*status),
        _ => None,
    };
    let error_code = error.map(|one| one.code.clone());
    let words = [detail("reason"), detail("code"), error_code, code.map(|code| code.to_string())];
    words.into_iter().flatten().find(|word| !explain(word).is_empty())
}

/// How to find where the behaviour changed; for a model, whether the release does the same.
fn search(record: &RunRecord, cell: &Cell) -> Option<NextStep> {
    let release = cell.release?;
    let scenario = cell.scenario.clone();
    let folder = record.run.rerun.folders.folder(&scenario).map(str::to_owned);
    let mut words: Vec<String> = vec!["gatecrash".into()];
    let why = if cell.target.starts_with(EMBEDDED) {
        words.extend(["run".into(), scenario, "--gateway".into(), release.to_string()]);
        format!("whether {release} itself does what its model does")
    } else if cell.target.parse() == Ok(release) {
        words.extend(["bisect".into(), scenario]);
        let good = record.cells.iter().filter(|one| one.scenario == cell.scenario);
        let good = good.filter(|one| one.verdict == Verdict::Pass && one.release < Some(release));
        match good.filter_map(|one| one.release).max() {
            Some(good) => {
                words.extend(["--good".into(), good.to_string(), "--bad".into(), release.to_string()]);
                "the release that changed it".to_owned()
            }
            None => "the releases on which it changed".to_owned(),
        }
    } else {
        return None;
    };
    words.extend(folder.into_iter().flat_map(|folder| ["--folder".to_owned(), folder]));
    words.extend(given(record, cell));
    Some(NextStep { command: shell_line(&words), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::difference::differences;
    use crate::report::sample;

    #[test]
    fn every_difference_has_something_to_try() {
        let record = RunRecord::of(&sample::events());
        let commands: Vec<Vec<String>> = differences(&record)
            .iter()
            .map(|one| next_steps(&record, one.cell).into_iter().map(|next| next.command).collect())
            .collect();
        insta::assert_snapshot!(
            commands.iter().map(|list| list.join("\n")).collect::<Vec<_>>().join("\n--\n")
        );
    }

    #[test]
    fn of_a_model_the_release_itself_is_asked() {
        let record = RunRecord::of(&sample::events());
        let mut cell = differences(&record)[0].cell.clone();
        cell.target = "embedded:2026.4.1".into();
        let next = search(&record, &cell).unwrap();
        assert!(next.command.starts_with("gatecrash run pairing/"), "{next:?}");
        assert!(next.command.ends_with("--gateway 2026.4.1"), "{next:?}");
        cell.target = "path:/somewhere".into();
        assert_eq!(search(&record, &cell), None);
    }

    #[test]
    fn values_of_variables_are_repeated() {
        let mut record = RunRecord::of(&sample::events());
        let cell = differences(&record)[0].cell.clone();
        record.run.rerun.vars = [("host".to_owned(), "my host".to_owned())].into();
        record.run.rerun.vars_of = [(cell.scenario.clone(), vec!["host".to_owned()])].into();
        let next = search(&record, &cell).unwrap();
        assert!(next.command.ends_with("--var 'host=my host'"), "{next:?}");
    }
}
