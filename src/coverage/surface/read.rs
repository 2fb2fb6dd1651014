//! Reads the tables of a surface from the bundled files of a release.

use std::collections::{BTreeMap, BTreeSet};

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;
use regex_lite::Regex;
use serde::Serialize;

use super::constant::{Constant, Constants, add_constants};
use super::site::{CloseSite, ErrorSite, Sites};
use crate::coverage::region::{Region, regions};
use crate::coverage::scope::Scope;

/// A bundled file that may contain a table.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// The path below the package.
    pub path: String,
    /// The text of the file.
    pub text: String,
}

/// A method of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Method {
    /// The name of the method.
    pub name: String,
    /// The least scope that it needs; `node` if only nodes may call it, and `dynamic` if it depends on the parameters.
    pub scope: String,
}

/// An event of the gateway, with the scopes that guard it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// The name of the event.
    pub name: String,
    /// The scopes of which a client needs one to receive it. Empty for an event that everybody receives; `None` if the
    /// release lists the event without a guard.
    pub scopes: Option<Vec<String>>,
}

/// A limit or a timer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// The name of its constant.
    pub name: String,
    /// The value of the constant.
    pub value: f64,
    /// Upstream's name of the source file.
    pub source: String,
}

/// What a release offers on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Surface {
    /// The methods, each with its least scope.
    pub methods: Vec<Method>,
    /// The events, each with its guard.
    pub events: Vec<Guard>,
    /// The allowed values of `client.id`.
    pub client_ids: Vec<String>,
    /// The allowed values of `client.mode`.
    pub client_modes: Vec<String>,
    /// The places at which connections are closed.
    pub closes: Vec<CloseSite>,
    /// The places at which error responses are made.
    pub errors: Vec<ErrorSite>,
    /// The codes in the details of a refused connect.
    pub details: Vec<String>,
    /// The limits and timers.
    pub limits: Vec<Limit>,
    /// The environment variables that the code in scope reads.
    pub environment: Vec<String>,
}

/// The error for a build without readable tables.
#[derive(Debug, thiserror::Error)]
#[error("this build has no {missing} that can be read")]
pub struct NoTables {
    /// The table that is missing.
    pub missing: String,
}

/// Source files with tables, which are read even if they are out of scope.
const TABLES: &[&str] = &[
    "src/gateway/method-scopes.ts",
    "src/gateway/methods/core-descriptors.ts",
    "src/gateway/server-methods-list.ts",
    "src/gateway/operator-scopes.ts",
    "src/gateway/server-broadcast.ts",
    "src/gateway/server-broadcast-scopes.ts",
    "src/gateway/events.ts",
    "src/shared/gateway-method-policy.ts",
    "src/gateway/methods/descriptor.ts",
    "src/gateway/protocol/client-info.ts",
    "packages/gateway-protocol/src/client-info.ts",
    "src/gateway/protocol/connect-error-details.ts",
    "packages/gateway-protocol/src/connect-error-details.ts",
    "src/gateway/protocol/schema/error-codes.ts",
    "packages/gateway-protocol/src/gateway-error-details.ts",
];

/// Whether a bundled file may contain a table, so that it has to be parsed.
pub fn holds_tables(text: &str, scope: &Scope) -> bool {
    regions(text).iter().any(|region| wanted(region, scope))
}

fn wanted(region: &Region, scope: &Scope) -> bool {
    TABLES.contains(&&*region.source)
        || (scope.area(&region.source).is_some() && scope.file_left_out(&region.source).is_none())
}

/// Reads the surface of a release.
///
/// # Errors
/// Fails if the build has no readable table of methods or events.
pub fn surface(files: &[Bundled], scope: &Scope) -> Result<Surface, NoTables> {
    let mut known = Constants::new();
    // A second pass, because a constant may refer to one of a later file.
    for _ in 0..2 {
        for file in files {
            let allocator = Allocator::default();
            let parsed = Parser::new(&allocator, &file.text, SourceType::mjs()).parse();
            add_constants(&parsed.program, &mut known);
        }
    }
    let mut found = Surface { methods: methods(&known), events: events(&known), ..Surface::default() };
    if found.methods.is_empty() {
        return Err(NoTables { missing: "table of methods".to_owned() });
    }
    if found.events.is_empty() {
        return Err(NoTables { missing: "guards of events".to_owned() });
    }
    found.client_ids = values(&known, "GATEWAY_CLIENT_IDS");
    found.client_modes = values(&known, "GATEWAY_CLIENT_MODES");
    found.details = values(&known, "ConnectErrorDetailCodes");
    let (mut closes, mut errors) = (BTreeSet::new(), BTreeSet::new());
    let (mut limits, mut environment) = (BTreeMap::new(), BTreeSet::new());
    for file in files {
        let all = regions(&file.text);
        let in_scope: Vec<Region> = all
            .into_iter()
            .filter(|one| scope.area(&one.source).is_some() && scope.file_left_out(&one.source).is_none())
            .collect();
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, &file.text, SourceType::mjs()).parse();
        let mut sites =
            Sites { regions: &in_scope, known: &known, closes: BTreeSet::new(), errors: BTreeSet::new() };
        sites.collect(&parsed.program);
        closes.extend(sites.closes);
        errors.extend(sites.errors);
        for region in &in_scope {
            let text = file.text.get(region.bytes.clone()).unwrap_or_default();
            environment.extend(variables(text));
            for name in declared(text) {
                if let Some(Constant::Number(value)) = known.get(&name).filter(|_| is_limit(&name)) {
                    limits.insert(name.clone(), Limit { name, value: *value, source: region.source.clone() });
                }
            }
        }
    }
    found.closes = closes.into_iter().collect();
    found.errors = errors.into_iter().collect();
    found.limits = limits.into_values().collect();
    found.environment = environment.into_iter().collect();
    Ok(found)
}

