//! Who is let in: shared secrets, proxies, device tokens, and clients without a device.

use serde_json::{Value, json};

use crate::wire::device_id;

use super::ask::{Ask, Client};
use super::config::{AuthMode, Settings};
use super::mutants::Fault;
use super::peer::Peer;
use super::refusal::{Refusal, error, error_with};
use super::rulebook::{Deviceless, Rule};
use super::rules::Rules;

/// By what a client was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Nothing is needed.
    None,
    /// The shared token.
    Token,
    /// The shared password.
    Password,
    /// A proxy's word.
    TrustedProxy,
    /// Its device token.
    DeviceToken,
    /// A setup code.
    BootstrapToken,
}

impl Method {
    /// Its name in hello.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
            Self::DeviceToken => "device-token",
            Self::BootstrapToken => "bootstrap-token",
        }
    }

    /// Whether it is the shared token or password.
    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Self::Token | Self::Password)
    }
}

/// What the shared credentials amount to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SharedAuth {
    /// Whether they suffice.
    pub(super) ok: bool,
    /// By what; the configured way where they do not suffice.
    pub(super) method: Method,
    /// Why they do not suffice.
    pub(super) reason: Option<String>,
    /// Whether the shared secret itself, or a proxy's word, was right.
    pub(super) secret_ok: bool,
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Judges the shared credentials.
pub(super) fn shared(rules: &Rules, settings: &Settings, peer: &Peer, ask: &Ask) -> SharedAuth {
    let token = given(ask.auth.token.as_ref());
    let password = given(ask.auth.password.as_ref());
    let either = rules.has(Rule::EitherSecretField);
    let (as_token, as_password) =
        if either { (token.or(password), password.or(token)) } else { (token, password) };
    let verdict = match settings.mode {
        AuthMode::None => Ok(Method::None),
        AuthMode::Token => by_token(rules, settings.token.as_deref(), as_token),
        AuthMode::Password => by_password(rules, settings.password.as_deref(), as_password),
        AuthMode::TrustedProxy => match by_proxy(rules, settings, peer) {
            Err(_)
                if rules.has(Rule::ProxyPasswordFallback)
                    && peer.is_local(rules, settings)
                    && settings.password.is_some()
                    && password.is_some() =>
            {
                by_password(rules, settings.password.as_deref(), password)
            }
            other => other,
        },
    };
    let configured = if settings.mode == AuthMode::Password { Method::Password } else { Method::Token };
    match verdict {
        Ok(method) => {
            let shown = token.is_some() || password.is_some();
            let secret_ok = method.is_secret() && shown || method == Method::TrustedProxy;
            SharedAuth { ok: true, method, reason: None, secret_ok }
        }
        Err(reason) => SharedAuth { ok: false, method: configured, reason: Some(reason), secret_ok: false },
    }
}

fn by_token(rules: &Rules, wanted: Option<&str>, shown: Option<&str>) -> Result<Method, String> {
    match (wanted, shown) {
        (None, _) => Err("token_missing_config".into()),
        (Some(_), None) if rules.broken(Fault::MissingTokenAccepted) => Ok(Method::Token),
        (Some(_), None) => Err("token_missing".into()),
        (Some(wanted), Some(shown)) if wanted == shown || rules.broken(Fault::SharedTokenNotCompared) => {
            Ok(Method::Token)
        }
        _ if rules.broken(Fault::WrongSecretAdvice) => Err("token_missing".into()),
        _ => Err("token_mismatch".into()),
    }
}

fn by_password(rules: &Rules, wanted: Option<&str>, shown: Option<&str>) -> Result<Method, String> {
    match (wanted, shown) {
        (None, _) => Err("password_missing_config".into()),
        (Some(_), None) => Err("password_missing".into()),
        (Some(wanted), Some(shown)) if wanted == shown || rules.broken(Fault::PasswordNotCompared) => {
            Ok(Method::Password)
        }
        _ => Err("password_mismatch".into()),
    }
}

fn by_proxy(rules: &Rules, settings: &Settings, peer: &Peer) -> Result<Method, String> {
    let proxy = settings.proxy.as_ref().ok_or("trusted_proxy_config_missing")?;
    if settings.trusted_proxies.is_empty() {
        return Err("trusted_proxy_no_proxies_configured".into());
    }
    if !peer.is_trusted(settings) {
        return Err("trusted_proxy_untrusted_source".into());
    }
    let opted_in = rules.has(Rule::LoopbackProxyOptIn) && proxy.allow_loopback;
    if peer.is_loopback() && !rules.has(Rule::LoopbackProxy) && !opted_in {
        return Err("trusted_proxy_loopback_source".into());
    }
    let there = |name: &str| peer.header(&name.to_lowercase()).filter(|value| !value.trim().is_empty());
    if let Some(missing) = proxy.required_headers.iter().find(|name| there(name).is_none()) {
        return Err(format!("trusted_proxy_missing_header_{missing}"));
    }
    let user = there(&proxy.user_header).ok_or("trusted_proxy_user_missing")?.trim();
    if !proxy.allow_users.is_empty() && !proxy.allow_users.iter().any(|allowed| allowed == user) {
        return Err("trusted_proxy_user_not_allowed".into());
    }
    Ok(Method::TrustedProxy)
}

