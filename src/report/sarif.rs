//! SARIF 2.1.0, for code scanning: a rule for each scenario, a result for each outcome that is not right.

use std::fmt::Write as _;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::difference::{Difference, deciding_step, differences, reproduce};
use super::known::known_deviations;
use super::standing::Standing;
use super::undone;
use crate::run::{Cell, Known, RunRecord, ScenarioInfo, StepRecord, is_of_security};
use crate::verdict::{Outcome, Verdict};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = "https://github.com/openclaw/openclaw";

/// The score that code scanning shows as "high": somebody gets access that was not granted.
const SEVERITY_OF_A_HOLE: &str = "8.0";
/// The score if the release had not promised otherwise.
const SEVERITY_OF_AN_OLD_CONTRACT: &str = "5.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text,
    locations: Vec<Value>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: Value,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

/// The report as SARIF.
pub(super) fn render(record: &RunRecord) -> String {
    let mut rules = RuleIndex { record, ids: Vec::new(), severities: Vec::new() };
    let mut findings = Vec::new();
    let mut broken = Vec::new();
    for one in differences(record) {
        let on: Vec<&str> =
            std::iter::once(one.cell.target.as_str()).chain(one.also.iter().copied()).collect();
        if one.cell.verdict == Verdict::Error {
            broken.push(notification(record, &one, &on));
        } else {
            findings.push(finding(&mut rules, one.cell, &on));
        }
    }
    for one in known_deviations(record) {
        findings.push(finding(&mut rules, one.cell, &one.on));
    }
    let unusable =
        record.run.unusable.iter().map(|text| json!({"level": "error", "message": {"text": text}}));
    broken.extend(unusable);
    let undone = undone::ending(record).map(|ending| {
        let lines = undone::lines(record).join("\n");
        json!({"level": "error", "message": {"text": format!("the run is {ending}\n{lines}").trim_end()}})
    });
    broken.extend(undone);
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "gatecrash",
                "semanticVersion": version(record),
                "informationUri": HOME,
                "rules": rules.told(),
            }},
            "automationDetails": {"id": "gatecrash/"},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": broken.is_empty(),
                "toolExecutionNotifications": broken,
            }],
            "properties": {"run": record.run.id, "seed": record.run.seed, "targets": targets(record)},
            "results": findings,
        }],
    });
    format!("{document:#}\n")
}

/// The version of the program that made the run; that of this program if the run has no first event.
fn version(record: &RunRecord) -> &str {
    if record.run.harness.is_empty() { env!("CARGO_PKG_VERSION") } else { &record.run.harness }
}

fn targets(record: &RunRecord) -> Vec<&str> {
    record.targets.iter().map(|one| one.target.as_str()).collect()
}

/// The scenarios with results, in the order of their first result.
struct RuleIndex<'a> {
    record: &'a RunRecord,
    ids: Vec<String>,
    severities: Vec<Option<&'static str>>,
}

impl RuleIndex<'_> {
    fn index(&mut self, cell: &Cell) -> usize {
        let at = self.ids.iter().position(|id| *id == cell.scenario).unwrap_or_else(|| {
            self.ids.push(cell.scenario.clone());
            self.severities.push(None);
            self.ids.len() - 1
        });
        // Both have the same length, so they compare like numbers.
        self.severities[at] = self.severities[at].max(severity(cell));
        at
    }

    fn told(&self) -> Vec<Value> {
        let known = |id: &String| self.record.scenarios.iter().find(|one| one.id == *id);
        let rules = self.ids.iter().zip(&self.severities);
        rules.map(|(id, severity)| rule(id, known(id), *severity)).collect()
    }
}

fn rule(id: &str, scenario: Option<&ScenarioInfo>, severity: Option<&str>) -> Value {
    let (title, why) = scenario.map_or((id, ""), |one| (one.title.as_str(), one.why.as_str()));
    let mut tags: Vec<&str> = scenario
        .into_iter()
        .flat_map(|one| &one.tags)
        .map(String::as_str)
        .filter(|tag| *tag != "security")
        .collect();
    if severity.is_some() {
        tags.insert(0, "security");
    }
    let mut properties = json!({"tags": tags});
    if let Some(severity) = severity {
        properties["security-severity"] = severity.into();
    }
    let mut rule = json!({
        "id": id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": if why.is_empty() { title } else { why }},
        "help": {"text": format!("{title}\n\n{why}")},
        "properties": properties,
    });
    if let Some(address) = scenario.and_then(|one| one.issue.as_deref()).and_then(issue_address) {
        rule["helpUri"] = address.into();
    }
    rule
}

