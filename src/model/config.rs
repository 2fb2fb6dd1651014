//! The settings that the model reads from a gateway's configuration.

use serde_json::Value;

use super::json_texts::texts;

/// How the gateway authenticates its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMode {
    /// It lets everybody in.
    None,
    /// By a shared token.
    Token,
    /// By a shared password.
    Password,
    /// By a trusted proxy that vouches for its user.
    TrustedProxy,
}

impl AuthMode {
    /// The mode's name in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
        }
    }
}

/// What is required of a proxy that vouches for its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TrustedProxy {
    /// The header with the user's name, in lower case.
    pub(super) user_header: String,
    /// The headers that every request needs.
    pub(super) required_headers: Vec<String>,
    /// The users that are let in; all of them if the list is empty.
    pub(super) allow_users: Vec<String>,
    /// Whether the proxy may be on the gateway's own host.
    pub(super) allow_loopback: bool,
}

/// The settings that the decisions of the handshake depend on.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the configuration has as many switches")]
pub(super) struct HandshakeConfig {
    /// The whole configuration as it was given.
    pub(super) raw: Value,
    /// `gateway.auth.mode`, or what its secrets imply.
    pub(super) mode: AuthMode,
    /// `gateway.auth.token`.
    pub(super) token: Option<String>,
    /// `gateway.auth.password`.
    pub(super) password: Option<String>,
    /// `gateway.auth.trustedProxy`.
    pub(super) proxy: Option<TrustedProxy>,
    /// `gateway.trustedProxies`: addresses and networks.
    pub(super) trusted_proxies: Vec<String>,
    /// `gateway.allowRealIpFallback`.
    pub(super) real_ip_fallback: bool,
    /// `gateway.controlUi.allowedOrigins`, in lower case.
    pub(super) allowed_origins: Vec<String>,
    /// `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`.
    pub(super) host_origin: bool,
    /// `gateway.controlUi.allowInsecureAuth`.
    pub(super) insecure_control_ui: bool,
    /// `gateway.controlUi.dangerouslyDisableDeviceAuth`.
    pub(super) no_device_auth: bool,
    /// Whether `gateway.controlUi.root` names a Control UI other than the bundled one.
    pub(super) own_control_ui: bool,
    /// `gateway.nodes.pairing.autoApproveLocal`, which defaults to true.
    pub(super) approve_local: bool,
    /// `gateway.nodes.allowCommands`.
    pub(super) allow_commands: Vec<String>,
    /// `gateway.nodes.denyCommands`.
    pub(super) deny_commands: Vec<String>,
}

impl HandshakeConfig {
    /// Reads a configuration. Missing settings get their defaults.
    pub(super) fn read(config: &Value) -> Self {
        let gateway = &config["gateway"];
        let auth = &gateway["auth"];
        let ui = &gateway["controlUi"];
        let (token, password) = (text(&auth["token"]), text(&auth["password"]));
        let mode = match auth["mode"].as_str() {
            Some("none") => AuthMode::None,
            Some("password") => AuthMode::Password,
            Some("trusted-proxy") => AuthMode::TrustedProxy,
            None if password.is_some() => AuthMode::Password,
            _ => AuthMode::Token,
        };
        Self {
            raw: config.clone(),
            mode,
            token,
            password,
            proxy: auth["trustedProxy"].is_object().then(|| proxy(&auth["trustedProxy"])),
            trusted_proxies: texts(&gateway["trustedProxies"]),
            real_ip_fallback: gateway["allowRealIpFallback"] == true,
            allowed_origins: texts(&ui["allowedOrigins"])
                .iter()
                .map(|origin| origin.trim().to_lowercase())
                .filter(|origin| !origin.is_empty())
                .collect(),
            host_origin: ui["dangerouslyAllowHostHeaderOriginFallback"] == true,
            insecure_control_ui: ui["allowInsecureAuth"] == true,
            no_device_auth: ui["dangerouslyDisableDeviceAuth"] == true,
            own_control_ui: ui["root"].is_string(),
            approve_local: gateway["nodes"]["pairing"]["autoApproveLocal"] != false,
            allow_commands: texts(&gateway["nodes"]["allowCommands"]),
            deny_commands: texts(&gateway["nodes"]["denyCommands"]),
        }
    }
}

fn proxy(value: &Value) -> TrustedProxy {
    TrustedProxy {
        user_header: text(&value["userHeader"]).unwrap_or_default().to_lowercase(),
        required_headers: texts(&value["requiredHeaders"]),
        allow_users: texts(&value["allowUsers"]),
        allow_loopback: value["allowLoopback"] == true,
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({}), AuthMode::Token)]
    #[case(json!({"gateway": {"auth": {"password": "p"}}}), AuthMode::Password)]
    #[case(json!({"gateway": {"auth": {"mode": "token", "password": "p"}}}), AuthMode::Token)]
    #[case(json!({"gateway": {"auth": {"mode": "none", "token": "t"}}}), AuthMode::None)]
    fn the_mode_is_configured_or_follows_from_the_secrets(#[case] config: Value, #[case] mode: AuthMode) {
        assert_eq!(HandshakeConfig::read(&config).mode, mode);
    }
}
