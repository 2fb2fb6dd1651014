//! Boots a release on a copy of the state and lets every stand-in reconnect.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::devices::{Credential, client};
use super::exec::{ExecOutcome, try_exec};
use super::judge::ReconnectAnswer;
use super::progress::{PreflightDoing, PreflightProgress};
use super::stand_in::StandIn;
use crate::client::{self, Opened, Transcript, open};
use crate::gateway::{PreparedTarget, RunningGateway, ScriptedModel, StartError, StartRequest, merge};
use crate::run::{HandshakeFacts, connect_params};
use crate::scenario::{
    Address, Auth, Capability, Connect, Credentials, Proof, ProofVersion, Ready, Span, Spanned,
};
use crate::wire::connect_request;

/// How long a gateway may take to answer one device.
const WITHIN: Duration = Duration::from_secs(15);

/// What a release is asked.
#[derive(Clone)]
pub(super) struct AskRequest<'a> {
    /// The copied state directory with the stand-ins.
    pub(super) state: &'a Path,
    /// The relevant parts of the configuration.
    pub(super) config: &'a Value,
    /// The shared token of the booted gateways; never the real one.
    pub(super) token: &'a str,
    /// The clock: milliseconds since 1970.
    pub(super) now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub(super) stand_ins: &'a [StandIn],
    /// How many releases were asked before, and how many are asked.
    pub(super) turn: (usize, usize),
    /// Is told what happens.
    pub(super) tell: &'a (dyn Fn(PreflightProgress) + Send + Sync),
}

/// What a release answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReleaseAnswers {
    /// The answer to each stand-in, in order.
    pub(super) answers: Vec<ReconnectAnswer>,
    /// What the agent's exec tool does; none if the target has no agent of its own.
    pub(super) exec: Option<ExecOutcome>,
    /// What the gateway wrote or left outside its home.
    pub(super) leaks: Vec<String>,
    /// Time from the start of the process to readiness, in milliseconds.
    pub(super) boot_ms: u64,
}

/// Why a release cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The release does not boot on the copy.
    #[error("{release} does not boot on a copy of this state")]
    Boot {
        /// The release.
        release: String,
        /// Why it does not start.
        source: StartError,
        /// Its last log lines, which may hold secrets of the state.
        log: Vec<String>,
    },
    /// The release does not answer.
    #[error("{release} cannot be reached on its copy")]
    Reach {
        /// The release.
        release: String,
        /// What went wrong with the connection.
        source: ReachError,
    },
}