/// The URL of an issue such as `openclaw#59045`.
fn issue_address(issue: &str) -> Option<String> {
    let (project, number) = issue.split_once('#')?;
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
    let named = plain(project) && number.chars().all(|one| one.is_ascii_digit());
    (named && project == "openclaw").then(|| format!("{HOME}/issues/{number}"))
}

fn severity(cell: &Cell) -> Option<&'static str> {
    match Known::of(cell) {
        Some(Known::Security) => Some(SEVERITY_OF_A_HOLE),
        Some(_) if is_of_security(cell) => Some(SEVERITY_OF_AN_OLD_CONTRACT),
        _ => None,
    }
}

/// The level of a result: an error if it fails the run, a warning for a known regression.
const fn level(standing: Standing) -> &'static str {
    match standing {
        Standing::Known(known) if known.is_wrong() => "warning",
        Standing::Known(_) => "note",
        Standing::Verdict(_) | Standing::Denied(_) => "error",
    }
}

fn finding(rules: &mut RuleIndex<'_>, cell: &Cell, on: &[&str]) -> SarifResult {
    let record = rules.record;
    let standing = Standing::of(&record.run.deny, cell);
    let step = deciding_step(cell);
    let rule_index = rules.index(cell);
    let listed = step.and_then(|step| step.deviation.as_ref());
    let mut properties = json!({
        "verdict": cell.verdict,
        "standing": standing.word(),
        "targets": on,
        "reproduce": reproduce(record, cell),
    });
    if let (Some(listed), true) = (listed, cell.verdict == Verdict::Known) {
        properties["class"] = listed.class.word().into();
        properties["security"] = is_of_security(cell).into();
        properties["issue"] = listed.issue.clone().into();
    }
    if let Some(severity) = severity(cell) {
        properties["security-severity"] = severity.into();
    }
    let signature = cell.signature.as_ref().map(ToString::to_string).unwrap_or_default();
    SarifResult {
        rule_id: cell.scenario.clone(),
        rule_index,
        kind: "fail",
        level: level(standing),
        message: Text { text: message(record, cell, standing, step, on) },
        locations: location(record, cell, step).into_iter().collect(),
        partial_fingerprints: BTreeMap::from([(
            "gatecrash/v1",
            format!("{}|{}|{signature}", cell.scenario, standing.word()),
        )]),
        properties,
    }
}

fn message(
    record: &RunRecord,
    cell: &Cell,
    standing: Standing,
    step: Option<&StepRecord>,
    on: &[&str],
) -> String {
    let mut lines = vec![format!("{} on {}: {}", standing.phrase(), on.join(", "), cell.scenario)];
    lines.extend(cell.reason.clone());
    if let Some(step) = step {
        let right =
            step.deviation.as_ref().map(|listed| listed.right.clone()).or_else(|| step.expected.clone());
        lines.extend(right.map(|right| format!("right is {right}")));
        lines.extend(step.outcome.as_ref().map(|outcome| format!("got {}", Outcome::to_string(outcome))));
        if let Some(listed) = step.deviation.as_ref() {
            lines.extend(listed.why.clone());
            lines.extend(listed.issue.clone());
        }
    }
    lines.push(format!("reproduce: {}", reproduce(record, cell)));
    // In a message, brackets start a link and braces a placeholder.
    lines
        .join("\n")
        .replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
        .replace('{', "{{")
        .replace('}', "}}")
}

fn location(record: &RunRecord, cell: &Cell, step: Option<&StepRecord>) -> Option<Value> {
    let scenario = record.scenarios.iter().find(|one| one.id == cell.scenario);
    let path = step.map(|step| step.path.as_str()).or_else(|| scenario.map(|one| one.path.as_str()))?;
    let line = step.map_or(1, |step| step.line.max(1));
    let artifact = if path.starts_with('/') {
        json!({"uri": format!("file://{}", encoded(path))})
    } else {
        json!({"uri": encoded(path), "uriBaseId": "%SRCROOT%"})
    };
    let mut location = json!({
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}},
    });
    if let Some(step) = step {
        location["logicalLocations"] = json!([{"name": step.id, "fullyQualifiedName": format!("{}#{}", cell.scenario, step.id), "kind": "element"}]);
    }
    Some(location)
}

