//! A run as it could have been: every verdict on a few releases, judged by the real rules.

mod wire;

use gatecrash::release::Release;
use gatecrash::run::{
    Cell, Event, Excerpt, ListedDeviation, RUN_FORMAT, Rerun, RunStarted, ScenarioInfo, StepRecord,
    StoredRecords, TargetInfo,
};
use gatecrash::scenario::{DeviationClass, Expectation};
use gatecrash::verdict::{Signature, Verdict, judge, overall, satisfies};
use serde_json::{Value, json};

use wire::{Answer, frames, outcome};

/// Releases around the founding regression.
pub(crate) const RELEASES: [&str; 6] =
    ["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1", "2026.4.2", "2026.9.6"];

/// A connect, what is right, what came, and what the scenario lists for the release.
struct Connect {
    id: &'static str,
    role: &'static str,
    right: Value,
    came: Answer,
    listed: Option<(DeviationClass, &'static str, Value)>,
}

/// How a scenario goes on a release.
enum Course {
    Steps(Vec<Connect>),
    Untestable(&'static str),
}

/// A scenario of the sample.
struct Row {
    id: &'static str,
    title: &'static str,
    why: &'static str,
    issue: Option<&'static str>,
    tags: &'static [&'static str],
    on: fn(Release) -> Course,
}

fn hello() -> Value {
    json!("hello")
}

fn role_upgrade() -> Value {
    json!({"closed": 1008, "details": {"code": "PAIRING_REQUIRED", "reason": "role-upgrade"}})
}

fn connect(id: &'static str, role: &'static str, right: Value, came: Answer) -> Connect {
    Connect { id, role, right, came, listed: None }
}

fn day(month: u8, day: u16) -> Release {
    Release::new(2026, month, day)
}

const ROWS: &[Row] = &[
    Row {
        id: "auth/bad-proof/stale-signature",
        title: "A proof that was signed three minutes ago is refused",
        why: "A proof is bound to its time; the allowed skew is two minutes.",
        issue: None,
        tags: &["auth", "proof"],
        on: |_| {
            let right = json!({"closed": 1008, "details": {"code": "DEVICE_AUTH_SIGNATURE_EXPIRED"}});
            Course::Steps(vec![connect("late", "operator", right, Answer::Expired)])
        },
    },
    Row {
        id: "pairing/fresh-operator",
        title: "A fresh device on this machine connects as operator",
        why: "The quick start promises that the CLI works right after the gateway was started.",
        issue: None,
        tags: &["pairing", "role"],
        on: |_| Course::Steps(vec![connect("operator", "operator", hello(), Answer::Hello)]),
    },
    Row {
        id: "pairing/legacy-empty-token-map",
        title: "A device that was paired before device tokens existed keeps its roles",
        why: "Effective roles fall back to the recorded roles when no token was ever issued: an upgrade must not lock out a device that was approved.",
        issue: Some("openclaw#59045"),
        tags: &["pairing", "role", "upgrade"],
        on: |release| {
            let refused = release >= day(3, 31) && release < day(4, 2);
            let came = if refused { Answer::Refused("role-upgrade") } else { Answer::Hello };
            let mut first = connect("operator", "operator", hello(), came);
            if release == day(3, 31) || release == day(4, 2) {
                first.listed = Some((DeviationClass::Regression, "openclaw#59045", role_upgrade()));
            }
            let closed_again = release >= day(5, 18);
            let came = if refused || closed_again { Answer::Refused("role-upgrade") } else { Answer::Hello };
            let mut second = connect("node", "node", hello(), came);
            if release == day(3, 31) {
                second.listed = Some((DeviationClass::Regression, "openclaw#59045", role_upgrade()));
            }
            if closed_again {
                second.listed = Some((DeviationClass::Superseded, "openclaw#78120", role_upgrade()));
            }
            Course::Steps(vec![first, second])
        },
    },
    Row {
        id: "pairing/remote-role-upgrade",
        title: "A remote device that asks for another role waits for approval",
        why: "A remote peer is never upgraded silently.",
        issue: None,
        tags: &["pairing", "role", "remote"],
        on: |release| {
            let came = if release >= day(8, 1) { Answer::Proxy } else { Answer::Refused("role-upgrade") };
            Course::Steps(vec![
                connect("operator", "operator", hello(), Answer::Hello),
                connect("node-behind-a-proxy", "node", role_upgrade(), came),
            ])
        },
    },
    Row {
        id: "pairing/revoked-node-stays-out",
        title: "A node whose token was revoked does not come back by itself",
        why: "Revocation is permanent (pull request openclaw#59092).",
        issue: Some("openclaw#59092"),
        tags: &["pairing", "revocation"],
        on: |release| {
            let reopened = release >= day(4, 2) && release < day(5, 18);
            let came = if reopened { Answer::Hello } else { Answer::Refused("role-upgrade") };
            let mut back = connect("node-again", "node", role_upgrade(), came);
            if reopened {
                back.listed = Some((DeviationClass::Regression, "openclaw#59092", hello()));
            }
            Course::Steps(vec![connect("operator", "operator", hello(), Answer::Hello), back])
        },
    },
    Row {
        id: "state/imported-from-json",
        title: "Records of the JSON store are imported into SQLite at the first start",
        why: "The changelog of 2026.8.1 promises it.",
        issue: None,
        tags: &["state", "upgrade"],
        on: |release| {
            if release < day(8, 1) {
                return Course::Untestable("the release has no SQLite store");
            }
            Course::Steps(vec![connect("operator", "operator", hello(), Answer::Hello)])
        },
    },
    Row {
        id: "state/restart-keeps-pairing",
        title: "A restart keeps a pairing",
        why: "What was approved stays approved.",
        issue: None,
        tags: &["state", "restart"],
        on: |release| {
            let came = if release == day(3, 24) { Answer::Died } else { Answer::Hello };
            Course::Steps(vec![
                connect("before", "operator", hello(), Answer::Hello),
                connect("after", "operator", hello(), came),
            ])
        },
    },
];

/// The events of a run over the releases around the founding regression, with every verdict in it.
pub(crate) fn events() -> Vec<Event> {
    let rows: Vec<(String, &Row)> = ROWS.iter().map(|row| (row.id.to_owned(), row)).collect();
    let mut events = events_of(&rows, &RELEASES.map(String::from));
    // One cell is run a second time, and goes another way.
    let mut again =
        cell("state/restart-keeps-pairing", "2026.4.1", 4, (ROWS[6].on)(day(3, 24)), Some(day(4, 1)));
    again.attempt = 2;
    again.verdict = Verdict::Fail;
    again.signature = Some(Signature {
        step: "after".into(),
        class: "closed".into(),
        code: Some(1006),
        detail: None,
        reason: None,
    });
    again.reason = None;
    for event in &mut events {
        if let Event::CellFinished(cell) = event
            && (cell.scenario.as_str(), cell.target.as_str()) == ("pairing/remote-role-upgrade", "2026.9.6")
        {
            tried_again_and_not_reached(cell);
        }
    }
    let end = events.len() - 1;
    events.insert(end, Event::CellFinished(Box::new(again)));
    events
}

/// A cell whose first try did not count, with a step that what came before left nothing to do for.
fn tried_again_and_not_reached(cell: &mut Cell) {
    cell.retried = Some(
        "nothing came within gatecrash's own time limit; the first try was error (a step timed out)".into(),
    );
    let last = cell.steps.last().cloned();
    cell.steps.extend(last.map(|last| StepRecord {
        id: "asking-again".into(),
        line: last.line + 1,
        verdict: Verdict::Skipped,
        reason: Some("there is no connection `node-behind-a-proxy`".into()),
        outcome: None,
        expected: None,
        deviation: None,
        mismatch: None,
        duration_ms: 0,
        first_entry: cell.transcript.len(),
        end_entry: Some(cell.transcript.len()),
        connection: None,
        ..last
    }));
}

/// The events of a run over as many rows and columns as wanted.
pub(crate) fn large(rows: usize, columns: usize) -> Vec<Event> {
    let rows: Vec<(String, &Row)> = (0..rows)
        .map(|at| {
            let row = &ROWS[at % ROWS.len()];
            (format!("{}-{at:03}", row.id), row)
        })
        .collect();
    let releases: Vec<String> =
        (0..columns).map(|at| format!("2026.{}.{}", 3 + at / 5, 24 + 2 * (at % 5))).collect();
    events_of(&rows, &releases)
}

fn events_of(rows: &[(String, &Row)], releases: &[String]) -> Vec<Event> {
    let scenarios = rows.iter().map(|(id, row)| ScenarioInfo {
        id: id.clone(),
        title: row.title.into(),
        why: row.why.into(),
        issue: row.issue.map(Into::into),
        tags: row.tags.iter().map(|tag| (*tag).into()).collect(),
        path: path(id),
    });
    let targets =
        releases.iter().map(|target| TargetInfo { target: target.clone(), release: target.parse().ok() });
    let mut events = vec![Event::RunStarted(RunStarted {
        format: RUN_FORMAT,
        harness: "0.1.0".into(),
        id: "20261122-101500-7".into(),
        seed: 7,
        started_ms: 1_795_342_500_000,
        targets: targets.collect(),
        scenarios: scenarios.collect(),
        repeat: 1,
        deny: Vec::new(),
        rerun: Rerun::default(),
        parts: Vec::new(),
    })];
    for (gateway, target) in releases.iter().enumerate() {
        let release: Option<Release> = target.parse().ok();
        events.push(Event::Preparing { target: target.clone(), text: "installing".into(), advance: false });
        events.push(Event::GatewayStarting { gateway, target: target.clone(), lane: "shared".into() });
        events.push(Event::GatewayReady { gateway, boot_ms: 2_100 + 130 * gateway as u64 });
        for (id, row) in rows {
            events.push(Event::CellStarted { scenario: id.clone(), target: target.clone(), attempt: 1 });
            let course = (row.on)(release.unwrap_or(day(9, 6)));
            let cell = cell(id, target, gateway, course, release);
            events.push(Event::CellFinished(Box::new(cell)));
        }
        let leaks = if gateway == 0 {
            vec!["wrote outside of its home: openclaw/gateway.lock".into()]
        } else {
            vec![]
        };
        events.push(Event::GatewayStopped { gateway, boots: if gateway == 1 { 2 } else { 1 }, leaks });
    }
    events.push(Event::RunFinished { duration_ms: 41_300, interrupted: false });
    events
}

fn path(id: &str) -> String {
    format!("scenarios/{}.yaml", id.strip_suffix("/stale-signature").unwrap_or(id))
}

fn cell(id: &str, target: &str, gateway: usize, course: Course, release: Option<Release>) -> Cell {
    let mut cell = Cell {
        scenario: id.into(),
        target: target.into(),
        release,
        attempt: 1,
        gateway: Some(gateway),
        verdict: Verdict::Untestable,
        reason: None,
        signature: None,
        duration_ms: 0,
        steps: Vec::new(),
        transcript: Vec::new(),
        log: Vec::new(),
        log_at: None,
        stored: None,
        retried: None,
        frames: None,
    };
    match course {
        Course::Untestable(reason) => {
            cell.gateway = None;
            cell.reason = Some(reason.into());
        }
        Course::Steps(steps) => {
            for (at, one) in steps.into_iter().enumerate() {
                step(&mut cell, at, &one);
            }
            cell.verdict = overall(cell.steps.iter().map(|step| step.verdict));
            cell.duration_ms = cell.steps.iter().map(|step| step.duration_ms).sum();
            if !cell.verdict.is_fine() {
                let laptop = |roles: &[&str]| json!({"laptop": {"paired": {"roles": roles, "tokens": {}}}});
                cell.stored = Some(StoredRecords {
                    before: laptop(&["operator", "node"]),
                    after: laptop(&["operator", "node", "guest"]),
                });
                cell.log.push(
                    "[gateway] security audit: device access upgrade requested reason=role-upgrade".into(),
                );
                cell.log
                    .push("[ws] closed before connect conn=3f6d code=1008 reason=pairing required".into());
            }
        }
    }
    cell
}

fn step(cell: &mut Cell, at: usize, step: &Connect) {
    let first_entry = cell.transcript.len();
    let start = 14 * at as u64;
    let Some(outcome) = outcome(step.came, step.role) else {
        cell.reason = Some("the gateway ended with exit status 1 before it answered".into());
        cell.log.push("Error: EADDRINUSE: address already in use 127.0.0.1:18789".into());
        cell.steps.push(StepRecord {
            verdict: Verdict::Error,
            outcome: None,
            expected: Some(text(&step.right)),
            deviation: None,
            mismatch: None,
            ..record(step, cell, at, first_entry)
        });
        return;
    };
    cell.transcript.extend(frames(step.id, step.role, start, &outcome));
    let right: Expectation = serde_json::from_value(step.right.clone()).expect("an expectation");
    let listed = step.listed.as_ref().map(|(class, issue, listed)| {
        let listed: Expectation = serde_json::from_value(listed.clone()).expect("an expectation");
        (listed, *class, *issue)
    });
    let judged = judge(&outcome, &right, listed.as_ref().map(|(listed, ..)| listed));
    if cell.signature.is_none() && !satisfies(&outcome, &right) {
        cell.signature = Some(Signature::of(step.id, &outcome));
    }
    let record = StepRecord {
        verdict: judged.verdict,
        expected: Some(listed.as_ref().map_or_else(|| right.to_string(), |(listed, ..)| listed.to_string())),
        deviation: listed.as_ref().map(|(_, class, issue)| ListedDeviation {
            class: *class,
            // Somebody gets in who is to stay out.
            security: *class == DeviationClass::Regression && matches!(step.came, Answer::Hello),
            issue: Some((*issue).into()),
            why: Some("Roles are read from tokens alone.".into()),
            right: right.to_string(),
            several: false,
        }),
        mismatch: judged.mismatch,
        outcome: Some(outcome),
        written: (judged.verdict != Verdict::Pass).then(|| written(step, cell, at)),
        ..record(step, cell, at, first_entry)
    };
    cell.steps.push(record);
}

/// The step as it stands in its file.
fn written(step: &Connect, cell: &Cell, at: usize) -> Excerpt {
    let right = text(&step.right);
    let before = format!("  - connect: {{as: {}, role: {}, expect: ", step.id, step.role);
    let (start, end) = (before.len(), before.len() + right.len());
    Excerpt { path: path(&cell.scenario), line: 12 + at, text: format!("{before}{right}}}"), start, end }
}

fn record(step: &Connect, cell: &Cell, at: usize, first_entry: usize) -> StepRecord {
    StepRecord {
        id: step.id.into(),
        verb: "connect".into(),
        path: path(&cell.scenario),
        line: 12 + at,
        written: None,
        verdict: Verdict::Pass,
        reason: None,
        outcome: None,
        expected: None,
        deviation: None,
        mismatch: None,
        duration_ms: 12,
        first_entry,
        end_entry: None,
        connection: Some(step.id.into()),
    }
}

fn text(expectation: &Value) -> String {
    serde_json::from_value::<Expectation>(expectation.clone()).expect("an expectation").to_string()
}