/// The values of an object of strings.
fn values(known: &Constants, name: &str) -> Vec<String> {
    let entries = known.get(name).and_then(Constant::entries).unwrap_or_default();
    entries.iter().filter_map(|(_, value)| value.text().map(str::to_owned)).collect()
}

/// The methods by name. Releases up to 2026.5.12 group them by scope; later releases list each with its scope.
fn methods(known: &Constants) -> Vec<Method> {
    let mut found = BTreeMap::new();
    let specs = ["CORE_GATEWAY_METHOD_SPECS", "CORE_GATEWAY_METHOD_SPEC_LIST"];
    for spec in specs.iter().filter_map(|name| match known.get(*name) {
        Some(Constant::List(list)) => Some(list),
        _ => None,
    }) {
        for one in spec {
            let (name, scope) = match one {
                Constant::List(parts) => (parts.first(), parts.get(2)),
                other => (other.get("name"), other.get("scope")),
            };
            if let (Some(name), Some(scope)) = (name.and_then(Constant::text), scope.and_then(Constant::text))
            {
                found.insert(name.to_owned(), scope.to_owned());
            }
        }
    }
    if found.is_empty() {
        let groups = known.get("METHOD_SCOPE_GROUPS").or_else(|| known.get("METHOD_SCOPE_BY_NAME"));
        for (scope, names) in groups.and_then(Constant::entries).unwrap_or_default() {
            for name in names.texts().unwrap_or_default() {
                found.insert(name.to_owned(), scope.clone());
            }
        }
        if found.is_empty() {
            return Vec::new();
        }
        let list = |name: &str| known.get(name).and_then(Constant::texts).unwrap_or_default();
        for (names, scope) in [("NODE_ROLE_METHODS", "node"), ("DYNAMIC_OPERATOR_SCOPE_METHODS", "dynamic")] {
            found.extend(list(names).into_iter().map(|name| (name.to_owned(), scope.to_owned())));
        }
        let mut reserved = list("ADMIN_METHOD_PREFIXES");
        reserved.extend(list("RESERVED_ADMIN_GATEWAY_METHOD_PREFIXES"));
        for name in list("BASE_METHODS") {
            if reserved.iter().any(|prefix| name.starts_with(prefix)) {
                found.entry(name.to_owned()).or_insert_with(|| "operator.admin".to_owned());
            }
        }
    }
    found.into_iter().map(|(name, scope)| Method { name, scope }).collect()
}

fn events(known: &Constants) -> Vec<Guard> {
    let guards = known.get("EVENT_SCOPE_GUARDS").and_then(Constant::entries).unwrap_or_default();
    let mut found: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for (name, scopes) in guards {
        let scopes = scopes.texts().unwrap_or_default().into_iter().map(str::to_owned).collect();
        found.insert(name.clone(), Some(scopes));
    }
    if found.is_empty() {
        return Vec::new();
    }
    for name in known.get("GATEWAY_EVENTS").and_then(Constant::texts).unwrap_or_default() {
        found.entry(name.to_owned()).or_insert(None);
    }
    found.into_iter().map(|(name, scopes)| Guard { name, scopes }).collect()
}

/// Whether a constant is a limit or a timer, by its name.
fn is_limit(name: &str) -> bool {
    const ENDS: &[&str] =
        &["_MS", "_BYTES", "_LIMIT", "_MAX", "_SECONDS", "_TTL", "_ATTEMPTS", "_AFTER", "_EVERY", "_ENTRIES"];
    let parts: Vec<&str> = name.split('_').collect();
    ENDS.iter().any(|end| name.ends_with(end)) || parts.contains(&"MAX") || parts.contains(&"TIMEOUT")
}

/// The names of constants that are declared outside of functions.
fn declared(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("const ")?.split_once(" ="));
    names.map(|(name, _)| name.to_owned()).collect()
}

fn variables(text: &str) -> BTreeSet<String> {
    let Ok(pattern) = Regex::new("\\bOPENCLAW_[A-Z0-9_]+\\b") else { return BTreeSet::new() };
    pattern.find_iter(text).map(|one| one.as_str().to_owned()).collect()
}
