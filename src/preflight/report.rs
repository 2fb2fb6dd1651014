//! Asks both releases about every device and combines their answers.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::{AskError, AskRequest, ReleaseAnswers, ask};
use super::cause::{Cause, cause};
use super::devices::{Credential, DeviceRole, device_roles};
use super::exec::ExecOutcome;
use super::judge::{ReconnectAnswer, UpgradeEffect, upgrade_effect};
use super::progress::PreflightProgress;
use super::source::{SourceError, forget_socket};
use super::stand_in::{own_identity, place, stand_ins};
use crate::curate::timeline::{BUILT_IN, read};
use crate::gateway::{PreparedTarget, StateError, read_both_stores};
use crate::release::Release;
use crate::run::Format;

/// The format of the JSON report of a preflight.
pub const PREFLIGHT_FORMAT: Format = Format { major: 1, minor: 1 };

/// What an upgrade would do to every paired device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preflight {
    /// Version of this document's format.
    pub format: Format,
    /// The release before the upgrade; none if it is not known.
    pub from: Option<ReleaseSide>,
    /// The release after the upgrade.
    pub to: ReleaseSide,
    /// Each device in each role, with each credential.
    pub rows: Vec<DeviceOutcome>,
    /// Remarks on the copy.
    pub notes: Vec<String>,
}

/// One of the two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseSide {
    /// The target as it was named.
    pub target: String,
    /// Time from the start of the process to readiness, in milliseconds.
    pub boot_ms: u64,
    /// What the agent's exec tool does.
    pub exec: Option<ExecOutcome>,
    /// What its gateway wrote or left outside its home.
    pub leaks: Vec<String>,
}

/// What an upgrade does to a device in a role that reconnects with one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceOutcome {
    /// The device and its role.
    #[serde(flatten)]
    pub device: DeviceRole,
    /// Whether the programs on the gateway's machine use this identity: command line, exec tool, local node host.
    pub own: bool,
    /// What the device presents.
    #[serde(rename = "way")]
    pub credential: Credential,
    /// What the release before the upgrade answers.
    pub before: Option<ReconnectAnswer>,
    /// What the release after the upgrade answers.
    pub after: ReconnectAnswer,
    /// What that means for the device.
    #[serde(rename = "fate")]
    pub effect: UpgradeEffect,
    /// Why the answers differ, as far as the recorded history tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Why a preflight is not possible.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The stored devices cannot be read, or stand-ins cannot be added.
    #[error(transparent)]
    State(#[from] StateError),
    /// What a release left behind cannot be prepared for the next one.
    #[error(transparent)]
    Between(#[from] SourceError),
    /// A release cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// No device is stored.
    #[error("no device is paired in this state directory, so none can break")]
    NoDevice,
}

/// What a preflight is given.
pub struct PreflightRequest<'a> {
    /// The copied state directory; stand-ins are added to it.
    pub state: &'a Path,
    /// The relevant parts of the configuration.
    pub config: &'a Value,
    /// The release before the upgrade.
    pub from: Option<&'a PreparedTarget>,
    /// The releases to upgrade to.
    pub to: &'a [PreparedTarget],
    /// Where states between releases are put, if each upgrade begins with what the one before left behind; otherwise each
    /// begins with the copied state.
    pub stepwise: Option<&'a Path>,
    /// Is told what happens.
    pub tell: &'a (dyn Fn(PreflightProgress) + Send + Sync),
    /// Seed of the keys of stand-ins.
    pub seed: u64,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// Asks the present release and each of the others about every device in the copy, one release after the other. The result
/// has one entry for each release to upgrade to.
///
/// # Errors
///
/// When the copy cannot be read or changed, holds no device, or a release does not boot or answer.
pub async fn preflight(request: &PreflightRequest<'_>) -> Result<Vec<Preflight>, PreflightError> {
    let stored = read_both_stores(request.state)?;
    let roles = device_roles(&stored);
    if roles.is_empty() {
        return Err(PreflightError::NoDevice);
    }
    let all = stand_ins(&roles, &stored.paired, request.seed);
    place(request.state, &roles, &all)?;
    let token = format!("preflight-{:016x}", request.seed);
    let before_all = usize::from(request.from.is_some());
    let turns = request.to.len() + before_all;
    let ask_request = AskRequest {
        state: request.state,
        config: request.config,
        token: &token,
        now_ms: Arc::clone(&request.now_ms),
        stand_ins: &all,
        turn: (0, turns),
        tell: request.tell,
    };
    let mut before = match request.from {
        Some(prepared) => Some((prepared, ask(prepared, &ask_request, None).await?)),
        None => None,
    };
    let own = own_identity(request.state);
    // The history of this version is well-formed; without it, nothing is said about causes.
    let history = read(BUILT_IN).ok();
    let mut found = Vec::new();
    let mut state = request.state.to_owned();
    for (number, to) in request.to.iter().enumerate() {
        let kept = request.stepwise.map(|place| place.join(number.to_string()));
        let turn = (number + before_all, turns);
        let asked = AskRequest { state: &state, turn, ..ask_request.clone() };
        let after = ask(to, &asked, kept.as_deref()).await?;
        let ends = before.as_ref().and_then(|(prepared, _)| release_of(prepared)).zip(release_of(to));
        let rows = all.iter().enumerate().map(|(at, one)| {
            let device = roles[one.index].clone();
            let before = before.as_ref().and_then(|(_, asked)| asked.answers.get(at)).cloned();
            let after = after.answers[at].clone();
            let effect = upgrade_effect(device.approved, device.token, before.as_ref(), &after);
            let own = own.as_ref() == Some(&device.device);
            let cause = history
                .as_ref()
                .and_then(|history| cause(&device.role, before.as_ref(), &after, ends, history));
            DeviceOutcome { device, own, credential: one.credential, before, after, effect, cause }
        });
        found.push(Preflight {
            format: PREFLIGHT_FORMAT,
            rows: rows.collect(),
            from: before.as_ref().map(|(prepared, asked)| side_of(prepared, asked)),
            to: side_of(to, &after),
            notes: Vec::new(),
        });
        if let Some(kept) = kept {
            forget_socket(&kept)?;
            state = kept;
            before = Some((to, after));
        }
    }
    Ok(found)
}

/// The release that a target is named by: its own, or that of a model.
fn release_of(prepared: &PreparedTarget) -> Option<Release> {
    let name = prepared.name();
    name.strip_prefix("embedded:").unwrap_or(name).parse().ok()
}

fn side_of(prepared: &PreparedTarget, asked: &ReleaseAnswers) -> ReleaseSide {
    ReleaseSide {
        target: prepared.name().to_owned(),
        boot_ms: asked.boot_ms,
        exec: asked.exec.clone(),
        leaks: asked.leaks.clone(),
    }
}

impl Preflight {
    /// Whether a device or the exec tool would stop working.
    pub fn breaks(&self) -> bool {
        self.exec_breaks() || self.rows.iter().any(|row| row.effect == UpgradeEffect::Breaks)
    }

    /// Whether the exec tool fails after the upgrade and not before.
    pub fn exec_breaks(&self) -> bool {
        let fails = |side: &ReleaseSide| matches!(side.exec, Some(ExecOutcome::Fails { .. }));
        fails(&self.to) && !self.from.as_ref().is_some_and(fails)
    }
}