/// The digest of the shared secret, where there is one.
pub(super) fn generation(settings: &Settings) -> Option<String> {
    let secret = match settings.mode {
        AuthMode::Token => settings.token.as_ref(),
        AuthMode::Password => settings.password.as_ref(),
        AuthMode::None | AuthMode::TrustedProxy => None,
    };
    secret.map(|secret| device_id(format!("{}|{secret}", settings.mode.name()).as_bytes()))
}

/// What bears on a client without a device.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the client of its own")]
pub(super) struct Standing<'a> {
    /// What its shared credentials amount to.
    pub(super) shared: &'a SharedAuth,
    /// Whether it is an operator's interface.
    pub(super) control_ui: bool,
    /// Whether it is local.
    pub(super) local: bool,
    /// Whether a bypass flag applies.
    pub(super) bypass: bool,
    /// Whether it is a local backend that needs no pairing.
    pub(super) backend: bool,
    /// Whether a proxy vouches for its user.
    pub(super) proxy_user: bool,
    /// Whether it is the local command line client with the shared secret.
    pub(super) trusted_cli: bool,
}

/// Judges a client without a device. Returns whether it keeps its scopes.
pub(super) fn deviceless(
    rules: &Rules,
    settings: &Settings,
    ask: &Ask,
    standing: &Standing<'_>,
) -> Result<bool, Refusal> {
    let operator = ask.role == "operator";
    let flags = rules.has(Rule::ControlUiBypassFlags);
    let insecure = flags && settings.insecure_control_ui && standing.local;
    let has_secret = ask.auth.provided() == "password" || ask.auth.provided() == "token";
    let allowed = if standing.control_ui && standing.proxy_user
        || standing.control_ui && standing.bypass && operator && rules.has(Rule::BypassWithoutSecret)
        || standing.backend && operator && rules.has(Rule::BackendWithoutDevice)
    {
        Ok(())
    } else if standing.control_ui && !standing.bypass && !insecure {
        Err(Refusal::close_with(
            error_with(
                "INVALID_REQUEST",
                "control ui requires device identity (use HTTPS or localhost secure context)",
                json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}),
            ),
            1008,
            "control ui requires device identity (use HTTPS or localhost secure context)",
        ))
    } else if standing.shared.secret_ok && (operator || rules.broken(Fault::DevicelessNode)) {
        Ok(())
    } else if !standing.shared.ok && has_secret {
        Err(unauthorized(rules, settings, ask, standing.shared.reason.as_deref(), standing.local))
    } else {
        Err(Refusal::close_with(
            error_with("NOT_PAIRED", "device identity required", json!({"code": "DEVICE_IDENTITY_REQUIRED"})),
            1008,
            "device identity required",
        ))
    };
    allowed?;
    let method = standing.shared.method;
    let by_secret = method.is_secret();
    let insecure_ui = standing.control_ui && insecure && by_secret;
    let cleared = by_secret || method == Method::TrustedProxy;
    let keeps = match rules.profile.deviceless {
        Deviceless::KeepsWithSecret => standing.bypass || standing.shared.secret_ok,
        Deviceless::OnlyControlUiKeeps => standing.control_ui,
        Deviceless::OnlyInsecureKeeps => insecure_ui || !cleared,
        Deviceless::OnlyBypassKeeps => insecure_ui || standing.bypass || !cleared,
    };
    let backend = rules.has(Rule::BackendKeepsScopes) && standing.backend;
    let cli = rules.has(Rule::CliKeepsScopes) && standing.trusted_cli;
    Ok(keeps || backend || cli || rules.broken(Fault::DevicelessKeepsScopes))
}

/// The refusal of credentials.
pub(super) fn unauthorized(
    rules: &Rules,
    settings: &Settings,
    ask: &Ask,
    reason: Option<&str>,
    local: bool,
) -> Refusal {
    let provided = ask.auth.provided();
    let message = explain(rules, settings.mode, provided, reason, &ask.client, local);
    let retry = reason == Some("token_mismatch")
        && ask.device.is_some()
        && provided == "token"
        && given_raw(ask.auth.device_token.as_ref()).is_none();
    let next = match reason {
        _ if retry => "retry_with_device_token",
        Some("token_missing" | "token_missing_config" | "password_missing" | "password_missing_config") => {
            "update_auth_configuration"
        }
        Some("token_mismatch" | "password_mismatch" | "device_token_mismatch") => "update_auth_credentials",
        _ => "review_auth_configuration",
    };
    let mut details = json!({"code": detail_code(rules, reason), "authReason": reason});
    if rules.has(Rule::RefusalAdvice) {
        details["canRetryWithDeviceToken"] = Value::Bool(retry);
        details["recommendedNextStep"] = Value::String(next.to_owned());
    }
    let code = if rules.broken(Fault::WrongAuthClose) { 4001 } else { 1008 };
    let error = if rules.broken(Fault::RefusalWithoutDetails) {
        error("INVALID_REQUEST", &message)
    } else {
        error_with("INVALID_REQUEST", &message, details)
    };
    Refusal::close_with(error, code, &message)
}

