//! The situation of a step: all that is out of the ordinary about it, in words. Two differences with the same pair of
//! outcomes are the same finding if one's situation contains the other's.

use std::collections::{BTreeMap, BTreeSet};

use super::render::Part;
use super::story::{
    Action, Caller, Connect, Credential, DeviceNumber, ProofFault, Record, Route, Setting, Story, StoryStep,
    TokenState, Tokens,
};

/// What is out of the ordinary about a step, in words such as `role:node` or `token:revoked`.
pub type Situation = BTreeSet<String>;

/// What is known of a device at some point of a story, if everything went well so far.
#[derive(Clone, Debug, Default)]
struct DeviceView {
    roles: BTreeSet<String>,
    scopes: BTreeSet<String>,
    words: Situation,
    tokens: BTreeMap<String, &'static str>,
}

/// What kind of step a part of a story is: what is done, without the circumstances.
pub fn kind(story: &Story, part: Part) -> String {
    let step = match part {
        Part::Owner(_) => return "connect".to_owned(),
        Part::Before(_) => return "event node.pair.requested".to_owned(),
        Part::Stored(_) | Part::After(_) => return "stored".to_owned(),
        Part::Step(at) => story.steps.get(at),
    };
    match step {
        Some(StoryStep::Connect(_)) => "connect".to_owned(),
        Some(StoryStep::Manage { action, .. }) => action_word(action).to_owned(),
        Some(StoryStep::Call { method, .. }) => format!("call {method}"),
        Some(StoryStep::Hear { event, .. }) => format!("event {event}"),
        Some(StoryStep::Stray(_)) => "first frame".to_owned(),
        Some(StoryStep::Disconnect(_)) => "disconnect".to_owned(),
        Some(StoryStep::Restart) | None => "restart".to_owned(),
    }
}

const fn action_word(action: &Action) -> &'static str {
    match action {
        Action::Revoke(_) => "revoke",
        Action::Rotate(..) => "rotate",
        Action::Remove => "remove",
        Action::Approve => "approve",
        Action::RejectFirst => "reject",
        Action::ApproveFirst => "approve by id",
        Action::ApproveNode => "call node.pair.approve",
        Action::RejectNode => "call node.pair.reject",
    }
}

/// The situation of a part of a story.
pub fn situation(story: &Story, part: Part) -> Situation {
    let mut words = Situation::new();
    match story.setting {
        Setting::Plain => {}
        Setting::Proxies => drop(words.insert("config:proxies".to_owned())),
        Setting::Password => drop(words.insert("config:password".to_owned())),
        Setting::Impatient => drop(words.insert("config:impatient".to_owned())),
    }
    match part {
        Part::Owner(_) => drop(words.insert("owner".to_owned())),
        Part::Before(at) | Part::Step(at) | Part::After(at) => {
            if let Some(step) = story.steps.get(at) {
                words.extend(of_step(story, at, step));
                if let (Part::After(_), StoryStep::Manage { action, .. }) = (part, step) {
                    words.insert(format!("after:{}", action_word(action)));
                }
            }
        }
        Part::Stored(device) => {
            words.extend(view(story, story.steps.len(), device).words);
            for (at, step) in story.steps.iter().enumerate().filter(|(_, step)| step.device() == Some(device))
            {
                words.extend(of_step(story, at, step));
            }
        }
    }
    words
}

fn of_step(story: &Story, at: usize, step: &StoryStep) -> Situation {
    let mut words = Situation::new();
    if let Some(device) = step.device() {
        words.extend(view(story, at, device).words);
    }
    if story.steps[..at].contains(&StoryStep::Restart) {
        words.insert("after:restart".to_owned());
    }
    match step {
        StoryStep::Connect(connect) => words.extend(of_connect(story, at, connect)),
        StoryStep::Manage { by, action, device } => {
            words.extend(of_caller(story, *by, Some(*device)));
            match action {
                Action::Revoke(role) | Action::Rotate(role, None) => words.extend(role_word(role)),
                Action::Rotate(role, Some(_)) => {
                    words.extend(role_word(role));
                    words.insert("scopes:named".to_owned());
                }
                Action::ApproveNode | Action::RejectNode => words.extend(asked_commands(story, at, *device)),
                _ => {}
            }
        }
        StoryStep::Call { by, .. } => words.extend(of_caller(story, *by, None)),
        StoryStep::Hear { by, device, .. } => words.extend(of_caller(story, *by, Some(*device))),
        StoryStep::Stray(stray) => drop(words.insert(format!("frame:{}", word(stray)))),
        StoryStep::Disconnect(_) | StoryStep::Restart => {}
    }
    words
}

