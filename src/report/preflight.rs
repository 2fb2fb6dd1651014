//! A preflight as text.

use std::fmt::Write;

use super::text::{cut_middle, padded, width, wrap};
use crate::preflight::{Credential, DeviceOutcome, Preflight, ReconnectAnswer, UpgradeEffect};
use crate::release::{Release, are_neighbours};

/// Width of the longest device name in the table.
const NAME: usize = 34;

/// Width of running text.
const WIDE: usize = 96;

/// The table of devices, its summary, and advice. No token is shown.
pub fn text(found: &Preflight) -> String {
    let to = &found.to.target;
    let from = found.from.as_ref().map(|from| from.target.as_str());
    let mut out = match from {
        Some(from) => format!("Upgrade from {from} to {to}\n\n"),
        None => format!("Upgrade to {to} (from an unknown release: approved roles count as working)\n\n"),
    };
    out.push_str(&table(found, from, to));
    out.push('\n');
    let count = |effect: UpgradeEffect| found.rows.iter().filter(|row| row.effect == effect).count();
    let broken = count(UpgradeEffect::Breaks);
    let _ = match broken {
        0 => writeln!(out, "No device breaks: each one that works now keeps working."),
        1 => writeln!(out, "1 reconnect breaks."),
        more => writeln!(out, "{more} reconnects break."),
    };
    out.push_str(&blame(found));
    out.push_str(&exec(found));
    out.push_str(&listed("Why, and since when", &causes(found)));
    let advice: Vec<String> = found.rows.iter().filter_map(|row| advice(row, from, to)).collect();
    out.push_str(&listed("What to do", &advice));
    out.push_str(
        "\nEach device was tried as a client on the gateway's own machine. A device on the network is never approved\n\
         silently, so a role or scope that needs approval here needs it there, too.\n",
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

/// The same as Markdown, for an issue or a wiki.
pub fn markdown(found: &Preflight) -> String {
    let to = &found.to.target;
    let from = found.from.as_ref().map(|from| from.target.as_str());
    let cell = |text: &str| text.replace('|', "\\|");
    let mut out = format!("## Upgrade from {} to {to}\n\n", from.unwrap_or("an unknown release"));
    let before = from.unwrap_or("before");
    let _ = writeln!(
        out,
        "| device | role | reconnects with | {before} | {to} | then it |\n|---|---|---|---|---|---|"
    );
    for row in &found.rows {
        let was = row.before.as_ref().map_or_else(|| "?".to_owned(), ReconnectAnswer::to_string);
        let effect = match row.effect {
            UpgradeEffect::Breaks => format!("**{}**", row.effect.word()),
            effect => effect.word().to_owned(),
        };
        let columns = [
            cell(&row.device.short_name()),
            cell(&row.device.role),
            row.credential.word().to_owned(),
            cell(&was),
            cell(&row.after.to_string()),
            effect,
        ];
        let _ = writeln!(out, "| {} |", columns.join(" | "));
    }
    let told = [blame(found), exec(found)].concat();
    if !told.is_empty() {
        let _ = write!(out, "\n{told}");
    }
    let causes = causes(found);
    if !causes.is_empty() {
        let _ = writeln!(out, "\n### Why, and since when\n");
        for one in causes {
            let _ = writeln!(out, "- {one}");
        }
    }
    let advice: Vec<String> = found.rows.iter().filter_map(|row| advice(row, from, to)).collect();
    if !advice.is_empty() {
        let _ = writeln!(out, "\n### What to do\n");
        for one in advice {
            let _ = writeln!(out, "- {one}");
        }
    }
    for note in &found.notes {
        let _ = writeln!(out, "\n_Note: {note}._");
    }
    out
}

/// A list with a title; nothing without entries.
fn listed(title: &str, entries: &[String]) -> String {
    let mut text = String::new();
    if !entries.is_empty() {
        let _ = writeln!(text, "\n{title}");
    }
    for one in entries {
        for (at, line) in wrap(one, WIDE).iter().enumerate() {
            let _ = writeln!(text, "  {} {line}", if at == 0 { "-" } else { " " });
        }
    }
    text
}

/// Why answers differ and since when: the rules that changed, and the scenarios of the suite that show the same.
pub(super) fn causes(found: &Preflight) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for cause in found.rows.iter().filter_map(|row| row.cause.as_ref()) {
        let word = &cause.word;
        let rules = cause.rules.iter().map(|one| {
            format!(
                "{word}: since {}, rule {}: {} (`gatecrash rules {}`)",
                one.since, one.rule, one.about, one.since
            )
        });
        let scenarios = cause.scenarios.iter().map(|one| {
            let again = one.right_again.map(|release| format!(", right again since {release}"));
            let again = again.unwrap_or_default();
            format!("{word}: seen in `{}` since {}{again}", one.scenario, one.since)
        });
        for line in rules.chain(scenarios) {
            if !told.contains(&line) {
                told.push(line);
            }
        }
    }
    told
}

/// Where the changes happened, if other releases lie between the two.
fn blame(found: &Preflight) -> String {
    let changes = |row: &DeviceOutcome| row.before.as_ref().is_some_and(|before| *before != row.after);
    let release = |target: &str| target.parse::<Release>().ok();
    let ends = found.from.as_ref().and_then(|from| release(&from.target).zip(release(&found.to.target)));
    match ends {
        Some((from, to)) if found.rows.iter().any(changes) && !are_neighbours(from, to) => format!(
            "The changes happened somewhere between {} and {}: only these two were asked.\n",
            from.min(to),
            from.max(to)
        ),
        _ => String::new(),
    }
}

/// What the upgrade does to the exec tool, which has an identity of its own.
pub(super) fn exec(found: &Preflight) -> String {
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
    let mut head = vec!["device", "role", "reconnects with"];
    head.extend(from);
    head.extend([to, "then it"]);
    lines.push(head.into_iter().map(str::to_owned).collect());
    let mut last = None;
    for row in &found.rows {
        let is_new = last != Some((&row.device.device, &row.device.role));
        let shown = if is_new { cut_middle(&row.device.short_name(), NAME) } else { String::new() };
        let role = if is_new { row.device.role.clone() } else { String::new() };
        last = Some((&row.device.device, &row.device.role));
        let mut line = vec![shown, role, row.credential.word().to_owned()];
        if from.is_some() {
            line.push(row.before.as_ref().map_or_else(|| "?".to_owned(), ReconnectAnswer::to_string));
        }
        line.extend([row.after.to_string(), row.effect.word().to_owned()]);
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

/// What to do about a row; none if nothing has to be done.
pub(super) fn advice(row: &DeviceOutcome, from: Option<&str>, to: &str) -> Option<String> {
    let who = format!("{} as {}", row.device.short_name(), row.device.role);
    let own = if row.own { " (the command line, exec and the node host of this machine)" } else { "" };
    let before = from.map_or_else(|| "the present release".to_owned(), str::to_owned);
    match (row.effect, &row.after) {
        (UpgradeEffect::Breaks, ReconnectAnswer::PairingRequired { reason }) if reason == "role-upgrade" => {
            let first = if row.credential == Credential::SharedToken {
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
        (UpgradeEffect::Breaks, ReconnectAnswer::PairingRequired { reason }) if reason == "not-paired" => {
            Some(format!("{who}{own}: {to} does not know it anymore. Pair it again after the upgrade"))
        }
        (UpgradeEffect::Breaks, ReconnectAnswer::PairingRequired { reason }) => Some(format!(
            "{who}{own}: {to} asks for approval ({reason}). Approve its request after the upgrade: `openclaw devices \
             list`, then `openclaw devices approve REQUEST`"
        )),
        (UpgradeEffect::Breaks, ReconnectAnswer::Refused { code }) => Some(format!(
            "{who}{own}: {to} refuses it ({code}). Give it a new token after the upgrade (`openclaw devices rotate`), \
             or pair it again"
        )),
        (UpgradeEffect::ComesBack, _) => Some(format!(
            "{who}{own}: it was revoked, and {to} lets it in with {}. If it must stay out, remove the device (`openclaw \
             devices remove`) and change the shared token",
            row.credential.word()
        )),
        (UpgradeEffect::GoesOut, _) => Some(format!(
            "{who}{own}: it was revoked and works on {before} all the same; {to} refuses it, which is right. If it is \
             still wanted, approve its request after the upgrade"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::{DeviceRole, ExecOutcome, PREFLIGHT_FORMAT, ReleaseSide, TokenState};

    fn side(target: &str) -> ReleaseSide {
        ReleaseSide { target: target.into(), boot_ms: 2000, exec: Some(ExecOutcome::Runs), leaks: Vec::new() }
    }

    fn row(
        role: &str,
        token: TokenState,
        credential: Credential,
        before: ReconnectAnswer,
        after: ReconnectAnswer,
        effect: UpgradeEffect,
    ) -> DeviceOutcome {
        let device = DeviceRole {
            device: "4f2a9c01".repeat(8),
            name: Some("laptop".into()),
            platform: Some("linux".into()),
            role: role.into(),
            approved: true,
            token,
        };
        DeviceOutcome { device, own: false, credential, before: Some(before), after, effect, cause: None }
    }

    #[test]
    fn the_text_has_a_table_and_advice() {
        let upgrade = || ReconnectAnswer::PairingRequired { reason: "role-upgrade".into() };
        let found = Preflight {
            format: PREFLIGHT_FORMAT,
            from: Some(side("2026.3.28")),
            to: side("2026.3.31"),
            rows: vec![
                row(
                    "operator",
                    TokenState::Active,
                    Credential::DeviceToken,
                    ReconnectAnswer::Ok,
                    ReconnectAnswer::Ok,
                    UpgradeEffect::Keeps,
                ),
                row(
                    "operator",
                    TokenState::Active,
                    Credential::SharedToken,
                    ReconnectAnswer::Ok,
                    ReconnectAnswer::Ok,
                    UpgradeEffect::Keeps,
                ),
                row(
                    "node",
                    TokenState::None,
                    Credential::SharedToken,
                    ReconnectAnswer::Ok,
                    upgrade(),
                    UpgradeEffect::Breaks,
                ),
            ],
            notes: vec!["there is no configuration; the releases' defaults are used".into()],
        };
        insta::assert_snapshot!(text(&found));
        insta::assert_snapshot!("as_markdown", markdown(&found));
    }

    #[test]
    fn a_change_over_several_releases_is_not_blamed_on_the_last() {
        let refused = || ReconnectAnswer::Refused { code: "AUTH_TOKEN_MISMATCH".into() };
        let asked = |from: &str, to: &str, after: ReconnectAnswer, effect: UpgradeEffect| Preflight {
            format: PREFLIGHT_FORMAT,
            from: Some(side(from)),
            to: side(to),
            rows: vec![row(
                "operator",
                TokenState::Active,
                Credential::DeviceToken,
                ReconnectAnswer::Ok,
                after,
                effect,
            )],
            notes: Vec::new(),
        };
        let blame =
            "The changes happened somewhere between 2026.7.1 and 2026.9.6: only these two were asked.";
        assert!(text(&asked("2026.7.1", "2026.9.6", refused(), UpgradeEffect::Breaks)).contains(blame));
        assert!(
            !text(&asked("2026.9.5", "2026.9.6", refused(), UpgradeEffect::Breaks))
                .contains("somewhere between")
        );
        assert!(
            !text(&asked("2026.7.1", "2026.9.6", ReconnectAnswer::Ok, UpgradeEffect::Keeps))
                .contains("somewhere between")
        );
    }
}
