//! Authentication by shared secrets and trusted proxies, and the rules for clients without a device.

use serde_json::{Value, json};

use crate::wire::device_id;

use super::request::{ClientInfo, ConnectRequest};
use crate::model::config::{AuthMode, HandshakeConfig};
use crate::model::mutants::Fault;
use crate::model::peer::Peer;
use crate::model::refusal::{Refusal, error, error_with};
use crate::model::rulebook::{Deviceless, Rule};
use crate::model::rules::Rules;

/// How a client authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum AuthMethod {
    /// The gateway needs no authentication.
    None,
    /// By the shared token.
    Token,
    /// By the shared password.
    Password,
    /// By a trusted proxy.
    TrustedProxy,
    /// By its device token.
    DeviceToken,
    /// By a setup code.
    BootstrapToken,
}

impl AuthMethod {
    /// Its name in `hello-ok`.
    pub(in crate::model) const fn name(self) -> &'static str {
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
    pub(in crate::model) const fn is_secret(self) -> bool {
        matches!(self, Self::Token | Self::Password)
    }
}

/// The result of checking the shared credentials.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct SharedAuth {
    /// Whether they let the client in.
    pub(in crate::model) ok: bool,
    /// How the client authenticated; if it failed, how it should have.
    pub(in crate::model) method: AuthMethod,
    /// Why they do not let the client in.
    pub(in crate::model) reason: Option<String>,
    /// Whether the client showed the right shared secret, or a trusted proxy vouched for it.
    pub(in crate::model) secret_ok: bool,
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Checks the shared credentials of a request.
pub(in crate::model) fn shared(
    rules: &Rules,
    settings: &HandshakeConfig,
    peer: &Peer,
    request: &ConnectRequest,
) -> SharedAuth {
    let token = given(request.auth.token.as_ref());
    let password = given(request.auth.password.as_ref());
    let either = rules.has(Rule::EitherSecretField);
    let (as_token, as_password) =
        if either { (token.or(password), password.or(token)) } else { (token, password) };
    let verdict = match settings.mode {
        AuthMode::None => Ok(AuthMethod::None),
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
    let configured =
        if settings.mode == AuthMode::Password { AuthMethod::Password } else { AuthMethod::Token };
    match verdict {
        Ok(method) => {
            let shown = token.is_some() || password.is_some();
            let secret_ok = method.is_secret() && shown || method == AuthMethod::TrustedProxy;
            SharedAuth { ok: true, method, reason: None, secret_ok }
        }
        Err(reason) => SharedAuth { ok: false, method: configured, reason: Some(reason), secret_ok: false },
    }
}

fn by_token(rules: &Rules, wanted: Option<&str>, shown: Option<&str>) -> Result<AuthMethod, String> {
    match (wanted, shown) {
        (None, _) => Err("token_missing_config".into()),
        (Some(_), None) if rules.has_fault(Fault::MissingTokenAccepted) => Ok(AuthMethod::Token),
        (Some(_), None) => Err("token_missing".into()),
        (Some(wanted), Some(shown)) if wanted == shown || rules.has_fault(Fault::SharedTokenNotCompared) => {
            Ok(AuthMethod::Token)
        }
        _ if rules.has_fault(Fault::WrongSecretAdvice) => Err("token_missing".into()),
        _ => Err("token_mismatch".into()),
    }
}

fn by_password(rules: &Rules, wanted: Option<&str>, shown: Option<&str>) -> Result<AuthMethod, String> {
    match (wanted, shown) {
        (None, _) => Err("password_missing_config".into()),
        (Some(_), None) => Err("password_missing".into()),
        (Some(wanted), Some(shown)) if wanted == shown || rules.has_fault(Fault::PasswordNotCompared) => {
            Ok(AuthMethod::Password)
        }
        _ => Err("password_mismatch".into()),
    }
}

fn by_proxy(rules: &Rules, settings: &HandshakeConfig, peer: &Peer) -> Result<AuthMethod, String> {
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
    Ok(AuthMethod::TrustedProxy)
}

/// The digest of the shared secret, if there is one.
pub(in crate::model) fn generation(settings: &HandshakeConfig) -> Option<String> {
    let secret = match settings.mode {
        AuthMode::Token => settings.token.as_ref(),
        AuthMode::Password => settings.password.as_ref(),
        AuthMode::None | AuthMode::TrustedProxy => None,
    };
    secret.map(|secret| device_id(format!("{}|{secret}", settings.mode.name()).as_bytes()))
}

/// What decides whether a client without a device is let in.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent facts about the client")]
pub(in crate::model) struct DevicelessFacts<'a> {
    /// The result of checking its shared credentials.
    pub(in crate::model) shared: &'a SharedAuth,
    /// Whether it is an operator interface.
    pub(in crate::model) operator_ui: bool,
    /// Whether it connects straight from the gateway's host.
    pub(in crate::model) local: bool,
    /// Whether the configuration turns device authentication off for it.
    pub(in crate::model) bypass: bool,
    /// Whether it is a local backend that skips pairing.
    pub(in crate::model) backend: bool,
    /// Whether a trusted proxy vouches for its user.
    pub(in crate::model) proxy_user: bool,
    /// Whether it is the command line client on this host with the shared secret.
    pub(in crate::model) trusted_cli: bool,
}

