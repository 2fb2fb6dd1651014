//! Device tokens: how they are checked, issued, rotated and revoked.

use super::id_generator::IdGenerator;
use super::mutants::Fault;
use super::pairing::renewed;
use super::rulebook::Rule;
use super::rules::Rules;
use super::scopes;
use super::state::{DeviceToken, GatewayState, Issuer, PairedDevice};

/// Why a presented device token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenRefusal {
    /// It is not, or no longer, the token of this device for this role.
    Mismatch,
    /// It is the right token, but does not cover the scopes.
    Scope,
}

/// A device token that a client presents, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct PresentedToken<'a> {
    /// The id of the device.
    pub(super) device_id: &'a str,
    pub(super) token: &'a str,
    /// The role that is asked for.
    pub(super) role: &'a str,
    /// The scopes that are asked for.
    pub(super) scopes: &'a [String],
}

fn within_baseline(rules: &Rules, device: &PairedDevice, role: &str, wanted: &[String]) -> bool {
    if !rules.has(Rule::TokenBaseline) {
        return true;
    }
    let Some(baseline) = device.baseline() else { return false };
    scopes::cover(rules, role, wanted, &scopes::for_token(rules, baseline))
}

fn is_browser(device: &PairedDevice) -> bool {
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_lowercase();
    lower(&device.client_mode) == "webchat"
        || matches!(lower(&device.client_id).as_str(), "openclaw-control-ui" | "webchat-ui")
}

/// Checks a presented device token. `generation` is the digest of the shared secret, if there is one. Returns the shared
/// secret under which the token was issued, which browsers' tokens have.
///
/// # Errors
/// Fails if the token is wrong, or does not cover the scopes that are asked for.
pub(super) fn check(
    state: &mut GatewayState,
    rules: &Rules,
    now: i64,
    shown: PresentedToken<'_>,
    generation: Option<&str>,
) -> Result<Option<Issuer>, TokenRefusal> {
    let device = state.paired.get_mut(shown.device_id.trim()).ok_or(TokenRefusal::Mismatch)?;
    let tokens = device.tokens.as_ref().ok_or(TokenRefusal::Mismatch)?;
    let key = if rules.has_fault(Fault::TokenOfAnyRole) {
        tokens.iter().find(|(_, entry)| entry.token == shown.token).map(|(key, _)| key.clone())
    } else {
        Some(shown.role.trim().to_owned())
    };
    let key = key.ok_or(TokenRefusal::Mismatch)?;
    let entry = tokens.get(&key).ok_or(TokenRefusal::Mismatch)?;
    let active = entry.is_active() || rules.has_fault(Fault::RevokedTokenWorks);
    let blank = shown.token.trim().is_empty() || entry.token.trim().is_empty();
    let equal = entry.token == shown.token || rules.has_fault(Fault::DeviceTokenNotCompared);
    if !active || blank || !equal {
        return Err(TokenRefusal::Mismatch);
    }
    if rules.has(Rule::BrowserTokensBound) {
        let fresh = match &entry.issuer {
            Some(issuer) => Some(issuer.generation.as_str()) == generation,
            None => generation.is_none() || !is_browser(device),
        };
        if !fresh {
            return Err(TokenRefusal::Mismatch);
        }
    }
    let asked = scopes::for_token(rules, shown.scopes);
    let enough = within_baseline(rules, device, shown.role, &entry.scopes)
        && scopes::cover(rules, shown.role, &asked, &entry.scopes);
    if !enough && !rules.has_fault(Fault::TokenScopesNotCompared) {
        return Err(TokenRefusal::Scope);
    }
    let issuer = entry.issuer.clone();
    if let Some(entry) = device.tokens.as_mut().and_then(|tokens| tokens.get_mut(&key)) {
        entry.last_used_at_ms = Some(now);
    }
    if rules.has(Rule::LastSeenRecorded) {
        device.last_seen_at_ms = Some(now);
        device.last_seen_reason = Some("device-token-auth".to_owned());
    }
    Ok(issuer)
}