fn command_word(command: &String) -> String {
    format!("command:{command}")
}

/// The commands that a device asked for as a node last.
fn asked_commands(story: &Story, before: usize, number: DeviceNumber) -> Situation {
    let connects = story.steps[..before].iter().rev().filter_map(StoryStep::connect);
    let mut of_node = connects.filter(|one| one.device == Some(number) && one.asked_role() == "node");
    of_node.next().map(|one| one.commands.iter().map(command_word).collect()).unwrap_or_default()
}

fn role_word(role: &str) -> Option<String> {
    (role != "operator").then(|| format!("role:{role}"))
}

/// The serialised name of a unit variant.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn of_caller(story: &Story, by: Caller, about: Option<DeviceNumber>) -> Situation {
    let mut words = Situation::new();
    let Some(number) = by.connection() else { return words };
    let Some(connect) = story.connects().find(|connect| connect.number == number) else { return words };
    let whose = if about.is_some() && connect.device == about { "by:itself" } else { "by:another" };
    words.insert(if about.is_some() { whose.to_owned() } else { "by:client".to_owned() });
    words.extend(role_word(connect.asked_role()).map(|role| format!("caller-{role}")));
    for scope in connect.asked_scopes() {
        if scope != "operator.read" {
            words.insert(format!("caller-scope:{scope}"));
        }
    }
    words
}

fn of_connect(story: &Story, at: usize, connect: &Connect) -> Situation {
    let mut words = Situation::new();
    let role = connect.asked_role();
    words.extend(role_word(role));
    if !matches!(connect.persona.as_str(), "cli" | "node-host") {
        words.insert(format!("persona:{}", connect.persona));
    }
    if connect.device.is_none() {
        words.insert("no-device".to_owned());
    }
    if let Some(device) = connect.device {
        let known = view(story, at, device);
        let is_known = !known.roles.is_empty() || !known.tokens.is_empty();
        if is_known && !known.roles.contains(role) {
            words.insert("role:new".to_owned());
        }
        if let Some(token) = known.tokens.get(role).filter(|token| **token != "active") {
            words.insert(format!("token:{token}"));
        } else if known.roles.contains(role) && !known.tokens.contains_key(role) {
            words.insert("token:missing".to_owned());
        }
        if is_known
            && role == "operator"
            && connect.asked_scopes().iter().any(|one| !known.scopes.contains(one))
        {
            words.insert("scopes:more".to_owned());
        }
    }
    match &connect.scopes {
        Some(scopes) if scopes.is_empty() => drop(words.insert("scopes:none".to_owned())),
        Some(scopes) => words.extend(scopes.iter().map(|scope| format!("scope:{scope}"))),
        None => {}
    }
    match &connect.auth {
        Credential::Shared => {}
        Credential::None => drop(words.insert("auth:none".to_owned())),
        Credential::Wrong => drop(words.insert("auth:wrong".to_owned())),
        Credential::WrongDeviceToken => drop(words.insert("auth:made-up-device-token".to_owned())),
        Credential::WrongCode => drop(words.insert("auth:made-up-code".to_owned())),
        Credential::Stored(device, of) => words.extend(of_token(connect, *device, of, "auth:stored-token")),
        Credential::WrongBesideStored(device, of) => {
            words.extend(of_token(connect, *device, of, "auth:wrong-beside-stored-token"));
        }
        Credential::Issued(from) => {
            words.insert("auth:issued-token".to_owned());
            let source = story.connects().find(|one| one.number == *from);
            if source.is_some_and(|one| one.device != connect.device) {
                words.insert("token-of:another-device".to_owned());
            }
            if source.is_some_and(|one| one.asked_role() != role) {
                words.insert("token-of:another-role".to_owned());
            }
        }
    }
    if connect.route != Route::Local {
        words.insert(format!("route:{}", word(&connect.route)));
    }
    words.extend(connect.protocol.map(|window| format!("protocol:{}-{}", window.0, window.1)));
    words.extend(connect.proof.as_ref().map(|fault: &ProofFault| format!("proof:{}", word(fault))));
    words.extend(connect.platform.as_ref().map(|_| "platform:changed".to_owned()));
    words.extend(connect.family.as_ref().map(|_| "family:changed".to_owned()));
    words.extend(connect.oddity.as_ref().map(|one| format!("odd:{}", word(one))));
    if !connect.commands.is_empty() {
        words.insert("commands".to_owned());
    }
    words
}

