//! Writes a story as a scenario.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::story::{
    Action, Caller, Connect, ConnectionNumber, Credential, DeviceNumber, Oddity, ProofFault, Record, Request,
    Route, Setting, Story, StoryStep, Stray, TokenState, Tokens,
};
use super::yaml::flow;
use crate::scenario::{Diagnostic, Scenario, Source, load};

/// What a step of the written scenario stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The owner connects, before the step with this index.
    Owner(usize),
    /// What the owner hears before the step with this index.
    Before(usize),
    /// A step of the story, by its index.
    Step(usize),
    /// What is stored about the device of a step right after it, by the index of the step.
    After(usize),
    /// What is stored about a device at the end.
    Stored(DeviceNumber),
}

/// A story as the text of a scenario.
#[derive(Clone, Debug)]
pub struct Written {
    /// The text.
    pub text: String,
    /// The names of its steps, in order, and what they stand for.
    pub steps: Vec<(String, Part)>,
}

/// What a scenario says apart from its story.
pub struct Heading<'a> {
    /// The title.
    pub title: &'a str,
    /// Why it is right.
    pub why: &'a str,
    /// Lines for its end, such as deviations.
    pub end: &'a str,
    /// The outcomes that are right, by what the steps stand for. Without it every step accepts every outcome.
    pub right: Option<&'a [(Part, Value)]>,
    /// When it looks at what is stored.
    pub looks: Looks<'a>,
    /// How long it waits for events.
    pub hears: Hears,
}

/// How long stories wait for events before there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hears {
    /// As long as processes may need.
    #[default]
    Patiently,
    /// As long as models need, which send an event before they answer what it is about.
    Soon,
}

impl Hears {
    const fn within(self) -> &'static str {
        match self {
            Self::Patiently => "400ms",
            Self::Soon => "120ms",
        }
    }
}

/// When a scenario looks at what is stored about its devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Looks<'a> {
    /// At the end, about each device.
    #[default]
    AtEnd,
    /// After each step about its device, and at the end about each device.
    AfterEachStep,
    /// Only where it is named.
    Only(&'a [Part]),
}

impl Looks<'_> {
    fn at(self, part: Part) -> bool {
        match self {
            Self::AtEnd => matches!(part, Part::Stored(_)),
            Self::AfterEachStep => true,
            Self::Only(parts) => parts.contains(&part),
        }
    }
}

/// Why connections may end: what ends them is not what is asked.
const MAY_CLOSE: &str = "Whether this ends the session is another matter.";

/// The configuration of the suite's scenarios about proxies and pages.
const PROXIES: &str = r#"{gateway: {trustedProxies: [127.0.0.1], controlUi: {allowedOrigins: ["https://ui.example", "tauri://localhost"], dangerouslyAllowHostHeaderOriginFallback: true}}}"#;

const PASSWORD: &str = r#"{gateway: {auth: {mode: password, password: "${gateway.password}"}}}"#;

/// The environment in which clients have a second for their handshake, which gateways know since 2026.3.22.
const IMPATIENT: &str = r#"{OPENCLAW_HANDSHAKE_TIMEOUT_MS: "1000"}"#;

/// The defaults that let every step have any outcome, by verb.
const ANYTHING: &[(&str, &str)] = &[
    (
        "connect",
        "{may_close: Any., expect: {any_of: [hello, closed, {http: $any}, error, {protocol_error: $any}, silence]}}",
    ),
    ("call", "{expect: {any_of: [ok, error, closed, {protocol_error: $any}, silence]}}"),
    ("approve", "{expect: {any_of: [ok, error, closed, silence]}}"),
    ("revoke", "{expect: {any_of: [ok, error, closed, silence]}}"),
    ("event", "{expect: {any_of: [arrives, silence, closed]}}"),
    ("send", "{expect: {any_of: [ok, closed, error, {protocol_error: $any}, silence]}}"),
];

/// How long a stray frame waits for an answer.
const STRAY_WITHIN: &str = "3s";

/// The scopes of the owner.
pub(super) const OWNER_SCOPES: [&str; 2] = ["operator.admin", "operator.pairing"];