/// Why a booted gateway cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// It has no listener where devices connect.
    #[error("it does not listen on 127.0.0.1")]
    NotListening,
    /// No connection could be opened.
    #[error("it does not accept a connection")]
    Open(#[source] client::OpenError),
    /// It did not answer in time.
    #[error("it did not answer {0} within {within} s", within = WITHIN.as_secs())]
    Unanswered(&'static str),
}

/// Boots a release on a copy of the copied state, and lets every stand-in reconnect once. `keep` gets a copy of what the
/// release leaves behind.
pub(super) async fn ask(
    prepared: &PreparedTarget,
    request: &AskRequest<'_>,
    keep: Option<&Path>,
) -> Result<ReleaseAnswers, AskError> {
    let model = if prepared.capabilities().contains(&Capability::Programs) {
        ScriptedModel::start().await.ok()
    } else {
        None
    };
    let mut config = request.config.clone();
    if let Some(model) = &model {
        merge(&mut config, &model.config());
    }
    let start = StartRequest {
        ready: Ready::Answers,
        state: Some(request.state.to_owned()),
        token: request.token.to_owned(),
        config,
        ..StartRequest::default()
    };
    let name = prepared.name().to_owned();
    let tell = |doing: PreflightDoing| {
        let (done, all) = request.turn;
        (request.tell)(PreflightProgress { release: name.clone(), doing, done, all });
    };
    tell(PreflightDoing::Boots);
    let gateway = prepared.start(start).await.map_err(|source| AskError::Boot {
        release: name.clone(),
        log: source.log().to_vec(),
        source,
    })?;
    let boot_ms = gateway.boot_ms();
    let tries = request.stand_ins.len();
    tell(PreflightDoing::Reconnects { boot_ms, tries });
    let answers = reconnect_all(&gateway, request).await;
    let exec = match &model {
        Some(model) if answers.is_ok() => {
            tell(PreflightDoing::Exec);
            Some(try_exec(&gateway, model).await)
        }
        _ => None,
    };
    let end = gateway.stop(keep).await;
    match answers {
        Ok(answers) => Ok(ReleaseAnswers { answers, exec, leaks: end.leaks, boot_ms }),
        Err(source) => Err(AskError::Reach { release: name, source }),
    }
}

async fn reconnect_all(
    gateway: &RunningGateway,
    request: &AskRequest<'_>,
) -> Result<Vec<ReconnectAnswer>, ReachError> {
    let mut answers = Vec::new();
    for stand_in in request.stand_ins {
        answers.push(reconnect(gateway, stand_in, request).await?);
    }
    Ok(answers)
}

async fn reconnect(
    gateway: &RunningGateway,
    stand_in: &StandIn,
    request: &AskRequest<'_>,
) -> Result<ReconnectAnswer, ReachError> {
    let address = gateway.socket(Address::V4).ok_or(ReachError::NotListening)?;
    let step = connect_step(stand_in, request);
    let mode = step.client.as_ref().and_then(|client| client.get("mode"));
    let mut headers = Vec::new();
    if mode.is_some_and(|mode| mode == "webchat") {
        // Browsers send the origin of the page, and the gateway checks it.
        headers.push(("Origin".to_owned(), format!("http://{address}")));
    }
    let transcript = Transcript::new(Instant::now());
    let opened = open("device", &address.into(), &headers, WITHIN, &transcript, None)
        .await
        .map_err(ReachError::Open)?;
    let refused = |code: String| Ok(ReconnectAnswer::Refused { code });
    let connection = match opened {
        Opened::Socket(connection) => connection,
        Opened::Http { status, .. } => return refused(format!("HTTP {status}")),
        Opened::Ended(end) => return refused(end.to_string()),
        Opened::Silence => return Err(ReachError::Unanswered("the upgrade")),
    };
    let nonce = match connection.challenge(WITHIN).await {
        Some(Ok(nonce)) => nonce,
        Some(Err(end)) => return refused(end.to_string()),
        None => return Err(ReachError::Unanswered("the connection with a challenge")),
    };
    let facts = HandshakeFacts {
        shared_token: request.token,
        password: "",
        nonce: &nonce,
        now_ms: (request.now_ms)(),
        key: Some(&stand_in.key),
        foreign: &stand_in.key,
        device: None,
    };
    let id = connection.fresh_id();
    let frame = connect_request(&id, &connect_params(&step, &facts));
    let answer = connection.ask(&id, &frame, WITHIN).await;
    connection.close(1000).await;
    read(answer)
}

/// The `connect` step that the real device would take.
fn connect_step(stand_in: &StandIn, request: &AskRequest<'_>) -> Connect {
    let role = stand_in.role.as_str();
    let (id, mode, scopes) = client(&stand_in.record, role);
    let text = |key: &str| stand_in.record.get(key).and_then(Value::as_str).map(str::to_owned);
    let device_token = || {
        let token = stand_in.record.pointer(&format!("/tokens/{role}/token")).and_then(Value::as_str);
        token.unwrap_or_default().to_owned()
    };
    let credentials = match stand_in.credential {
        Credential::DeviceToken => {
            Credentials { device_token: Some(device_token()), ..Credentials::default() }
        }
        Credential::SharedToken => {
            Credentials { token: Some(request.token.to_owned()), ..Credentials::default() }
        }
    };
    let identity = [("id", json!(id)), ("displayName", Value::Null), ("mode", json!(mode))];
    Connect {
        role: Some(role.to_owned()),
        scopes: Some(scopes),
        platform: text("platform"),
        family: text("deviceFamily"),
        client: Some(Map::from_iter(identity.map(|(key, value)| (key.to_owned(), value)))),
        auth: Some(Spanned::new(Auth::Given(credentials), Span::default())),
        proof: Some(Proof { version: Some(ProofVersion::V2), ..Proof::default() }),
        ..Connect::default()
    }
}

/// What a device was answered. A missing answer says nothing about the device.
fn read(answer: client::CallOutcome) -> Result<ReconnectAnswer, ReachError> {
    let error = match answer {
        client::CallOutcome::Ok(_) => return Ok(ReconnectAnswer::Ok),
        client::CallOutcome::Refused(error) | client::CallOutcome::Ended(_, Some(error)) => error,
        client::CallOutcome::Ended(end, None) => {
            return Ok(ReconnectAnswer::Refused { code: end.to_string() });
        }
        client::CallOutcome::Silence => return Err(ReachError::Unanswered("the connect request")),
    };
    let code = error.detail("code").unwrap_or(&error.code).to_owned();
    Ok(match error.detail("reason") {
        Some(reason) if code == "PAIRING_REQUIRED" => {
            ReconnectAnswer::PairingRequired { reason: reason.to_owned() }
        }
        _ => ReconnectAnswer::Refused { code },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DeviceKey;

    #[test]
    fn a_stand_in_sends_what_the_record_says_and_no_more() {
        let record = json!({"clientId": "openclaw-macos", "clientMode": "ui", "platform": "darwin",
            "tokens": {"operator": {"token": "t", "scopes": ["operator.read"]}}});
        let key = DeviceKey::derive(&["one"]);
        let stand_in = StandIn {
            index: 0,
            role: "operator".into(),
            credential: Credential::DeviceToken,
            key: key.clone(),
            record,
        };
        let config = json!({});
        let request = AskRequest {
            state: Path::new("/state"),
            config: &config,
            token: "shared",
            now_ms: Arc::new(|| 5),
            stand_ins: &[],
            turn: (0, 1),
            tell: &|_| {},
        };
        let facts = HandshakeFacts {
            shared_token: "shared",
            password: "",
            nonce: "n",
            now_ms: 5,
            key: Some(&key),
            foreign: &key,
            device: None,
        };
        let sent = connect_params(&connect_step(&stand_in, &request), &facts).to_value();
        let client = json!({"id": "openclaw-macos", "version": env!("CARGO_PKG_VERSION"), "platform": "darwin",
            "mode": "ui"});
        assert_eq!(sent["client"], client);
        assert_eq!(sent["auth"], json!({"deviceToken": "t"}));
        assert_eq!((&sent["role"], &sent["scopes"]), (&json!("operator"), &json!(["operator.read"])));
        let signed = format!("v2|{}|openclaw-macos|ui|operator|operator.read|5|t|n", key.id());
        let signature = sent["device"]["signature"].as_str().unwrap();
        assert!(DeviceKey::verify(&key.public_key(), &signed, signature));
    }
}
