//! The limits of the model: it reports whatever it does not know, instead of guessing what the release would do.

use serde_json::Value;

use super::config::{AuthMode, HandshakeConfig};
use super::history::{NOT_MODELLED, NotModelled};
use super::peer::Peer;
use super::rulebook::Rule;
use super::rules::Rules;

/// Something that a scenario uses and that the model does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmodelled {
    /// A part of the configuration that the model leaves out on purpose.
    #[error("the model has no {} (`config.{key}`): {}", .left_out.what, .left_out.why)]
    LeftOut {
        /// The key of the configuration.
        key: String,
        /// The entry that tells what is left out and why.
        left_out: &'static NotModelled,
    },
    /// A key of the configuration, or one of its values.
    #[error("the model does not know `config.{0}`")]
    Config(String),
    /// A variable of the gateway's environment.
    #[error("the model does not know the environment variable `{0}`")]
    Environment(String),
    /// A header of the upgrade request.
    #[error("the model does not know the header `{0}`")]
    Header(String),
    /// A parameter of `connect`.
    #[error("the model does not know what `{0}` does in a connect")]
    Connect(String),
    /// A method, of which the model does not know the scope or whether the release has it.
    #[error("the model does not know the method `{0}` of this release")]
    Method(String),
    /// The response of a method, of which the model only knows who may call it.
    #[error("the model does not know what `{0}` answers, only who may call it")]
    Answer(String),
    /// A parameter of a method.
    #[error("the model does not know the parameter `{key}` of `{method}`")]
    Parameter {
        /// The name of the method.
        method: String,
        /// The key of the parameter.
        key: String,
    },
}

/// The values of a part of the configuration that the model knows.
enum KnownShape {
    /// A mapping with at most these keys.
    Keys(&'static [(&'static str, KnownShape)]),
    /// A boolean.
    Flag,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// One of these strings.
    Words(&'static [&'static str]),
}

use KnownShape::{Flag, Keys, Text, Texts, Words};

/// The keys of the configuration that the model has rules for, and the few that do not affect the handshake.
const CONFIG: KnownShape = Keys(&[(
    "gateway",
    Keys(&[
        ("mode", Words(&["local"])),
        ("bind", Words(&["loopback"])),
        (
            "auth",
            Keys(&[
                ("mode", Words(&["none", "token", "password", "trusted-proxy"])),
                ("token", Text),
                ("password", Text),
                (
                    "trustedProxy",
                    Keys(&[
                        ("userHeader", Text),
                        ("requiredHeaders", Texts),
                        ("allowUsers", Texts),
                        ("allowLoopback", Flag),
                    ]),
                ),
            ]),
        ),
        ("trustedProxies", Texts),
        ("allowRealIpFallback", Flag),
        (
            "controlUi",
            Keys(&[
                ("enabled", Flag),
                ("allowedOrigins", Texts),
                ("dangerouslyAllowHostHeaderOriginFallback", Flag),
                ("allowInsecureAuth", Flag),
                ("dangerouslyDisableDeviceAuth", Flag),
                ("root", Text),
            ]),
        ),
        (
            "nodes",
            Keys(&[
                ("pairing", Keys(&[("autoApproveLocal", Flag)])),
                ("allowCommands", Texts),
                ("denyCommands", Texts),
            ]),
        ),
    ]),
)]);

/// The variable that sets the time for handshakes in milliseconds; with an empty value it is that of the release.
const HANDSHAKE_TIMEOUT: &str = "OPENCLAW_HANDSHAKE_TIMEOUT_MS";

/// Headers that no rule of the handshake depends on.
const PLAIN_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "cf-connecting-ip",
    "connection",
    "content-length",
    "content-type",
    "pragma",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "upgrade",
    "user-agent",
];

/// The first part of a complete configuration that the model does not know. The configuration includes the defaults that
/// every gateway of the harness gets.
pub fn unmodelled_config(config: &Value) -> Option<Unmodelled> {
    let left_out = |one: &&'static NotModelled| {
        let place =
            one.config.iter().find(|place| config.pointer(place).is_some_and(|value| !value.is_null()));
        place.map(|place| (place.trim_start_matches('/').replace('/', "."), *one))
    };
    if let Some((key, left_out)) = NOT_MODELLED.iter().find_map(|one| left_out(&one)) {
        return Some(Unmodelled::LeftOut { key, left_out });
    }
    if let Some(key) = unknown_key(config, &CONFIG, "") {
        return Some(Unmodelled::Config(key));
    }
    // Without the secret of its mode, a gateway generates one or does not start.
    let settings = HandshakeConfig::read(config);
    let missing = match settings.mode {
        AuthMode::Token if settings.token.is_none() => "gateway.auth.token: null",
        AuthMode::Password if settings.password.is_none() => "gateway.auth.password: null",
        AuthMode::TrustedProxy if settings.proxy.is_none() => "gateway.auth.trustedProxy: null",
        _ => return None,
    };
    Some(Unmodelled::Config(missing.to_owned()))
}

