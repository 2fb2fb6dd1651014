//! What a target did in a story, in the words of the laws.

use serde_json::Value;

use super::render::{Part, Written};
use super::story::{
    Action, Connect, ConnectionNumber, Credential, Record, Route, Story, StoryStep, TokenState, Tokens,
};
use crate::laws::{Ending, Origin, Shown, StoredRecord, TokenOf, TraceConnect, TraceEvent};
use crate::run::Cell;
use crate::verdict::Outcome;

/// What happened in a story, and for each event the position of the step that it belongs to; none for what was there from
/// the start.
pub(super) fn trace(story: &Story, written: &Written, cell: &Cell) -> Vec<(Option<usize>, TraceEvent)> {
    let mut events: Vec<(Option<usize>, TraceEvent)> = Vec::new();
    for device in &story.devices {
        if let Some(record) = &device.record {
            events.push((None, TraceEvent::Known(device.number, known(record))));
        }
        if let Some(request) = &device.request {
            let (role, scopes) = (request.role.clone(), request.scopes.clone());
            events.push((None, TraceEvent::Waits(device.number, role, scopes)));
        }
    }
    let mut connects: Vec<(ConnectionNumber, usize)> = Vec::new();
    for (position, (_, part)) in written.steps.iter().enumerate() {
        let outcome = cell.steps.get(position).and_then(|step| step.outcome.as_ref());
        if let Some(connect) = step(story, *part).and_then(StoryStep::connect) {
            connects.push((connect.number, events.len()));
        }
        events.push((Some(position), event(story, *part, outcome, &connects)));
    }
    events
}

fn step(story: &Story, part: Part) -> Option<&StoryStep> {
    match part {
        Part::Step(at) => story.steps.get(at),
        _ => None,
    }
}

fn event(
    story: &Story,
    part: Part,
    outcome: Option<&Outcome>,
    connects: &[(ConnectionNumber, usize)],
) -> TraceEvent {
    let looked = match part {
        Part::Stored(device) => Some(device),
        Part::After(at) => story.steps.get(at).and_then(StoryStep::device),
        Part::Owner(_) | Part::Before(_) | Part::Step(_) => None,
    };
    if let (Some(device), Some(Outcome::State { document })) = (looked, outcome) {
        return TraceEvent::Stored(device, stored(document));
    }
    let went_well = matches!(outcome, Some(Outcome::Ok { .. }));
    match step(story, part) {
        Some(StoryStep::Connect(one)) => TraceEvent::Connect(connect(story, one, outcome, connects)),
        // An approval that fails at one of several requests may have served others before.
        Some(StoryStep::Manage { action: Action::Approve, device, .. })
            if !matches!(outcome, None | Some(Outcome::Silence)) =>
        {
            TraceEvent::Approved(*device)
        }
        Some(StoryStep::Manage { action, device, .. }) if went_well => match action {
            Action::ApproveFirst => TraceEvent::Approved(*device),
            Action::Revoke(role) => TraceEvent::Ended(*device, Some(role.clone()), Ending::Revoked),
            Action::Rotate(role, _) => TraceEvent::Ended(*device, Some(role.clone()), Ending::Rotated),
            Action::Remove => TraceEvent::Ended(*device, None, Ending::Removed),
            // Approving a node's commands approves neither a role nor a scope.
            Action::Approve | Action::RejectFirst | Action::ApproveNode | Action::RejectNode => {
                TraceEvent::Other
            }
        },
        _ => TraceEvent::Other,
    }
}

fn connect(
    story: &Story,
    connect: &Connect,
    outcome: Option<&Outcome>,
    connects: &[(ConnectionNumber, usize)],
) -> TraceConnect {
    let role = connect.asked_role();
    let shown = match &connect.auth {
        Credential::Shared => Shown::Shared,
        Credential::None => Shown::Nothing,
        Credential::Wrong
        | Credential::WrongDeviceToken
        | Credential::WrongCode
        | Credential::WrongBesideStored(..) => Shown::Wrong,
        // A token of another device or role is a wrong one.
        Credential::Stored(device, of) if connect.device != Some(*device) || of != role => Shown::Wrong,
        Credential::Stored(device, of) => Shown::Token(TokenOf::Record(*device, of.clone())),
        Credential::Issued(from) => {
            let source = story.connects().find(|one| one.number == *from);
            let fits = source.is_some_and(|one| one.device == connect.device && one.asked_role() == role);
            match connects.iter().find(|(number, _)| number == from) {
                Some((_, at)) if fits => Shown::Token(TokenOf::Connect(*at)),
                _ => Shown::Wrong,
            }
        }
    };
    let origin = match connect.route {
        Route::Local => Origin::Here,
        // Whether a public name is enough to be remote differs between releases.
        Route::HostName => Origin::Unclear,
        Route::ForwardedFor
        | Route::RealIp
        | Route::Forwarded
        | Route::ForwardedProto
        | Route::ForwardedHost
        | Route::OwnPage
        | Route::AllowedPage
        | Route::ForeignPage => Origin::Elsewhere,
    };
    let let_in = match outcome {
        Some(Outcome::Hello { payload }) => Some(texts(&payload["auth"]["scopes"])),
        _ => None,
    };
    TraceConnect {
        device: connect.device,
        role: role.to_owned(),
        scopes: if role == "operator" { connect.asked_scopes() } else { Vec::new() },
        shown,
        origin,
        let_in,
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a record of a story gives to its device.
fn known(record: &Record) -> StoredRecord {
    let tokens = match &record.tokens {
        Tokens::Usual => record.roles.iter().map(|role| (role.clone(), false)).collect(),
        Tokens::Absent => Vec::new(),
        Tokens::Map(tokens) => {
            tokens.iter().map(|(role, state)| (role.clone(), *state == TokenState::Revoked)).collect()
        }
    };
    let scopes = |role: &str| if role == "operator" { record.scopes.clone() } else { Vec::new() };
    StoredRecord {
        roles: record.roles.clone(),
        scopes: record.scopes.clone(),
        tokens: tokens
            .into_iter()
            .map(|(role, revoked): (String, bool)| {
                let scopes = scopes(&role);
                (role, scopes, revoked)
            })
            .collect(),
    }
}

/// The record in what was found in a store.
fn stored(document: &Value) -> Option<StoredRecord> {
    let paired = document.get("paired").filter(|one| one.is_object())?;
    let mut scopes = texts(&paired["scopes"]);
    scopes.extend(texts(&paired["approvedScopes"]));
    let tokens = paired["tokens"].as_object().into_iter().flatten().map(|(role, token)| {
        let revoked = token.get("revokedAtMs").is_some_and(|at| !at.is_null());
        (role.clone(), texts(&token["scopes"]), revoked)
    });
    Some(StoredRecord { roles: texts(&paired["roles"]), scopes, tokens: tokens.collect() })
}