/// A path, escaped as part of a URL.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Errors say nothing about the rules of the gateway, so they become notifications of the run.
fn notification(record: &RunRecord, one: &Difference<'_>, on: &[&str]) -> Value {
    let cell = one.cell;
    let reason = cell.reason.as_deref().unwrap_or("harness or gateway broke");
    let text =
        format!("{} on {}: {reason}\nreproduce: {}", one.heading(), on.join(", "), reproduce(record, cell));
    let mut told = json!({"level": "error", "message": {"text": text}});
    if let Some(location) = location(record, cell, deciding_step(cell)) {
        told["locations"] = json!([location]);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::run::Deny;

    /// The part of SARIF 2.1.0 that GitHub's code scanning and other readers need.
    const NEEDED: &str = include_str!("sarif_needed.schema.json");

    fn document(record: &RunRecord) -> Value {
        serde_json::from_str(&render(record)).unwrap()
    }

    fn results(document: &Value) -> &[Value] {
        document["runs"][0]["results"].as_array().unwrap()
    }

    fn sample() -> RunRecord {
        RunRecord::of(&sample::events())
    }

    #[test]
    fn the_report_has_what_its_readers_need() {
        let validator = jsonschema::validator_for(&serde_json::from_str(NEEDED).unwrap()).unwrap();
        let mut denying = sample();
        denying.run.deny = Deny::ALL.to_vec();
        let records = [sample(), denying, RunRecord::of(&sample::large(40, 12)), RunRecord::of(&[])];
        for record in &records {
            let document = document(record);
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            for result in results(&document) {
                let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                let rule = &document["runs"][0]["tool"]["driver"]["rules"][at];
                assert_eq!(rule["id"], result["ruleId"], "the index names the same rule as the id");
            }
        }
        let mut wrong = document(&sample());
        wrong["runs"][0]["results"][0]["level"] = "loud".into();
        assert!(!validator.is_valid(&wrong));
    }

    #[test]
    fn the_level_of_a_result_depends_on_its_severity() {
        let told = |record: &RunRecord| -> Vec<String> {
            let document = document(record);
            let one = |one: &Value| {
                format!(
                    "{} {} {}",
                    one["level"].as_str().unwrap(),
                    one["properties"]["standing"].as_str().unwrap(),
                    one["ruleId"].as_str().unwrap()
                )
            };
            results(&document).iter().map(one).collect()
        };
        let mut record = sample();
        assert_eq!(
            told(&record),
            [
                "error fail pairing/legacy-empty-token-map",
                "error fixed pairing/legacy-empty-token-map",
                "error fail pairing/remote-role-upgrade",
                "error flaky state/restart-keeps-pairing",
                "warning security pairing/revoked-node-stays-out",
                "warning regression pairing/legacy-empty-token-map",
                "note superseded pairing/legacy-empty-token-map",
            ]
        );
        record.run.deny = vec![Deny::Security];
        assert!(told(&record).contains(&"error denied pairing/revoked-node-stays-out".to_owned()));
    }

    #[test]
    fn a_security_deviation_makes_its_rule_a_security_rule() {
        let document = document(&sample());
        let rules = document["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        let rule = |id: &str| rules.iter().find(|one| one["id"] == id).unwrap();
        let hole = rule("pairing/revoked-node-stays-out");
        assert_eq!(hole["properties"]["security-severity"], "8.0");
        assert_eq!(hole["properties"]["tags"][0], "security");
        assert_eq!(hole["helpUri"], "https://github.com/openclaw/openclaw/issues/59092");
        let other = rule("pairing/remote-role-upgrade");
        assert_eq!(other["properties"]["security-severity"], Value::Null);
    }

    #[test]
    fn a_result_points_at_its_step() {
        let document = document(&sample());
        let found =
            results(&document).iter().find(|one| one["properties"]["standing"] == "security").unwrap();
        insta::assert_json_snapshot!(found);
    }

    #[test]
    fn an_error_is_a_notification_of_the_run() {
        let document = document(&sample());
        let invocation = &document["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let told = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
        assert!(told.contains("the gateway ended with exit status 1"), "{told}");
    }

    #[test]
    fn a_run_that_was_cut_off_was_not_executed_successfully() {
        let mut record = sample();
        record.cells.retain(|cell| cell.verdict != Verdict::Error);
        record.run.unusable.clear();
        let invocation = |record: &RunRecord| document(record)["runs"][0]["invocations"][0].clone();
        assert_eq!(invocation(&record)["executionSuccessful"], true);
        record.run.cut_off = true;
        let told = invocation(&record);
        assert_eq!(told["executionSuccessful"], false);
        assert_eq!(told["toolExecutionNotifications"][0]["message"]["text"], "the run is cut off");
    }

    #[test]
    fn paths_are_escaped_in_urls() {
        assert_eq!(encoded("a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(issue_address("elsewhere#1"), None);
        assert_eq!(issue_address("openclaw#x"), None);
    }
}
