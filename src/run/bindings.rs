//! The values of a case's references.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::identity::Identity;
use super::seeds;
use crate::scenario::{
    Auth, CertificatePin, Connect, Credentials, Reference, Spanned, Tls, UnresolvedReference, resolve_with,
};

/// The values of a case's references.
#[derive(Clone, Debug)]
pub(super) struct Bindings {
    /// Keys and secrets of the case.
    pub identity: Identity,
    /// The gateway's shared token.
    pub token: String,
    /// The gateway's password.
    pub password: String,
    /// The port it listens on.
    pub port: u16,
    /// Fingerprint of the certificate that it presented, if it uses TLS.
    pub certificate: Option<String>,
    /// Device id of the programs that share the gateway's home, once one of them has created it.
    pub own_identity: Option<String>,
    captures: HashMap<String, Value>,
    nonces: HashMap<String, String>,
    /// Texts produced by changes to referenced values, which may be secrets; shared between clones.
    changed: Arc<Mutex<BTreeSet<String>>>,
}

impl Bindings {
    /// Creates bindings without captures.
    pub(super) fn new(identity: Identity, token: String, password: String, port: u16) -> Self {
        Self {
            identity,
            token,
            password,
            port,
            certificate: None,
            own_identity: None,
            captures: HashMap::new(),
            nonces: HashMap::new(),
            changed: Arc::default(),
        }
    }

    /// Saves a value under a name.
    pub(super) fn capture(&mut self, name: &str, value: Value) {
        self.captures.insert(name.to_owned(), value);
    }

    /// Records the nonce of a connection's challenge.
    pub(super) fn challenged(&mut self, connection: &str, nonce: &str) {
        self.nonces.insert(connection.to_owned(), nonce.to_owned());
    }

    /// The texts that changes to referenced values have produced so far.
    pub(super) fn changed(&self) -> Vec<String> {
        self.changed.lock().iter().cloned().collect()
    }

    fn value_of(&self, reference: &Reference) -> Option<Value> {
        match reference {
            Reference::Capture(name) => self.captures.get(name).cloned(),
            Reference::GatewayToken => Some(json!(self.token)),
            Reference::GatewayPassword => Some(json!(self.password)),
            Reference::GatewayPort => Some(json!(self.port)),
            Reference::GatewayCertificate => self.certificate.as_deref().map(Value::from),
            Reference::IdentityId => self.own_identity.as_deref().map(Value::from),
            Reference::DeviceId(device) => Some(json!(self.identity.key(device).id())),
            Reference::DevicePublicKey(device) => Some(json!(self.identity.key(device).public_key())),
            Reference::DeviceToken { device, role } => {
                Some(json!(seeds::token(&self.identity, device, role)))
            }
            Reference::DevicePending(device) => Some(json!(seeds::pending_id(&self.identity, device))),
            Reference::ConnectionNonce(connection) => self.nonces.get(connection).map(|nonce| json!(nonce)),
            // Columns and variables are filled in when a scenario is loaded, and the clock is only for files placed before boot.
            Reference::Each(_) | Reference::Var(_) | Reference::Clock => None,
        }
    }

    /// Fills in the references of a value.
    ///
    /// # Errors
    /// Fails if a reference has no value.
    pub(super) fn fill(&self, value: &Value) -> Result<Value, UnresolvedReference> {
        let changed = |text: &str| {
            self.changed.lock().insert(text.to_owned());
        };
        resolve_with(value, &|reference| self.value_of(reference), &changed)
    }

    /// Fills in the references of a text.
    ///
    /// # Errors
    /// Fails if a reference has no value.
    pub(super) fn fill_text(&self, text: &str) -> Result<String, UnresolvedReference> {
        Ok(match self.fill(&Value::String(text.to_owned()))? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// Fills in the references of a mapping.
    ///
    /// # Errors
    /// Fails if a reference has no value.
    pub(super) fn fill_map(
        &self,
        map: &Map<String, Value>,
    ) -> Result<Map<String, Value>, UnresolvedReference> {
        map.iter().map(|(key, value)| Ok((key.clone(), self.fill(value)?))).collect()
    }

    /// Fills in the references of a connect step.
    ///
    /// # Errors
    /// Fails if a reference has no value.
    pub(super) fn fill_connect(&self, step: &Connect) -> Result<Connect, UnresolvedReference> {
        let text = |one: &Option<String>| one.as_ref().map(|one| self.fill_text(one)).transpose();
        let texts = |list: &Option<Vec<String>>| -> Result<Option<Vec<String>>, UnresolvedReference> {
            list.as_ref().map(|list| list.iter().map(|one| self.fill_text(one)).collect()).transpose()
        };
        let map = |map: &Option<Map<String, Value>>| map.as_ref().map(|map| self.fill_map(map)).transpose();
        let mut filled = step.clone();
        if let Some(Tls::Pinned(CertificatePin { pin })) = &mut filled.tls {
            *pin = self.fill_text(pin)?;
        }
        filled.role = text(&step.role)?;
        filled.scopes = texts(&step.scopes)?;
        filled.client = map(&step.client)?;
        filled.raw = map(&step.raw)?;
        for (_, value) in &mut filled.headers.0 {
            *value = self.fill_text(value)?;
        }
        if let Some(Spanned { value: Auth::Given(given), span }) = &step.auth {
            let credentials = Credentials {
                token: text(&given.token)?,
                device_token: text(&given.device_token)?,
                bootstrap_token: text(&given.bootstrap_token)?,
                password: text(&given.password)?,
            };
            filled.auth = Some(Spanned::new(Auth::Given(credentials), *span));
        }
        if let Some(over) = filled.proof.as_mut().and_then(|proof| proof.over.as_mut()) {
            over.token = text(&over.token)?;
            over.nonce = text(&over.nonce)?;
        }
        Ok(filled)
    }
}
