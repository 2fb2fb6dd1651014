//! `gatecrash show`: shows a stored run.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::undone;
use crate::run::{Cell, RunRecord};
use crate::suggest::question;

/// Show a stored run, or one cell of it with every frame.
///
/// Exit codes: 0 shown, 4 shown, but the run was cut off or lacks planned cells, 130 shown, but the run was interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file of events, a JSON report, the id of a stored run, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// A cell: SCENARIO@TARGET, or SCENARIO for all targets
    #[arg(value_name = "CELL")]
    cell: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let record = stored::read(context, &args.run)?.record;
    let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
    let Some(name) = &args.cell else {
        context.print(&terminal::render(&record, &appearance))?;
        return Ok(Exit::of_stored(&record));
    };
    let stories: Vec<String> =
        cells(&record, name)?.into_iter().map(|cell| terminal::story(&record, cell, &appearance)).collect();
    context.print(&stories.join("\n"))?;
    stored::warn(&args.run, &record);
    Ok(Exit::of_stored(&record))
}

/// The cells that a name refers to.
fn cells<'a>(record: &'a RunRecord, name: &str) -> Result<Vec<&'a Cell>, Failure> {
    let (scenario, target) = match name.split_once('@') {
        Some((scenario, target)) => (scenario, Some(target)),
        None => (name, None),
    };
    let matches =
        |cell: &&Cell| cell.scenario == scenario && target.is_none_or(|target| cell.target == target);
    let found: Vec<&Cell> = record.cells.iter().filter(matches).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let unfinished = record
        .unfinished
        .iter()
        .find(|one| one.scenario == scenario && target.is_none_or(|target| one.target == target));
    if let Some(one) = unfinished {
        let message = format!("{} on {} {}", one.scenario, one.target, undone::why(record, one));
        return Err(Failure::new(Exit::of_run(record), message));
    }
    let failure = Failure::usage(format!("the run has no cell `{name}`"));
    let known = record.scenarios.iter().any(|one| one.id == scenario);
    let (word, names): (&str, Vec<&str>) = if known {
        (target.unwrap_or_default(), record.targets.iter().map(|one| one.target.as_str()).collect())
    } else {
        (scenario, record.scenarios.iter().map(|one| one.id.as_str()).collect())
    };
    let hint = question(word, names.iter().copied());
    Err(failure.hint(hint.unwrap_or_else(|| format!("it has {}", names.join(", ")))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Event;
    use crate::run::test_support::{cell, started};
    use crate::verdict::Verdict;

    #[test]
    fn a_cell_is_found_by_scenario_and_target() {
        let mut events = vec![started(&["a/x", "a/y"], &["2026.3.28", "2026.3.31"])];
        events.push(Event::CellStarted { scenario: "a/y".into(), target: "2026.3.31".into(), attempt: 1 });
        for target in ["2026.3.28", "2026.3.31"] {
            events.push(Event::CellFinished(Box::new(cell("a/x", target, Verdict::Pass))));
        }
        let record = RunRecord::of(&events);
        assert_eq!(cells(&record, "a/x").unwrap().len(), 2);
        assert_eq!(cells(&record, "a/x@2026.3.31").unwrap()[0].target, "2026.3.31");
        assert_eq!(cells(&record, "a/xx").unwrap_err().advice(), "did you mean `a/x`?");
        assert_eq!(cells(&record, "a/x@2026.3.30").unwrap_err().advice(), "did you mean `2026.3.31`?");
        let missing = cells(&record, "a/y@2026.3.31").unwrap_err();
        assert_eq!(missing.message(), "a/y on 2026.3.31 was running when the run was cut off");
        assert_eq!(missing.exit(), Exit::Broke);
    }
}