/// Returns the device's token for the role: its current one if that covers the scopes, else a new one. `None` if the
/// device may not have such a token.
pub(super) fn ensure(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    now: i64,
    shown: PresentedToken<'_>,
    issuer: Option<&Issuer>,
) -> Option<DeviceToken> {
    let device = state.paired.get_mut(shown.device_id.trim())?;
    let role = shown.role.trim();
    if rules.has(Rule::RolesMustBeApproved) && !device.recorded_roles().iter().any(|known| known == role) {
        return None;
    }
    let asked = scopes::for_token(rules, shown.scopes);
    if !within_baseline(rules, device, role, &asked) {
        return None;
    }
    let existing = device.tokens.as_ref().and_then(|tokens| tokens.get(role)).cloned();
    if let Some(token) = existing.as_ref().filter(|token| token.is_active()) {
        let reusable = within_baseline(rules, device, role, &token.scopes)
            && scopes::cover(rules, role, &asked, &token.scopes)
            && (!rules.has(Rule::BrowserTokensBound) || token.issuer.as_ref() == issuer);
        if reusable && !rules.has_fault(Fault::TokenNotReused) {
            return existing;
        }
    }
    let rotated = existing.as_ref().map(|_| now);
    let token =
        DeviceToken { issuer: issuer.cloned(), ..renewed(ids, now, role, asked, existing.as_ref(), rotated) };
    device.tokens.get_or_insert_default().insert(role.to_owned(), token.clone());
    Some(token)
}

/// Why a token cannot be rotated or revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangeRefusal {
    /// There is no such device, or it does not have the role.
    Unknown,
    /// The scopes exceed those that were approved.
    BeyondApproval,
    /// The caller lacks this scope.
    CallerLacks(String),
}

/// Replaces the secret of a token. `caller` is the list of scopes of the client that asks for it.
///
/// # Errors
/// Fails if there is no such token, or if the scopes exceed those of the approval or of the caller.
pub(super) fn rotate(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    now: i64,
    (device_id, role): (&str, &str),
    wanted: Option<&[String]>,
    caller: &[String],
) -> Result<DeviceToken, ChangeRefusal> {
    let device = state.paired.get_mut(device_id.trim()).ok_or(ChangeRefusal::Unknown)?;
    let role = role.trim();
    if rules.has(Rule::RolesMustBeApproved) && !device.recorded_roles().iter().any(|known| known == role) {
        return Err(ChangeRefusal::Unknown);
    }
    let existing = device.tokens.as_ref().and_then(|tokens| tokens.get(role)).cloned();
    let old = existing.as_ref().map(|token| token.scopes.as_slice());
    let chosen = wanted.or(old).or(device.scopes.as_deref()).unwrap_or_default();
    let scopes = scopes::for_token(rules, chosen);
    if rules.has(Rule::RotationNamesScope)
        && let Some(scope) = scopes::missing(rules, role, &scopes, caller)
    {
        return Err(ChangeRefusal::CallerLacks(scope.to_owned()));
    }
    // Before all tokens had to stay within the approved scopes, rotation had a check of its own.
    let approved = device.baseline().map(Vec::as_slice).or(old).unwrap_or_default();
    let within = if rules.has(Rule::TokenBaseline) {
        within_baseline(rules, device, role, &scopes)
    } else {
        scopes::cover(rules, role, &scopes, approved)
    };
    if !within && !rules.has_fault(Fault::RotationWidens) {
        return Err(ChangeRefusal::BeyondApproval);
    }
    let issuer = existing.as_ref().and_then(|token| token.issuer.clone());
    let token = DeviceToken { issuer, ..renewed(ids, now, role, scopes, existing.as_ref(), Some(now)) };
    let keep = rules.has_fault(Fault::RotationKeepsOld) && existing.is_some();
    if !keep {
        device.tokens.get_or_insert_default().insert(role.to_owned(), token.clone());
    }
    Ok(token)
}