/// Loads a story as a scenario that accepts every outcome.
///
/// # Errors
/// Fails if it is not a valid scenario, with what is wrong. Stories that are whole are valid.
pub(super) fn scenario(
    story: &Story,
    id: &str,
    looks: Looks<'_>,
    hears: Hears,
) -> Result<(Scenario, Written), Vec<Diagnostic>> {
    let heading = Heading { title: "A story", why: "It is asked.", end: "", right: None, looks, hears };
    let written = write(story, &heading);
    let source = Arc::new(Source { path: format!("{id}.yaml"), text: written.text.clone() });
    let suite = load(&[(id.to_owned(), source)]);
    match suite.scenarios.into_iter().next() {
        Some(scenario) if suite.diagnostics.is_empty() => Ok((scenario, written)),
        _ => Err(suite.diagnostics),
    }
}

/// Writes a story as a scenario.
pub fn write<'a>(story: &'a Story, heading: &Heading<'a>) -> Written {
    let mut text = String::new();
    let quoted = |text: &str| Value::from(text).to_string();
    let _ = writeln!(text, "title: {}", quoted(heading.title));
    let _ = writeln!(text, "why: {}", quoted(heading.why));
    text.push_str("source: [own]\ntags: [explored]\n");
    match story.setting {
        Setting::Plain => {}
        Setting::Proxies => {
            let _ = writeln!(text, "config: {PROXIES}");
        }
        Setting::Password => {
            let _ = writeln!(text, "config: {PASSWORD}");
        }
        Setting::Impatient => {
            let _ = writeln!(text, "env: {IMPATIENT}");
        }
    }
    let mut writer = Writer::new(story, heading);
    if !story.devices.is_empty() || story.has_owner() {
        text.push_str("\ndevices:\n");
    }
    for device in &story.devices {
        let mut keys = Map::new();
        device.record.iter().for_each(|one| {
            keys.insert("paired".to_owned(), record(one));
        });
        device.request.iter().for_each(|one| {
            keys.insert("pending".to_owned(), request(one));
        });
        let _ = writeln!(text, "  {}: {}", writer.device(device.number), flow(&Value::Object(keys)));
    }
    if story.has_owner() {
        let _ = writeln!(text, "  owner: {}", flow(&json!({"paired": {"scopes": OWNER_SCOPES}})));
    }
    writer.steps(heading.looks);
    if heading.right.is_none() {
        let used = |verb: &str| {
            writer.text.contains(&format!("\n  - {verb}:"))
                || writer.text.starts_with(&format!("  - {verb}:"))
        };
        text.push_str("\nobserve: all\n");
        let defaults: Vec<_> = ANYTHING.iter().filter(|(verb, _)| used(verb)).collect();
        text.push_str(if defaults.is_empty() { "" } else { "defaults:\n" });
        for (verb, keys) in defaults {
            let _ = writeln!(text, "  {verb}: {keys}");
        }
    }
    text.push_str("\nsteps:\n");
    text.push_str(&writer.text);
    text.push_str(heading.end);
    Written { text, steps: writer.names }
}

struct Writer<'a> {
    story: &'a Story,
    right: Option<&'a [(Part, Value)]>,
    hears: Hears,
    text: String,
    names: Vec<(String, Part)>,
    devices: BTreeMap<DeviceNumber, String>,
    connections: BTreeMap<ConnectionNumber, String>,
    owner: Option<String>,
}

impl<'a> Writer<'a> {
    fn new(story: &'a Story, heading: &Heading<'a>) -> Self {
        let mut devices: BTreeMap<DeviceNumber, String> = BTreeMap::new();
        for device in &story.devices {
            let name = unique(device_word(story, device.number), |name| {
                devices.values().any(|one| one == name) || name == "owner"
            });
            devices.insert(device.number, name);
        }
        Self {
            story,
            right: heading.right,
            hears: heading.hears,
            text: String::new(),
            names: Vec::new(),
            devices,
            connections: BTreeMap::new(),
            owner: None,
        }
    }

    fn device(&self, number: DeviceNumber) -> &str {
        self.devices.get(&number).map_or("nobody", String::as_str)
    }