fn given_raw(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

fn detail_code(rules: &Rules, reason: Option<&str>) -> &'static str {
    match reason {
        None => "AUTH_REQUIRED",
        Some("token_missing") => "AUTH_TOKEN_MISSING",
        Some("token_mismatch") => "AUTH_TOKEN_MISMATCH",
        Some("token_missing_config") => "AUTH_TOKEN_NOT_CONFIGURED",
        Some("password_missing") => "AUTH_PASSWORD_MISSING",
        Some("password_mismatch") => "AUTH_PASSWORD_MISMATCH",
        Some("password_missing_config") => "AUTH_PASSWORD_NOT_CONFIGURED",
        Some("bootstrap_token_invalid") => "AUTH_BOOTSTRAP_TOKEN_INVALID",
        Some("device_token_mismatch") => "AUTH_DEVICE_TOKEN_MISMATCH",
        Some("scope_mismatch") => "AUTH_SCOPE_MISMATCH",
        Some(reason)
            if reason.starts_with("trusted_proxy_missing_header") && rules.has(Rule::IdentityHeaderNamed) =>
        {
            "AUTH_IDENTITY_HEADER_REQUIRED"
        }
        Some(_) => "AUTH_UNAUTHORIZED",
    }
}

fn explain(
    rules: &Rules,
    mode: AuthMode,
    provided: &str,
    reason: Option<&str>,
    client: &Client,
    local: bool,
) -> String {
    let cli = client.mode == "cli";
    let own = cli && local && rules.has(Rule::LocalCliHints);
    let page = is_operator_ui(rules, client) || client.is_webchat();
    let token_hint = if own {
        "use this gateway's gateway.auth.token or pair the device"
    } else if cli {
        "set gateway.remote.token to match gateway.auth.token"
    } else if page {
        "open the dashboard URL and paste the token in Control UI settings"
    } else {
        "provide gateway auth token"
    };
    let missing_hint = if page && !cli && rules.has(Rule::LocalCliHints) {
        "paste in Control UI settings or openclaw doctor --generate-gateway-token; restart"
    } else {
        token_hint
    };
    let password_hint = if own {
        "use this gateway's gateway.auth.password"
    } else if cli {
        "set gateway.remote.password to match gateway.auth.password"
    } else if page {
        "enter the password in Control UI settings"
    } else {
        "provide gateway auth password"
    };
    let code = if rules.has(Rule::SetupCodeText) {
        "setup code invalid, expired, revoked, or already used (create a new code; review `openclaw devices list`)"
    } else {
        "bootstrap token invalid or expired (scan a fresh setup code)"
    };
    let text = match (reason, mode, provided) {
        (Some("token_missing"), ..) => format!("gateway token missing ({missing_hint})"),
        (Some("token_mismatch"), ..) => format!("gateway token mismatch ({token_hint})"),
        (Some("token_missing_config"), ..) => {
            "gateway token not configured on gateway (set gateway.auth.token)".to_owned()
        }
        (Some("password_missing"), ..) => format!("gateway password missing ({password_hint})"),
        (Some("password_mismatch"), ..) => format!("gateway password mismatch ({password_hint})"),
        (Some("password_missing_config"), ..) => {
            "gateway password not configured on gateway (set gateway.auth.password)".to_owned()
        }
        (Some("bootstrap_token_invalid"), ..) => code.to_owned(),
        (Some("device_token_mismatch"), ..) => {
            "device token mismatch (rotate/reissue device token)".to_owned()
        }
        (Some("scope_mismatch"), ..) => {
            "device token scope mismatch (re-pair or approve scope upgrade)".to_owned()
        }
        (_, AuthMode::Token, "none") => format!("gateway token missing ({token_hint})"),
        (_, AuthMode::Token, "device-token") => {
            "device token rejected (pair/repair this device, or provide gateway token)".to_owned()
        }
        (_, _, "bootstrap-token") if rules.has(Rule::BootstrapTokens) => code.to_owned(),
        (_, AuthMode::Password, "none") => format!("gateway password missing ({password_hint})"),
        _ => return "unauthorized".to_owned(),
    };
    format!("unauthorized: {text}")
}

/// Whether the client is an operator's interface.
pub(super) fn is_operator_ui(rules: &Rules, client: &Client) -> bool {
    client.is_browser_ui() || rules.has(Rule::TerminalUi) && client.id == "openclaw-tui"
}
