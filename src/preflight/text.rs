//! A preflight for people.

use std::fmt::Write;

use super::devices::Credential;
use super::judge::{Answer, Fate};
use super::report::{Preflight, Row};
use crate::release::{Release, are_neighbours};
use crate::report::text::{cut_middle, padded, width, wrap};

/// Widest name of a device in the table.
const NAME: usize = 34;

/// Columns of running text.
const WIDE: usize = 96;

/// The table of devices, what the table means, and what to do. No token is in it.
pub fn text(found: &Preflight) -> String {
    let to = &found.to.target;
    let from = found.from.as_ref().map(|from| from.target.as_str());
    let mut out = match from {
        Some(from) => format!("Upgrade from {from} to {to}\n\n"),
        None => format!("Upgrade to {to} (from an unknown release: what was approved counts as working)\n\n"),
    };
    out.push_str(&table(found, from, to));
    out.push('\n');
    let count = |fate: Fate| found.rows.iter().filter(|row| row.fate == fate).count();
    let broken = count(Fate::Breaks);
    let _ = match broken {
        0 => writeln!(out, "No device breaks: each that works now goes on working."),
        1 => writeln!(out, "1 reconnect breaks."),
        more => writeln!(out, "{more} reconnects break."),
    };
    out.push_str(&place(found));
    out.push_str(&exec(found));
    let advice: Vec<String> = found.rows.iter().filter_map(|row| advice(row, from, to)).collect();
    if !advice.is_empty() {
        out.push_str("\nWhat to do\n");
        for one in advice {
            for (at, line) in wrap(&one, WIDE).iter().enumerate() {
                let _ = writeln!(out, "  {} {line}", if at == 0 { "-" } else { " " });
            }
        }
    }
    out.push_str(
        "\nEach device was asked about as a client on the gateway's own machine. One that comes over the network \
         is never\napproved silently, so a role or scope that needs approval here needs it there too.\n",
    );
    for note in &found.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let sides = found.from.iter().chain([&found.to]);
    for (side, leak) in sides.flat_map(|side| side.leaks.iter().map(move |leak| (side, leak))) {
        let _ = writeln!(out, "leak: {}: {leak}", side.target);
    }
    out
}

/// Which release to blame, where it is not plain that it is the new one.
fn place(found: &Preflight) -> String {
    let changes = |row: &Row| row.before.as_ref().is_some_and(|before| *before != row.after);
    let release = |target: &str| target.parse::<Release>().ok();
    let ends = found.from.as_ref().and_then(|from| release(&from.target).zip(release(&found.to.target)));
    match ends {
        Some((from, to)) if found.rows.iter().any(changes) && !are_neighbours(from, to) => format!(
            "What changes came somewhere between {} and {}: only these two were asked.\n",
            from.min(to),
            from.max(to)
        ),
        _ => String::new(),
    }
}

/// What becomes of the exec tool, which talks to the gateway with an identity of its own.
fn exec(found: &Preflight) -> String {
    let Some(after) = &found.to.exec else { return String::new() };
    let to = &found.to.target;
    let mut text = match found.from.as_ref().and_then(|from| Some((&from.target, from.exec.as_ref()?))) {
        Some((from, before)) if before == after => format!("Exec {after}, on {from} and on {to}."),
        Some((from, before)) => format!("Exec {before} on {from}; on {to} it {after}."),
        None => format!("Exec {after} on {to}."),
    };
    if found.exec_breaks() {
        text.push_str(" IT BREAKS.");
    }
    wrap(&text, WIDE).join("\n") + "\n"
}