/// Decides whether a client without a device is let in. Returns whether it keeps the scopes that it asked for.
///
/// # Errors
/// Fails with the refusal that the client gets.
pub(in crate::model) fn deviceless(
    rules: &Rules,
    settings: &HandshakeConfig,
    request: &ConnectRequest,
    client: &DevicelessFacts<'_>,
) -> Result<bool, Refusal> {
    let operator = request.role == "operator";
    let flags = rules.has(Rule::ControlUiBypassFlags);
    let insecure = flags && settings.insecure_control_ui && client.local;
    let has_secret = request.auth.provided() == "password" || request.auth.provided() == "token";
    let allowed = if client.operator_ui && client.proxy_user
        || client.operator_ui && client.bypass && operator && rules.has(Rule::BypassWithoutSecret)
        || client.backend && operator && rules.has(Rule::BackendWithoutDevice)
    {
        Ok(())
    } else if client.operator_ui && !client.bypass && !insecure {
        Err(Refusal::close_with(
            error_with(
                "INVALID_REQUEST",
                "control ui requires device identity (use HTTPS or localhost secure context)",
                json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}),
            ),
            1008,
            "control ui requires device identity (use HTTPS or localhost secure context)",
        ))
    } else if client.shared.secret_ok && (operator || rules.has_fault(Fault::DevicelessNode)) {
        Ok(())
    } else if !client.shared.ok && has_secret {
        Err(unauthorized(rules, settings, request, client.shared.reason.as_deref(), client.local))
    } else {
        Err(Refusal::close_with(
            error_with("NOT_PAIRED", "device identity required", json!({"code": "DEVICE_IDENTITY_REQUIRED"})),
            1008,
            "device identity required",
        ))
    };
    allowed?;
    let method = client.shared.method;
    let by_secret = method.is_secret();
    let insecure_ui = client.operator_ui && insecure && by_secret;
    let cleared = by_secret || method == AuthMethod::TrustedProxy;
    let keeps = match rules.profile.deviceless {
        Deviceless::KeepsWithSecret => client.bypass || client.shared.secret_ok,
        Deviceless::OnlyControlUiKeeps => client.operator_ui,
        Deviceless::OnlyInsecureKeeps => insecure_ui || !cleared,
        Deviceless::OnlyBypassKeeps => insecure_ui || client.bypass || !cleared,
    };
    let backend = rules.has(Rule::BackendKeepsScopes) && client.backend;
    let cli = rules.has(Rule::CliKeepsScopes) && client.trusted_cli;
    Ok(keeps || backend || cli || rules.has_fault(Fault::DevicelessKeepsScopes))
}

/// The refusal for missing or wrong credentials.
pub(in crate::model) fn unauthorized(
    rules: &Rules,
    settings: &HandshakeConfig,
    request: &ConnectRequest,
    reason: Option<&str>,
    local: bool,
) -> Refusal {
    let provided = request.auth.provided();
    let message = explain(rules, settings.mode, provided, reason, &request.client, local);
    let retry = reason == Some("token_mismatch")
        && request.device.is_some()
        && provided == "token"
        && given_raw(request.auth.device_token.as_ref()).is_none();
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
    let code = if rules.has_fault(Fault::WrongAuthClose) { 4001 } else { 1008 };
    let error = if rules.has_fault(Fault::RefusalWithoutDetails) {
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
    client: &ClientInfo,
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

/// Whether the client is an operator interface.
pub(in crate::model) fn is_operator_ui(rules: &Rules, client: &ClientInfo) -> bool {
    client.is_browser_ui() || rules.has(Rule::TerminalUi) && client.id == "openclaw-tui"
}
