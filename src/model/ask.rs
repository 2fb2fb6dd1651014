//! What a client asks for in its `connect` request.

use serde_json::Value;

/// Who the client says it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) mode: String,
    pub(super) version: String,
    pub(super) platform: String,
    pub(super) family: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) model: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) build: Option<String>,
}

impl Client {
    /// Whether it is the command line client itself.
    pub(super) fn is_cli(&self) -> bool {
        self.id == "cli" && self.mode == "cli"
    }

    /// Whether it is a service beside the gateway.
    pub(super) fn is_backend(&self) -> bool {
        self.id == "gateway-client" && self.mode == "backend"
    }

    /// Whether it is a chat page.
    pub(super) fn is_webchat(&self) -> bool {
        self.mode == "webchat" || self.id == "webchat-ui"
    }

    /// Whether it is the web interface.
    pub(super) fn is_browser_ui(&self) -> bool {
        self.id == "openclaw-control-ui"
    }

    /// Whether it is a native application's interface.
    pub(super) fn is_native_ui(&self) -> bool {
        let ids = ["openclaw-macos", "openclaw-linux", "openclaw-ios", "openclaw-android"];
        self.mode == "ui" && ids.contains(&self.id.as_str())
    }

    /// Whether it is a machine that runs commands.
    pub(super) fn is_node_host(&self) -> bool {
        self.id == "node-host" && self.mode == "node"
    }
}

/// What is shown to be let in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    pub(super) password: Option<String>,
    pub(super) device_token: Option<String>,
    pub(super) bootstrap_token: Option<String>,
}

impl Credentials {
    /// The token that is part of the signed text.
    pub(super) fn signed_token(&self) -> &str {
        let first = self.token.as_ref().or(self.device_token.as_ref()).or(self.bootstrap_token.as_ref());
        first.map(String::as_str).unwrap_or_default()
    }

    /// What kind is shown, in the order in which the gateway looks.
    pub(super) fn provided(&self) -> &'static str {
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

/// Identity and proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Proof {
    pub(super) id: String,
    pub(super) public_key: String,
    pub(super) signature: String,
    pub(super) signed_at: i64,
    pub(super) nonce: String,
}

/// The parameters of a `connect` request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ask {
    pub(super) min_protocol: f64,
    pub(super) max_protocol: f64,
    pub(super) client: Client,
    pub(super) role: String,
    pub(super) scopes: Vec<String>,
    pub(super) caps: Vec<String>,
    pub(super) commands: Vec<String>,
    pub(super) auth: Credentials,
    pub(super) device: Option<Proof>,
}

impl Ask {
    /// Reads parameters that keep to the schema; anything else reads as absent.
    pub(super) fn read(params: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let must = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (client, auth, device) = (&params["client"], &params["auth"], &params["device"]);
        Self {
            min_protocol: params["minProtocol"].as_f64().unwrap_or_default(),
            max_protocol: params["maxProtocol"].as_f64().unwrap_or_default(),
            client: Client {
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
            auth: Credentials {
                token: text(&auth["token"]),
                password: text(&auth["password"]),
                device_token: text(&auth["deviceToken"]),
                bootstrap_token: text(&auth["bootstrapToken"]),
            },
            device: device.is_object().then(|| Proof {
                id: must(&device["id"]),
                public_key: must(&device["publicKey"]),
                signature: must(&device["signature"]),
                signed_at: device["signedAt"].as_i64().unwrap_or_default(),
                nonce: must(&device["nonce"]),
            }),
        }
    }
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