fn table(found: &Preflight, from: Option<&str>, to: &str) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut head = vec!["device", "role", "comes back with"];
    head.extend(from);
    head.extend([to, "then it"]);
    lines.push(head.into_iter().map(str::to_owned).collect());
    let mut last = None;
    for row in &found.rows {
        let new = last != Some((&row.who.device, &row.who.role));
        let shown = if new { cut_middle(&row.who.shown(), NAME) } else { String::new() };
        let role = if new { row.who.role.clone() } else { String::new() };
        last = Some((&row.who.device, &row.who.role));
        let mut line = vec![shown, role, row.way.word().to_owned()];
        if from.is_some() {
            line.push(row.before.as_ref().map_or_else(|| "?".to_owned(), Answer::to_string));
        }
        line.extend([row.after.to_string(), row.fate.word().to_owned()]);
        lines.push(line);
    }
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|at| lines.iter().map(|line| width(&line[at])).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, wide)| padded(cell, *wide)).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// What can be done about a row; none where nothing has to be.
fn advice(row: &Row, from: Option<&str>, to: &str) -> Option<String> {
    let who = format!("{} as {}", row.who.shown(), row.who.role);
    let own = if row.own { " (the command line, exec and the node host of this machine)" } else { "" };
    let before = from.map_or_else(|| "the release of now".to_owned(), str::to_owned);
    match (row.fate, &row.after) {
        (Fate::Breaks, Answer::PairingRequired { reason }) if reason == "role-upgrade" => {
            let first = if row.way == Credential::SharedToken {
                format!(
                    "Let it connect in this role once on {before} before the upgrade, which gives it a token; or approve"
                )
            } else {
                "Approve".to_owned()
            };
            Some(format!(
                "{who}{own}: {to} asks for approval of a role that was approved already. {first} its request \
                 after the upgrade: `openclaw devices list`, then `openclaw devices approve REQUEST`"
            ))
        }
        (Fate::Breaks, Answer::PairingRequired { reason }) if reason == "not-paired" => {
            Some(format!("{who}{own}: {to} does not know it any more. Pair it again after the upgrade"))
        }
        (Fate::Breaks, Answer::PairingRequired { reason }) => Some(format!(
            "{who}{own}: {to} asks for approval ({reason}). Approve its request after the upgrade: `openclaw devices \
             list`, then `openclaw devices approve REQUEST`"
        )),
        (Fate::Breaks, Answer::Refused { code }) => Some(format!(
            "{who}{own}: {to} refuses it ({code}). Give it a new token after the upgrade (`openclaw devices rotate`), \
             or pair it again"
        )),
        (Fate::ComesBack, _) => Some(format!(
            "{who}{own}: it was revoked, and {to} lets it in with {}. If it must stay out, remove the device (`openclaw \
             devices remove`) and change the shared token",
            row.way.word()
        )),
        (Fate::GoesOut, _) => Some(format!(
            "{who}{own}: it was revoked and works on {before} all the same; {to} refuses it, which is right. If it is \
             still wanted, approve its request after the upgrade"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::{DeviceRole, Exec, FORMAT, Side, Token};

    fn side(target: &str) -> Side {
        Side { target: target.into(), boot_ms: 2000, exec: Some(Exec::Runs), leaks: Vec::new() }
    }

    fn row(role: &str, token: Token, way: Credential, before: Answer, after: Answer, fate: Fate) -> Row {
        let who = DeviceRole {
            device: "4f2a9c01".repeat(8),
            name: Some("laptop".into()),
            platform: Some("linux".into()),
            role: role.into(),
            approved: true,
            token,
        };
        Row { who, own: false, way, before: Some(before), after, fate }
    }

    #[test]
    fn a_preflight_reads_as_a_table_and_says_what_to_do() {
        let upgrade = || Answer::PairingRequired { reason: "role-upgrade".into() };
        let found = Preflight {
            format: FORMAT,
            from: Some(side("2026.3.28")),
            to: side("2026.3.31"),
            rows: vec![
                row("operator", Token::Active, Credential::DeviceToken, Answer::Ok, Answer::Ok, Fate::Keeps),
                row("operator", Token::Active, Credential::SharedToken, Answer::Ok, Answer::Ok, Fate::Keeps),
                row("node", Token::None, Credential::SharedToken, Answer::Ok, upgrade(), Fate::Breaks),
            ],
            notes: vec!["there is no configuration; the releases' defaults are used".into()],
        };
        insta::assert_snapshot!(text(&found));
    }

    #[test]
    fn a_change_over_several_releases_is_not_blamed_on_the_last() {
        let refused = || Answer::Refused { code: "AUTH_TOKEN_MISMATCH".into() };
        let asked = |from: &str, to: &str, after: Answer, fate: Fate| Preflight {
            format: FORMAT,
            from: Some(side(from)),
            to: side(to),
            rows: vec![row("operator", Token::Active, Credential::DeviceToken, Answer::Ok, after, fate)],
            notes: Vec::new(),
        };
        let blame = "What changes came somewhere between 2026.7.1 and 2026.9.6: only these two were asked.";
        assert!(text(&asked("2026.7.1", "2026.9.6", refused(), Fate::Breaks)).contains(blame));
        assert!(!text(&asked("2026.9.5", "2026.9.6", refused(), Fate::Breaks)).contains("somewhere between"));
        assert!(!text(&asked("2026.7.1", "2026.9.6", Answer::Ok, Fate::Keeps)).contains("somewhere between"));
    }
}
