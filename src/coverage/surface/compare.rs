//! Compares the surface of a release with what the suite tests of it.

use serde::Serialize;

use super::asked::{AskedMethod, AskedSurface};
use super::exceptions::Exceptions;
use super::read::Surface;
use crate::release::Release;

/// Version of the report as JSON.
pub const SURFACE_FORMAT: &str = "1.0";

/// A question about an entry of a table, which a scenario can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SurfaceQuestion {
    /// The name of the entry.
    pub name: String,
    /// What is asked about the entry.
    pub question: &'static str,
    /// Whether a scenario asks it.
    pub asked: bool,
    /// Why no scenario asks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A table of a surface with the questions about its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SurfaceTable {
    /// Its name: `methods`, `events`, `clients`, `closes`, `errors`, `details`, `limits`, `environment`.
    pub table: &'static str,
    /// The questions about all entries of the table.
    pub questions: Vec<SurfaceQuestion>,
}

/// What the suite tests of the surface of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurfaceReport {
    /// Version of the format.
    pub format: &'static str,
    /// The release that was read.
    pub gateway: String,
    /// The tables with their questions.
    pub tables: Vec<SurfaceTable>,
    /// The surface as it was read.
    pub surface: Surface,
}

impl SurfaceTable {
    /// How many questions are asked, how many have a reason instead, and how many there are.
    pub fn share(&self) -> (usize, usize, usize) {
        let asked = self.questions.iter().filter(|one| one.asked).count();
        let argued = self.questions.iter().filter(|one| !one.asked && one.reason.is_some()).count();
        (asked, argued, self.questions.len())
    }

    /// The questions that are not asked and have no reason.
    pub fn open(&self) -> impl Iterator<Item = &SurfaceQuestion> {
        self.questions.iter().filter(|one| !one.asked && one.reason.is_none())
    }
}

/// Finds the questions about a surface, and which of them the suite asks.
pub fn compare(
    gateway: &str,
    surface: Surface,
    asked: &AskedSurface,
    release: &Release,
    exceptions: &Exceptions,
) -> SurfaceReport {
    let judge = |table: &'static str, name: String, question: &'static str, is_asked: bool| {
        let elsewhere = || {
            let scenarios = exceptions.scenarios(table, &name, question, release);
            scenarios.iter().any(|one| asked.has_scenario(one))
        };
        let asked = is_asked || elsewhere();
        let reason =
            if asked { None } else { exceptions.reason(table, &name, question, release).map(str::to_owned) };
        SurfaceQuestion { name, question, asked, reason }
    };
    let mut methods = Vec::new();
    for method in &surface.methods {
        let ways = asked.method(&method.name, &method.scope);
        let of_node = [(AskedMethod::Enough, "as a node"), (AskedMethod::OtherRole, "as an operator")];
        let of_operator = [
            (AskedMethod::Without, "without scopes"),
            (AskedMethod::NotEnough, "with other scopes"),
            (AskedMethod::Enough, "with the least scope"),
            (AskedMethod::OtherRole, "as a node"),
        ];
        let questions = if method.scope == "node" { &of_node[..] } else { &of_operator[..] };
        methods.extend(
            questions
                .iter()
                .map(|(way, question)| judge("methods", method.name.clone(), question, ways.contains(way))),
        );
    }
    let mut events = Vec::new();
    for event in &surface.events {
        let (heard, silent) = asked.event(&event.name);
        events.push(judge("events", event.name.clone(), "is heard", heard));
        if event.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) {
            events.push(judge("events", event.name.clone(), "is kept from others", silent));
        }
    }
    let ids = surface.client_ids.iter().map(|id| judge("clients", id.clone(), "id", asked.client_id(id)));
    let modes = surface
        .client_modes
        .iter()
        .map(|mode| judge("clients", mode.clone(), "mode", asked.client_mode(mode)));
    let clients = ids.chain(modes).collect();
    let closes = surface.closes.iter().map(|site| {
        let name = format!("{} {}", site.code, site.reason.as_deref().unwrap_or("…"));
        judge("closes", name, "happens", asked.close(site.code, site.reason.as_deref()).is_some())
    });
    let closes = unique(closes.collect());
    let errors = surface.errors.iter().map(|site| {
        let details = site.details.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
        let name = format!("{} {}{details}", site.code, site.message.as_deref().unwrap_or("…"));
        let found = asked.error(&site.code, site.message.as_deref(), site.details.as_deref());
        judge("errors", name, "happens", found.is_some())
    });
    let errors = unique(errors.collect());
    let details = surface
        .details
        .iter()
        .map(|code| judge("details", code.clone(), "happens", asked.details(code).is_some()))
        .collect();
    let limits =
        surface.limits.iter().map(|one| judge("limits", one.name.clone(), "is reached", false)).collect();
    let environment = surface
        .environment
        .iter()
        .map(|name| judge("environment", name.clone(), "is set", asked.variable(name)))
        .collect();
    let tables = vec![
        SurfaceTable { table: "methods", questions: methods },
        SurfaceTable { table: "events", questions: events },
        SurfaceTable { table: "clients", questions: clients },
        SurfaceTable { table: "closes", questions: closes },
        SurfaceTable { table: "errors", questions: errors },
        SurfaceTable { table: "details", questions: details },
        SurfaceTable { table: "limits", questions: limits },
        SurfaceTable { table: "environment", questions: environment },
    ];
    SurfaceReport { format: SURFACE_FORMAT, gateway: gateway.to_owned(), tables, surface }
}

/// Sites with the same words in several source files are one question.
fn unique(mut questions: Vec<SurfaceQuestion>) -> Vec<SurfaceQuestion> {
    questions.sort_by(|one, other| one.name.cmp(&other.name));
    questions.dedup_by(|one, other| one.name == other.name);
    questions
}