/// Revokes a token. `caller` is the list of scopes of the client that asks for it.
///
/// # Errors
/// Fails if there is no such token, or if the caller lacks its scopes.
pub(super) fn revoke(
    state: &mut GatewayState,
    rules: &Rules,
    now: i64,
    (device_id, role): (&str, &str),
    caller: &[String],
) -> Result<DeviceToken, ChangeRefusal> {
    let device = state.paired.get_mut(device_id.trim()).ok_or(ChangeRefusal::Unknown)?;
    let role = role.trim();
    let known =
        !rules.has(Rule::RevocationDenied) || device.recorded_roles().iter().any(|known| known == role);
    let entry = device.tokens.as_mut().and_then(|tokens| tokens.get_mut(role)).filter(|_| known);
    let entry = entry.ok_or(ChangeRefusal::Unknown)?;
    if rules.has(Rule::RevocationDenied)
        && let Some(scope) = scopes::missing(rules, role, &scopes::for_token(rules, &entry.scopes), caller)
    {
        return Err(ChangeRefusal::CallerLacks(scope.to_owned()));
    }
    let revoked = DeviceToken { revoked_at_ms: Some(now), ..entry.clone() };
    if !rules.has_fault(Fault::RevocationNotStored) {
        *entry = revoked.clone();
    }
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::history::HISTORY;
    use crate::model::profile::Profile;

    fn state(record: &Value) -> GatewayState {
        GatewayState::from_files([("devices/paired.json", &json!({"d": record}))])
    }

    fn shown<'a>(token: &'a str, scopes: &'a [String]) -> PresentedToken<'a> {
        PresentedToken { device_id: "d", token, role: "node", scopes }
    }

    #[rstest]
    #[case("2026.3.2", true)]
    #[case("2026.3.28", false)]
    #[case("2026.3.31", false)]
    fn a_record_without_approved_scopes_has_no_valid_token_since_3_13(
        #[case] release: &str,
        #[case] works: bool,
    ) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let mut state =
            state(&json!({"tokens": {"node": {"token": "t", "role": "node"}}, "roles": ["node"]}));
        assert_eq!(check(&mut state, &rules, 1, shown("t", &[]), None).is_ok(), works);
    }

    #[rstest]
    #[case("2026.3.2")]
    #[case("2026.3.31")]
    #[case("2026.9.6")]
    fn rotation_grants_no_more_than_was_approved(#[case] release: &str) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let record = json!({
            "roles": ["operator"], "scopes": ["operator.write"], "approvedScopes": ["operator.write"],
            "tokens": {"operator": {"token": "t", "role": "operator", "scopes": ["operator.write"]}}
        });
        let (mut state, mut ids) = (state(&record), IdGenerator::new(1));
        let admin = ["operator.admin".to_owned()];
        let (wide, narrow) = (["operator.admin".to_owned()], ["operator.read".to_owned()]);
        let mut ask = |wanted: &[String]| {
            rotate(&mut state, &rules, &mut ids, 1, ("d", "operator"), Some(wanted), &admin)
                .map(|token| token.scopes)
        };
        assert_eq!(ask(&wide), Err(ChangeRefusal::BeyondApproval));
        assert_eq!(ask(&narrow), Ok(narrow.to_vec()));
    }

    proptest! {
        #[test]
        fn a_revoked_token_never_works(index in 0..HISTORY.len(), scoped in any::<bool>()) {
            let rules = Rules::plain(Profile::of(HISTORY[index].since));
            let record = json!({
                "roles": ["node"], "scopes": [], "approvedScopes": [],
                "tokens": {"node": {"token": "t", "role": "node"}}
            });
            let mut state = state(&record);
            let asked = if scoped { vec!["node.x".to_owned()] } else { Vec::new() };
            let admin = ["operator.admin".to_owned()];
            revoke(&mut state, &rules, 1, ("d", "node"), &admin).unwrap();
            prop_assert_eq!(check(&mut state, &rules, 2, shown("t", &asked), None), Err(TokenRefusal::Mismatch));
        }

        #[test]
        fn a_rotated_token_replaces_the_old_one(index in 0..HISTORY.len()) {
            let rules = Rules::plain(Profile::of(HISTORY[index].since));
            let record = json!({
                "roles": ["node"], "scopes": [], "approvedScopes": [],
                "tokens": {"node": {"token": "t", "role": "node"}}
            });
            let (mut state, mut ids) = (state(&record), IdGenerator::new(1));
            let fresh = rotate(&mut state, &rules, &mut ids, 1, ("d", "node"), None, &[]).unwrap();
            prop_assert!(check(&mut state, &rules, 2, shown("t", &[]), None).is_err());
            prop_assert!(check(&mut state, &rules, 2, shown(&fresh.token, &[]), None).is_ok());
        }
    }
}