/// The first key that is not known, or whose value is not.
fn unknown_key(value: &Value, known: &KnownShape, at: &str) -> Option<String> {
    let texts = |items: &Vec<Value>| items.iter().all(Value::is_string);
    let fine = match known {
        Keys(keys) => {
            let Some(entries) = value.as_object() else {
                return (!value.is_null()).then(|| at.to_owned());
            };
            return entries.iter().find_map(|(key, value)| {
                let place = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                match keys.iter().find(|(name, _)| name == key) {
                    Some((_, known)) => unknown_key(value, known, &place),
                    None => (!value.is_null()).then_some(place),
                }
            });
        }
        Flag => value.is_boolean(),
        Text => value.is_string(),
        Texts => value.as_array().is_some_and(texts),
        Words(words) => value.as_str().is_some_and(|text| words.contains(&text)),
    };
    (!fine && !value.is_null()).then(|| at.to_owned())
}

/// The first variable of the gateway's environment that the model does not know.
pub fn unmodelled_environment<'a>(env: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Unmodelled> {
    let is_time = |value: &str| value.is_empty() || value.parse::<u32>().is_ok_and(|ms| ms > 0);
    let unknown = env.into_iter().find(|(name, value)| *name != HANDSHAKE_TIMEOUT || !is_time(value));
    unknown.map(|(name, _)| Unmodelled::Environment(name.to_owned()))
}

/// The first header that the model does not know, which may affect the decision.
pub(super) fn unmodelled_header(
    rules: &Rules,
    settings: &HandshakeConfig,
    peer: &Peer,
) -> Option<Unmodelled> {
    let of_proxy = |name: &str| {
        settings.proxy.as_ref().is_some_and(|proxy| {
            let mut named = proxy.required_headers.iter().chain([&proxy.user_header]);
            named.any(|one| one.eq_ignore_ascii_case(name))
        })
    };
    let known = |name: &str| {
        matches!(name, "host" | "origin" | "forwarded" | "x-real-ip")
            || name.starts_with("x-forwarded-")
            || name.starts_with("tailscale-") && rules.has(Rule::ProxyAttribution)
            || PLAIN_HEADERS.contains(&name)
            || of_proxy(name)
    };
    let unknown = peer.headers.keys().find(|name| !known(name));
    unknown.map(|name| Unmodelled::Header(name.clone()))
}

/// A parameter of a `connect` that satisfies the schema but that the model does not know.
pub(super) fn unmodelled_connect(params: &Value) -> Option<Unmodelled> {
    let there = |place: &&&str| params.pointer(place).is_some_and(|value| !value.is_null());
    let new =
        ["/computerUse", "/workerRuns", "/auth/approvalRuntimeToken", "/auth/agentRuntimeIdentityToken"];
    let found = new.iter().find(there).map(|place| place.trim_start_matches('/').replace('/', "."));
    let client = &params["client"];
    let own_rules = ["openclaw-worker", "openclaw-browser-copilot"];
    let of_client = || {
        if let Some(id) = client["id"].as_str().filter(|id| own_rules.contains(id)) {
            return Some(format!("client.id: {id}"));
        }
        (client["mode"] == "worker").then(|| "client.mode: worker".to_owned())
    };
    let permissions = || {
        let some = params["permissions"].as_object().is_some_and(|entries| !entries.is_empty());
        some.then(|| "permissions".to_owned())
    };
    found.or_else(of_client).or_else(permissions).map(Unmodelled::Connect)
}

