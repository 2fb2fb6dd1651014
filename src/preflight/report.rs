//! The answers of the releases, put together.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::{AskError, Asked, Question, ask};
use super::devices::{Credential, DeviceRole, device_roles};
use super::exec::Exec;
use super::judge::{Answer, Fate, judge};
use super::stand_in::{own_identity, place, stand_ins};
use crate::gateway::{PreparedTarget, StateError, read_pairing};
use crate::run::Format;

/// The format of a preflight's JSON.
pub const FORMAT: Format = Format { major: 1, minor: 0 };

/// What an upgrade would do to every paired device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preflight {
    /// Version of this format.
    pub format: Format,
    /// The release that is left; none where it is not known.
    pub from: Option<Side>,
    /// The release that is asked about.
    pub to: Side,
    /// Each device in each role.
    pub rows: Vec<Row>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// One release of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// As it was named.
    pub target: String,
    /// From the start of its process to readiness, in milliseconds.
    pub boot_ms: u64,
    /// What the agent's exec tool does on it.
    pub exec: Option<Exec>,
    /// What its gateway wrote or left outside its home.
    pub leaks: Vec<String>,
}

/// A device in a role, and one way in which it comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The device and its role.
    #[serde(flatten)]
    pub who: DeviceRole,
    /// Whether it is the identity of the programs on the gateway's machine: command line, exec, local node.
    pub own: bool,
    /// What it shows.
    pub way: Credential,
    /// What the release of before answers.
    pub before: Option<Answer>,
    /// What the new release answers.
    pub after: Answer,
    /// What that means.
    pub fate: Fate,
}

/// Why there is no preflight.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The stored devices cannot be read or given stand-ins.
    #[error(transparent)]
    State(#[from] StateError),
    /// A release cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Nothing is stored that could break.
    #[error("no device is paired in this state directory, so none can break")]
    NoDevice,
}

/// What the preflight is done with.
pub struct PreflightRequest<'a> {
    /// The copied state directory. Stand-ins are put into it.
    pub state: &'a Path,
    /// The parts of the configuration that matter.
    pub config: &'a Value,
    /// The release that is left.
    pub from: Option<&'a PreparedTarget>,
    /// The release that is asked about.
    pub to: &'a PreparedTarget,
    /// Seed of the stand-ins' keys.
    pub seed: u64,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// Asks both releases about every device in the copy, one release after the other.
pub async fn preflight(wish: &PreflightRequest<'_>) -> Result<Preflight, PreflightError> {
    let stored = read_pairing(wish.state)?;
    let roles = device_roles(&stored);
    if roles.is_empty() {
        return Err(PreflightError::NoDevice);
    }
    let all = stand_ins(&roles, &stored.paired, wish.seed);
    place(wish.state, &roles, &all)?;
    let token = format!("preflight-{:016x}", wish.seed);
    let question = Question {
        state: wish.state,
        config: wish.config,
        token: &token,
        now_ms: Arc::clone(&wish.now_ms),
        stand_ins: &all,
    };
    let before = match wish.from {
        Some(prepared) => Some((side_of(prepared), ask(prepared, &question).await?)),
        None => None,
    };
    let after = ask(wish.to, &question).await?;
    let own = own_identity(wish.state);
    let rows = all.iter().enumerate().map(|(at, one)| {
        let who = roles[one.index].clone();
        let before = before.as_ref().and_then(|(_, asked)| asked.answers.get(at)).cloned();
        let after = after.answers[at].clone();
        let fate = judge(who.approved, who.token, before.as_ref(), &after);
        Row { own: own.as_ref() == Some(&who.device), who, way: one.way, before, after, fate }
    });
    Ok(Preflight {
        format: FORMAT,
        rows: rows.collect(),
        from: before.map(|(side, asked)| side(&asked)),
        to: side_of(wish.to)(&after),
        notes: Vec::new(),
    })
}

fn side_of(prepared: &PreparedTarget) -> impl FnOnce(&Asked) -> Side {
    let target = prepared.name().to_owned();
    |asked| Side { target, boot_ms: asked.boot_ms, exec: asked.exec.clone(), leaks: asked.leaks.clone() }
}

impl Preflight {
    /// Whether a device or the exec tool would stop working.
    pub fn breaks(&self) -> bool {
        self.exec_breaks() || self.rows.iter().any(|row| row.fate == Fate::Breaks)
    }

    /// Whether the exec tool fails where it did not before.
    pub fn exec_breaks(&self) -> bool {
        let fails = |side: &Side| matches!(side.exec, Some(Exec::Fails { .. }));
        fails(&self.to) && !self.from.as_ref().is_some_and(fails)
    }
}