    fn name(&self, word: &str) -> String {
        unique(word.to_owned(), |name| self.names.iter().any(|(one, _)| one == name))
    }

    fn add(&mut self, part: Part, verb: &str, name: String, mut keys: Map<String, Value>) {
        if let Some(right) = self.right
            && let Some((_, expected)) = right.iter().find(|(one, _)| *one == part)
        {
            keys.insert("expect".to_owned(), expected.clone());
        }
        let _ = writeln!(self.text, "  - {verb}: {}", flow(&Value::Object(keys)));
        self.names.push((name, part));
    }

    fn steps(&mut self, looks: Looks<'_>) {
        for (at, step) in self.story.steps.iter().enumerate() {
            // Who has to hear of what a node asks for must be there before.
            let is_needed = step.caller() == Some(Caller::Owner) || self.story.answers_nodes();
            if is_needed && self.owner.is_none() && *step != StoryStep::Restart {
                self.connect_owner(at);
            }
            self.step(at, step);
            if let Some(device) = step.device()
                && looks.at(Part::After(at))
            {
                self.look(Part::After(at), device);
            }
        }
        for device in &self.story.devices {
            let part = Part::Stored(device.number);
            if looks.at(part) {
                self.look(part, device.number);
            }
        }
    }

    fn look(&mut self, part: Part, device: DeviceNumber) {
        let name = self.device(device).to_owned();
        let id = self.name(&format!("stored-of-{name}"));
        let keys = keys(json!({"id": id, "device": name, "expect": {"state": "$any"}}));
        self.add(part, "state", id, keys);
    }

    fn connect_owner(&mut self, before: usize) {
        let name = self.name("owner");
        let mut written = keys(json!({"as": name, "device": "owner", "scopes": OWNER_SCOPES}));
        if self.story.setting == Setting::Password {
            written.insert("auth".to_owned(), json!("password"));
        }
        self.owner = Some(name.clone());
        self.add(Part::Owner(before), "connect", name, written);
    }

    fn step(&mut self, at: usize, step: &StoryStep) {
        let part = Part::Step(at);
        match step {
            StoryStep::Connect(connect) => self.connect(part, connect),
            StoryStep::Manage { by, action, device } => self.manage(at, *by, action, *device),
            StoryStep::Call { by, method } => {
                let name = self.name(method);
                let keys = keys(json!({"on": self.caller(*by), "id": name, "method": method}));
                self.add(part, "call", name, keys);
            }
            StoryStep::Hear { by, event, device } => {
                let name = self.name("hears");
                let payload = json!({"deviceId": format!("${{device.{}.id}}", self.device(*device))});
                let keys = json!({"on": self.caller(*by), "id": name, "event": event, "payload": payload, "within": self.hears.within()});
                self.add(part, "event", name, self::keys(keys));
            }
            StoryStep::Stray(stray) => {
                let name = self.name("stranger");
                let mut keys = keys(json!({"as": name}));
                match stray {
                    Stray::Method => {
                        keys.insert("json".to_owned(), json!({"type": "req", "id": "1", "method": "status"}));
                    }
                    Stray::Noise => {
                        keys.insert("text".to_owned(), json!("this is not JSON"));
                    }
                    Stray::Long => {
                        keys.insert("pad_to".to_owned(), json!(70_000));
                        keys.insert("text".to_owned(), json!("{}"));
                    }
                    Stray::Silent => {}
                }
                keys.insert("within".to_owned(), json!(STRAY_WITHIN));
                self.add(part, "send", name, keys);
            }
            StoryStep::Disconnect(number) => {
                let on = self.connections.get(number).cloned().unwrap_or_default();
                let name = self.name("disconnect");
                self.add(part, "disconnect", name, keys(json!({"on": on})));
            }
            StoryStep::Restart => {
                let name = self.name("restart");
                self.owner = None;
                self.add(part, "restart", name.clone(), keys(json!({"id": name})));
            }
        }
    }

    fn caller(&self, by: Caller) -> String {
        match by {
            Caller::Owner => self.owner.clone().unwrap_or_default(),
            Caller::Connection(number) => self.connections.get(&number).cloned().unwrap_or_default(),
        }
    }