fn of_token(connect: &Connect, device: DeviceNumber, of: &str, what: &str) -> Situation {
    let mut words = Situation::from([what.to_owned()]);
    if connect.device != Some(device) {
        words.insert("token-of:another-device".to_owned());
    }
    if connect.asked_role() != of {
        words.insert("token-of:another-role".to_owned());
    }
    words
}

/// What is known of a device before a step.
fn view(story: &Story, before: usize, number: DeviceNumber) -> DeviceView {
    let mut view = DeviceView::default();
    let Some(device) = story.device(number) else { return view };
    if let Some(record) = &device.record {
        of_record(record, &mut view);
    }
    if let Some(request) = &device.request {
        view.words.insert("request".to_owned());
        view.words.extend(role_word(&request.role).map(|role| format!("request-{role}")));
        if request.expired {
            view.words.insert("request:expired".to_owned());
        }
    }
    for step in &story.steps[..before.min(story.steps.len())] {
        let about = step.device() == Some(number);
        match step {
            StoryStep::Connect(connect) if about => {
                let role = connect.asked_role();
                let by = if role == "operator" { String::new() } else { format!("-{role}") };
                view.words.insert(format!("after:connect{by}"));
                view.roles.insert(role.to_owned());
                if role == "operator" {
                    view.scopes.extend(connect.asked_scopes());
                }
                view.tokens.entry(role.to_owned()).or_insert("active");
            }
            StoryStep::Manage { action, .. } if about => {
                view.words.insert(format!("after:{}", action_word(action)));
                match action {
                    Action::Revoke(role) => drop(view.tokens.insert(role.clone(), "revoked")),
                    Action::Rotate(role, _) => drop(view.tokens.insert(role.clone(), "rotated")),
                    Action::Remove => {
                        let words = std::mem::take(&mut view.words);
                        view = DeviceView { words, ..DeviceView::default() };
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    view
}

fn of_record(record: &Record, view: &mut DeviceView) {
    view.words.insert("paired".to_owned());
    view.roles.extend(record.roles.iter().cloned());
    view.scopes.extend(record.scopes.iter().cloned());
    view.words.extend(record.omit.iter().map(|key| format!("record-without:{key}")));
    view.words.extend(record.persona.iter().map(|persona| format!("paired-as:{persona}")));
    match &record.tokens {
        Tokens::Usual => view.tokens.extend(record.roles.iter().map(|role| (role.clone(), "active"))),
        Tokens::Absent => drop(view.words.insert("tokens:absent".to_owned())),
        Tokens::Map(tokens) if tokens.is_empty() => drop(view.words.insert("tokens:empty".to_owned())),
        Tokens::Map(tokens) => {
            if record.roles.iter().any(|role| !tokens.contains_key(role)) {
                view.words.insert("tokens:partial".to_owned());
            }
            view.tokens.extend(tokens.iter().map(|(role, state)| {
                (role.clone(), if *state == TokenState::Active { "active" } else { "revoked" })
            }));
        }
    }
    for scope in record.scopes.iter().filter(|scope| *scope != "operator.read") {
        view.words.insert(format!("record-scope:{scope}"));
    }
    for role in record.roles.iter().filter(|role| *role != "operator") {
        view.words.insert(format!("record-role:{role}"));
    }
}
