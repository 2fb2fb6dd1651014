//! The parameters of a `connect` request.

use serde_json::Value;

use crate::model::json_texts::texts;

/// What the client says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::model) struct ClientInfo {
    pub(in crate::model) id: String,
    pub(in crate::model) mode: String,
    pub(in crate::model) version: String,
    pub(in crate::model) platform: String,
    pub(in crate::model) family: Option<String>,
    pub(in crate::model) display_name: Option<String>,
    pub(in crate::model) model: Option<String>,
    pub(in crate::model) instance: Option<String>,
    pub(in crate::model) build: Option<String>,
}

impl ClientInfo {
    /// Whether it is the command line client itself.
    pub(in crate::model) fn is_cli(&self) -> bool {
        self.id == "cli" && self.mode == "cli"
    }

    /// Whether it is a backend service.
    pub(in crate::model) fn is_backend(&self) -> bool {
        self.id == "gateway-client" && self.mode == "backend"
    }

    /// Whether it is a chat page.
    pub(in crate::model) fn is_webchat(&self) -> bool {
        self.mode == "webchat" || self.id == "webchat-ui"
    }

    /// Whether it is the Control UI in a browser.
    pub(in crate::model) fn is_browser_ui(&self) -> bool {
        self.id == "openclaw-control-ui"
    }

    /// Whether it is the user interface of a native application.
    pub(in crate::model) fn is_native_ui(&self) -> bool {
        let ids = ["openclaw-macos", "openclaw-linux", "openclaw-ios", "openclaw-android"];
        self.mode == "ui" && ids.contains(&self.id.as_str())
    }

    /// Whether it is a node host, which runs commands for operators.
    pub(in crate::model) fn is_node_host(&self) -> bool {
        self.id == "node-host" && self.mode == "node"
    }
}

/// The credentials that a client presents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::model) struct PresentedCredentials {
    pub(in crate::model) token: Option<String>,
    pub(in crate::model) password: Option<String>,
    pub(in crate::model) device_token: Option<String>,
    pub(in crate::model) bootstrap_token: Option<String>,
}

impl PresentedCredentials {
    /// The token that is part of the signed text; empty if there is none.
    pub(in crate::model) fn signed_token(&self) -> &str {
        let first = self.token.as_ref().or(self.device_token.as_ref()).or(self.bootstrap_token.as_ref());
        first.map(String::as_str).unwrap_or_default()
    }

    /// The kind of credentials, by the first one that the gateway looks at.
    pub(in crate::model) fn provided(&self) -> &'static str {
        let there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if there(&self.password) {
            "password"
        } else if there(&self.token) {
            "token"
        } else if there(&self.bootstrap_token) {
            "bootstrap-token"
        } else if there(&self.device_token) {
            "device-token"
        } else {
            "none"
        }
    }
}

/// The identity of a device, and the proof that it holds the key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::model) struct PresentedProof {
    pub(in crate::model) id: String,
    pub(in crate::model) public_key: String,
    pub(in crate::model) signature: String,
    pub(in crate::model) signed_at: i64,
    pub(in crate::model) nonce: String,
}

/// The parameters of a `connect` request that the model looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::model) struct ConnectRequest {
    pub(in crate::model) min_protocol: f64,
    pub(in crate::model) max_protocol: f64,
    pub(in crate::model) client: ClientInfo,
    pub(in crate::model) role: String,
    pub(in crate::model) scopes: Vec<String>,
    pub(in crate::model) caps: Vec<String>,
    pub(in crate::model) commands: Vec<String>,
    pub(in crate::model) auth: PresentedCredentials,
    pub(in crate::model) device: Option<PresentedProof>,
}

impl ConnectRequest {
    /// Reads parameters that satisfy the schema. Values of another type are read as absent.
    pub(in crate::model) fn read(params: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let must = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (client, auth, device) = (&params["client"], &params["auth"], &params["device"]);
        Self {
            min_protocol: params["minProtocol"].as_f64().unwrap_or_default(),
            max_protocol: params["maxProtocol"].as_f64().unwrap_or_default(),
            client: ClientInfo {
                id: must(&client["id"]),
                mode: must(&client["mode"]),
                version: must(&client["version"]),
                platform: must(&client["platform"]),
                family: text(&client["deviceFamily"]),
                display_name: text(&client["displayName"]),
                model: text(&client["modelIdentifier"]),
                instance: text(&client["instanceId"]),
                build: text(&client["buildId"]),
            },
            role: text(&params["role"]).unwrap_or_else(|| "operator".to_owned()),
            scopes: texts(&params["scopes"]),
            caps: texts(&params["caps"]),
            commands: texts(&params["commands"]),
            auth: PresentedCredentials {
                token: text(&auth["token"]),
                password: text(&auth["password"]),
                device_token: text(&auth["deviceToken"]),
                bootstrap_token: text(&auth["bootstrapToken"]),
            },
            device: device.is_object().then(|| PresentedProof {
                id: must(&device["id"]),
                public_key: must(&device["publicKey"]),
                signature: must(&device["signature"]),
                signed_at: device["signedAt"].as_i64().unwrap_or_default(),
                nonce: must(&device["nonce"]),
            }),
        }
    }
}
