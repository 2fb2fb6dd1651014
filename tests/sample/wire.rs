//! What passes between a client and a gateway in the sample.

use gatecrash::client::{Direction, TranscriptEntry};
use gatecrash::verdict::Outcome;
use gatecrash::wire::{Close, WireError};
use serde_json::{Value, json};

/// What a gateway answers to a `connect`.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Hello,
    Refused(&'static str),
    Expired,
    Proxy,
    Died,
}

fn refused(code: &str, message: &str, details: Value) -> Outcome {
    let error = WireError { code: code.into(), message: message.into(), details };
    Outcome::Closed { close: Close::frame(Some(1008), message), error: Some(error) }
}

pub(super) fn outcome(answer: Answer, role: &str) -> Option<Outcome> {
    Some(match answer {
        Answer::Hello => Outcome::Hello {
            payload: json!({
                "type": "hello-ok", "protocol": 3, "server": {"version": "2026.3.31", "connId": "‹id›"},
                "auth": {"deviceToken": "‹deviceToken›", "role": role, "scopes": []},
            }),
        },
        Answer::Refused(reason) => refused(
            "NOT_PAIRED",
            "pairing required",
            json!({"code": "PAIRING_REQUIRED", "reason": reason, "requestId": "‹id›"}),
        ),
        Answer::Expired => refused(
            "INVALID_REQUEST",
            "device signature expired",
            json!({"code": "DEVICE_AUTH_SIGNATURE_EXPIRED", "reason": "device-signature-stale"}),
        ),
        Answer::Proxy => Outcome::Http { status: 403, body: json!({"error": "proxy_attribution_required"}) },
        Answer::Died => return None,
    })
}

pub(super) fn frames(id: &str, role: &str, start: u64, outcome: &Outcome) -> Vec<TranscriptEntry> {
    let entry = |after: u64, direction, text: String| TranscriptEntry {
        // The place in the transcript counts where no number is given.
        number: 0,
        at_ms: start + after,
        connection: id.into(),
        direction,
        text,
    };
    let mut entries = vec![entry(0, Direction::Opened, "ws://127.0.0.1:18789/".into())];
    if let Outcome::Http { status, body } = outcome {
        entries.push(entry(3, Direction::Http, format!("HTTP {status} {body}")));
        return entries;
    }
    let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "5f0c", "ts": 1_795_342_500_000_u64}});
    entries.push(entry(2, Direction::Received, challenge.to_string()));
    let (client, mode) = if role == "node" { ("node-host", "node") } else { ("cli", "cli") };
    let request = json!({
        "type": "req", "id": "1", "method": "connect",
        "params": {
            "minProtocol": 3, "maxProtocol": 4,
            "client": {"id": client, "version": "2026.3.31", "platform": "linux", "mode": mode},
            "role": role, "scopes": if role == "node" { json!([]) } else { json!(["operator.read"]) },
            "auth": {"token": "‹gateway token›"},
            "device": {"id": "4c1d…", "publicKey": "lXn0…", "signature": "‹signature›", "signedAt": 1_795_342_500_001_u64, "nonce": "5f0c"},
        },
    });
    entries.push(entry(4, Direction::Sent, request.to_string()));
    match outcome {
        Outcome::Closed { close, error } => {
            let response = json!({"type": "res", "id": "1", "ok": false, "error": error});
            entries.push(entry(11, Direction::Received, response.to_string()));
            entries.push(entry(12, Direction::ClosedByGateway, close.to_string()));
        }
        Outcome::Hello { payload } => {
            let response = json!({"type": "res", "id": "1", "ok": true, "payload": payload});
            entries.push(entry(11, Direction::Received, response.to_string()));
        }
        _ => {}
    }
    entries
}
