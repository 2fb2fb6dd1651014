//! Shows a cell in full: every step with its frames, what was expected, and what came.

use super::Appearance;
use super::difference::{Block, frames, judged, log};
use super::palette::{mark, paint};
use crate::report::difference::reproduce;
use crate::report::frames::frames_of;
use crate::report::standing::Standing;
use crate::run::{Cell, RunRecord};

/// A cell as lines.
pub fn story(record: &RunRecord, cell: &Cell, appearance: &Appearance) -> String {
    let mut block = Block::new(appearance);
    let standing = Standing::of(&record.run.deny, cell);
    let word = paint(appearance.palette.standing(standing), &standing.phrase().to_uppercase());
    let title = paint(appearance.palette.strong(), &format!("{} on {}", cell.scenario, cell.target));
    block.line(&format!("{word} {title}"));
    if let Some(scenario) = record.scenarios.iter().find(|one| one.id == cell.scenario) {
        block.prose("", &scenario.title);
        block.prose("why", &scenario.why);
    }
    if let Some(reason) = &cell.reason {
        block.prose("reason", reason);
    }
    if let Some(retried) = &cell.retried {
        block.prose("retried", retried);
    }
    for step in &cell.steps {
        let standing = Standing::of_step(step);
        let sign = paint(appearance.palette.standing(standing), mark(standing));
        let name = paint(appearance.palette.strong(), &step.id);
        block.line("");
        block.line(&format!("{sign} {name}  {}  {}:{}", step.verb, step.path, step.line));
        judged(&mut block, step);
        frames(&mut block, "", &frames_of(cell, step), usize::MAX);
    }
    block.line("");
    log(&mut block, record, cell);
    block.line(&format!("  reproduce: {}", reproduce(record, cell)));
    block.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::terminal::Palette;

    #[test]
    fn a_cell_reads_as_a_story() {
        let record = RunRecord::of(&sample::events());
        let cell = record.cell("pairing/revoked-node-stays-out", "2026.4.2").unwrap();
        let appearance = Appearance { width: 100, palette: Palette::PLAIN };
        insta::assert_snapshot!(story(&record, cell, &appearance));
    }
}
