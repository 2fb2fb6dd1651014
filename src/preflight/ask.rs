//! Boots a release on a copy and lets every stand-in come back.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::devices::{Credential, client};
use super::exec::{Exec, try_exec};
use super::judge::Answer;
use super::stand_in::StandIn;
use crate::client::{self, Opened, Transcript, open};
use crate::error_chain::chain;
use crate::gateway::{PreparedTarget, RunningGateway, ScriptedModel, StartError, StartRequest, merge};
use crate::scenario::{Address, Capability, Ready};
use crate::wire::{ConnectParams, DeviceProof, SignedFields, connect_request};

/// How long a gateway may take to answer one device.
const WITHIN: Duration = Duration::from_secs(15);

/// What is asked of a release.
pub(super) struct Question<'a> {
    /// The copied state directory, stand-ins in it.
    pub state: &'a Path,
    /// The parts of the configuration that matter.
    pub config: &'a Value,
    /// The shared token of the booted gateways; never the real one.
    pub token: &'a str,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub(super) stand_ins: &'a [StandIn],
}

/// What a release answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// To each stand-in, in their order.
    pub answers: Vec<Answer>,
    /// What the agent's exec tool does; none where the target has no agent of its own.
    pub exec: Option<Exec>,
    /// What the gateway wrote or left outside its home.
    pub leaks: Vec<String>,
    /// From the start of its process to readiness, in milliseconds.
    pub boot_ms: u64,
}

/// Why a release cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It does not boot on the copy.
    #[error("{release} does not boot on a copy of this state: {source}")]
    Boot {
        /// The release.
        release: String,
        /// Why.
        source: StartError,
        /// Its last lines, which may hold secrets of the state.
        log: Vec<String>,
    },
    /// It went away or does not listen where it should.
    #[error("{release} cannot be reached on its copy: {reason}")]
    Reach {
        /// The release.
        release: String,
        /// Why.
        reason: String,
    },
}

/// Boots a release on a copy of the copy, and lets every stand-in come back once.
pub(super) async fn ask(prepared: &PreparedTarget, question: &Question<'_>) -> Result<Asked, AskError> {
    let model = if prepared.capabilities().contains(&Capability::Programs) {
        ScriptedModel::start().await.ok()
    } else {
        None
    };
    let mut config = question.config.clone();
    if let Some(model) = &model {
        merge(&mut config, &model.config());
    }
    let request = StartRequest {
        ready: Ready::Answers,
        state: Some(question.state.to_owned()),
        token: question.token.to_owned(),
        config,
        ..StartRequest::default()
    };
    let name = prepared.name().to_owned();
    let host = prepared.start(request).await.map_err(|source| AskError::Boot {
        release: name.clone(),
        log: source.log().to_vec(),
        source,
    })?;
    let mut answers = Vec::new();
    let mut lost = None;
    for one in question.stand_ins {
        match come_back(&host, one, question).await {
            Ok(answer) => answers.push(answer),
            Err(reason) => {
                lost = Some(reason);
                break;
            }
        }
    }
    let exec = match &model {
        Some(model) if lost.is_none() => Some(try_exec(&host, model).await),
        _ => None,
    };
    let boot_ms = host.boot_ms();
    let end = host.stop(None).await;
    match lost {
        Some(reason) => Err(AskError::Reach { release: name, reason }),
        None => Ok(Asked { answers, exec, leaks: end.leaks, boot_ms }),
    }
}

async fn come_back(host: &RunningGateway, one: &StandIn, question: &Question<'_>) -> Result<Answer, String> {
    let address = host.socket(Address::V4).ok_or("it does not listen on 127.0.0.1")?;
    let role = one.role.as_str();
    let (id, mode, scopes) = client(&one.record, role);
    let mut headers = Vec::new();
    if mode == "webchat" {
        // Browsers send where the page came from, and the gateway looks at it.
        headers.push(("Origin".to_owned(), format!("http://{address}")));
    }
    let transcript = Transcript::new(Instant::now());
    let opened = open("device", &address.into(), &headers, WITHIN, &transcript)
        .await
        .map_err(|error| chain(&error))?;
    let connection = match opened {
        Opened::Socket(connection) => connection,
        Opened::Http { status, .. } => return Ok(Answer::Refused { code: format!("HTTP {status}") }),
        Opened::Ended(end) => return Ok(Answer::Refused { code: end.to_string() }),
        Opened::Silence => return Err(unanswered("the upgrade")),
    };
    let nonce = match connection.challenge(WITHIN).await {
        Some(Ok(nonce)) => nonce,
        Some(Err(end)) => return Ok(Answer::Refused { code: end.to_string() }),
        None => return Err(unanswered("the connection with a challenge")),
    };
    let text = |key: &str| one.record.get(key).and_then(Value::as_str).map(str::to_owned);
    let stored = one.record.pointer(&format!("/tokens/{role}/token")).and_then(Value::as_str);
    let shown = match one.way {
        Credential::DeviceToken => stored.unwrap_or_default(),
        Credential::SharedToken => question.token,
    };
    let key = match one.way {
        Credential::DeviceToken => "deviceToken",
        Credential::SharedToken => "token",
    };
    let platform = text("platform").unwrap_or_else(|| "linux".to_owned());
    let family = text("deviceFamily");
    let signed_at = (question.now_ms)();
    let fields = SignedFields {
        device_id: one.key.id(),
        client_id: id.clone(),
        client_mode: mode.clone(),
        role: role.to_owned(),
        scopes: scopes.clone(),
        signed_at,
        token: shown.to_owned(),
        nonce: nonce.clone(),
        platform: platform.clone(),
        family: family.clone().unwrap_or_default(),
    };
    let mut who = Map::new();
    who.insert("id".into(), json!(id));
    who.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    who.insert("platform".into(), json!(platform));
    if let Some(family) = family {
        who.insert("deviceFamily".into(), json!(family));
    }
    who.insert("mode".into(), json!(mode));
    let params = ConnectParams {
        min_protocol: 3,
        max_protocol: 4,
        client: who,
        role: role.to_owned(),
        scopes,
        auth: Map::from_iter([(key.to_owned(), json!(shown))]),
        device: Some(DeviceProof {
            id: Some(one.key.id()),
            public_key: Some(one.key.public_key()),
            signature: Some(one.key.sign(&fields.v2())),
            signed_at,
            nonce: Some(nonce),
        }),
        ..ConnectParams::default()
    };
    let id = connection.fresh_id();
    let answer = connection.ask(&id, &connect_request(&id, &params), WITHIN).await;
    connection.close(1000).await;
    read(answer)
}

/// What a device was answered. That nothing came in our time says nothing about the device.
fn read(answer: client::CallOutcome) -> Result<Answer, String> {
    let error = match answer {
        client::CallOutcome::Ok(_) => return Ok(Answer::Ok),
        client::CallOutcome::Refused(error) | client::CallOutcome::Ended(_, Some(error)) => error,
        client::CallOutcome::Ended(end, None) => return Ok(Answer::Refused { code: end.to_string() }),
        client::CallOutcome::Silence => return Err(unanswered("the connect request")),
    };
    let code = error.detail("code").unwrap_or(&error.code).to_owned();
    Ok(match error.detail("reason") {
        Some(reason) if code == "PAIRING_REQUIRED" => Answer::PairingRequired { reason: reason.to_owned() },
        _ => Answer::Refused { code },
    })
}

fn unanswered(what: &str) -> String {
    format!("it did not answer {what} within {} s", WITHIN.as_secs())
}