    /// The owner hears of what a node asks for, which tells the id of the request. Returns whether that can be saved: it
    /// cannot if it is right that nothing comes.
    fn hear_of_a_node(&mut self, at: usize, id: &str, saved: &str) -> bool {
        let name = self.name("asks");
        let mut keys = keys(json!({
            "on": self.owner.clone().unwrap_or_default(), "id": name, "event": "node.pair.requested",
            "payload": {"nodeId": id}, "within": self.hears.within()
        }));
        let right = self.right.into_iter().flatten().find(|(part, _)| *part == Part::Before(at));
        let comes = right.is_none_or(|(_, expected)| *expected != json!("silence"));
        if comes {
            keys.insert("save".to_owned(), json!({saved: {"at": "/requestId", "else": "none"}}));
        }
        self.add(Part::Before(at), "event", name, keys);
        comes
    }

    fn manage(&mut self, at: usize, by: Caller, action: &Action, device: DeviceNumber) {
        let part = Part::Step(at);
        let on = self.caller(by);
        let device = self.device(device).to_owned();
        let id = format!("${{device.{device}.id}}");
        let pending = format!("${{device.{device}.pending}}");
        let asked = format!("asked_{at}");
        let mut request = format!("${{{asked}}}");
        if action.answers_a_node() && !self.hear_of_a_node(at, &id, &asked) {
            "none".clone_into(&mut request);
        }
        let (word, verb, body) = match action {
            Action::Revoke(role) => ("revoke", "revoke", json!({"device": device, "role": role})),
            Action::Rotate(role, scopes) => {
                let mut params = json!({"deviceId": id, "role": role});
                if let Some(scopes) = scopes {
                    params["scopes"] = json!(scopes);
                }
                ("rotate", "call", json!({"method": "device.token.rotate", "params": params}))
            }
            Action::Remove => {
                ("remove", "call", json!({"method": "device.pair.remove", "params": {"deviceId": id}}))
            }
            Action::Approve => ("approve", "approve", json!({"device": device})),
            Action::RejectFirst => {
                ("reject", "call", json!({"method": "device.pair.reject", "params": {"requestId": pending}}))
            }
            Action::ApproveFirst => (
                "approve",
                "call",
                json!({"method": "device.pair.approve", "params": {"requestId": pending}}),
            ),
            Action::ApproveNode | Action::RejectNode => {
                let is_approval = *action == Action::ApproveNode;
                let word = if is_approval { "approve" } else { "reject" };
                let params = json!({"requestId": request});
                (word, "call", json!({"method": format!("node.pair.{word}"), "params": params}))
            }
        };
        let name = self.name(word);
        let mut written = keys(json!({"on": on, "id": name}));
        written.extend(keys(body));
        self.add(part, verb, name, written);
    }

    fn connect(&mut self, part: Part, connect: &Connect) {
        let name = self.name(connect.asked_role());
        self.connections.insert(connect.number, name.clone());
        let mut keys = keys(json!({"as": name}));
        let mut set = |key: &str, value: Value| {
            keys.insert(key.to_owned(), value);
        };
        if let Some(device) = connect.device {
            set("device", json!(self.device(device)));
        }
        if connect.persona != "cli" {
            set("persona", json!(connect.persona));
        }
        connect.role.iter().for_each(|role| set("role", json!(role)));
        connect.scopes.iter().for_each(|scopes| set("scopes", json!(scopes)));
        if let Some(auth) = self.credential(&connect.auth) {
            set("auth", auth);
        }
        if let Some(headers) = headers(connect.route) {
            set("headers", headers);
        }
        connect.protocol.iter().for_each(|window| set("protocol", json!([window.0, window.1])));
        connect.proof.iter().for_each(|fault| set("proof", proof(*fault)));
        connect.platform.iter().for_each(|platform| set("platform", json!(platform)));
        connect.family.iter().for_each(|family| set("family", json!(family)));
        if !connect.commands.is_empty() {
            set("commands", json!(connect.commands));
        }
        match connect.oddity {
            Some(Oddity::UnknownKey) => set("raw", json!({"unheardOf": true})),
            Some(Oddity::UnknownClient) => set("client", json!({"id": "unheard-of"})),
            None => {}
        }
        let is_used = |one: &Connect| one.auth == Credential::Issued(connect.number);
        if self.story.connects().any(is_used) {
            let saved = json!({"at": "/auth/deviceToken", "else": "none"});
            set("save", json!({format!("token_{}", connect.number): saved}));
        }
        if self.right.is_some() {
            set("may_close", json!(MAY_CLOSE));
        }
        self.add(part, "connect", name, keys);
    }