/// The first parameter that the model does not know of a method that it answers.
pub(super) fn unmodelled_parameter(method: &str, known: &[&str], params: &Value) -> Option<Unmodelled> {
    let unknown = params.as_object()?.keys().find(|key| !known.contains(&key.as_str()));
    unknown.map(|key| Unmodelled::Parameter { method: method.to_owned(), key: key.clone() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::model::profile::Profile;

    const DEFAULTS: &str = r#"{"gateway": {"mode": "local", "bind": "loopback", "controlUi": {"enabled": false},
        "auth": {"mode": "token", "token": "t"}}}"#;

    fn config(place: &str, value: Value) -> Option<String> {
        let mut config: Value = serde_json::from_str(DEFAULTS).unwrap();
        let mut at = &mut config;
        for key in place.split('/') {
            at = &mut at[key];
        }
        *at = value;
        unmodelled_config(&config).map(|one| one.to_string())
    }

    #[rstest]
    #[case("gateway/http", json!({"endpoints": {}}), Some("the model does not know `config.gateway.http`"))]
    #[case("gateway/auth/extra", json!(1), Some("the model does not know `config.gateway.auth.extra`"))]
    #[case("tools", json!({"exec": {}}), Some("the model does not know `config.tools`"))]
    #[case("gateway/bind", json!("lan"), Some("the model does not know `config.gateway.bind`"))]
    #[case("gateway/auth/mode", json!("tokens"), Some("the model does not know `config.gateway.auth.mode`"))]
    #[case("gateway/auth/token", json!({"source": "env"}), Some("the model does not know `config.gateway.auth.token`"))]
    #[case("gateway/auth/token", json!(null), Some("the model does not know `config.gateway.auth.token: null`"))]
    #[case("gateway/trustedProxies", json!("127.0.0.1"), Some("the model does not know `config.gateway.trustedProxies`"))]
    #[case("gateway/trustedProxies", json!(["127.0.0.1"]), None)]
    #[case("gateway/auth/mode", json!("none"), None)]
    #[case("gateway/http", json!(null), None)]
    fn an_unknown_part_of_the_configuration_is_named(
        #[case] place: &str,
        #[case] value: Value,
        #[case] said: Option<&str>,
    ) {
        assert_eq!(config(place, value).as_deref(), said);
    }

    #[test]
    fn a_part_that_is_left_out_on_purpose_is_named_with_the_reason() {
        let said = config("gateway/auth/rateLimit", json!({"maxAttempts": 3})).unwrap();
        assert!(
            said.starts_with("the model has no rate limits (`config.gateway.auth.rateLimit`): "),
            "{said}"
        );
    }

    #[rstest]
    #[case("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "", None)]
    #[case("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "500", None)]
    #[case(
        "OPENCLAW_HANDSHAKE_TIMEOUT_MS",
        "soon",
        Some("the model does not know the environment variable `OPENCLAW_HANDSHAKE_TIMEOUT_MS`")
    )]
    #[case(
        "OPENCLAW_GATEWAY_TOKEN",
        "x",
        Some("the model does not know the environment variable `OPENCLAW_GATEWAY_TOKEN`")
    )]
    fn an_unknown_environment_variable_is_named(
        #[case] name: &str,
        #[case] value: &str,
        #[case] said: Option<&str>,
    ) {
        let found = unmodelled_environment([(name, value)]).map(|one| one.to_string());
        assert_eq!(found.as_deref(), said);
    }

    #[rstest]
    #[case("2026.3.31", "x-forwarded-for", true)]
    #[case("2026.3.31", "X-Authentik-User", true)]
    #[case("2026.3.31", "x-openclaw-scopes", false)]
    #[case("2026.3.31", "authorization", false)]
    #[case("2026.3.31", "tailscale-user-login", false)]
    #[case("2026.8.1", "tailscale-user-login", true)]
    fn an_unknown_header_is_named(#[case] release: &str, #[case] name: &str, #[case] known: bool) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let proxy = json!({"gateway": {"auth": {"mode": "trusted-proxy",
            "trustedProxy": {"userHeader": "X-Authentik-User"}}}});
        let peer = Peer::with([("host", "localhost"), (name, "x")]);
        assert_eq!(unmodelled_header(&rules, &HandshakeConfig::read(&proxy), &peer).is_none(), known);
    }

    #[rstest]
    #[case(json!({"client": {"id": "cli", "mode": "cli"}, "permissions": {}, "auth": {"token": "t"}}), None)]
    #[case(json!({"computerUse": {}}), Some("computerUse"))]
    #[case(json!({"auth": {"approvalRuntimeToken": "x"}}), Some("auth.approvalRuntimeToken"))]
    #[case(json!({"client": {"id": "openclaw-worker"}}), Some("client.id: openclaw-worker"))]
    #[case(json!({"permissions": {"screen": true}}), Some("permissions"))]
    fn an_unknown_connect_parameter_is_named(#[case] params: Value, #[case] named: Option<&str>) {
        let found = unmodelled_connect(&params);
        assert_eq!(found, named.map(|name| Unmodelled::Connect(name.to_owned())));
    }
}
