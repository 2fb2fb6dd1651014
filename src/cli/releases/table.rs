//! Releases as tables of plain text.

use comfy_table::{CellAlignment, Table, TableStyle};

use super::size::megabytes;
use crate::gateway::install::{AvailableRelease, Installed};
use crate::release::Release;

/// What is installed, and how much room the whole cache takes, in bytes.
pub(super) fn installed_table(installed: &[Installed], total: u64) -> String {
    let mut table = new_table(&["release", "size", "node", "installed", "last used", ""]);
    for one in installed {
        table.add_row([
            one.release.to_string(),
            megabytes(one.bytes),
            one.node.clone(),
            day(one.installed),
            day(one.last_used),
            if one.whole { String::new() } else { "damaged".to_owned() },
        ]);
    }
    if let Some(sizes) = table.column_mut(1) {
        sizes.set_cell_alignment(CellAlignment::Right);
    }
    let text =
        format!("{table}\n\nThe cache takes {}; releases share most of their files.\n", megabytes(total));
    trim_lines(&text)
}

/// What is published, and which of it is installed.
pub(super) fn available_table(available: &[AvailableRelease], installed: &[Release]) -> String {
    let mut table = new_table(&["release", "published", ""]);
    for one in available {
        let here = if installed.contains(&one.release) { "installed" } else { "" };
        let published = one.published.map(day).unwrap_or_default();
        table.add_row([one.release.to_string(), published, here.to_owned()]);
    }
    trim_lines(&format!("{table}\n"))
}

fn day(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(head);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table
}

/// Cells are padded to their column; at the end of a line nobody wants that.
fn trim_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_releases_are_a_table() {
        let time = "2026-11-22T12:00:00Z".parse().unwrap();
        let one = |release: &str, whole| Installed {
            release: release.parse().unwrap(),
            installed: time,
            last_used: time,
            bytes: 622_788_608,
            node: "24.21.0".into(),
            whole,
        };
        let table = installed_table(&[one("2026.3.31", true), one("2026.2.2-3", false)], 1_900_000_000);
        insta::assert_snapshot!(table, @r"
        release       size  node     installed   last used
        2026.3.31   623 MB  24.21.0  2026-11-22  2026-11-22
        2026.2.2-3  623 MB  24.21.0  2026-11-22  2026-11-22  damaged

        The cache takes 1900 MB; releases share most of their files.
        ");
    }

    #[test]
    fn published_releases_are_a_table() {
        let time = "2026-04-01T12:00:00Z".parse().unwrap();
        let one =
            |release: &str, published| AvailableRelease { release: release.parse().unwrap(), published };
        let list = [one("2026.3.28", None), one("2026.3.31", Some(time))];
        insta::assert_snapshot!(available_table(&list, &[list[1].release]), @r"
        release    published
        2026.3.28
        2026.3.31  2026-04-01  installed
        ");
    }
}