    /// The credential as `auth` has it; `None` for the default.
    fn credential(&self, auth: &Credential) -> Option<Value> {
        let password = self.story.setting == Setting::Password;
        let stored =
            |device: DeviceNumber, role: &str| format!("${{device.{}.token.{role}}}", self.device(device));
        Some(match auth {
            Credential::Shared if password => json!("password"),
            Credential::Shared => return None,
            Credential::None => json!("none"),
            Credential::Wrong if password => json!({"password": "wrong-password"}),
            Credential::Wrong => json!("wrong"),
            Credential::Stored(device, role) => json!({"device_token": stored(*device, role)}),
            Credential::Issued(from) => json!({"device_token": format!("${{token_{from}}}")}),
            Credential::WrongDeviceToken => json!({"device_token": "made-up-device-token"}),
            Credential::WrongCode => json!({"bootstrap_token": "made-up-code"}),
            Credential::WrongBesideStored(device, role) if password => {
                json!({"password": "wrong-password", "device_token": stored(*device, role)})
            }
            Credential::WrongBesideStored(device, role) => {
                json!({"token": "wrong-token", "device_token": stored(*device, role)})
            }
        })
    }
}

fn keys(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(keys) => keys,
        _ => Map::new(),
    }
}

/// The first of `word`, `word-2`, `word-3` … that is free.
fn unique(word: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&word) {
        return word;
    }
    let numbered = (2..=u32::MAX).map(|number| format!("{word}-{number}"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(word)
}

/// A word for a device: what it is as a rule.
fn device_word(story: &Story, number: DeviceNumber) -> String {
    let connect = story.connects().find(|connect| connect.device == Some(number));
    let persona = connect.map(|connect| connect.persona.as_str());
    let role = connect.map_or_else(
        || {
            let roles = story.device(number).and_then(|device| device.record.as_ref()).map(|one| &one.roles);
            roles.and_then(|roles| roles.first()).map_or("operator", String::as_str)
        },
        Connect::asked_role,
    );
    let word = match (persona, role) {
        (Some("ios" | "android"), _) => "phone",
        (Some("control-ui" | "webchat" | "webchat-ui"), _) => "page",
        (Some("backend"), _) => "agent",
        (_, "node") => "machine",
        _ => "laptop",
    };
    word.to_owned()
}

fn record(record: &Record) -> Value {
    let mut keys = Map::new();
    let default_role = record.roles == ["operator"];
    if !default_role {
        keys.insert("roles".to_owned(), json!(record.roles));
    }
    if !record.scopes.is_empty() {
        keys.insert("scopes".to_owned(), json!(record.scopes));
    }
    let own = if record.roles.first().is_some_and(|role| role == "node") { "node-host" } else { "cli" };
    let persona = record.persona.as_deref().unwrap_or(own);
    if persona != "cli" {
        keys.insert("persona".to_owned(), json!(persona));
    }
    let mut omit: Vec<&str> = record.omit.iter().map(String::as_str).collect();
    match &record.tokens {
        Tokens::Usual => {}
        Tokens::Absent => omit.push("tokens"),
        Tokens::Map(tokens) => {
            let state = |state: &TokenState| match state {
                TokenState::Active => json!({}),
                TokenState::Revoked => json!({"revoked": true}),
            };
            let tokens: Map<String, Value> =
                tokens.iter().map(|(role, one)| (role.clone(), state(one))).collect();
            keys.insert("tokens".to_owned(), Value::Object(tokens));
        }
    }
    if !omit.is_empty() {
        keys.insert("omit".to_owned(), json!(omit));
    }
    Value::Object(keys)
}

fn request(request: &Request) -> Value {
    let mut keys = Map::new();
    if request.role != "operator" {
        keys.insert("role".to_owned(), json!(request.role));
        keys.insert("persona".to_owned(), json!("node-host"));
    }
    if !request.scopes.is_empty() {
        keys.insert("scopes".to_owned(), json!(request.scopes));
    }
    if request.expired {
        keys.insert("age".to_owned(), json!("6m"));
    }
    Value::Object(keys)
}

fn headers(route: Route) -> Option<Value> {
    Some(match route {
        Route::Local => return None,
        Route::HostName => json!({"Host": "gateway.example"}),
        Route::ForwardedFor => json!({"X-Forwarded-For": "203.0.113.9"}),
        Route::RealIp => json!({"X-Real-IP": "203.0.113.9"}),
        Route::Forwarded => json!({"Forwarded": "for=203.0.113.9"}),
        Route::ForwardedProto => json!({"X-Forwarded-Proto": "https"}),
        Route::ForwardedHost => json!({"X-Forwarded-Host": "gateway.example"}),
        Route::OwnPage => json!({"Origin": "http://127.0.0.1:${gateway.port}"}),
        Route::AllowedPage => json!({"Origin": "https://ui.example"}),
        Route::ForeignPage => json!({"Origin": "https://evil.example"}),
    })
}

fn proof(fault: ProofFault) -> Value {
    match fault {
        ProofFault::V2 => json!({"version": "v2"}),
        ProofFault::NonceWrong => json!({"nonce": "wrong"}),
        ProofFault::NonceMissing => json!({"nonce": "missing"}),
        ProofFault::NonceBlank => json!({"nonce": "blank"}),
        ProofFault::SignatureTampered => json!({"signature": "tampered"}),
        ProofFault::SignatureForeign => json!({"signature": "foreign-key"}),
        ProofFault::KeyForeign => json!({"public_key": "foreign"}),
        ProofFault::IdUpperCase => json!({"id": "upper-case"}),
        ProofFault::IdForeign => json!({"id": "foreign"}),
        ProofFault::Late => json!({"signed_at": "-1h"}),
        ProofFault::Early => json!({"signed_at": "1h"}),
        ProofFault::OverScopes => json!({"over": {"scopes": ["operator.admin"]}}),
        ProofFault::OverToken => json!({"over": {"token": ""}}),
        ProofFault::OverRole => json!({"over": {"role": "node"}}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::StoryDevice;
    use super::*;

    #[test]
    fn the_owner_is_there_before_a_node_asks_and_hears_what_it_asks() {
        let node =
            Connect { commands: vec!["system.run".to_owned()], ..Connect::usual(0, Some(0), "node-host") };
        let approve = StoryStep::Manage { by: Caller::Owner, action: Action::ApproveNode, device: 0 };
        let story = Story {
            devices: vec![StoryDevice { number: 0, record: None, request: None }],
            steps: vec![StoryStep::Connect(node), approve],
            ..Story::default()
        };
        let (_, written) = scenario(&story, "explore/one", Looks::Only(&[]), Hears::Soon).unwrap();
        let steps = written.text.split("\nsteps:\n").nth(1).unwrap();
        insta::assert_snapshot!(steps, @r#"
        - connect: {as: owner, device: owner, scopes: [operator.admin, operator.pairing]}
        - connect: {as: node, device: machine, persona: node-host, commands: [system.run]}
        - event: {on: owner, id: asks, event: node.pair.requested, payload: {nodeId: "${device.machine.id}"}, within: "120ms", save: {asked_1: {at: /requestId, else: none}}}
        - call: {on: owner, id: approve, method: node.pair.approve, params: {requestId: "${asked_1}"}}
        "#);
        let parts: Vec<Part> = written.steps.iter().map(|(_, part)| *part).collect();
        assert_eq!(parts, [Part::Owner(0), Part::Step(0), Part::Before(1), Part::Step(1)]);
    }
}
