//! One call of a method: what it works on, and what its caller may touch.

use serde_json::Value;

use crate::model::config::HandshakeConfig;
use crate::model::connect::{Admitted, AuthMethod};
use crate::model::id_generator::IdGenerator;
use crate::model::mutants::Fault;
use crate::model::rulebook::Rule;
use crate::model::rules::Rules;
use crate::model::scopes::{self, ADMIN};
use crate::model::state::GatewayState;

/// The client that makes a call, and what the call may depend on besides the records.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Caller<'a> {
    pub(in crate::model) admitted: &'a Admitted,
    pub(in crate::model) live: &'a [&'a Admitted],
    pub(in crate::model) settings: &'a HandshakeConfig,
    /// The time of the call, in milliseconds since 1970.
    pub(in crate::model) now: i64,
}

/// A call while it is answered.
pub(in crate::model) struct RpcCall<'a> {
    pub(in crate::model) state: &'a mut GatewayState,
    pub(in crate::model) rules: &'a Rules,
    pub(in crate::model) ids: &'a mut IdGenerator,
    pub(in crate::model) caller: &'a Caller<'a>,
    pub(in crate::model) params: &'a Value,
}

impl RpcCall<'_> {
    /// A text parameter; empty if there is none.
    pub(in crate::model) fn param(&self, key: &str) -> &str {
        self.params[key].as_str().unwrap_or_default()
    }

    /// The caller's scopes.
    pub(in crate::model) fn scopes(&self) -> &[String] {
        &self.caller.admitted.request.scopes
    }

    pub(in crate::model) fn is_admin(&self) -> bool {
        scopes::has(self.scopes(), ADMIN)
    }

    /// The only device that the caller may manage; `None` if it may manage all.
    pub(in crate::model) fn own_device(&self) -> Option<&str> {
        let by_token = self.caller.admitted.method == AuthMethod::DeviceToken;
        let held = self.rules.has(Rule::OwnDeviceOnly) && !self.rules.has_fault(Fault::OthersManaged);
        let counts = held && (by_token || !self.rules.has(Rule::DeviceTokenIsDevice));
        let device = self.caller.admitted.request.device.as_ref().map(|device| device.id.trim());
        device.filter(|_| counts && !self.is_admin())
    }

    /// Whether the caller may not manage this device.
    pub(in crate::model) fn is_foreign(&self, device_id: &str) -> bool {
        self.own_device().is_some_and(|own| own != device_id.trim())
    }
}
