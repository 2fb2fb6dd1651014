//! Pairing requests and pairings: how they are made, merged, approved, rejected and removed.

use super::id_generator::IdGenerator;
use super::mutants::Fault;
use super::rulebook::{PendingMerge, Rule};
use super::rules::Rules;
use super::scopes;
use super::state::{DeviceToken, GatewayState, PairedDevice, PendingDevice};

const OPERATOR: &str = "operator";

/// The result of asking for pairing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requested {
    pub(super) request: PendingDevice,
    /// Whether the request is new.
    pub(super) created: bool,
    /// The ids of earlier requests that it replaces.
    pub(super) superseded: Vec<String>,
}

/// Why a request cannot be approved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApproveError {
    /// There is no such request.
    #[error("unknown requestId")]
    Unknown,
    /// The approver may not grant what is requested.
    #[error("{0}")]
    Forbidden(String),
}

/// Lists of scopes, merged as records store them. `None` stands for a record without a list.
pub(super) fn merge_scopes<'a>(
    rules: &Rules,
    lists: impl IntoIterator<Item = Option<&'a Vec<String>>>,
) -> Option<Vec<String>> {
    let lists: Vec<&Vec<String>> = lists.into_iter().flatten().collect();
    let all = scopes::merged(lists.iter().flat_map(|list| list.iter().map(String::as_str)));
    let keep_empty = rules.has(Rule::EmptyScopesStay) && !lists.is_empty();
    (!all.is_empty() || keep_empty).then_some(all)
}

fn some_list(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// Makes a pairing request, or updates the pending one of the same device where the release merges them.
pub(super) fn request(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    now: i64,
    incoming: PendingDevice,
) -> Requested {
    let is_repair = state.paired.contains_key(&incoming.device_id);
    let mut existing: Vec<PendingDevice> =
        state.pending.values().filter(|one| one.device_id == incoming.device_id).cloned().collect();
    existing.sort_by_key(|one| std::cmp::Reverse(one.ts));
    if rules.has_fault(Fault::PendingNeverMerged) {
        existing.clear();
    }
    let refreshed = match (rules.profile.pending_merge, existing.as_slice()) {
        (PendingMerge::Widened, [first, ..]) => Some(widen(rules, first, &incoming, is_repair, now)),
        (PendingMerge::Superseded, [only]) if same(rules, only, &incoming) => {
            Some(refresh(rules, only, &incoming, is_repair, now))
        }
        (PendingMerge::Covered, [only])
            if same(rules, only, &incoming) || covered(rules, only, &incoming) =>
        {
            Some(refresh(rules, only, &incoming, is_repair, now))
        }
        _ => None,
    };
    if let Some(request) = refreshed {
        state.pending.insert(request.request_id.clone(), request.clone());
        return Requested { request, created: false, superseded: Vec::new() };
    }
    let superseded: Vec<String> = existing.iter().map(|one| one.request_id.clone()).collect();
    let wanted: Vec<String> =
        existing.iter().chain([&incoming]).flat_map(PendingDevice::requested_roles).collect();
    let lists = existing.iter().map(|one| one.scopes.as_ref()).chain([incoming.scopes.as_ref()]);
    let all_silent = existing.iter().all(|one| one.silent == Some(true));
    let request = PendingDevice {
        request_id: ids.uuid(),
        roles: some_list(scopes::merged(wanted.iter().map(String::as_str))),
        scopes: merge_scopes(rules, lists),
        silent: Some(incoming.silent == Some(true) && all_silent),
        is_repair,
        ts: now,
        ..incoming
    };
    if !rules.has_fault(Fault::PendingKeepsSuperseded) {
        for id in &superseded {
            state.pending.remove(id);
        }
    }
    state.pending.insert(request.request_id.clone(), request.clone());
    Requested { request, created: true, superseded }
}

fn same(rules: &Rules, existing: &PendingDevice, incoming: &PendingDevice) -> bool {
    let set = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let wanted = |one: &PendingDevice| scopes::for_token(rules, one.scopes.as_deref().unwrap_or_default());
    existing.public_key == incoming.public_key
        && existing.role == incoming.role
        && set(existing.requested_roles()) == set(incoming.requested_roles())
        && wanted(existing) == wanted(incoming)
}

fn covered(rules: &Rules, existing: &PendingDevice, incoming: &PendingDevice) -> bool {
    let (have, ask) = (existing.requested_roles(), incoming.requested_roles());
    let allowed = scopes::for_token(rules, existing.scopes.as_deref().unwrap_or_default());
    let asked = scopes::for_token(rules, incoming.scopes.as_deref().unwrap_or_default());
    existing.public_key == incoming.public_key
        && existing.role == incoming.role
        && ask.iter().all(|role| have.contains(role))
        && asked.iter().all(|scope| {
            ask.iter().any(|role| scopes::cover(rules, role, std::slice::from_ref(scope), &allowed))
        })
}

fn refresh(
    rules: &Rules,
    existing: &PendingDevice,
    incoming: &PendingDevice,
    is_repair: bool,
    now: i64,
) -> PendingDevice {
    let new = |new: &Option<String>, old: &Option<String>| new.clone().or_else(|| old.clone());
    PendingDevice {
        public_key: incoming.public_key.clone(),
        display_name: new(&incoming.display_name, &existing.display_name),
        platform: new(&incoming.platform, &existing.platform),
        device_family: new(&incoming.device_family, &existing.device_family),
        client_id: new(&incoming.client_id, &existing.client_id),
        client_mode: new(&incoming.client_mode, &existing.client_mode),
        remote_ip: new(&incoming.remote_ip, &existing.remote_ip),
        silent: Some(existing.silent == Some(true) && incoming.silent == Some(true)),
        is_repair: existing.is_repair || is_repair,
        ts: if rules.has(Rule::PendingKeepsTime) { existing.ts } else { now },
        ..existing.clone()
    }
}

fn widen(
    rules: &Rules,
    existing: &PendingDevice,
    incoming: &PendingDevice,
    is_repair: bool,
    now: i64,
) -> PendingDevice {
    let wanted: Vec<String> =
        [existing, incoming].into_iter().flat_map(PendingDevice::requested_roles).collect();
    PendingDevice {
        public_key: existing.public_key.clone(),
        role: existing.role.clone().or_else(|| incoming.role.clone()),
        roles: some_list(scopes::merged(wanted.iter().map(String::as_str))),
        scopes: merge_scopes(rules, [existing.scopes.as_ref(), incoming.scopes.as_ref()]),
        ..refresh(rules, existing, incoming, is_repair, now)
    }
}

/// Approves a request. `caller` is the list of scopes of the approver; `None` if they are not checked.
///
/// # Errors
/// Fails if there is no such request, or if the approver may not grant what it asks for.
pub(super) fn approve(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    now: i64,
    request_id: &str,
    caller: Option<&[String]>,
) -> Result<PairedDevice, ApproveError> {
    let pending = state.pending.get(request_id).cloned().ok_or(ApproveError::Unknown)?;
    let by_owner = caller.is_some();
    let existing = state.paired.get(&pending.device_id).cloned();
    let wanted = pending.requested_roles();
    let asked = scopes::for_token(rules, pending.scopes.as_deref().unwrap_or_default());
    let operator_asked: Vec<String> =
        asked.iter().filter(|scope| scopes::is_operator_scope(scope)).cloned().collect();
    let caller = caller
        .filter(|_| rules.has(Rule::ApproverNeedsScopes) && !rules.has_fault(Fault::ApproverNotChecked));
    if rules.has(Rule::ScopesFitRoles)
        && let Some(scope) = asked.iter().find(|scope| {
            let one = std::slice::from_ref(*scope);
            !wanted.iter().any(|role| scopes::cover(rules, role, one, one))
        })
    {
        return Err(ApproveError::Forbidden(format!("invalid scope for requested roles: {scope}")));
    }
    let lacks = |role: &str, wanted: &[String]| {
        let caller = caller?;
        scopes::missing(rules, role, wanted, caller).map(|scope| format!("missing scope: {scope}"))
    };
    if rules.has(Rule::OperatorScopesNeedRole) {
        if let Some(scope) = operator_asked.first().filter(|_| !wanted.iter().any(|role| role == OPERATOR)) {
            return Err(ApproveError::Forbidden(format!("missing scope: {scope}")));
        }
        if !rules.has(Rule::ApproverChecksToken)
            && let Some(text) = lacks(OPERATOR, &operator_asked)
        {
            return Err(ApproveError::Forbidden(text));
        }
    } else if let Some(role) = pending.role.clone().or_else(|| wanted.first().cloned())
        && let Some(text) = lacks(&role, &operator_asked)
    {
        return Err(ApproveError::Forbidden(text));
    }

    let base = existing.as_ref().and_then(PairedDevice::baseline).cloned();
    let approved = merge_scopes(rules, [base.as_ref(), pending.scopes.as_ref()]);
    let mut tokens = existing.as_ref().and_then(|device| device.tokens.clone()).unwrap_or_default();
    let minted: Vec<String> =
        if rules.has(Rule::TokenPerRole) { wanted.clone() } else { pending.role.iter().cloned().collect() };
    for role in minted {
        let old = tokens.get(&role).cloned();
        let granted =
            token_scopes(rules, &role, &pending, existing.as_ref(), old.as_ref(), approved.as_ref());
        if rules.has(Rule::ApproverChecksToken) && role == OPERATOR && !granted.is_empty() {
            let mut needed = granted.clone();
            if rules.has(Rule::TokenDelta) {
                let own = scopes::of_role(rules, &role, pending.scopes.as_deref().unwrap_or_default());
                needed = scopes::merged(own.iter().chain(&granted).map(String::as_str));
            }
            if let Some(text) = lacks(OPERATOR, &needed) {
                return Err(ApproveError::Forbidden(text));
            }
        }
        tokens
            .insert(role.clone(), renewed(ids, now, &role, granted, old.as_ref(), old.as_ref().map(|_| now)));
    }

    let recorded = existing.as_ref().map(PairedDevice::recorded_roles).unwrap_or_default();
    let all_roles = scopes::merged(recorded.iter().chain(&wanted).map(String::as_str));
    let device = PairedDevice {
        device_id: pending.device_id.clone(),
        public_key: pending.public_key,
        display_name: pending.display_name,
        platform: pending.platform,
        device_family: pending.device_family,
        client_id: pending.client_id,
        client_mode: pending.client_mode,
        role: pending.role,
        roles: some_list(all_roles),
        scopes: approved.clone(),
        approved_scopes: approved,
        remote_ip: pending.remote_ip,
        tokens: Some(tokens),
        created_at_ms: existing.as_ref().map_or(now, |device| device.created_at_ms),
        approved_at_ms: now,
        approved_via: (by_owner && rules.has(Rule::ApprovalWayRecorded)).then(|| "owner".to_owned()),
        last_seen_at_ms: existing.as_ref().and_then(|device| device.last_seen_at_ms),
        last_seen_reason: existing.as_ref().and_then(|device| device.last_seen_reason.clone()),
    };
    if !rules.has_fault(Fault::ApprovalNotStored) || caller.is_none() {
        state.pending.remove(request_id);
        state.paired.insert(device.device_id.clone(), device.clone());
    }
    Ok(device)
}

fn token_scopes(
    rules: &Rules,
    role: &str,
    pending: &PendingDevice,
    existing: Option<&PairedDevice>,
    old: Option<&DeviceToken>,
    approved: Option<&Vec<String>>,
) -> Vec<String> {
    let fit = |list: &[String]| {
        if rules.has(Rule::TokenPerRole) {
            scopes::of_role(rules, role, list)
        } else {
            scopes::for_token(rules, list)
        }
    };
    let asked = fit(pending.scopes.as_deref().unwrap_or_default());
    let had = old.map(|token| token.scopes.clone());
    if asked.is_empty() {
        let base = existing.and_then(PairedDevice::baseline);
        return fit(had.as_ref().or(approved).or(base).map(Vec::as_slice).unwrap_or_default());
    }
    if !rules.has(Rule::TokenDelta) {
        return asked;
    }
    let base = fit(existing.and_then(PairedDevice::baseline).map(Vec::as_slice).unwrap_or_default());
    let new: Vec<String> = match &had {
        Some(_) if !base.is_empty() => asked.into_iter().filter(|scope| !base.contains(scope)).collect(),
        _ => asked,
    };
    let merged = scopes::merged(had.iter().flatten().chain(&new).map(String::as_str));
    fit(&merged)
}

/// A token with a new secret, which keeps the history of the old one.
pub(super) fn renewed(
    ids: &mut IdGenerator,
    now: i64,
    role: &str,
    scopes: Vec<String>,
    old: Option<&DeviceToken>,
    rotated_at_ms: Option<i64>,
) -> DeviceToken {
    DeviceToken {
        token: ids.token(),
        role: role.to_owned(),
        scopes,
        created_at_ms: old.map_or(now, |token| token.created_at_ms),
        rotated_at_ms,
        revoked_at_ms: None,
        last_used_at_ms: old.and_then(|token| token.last_used_at_ms),
        issuer: None,
    }
}

/// Rejects a request. Returns the id of its device, or `None` if there is no such request.
pub(super) fn reject(state: &mut GatewayState, rules: &Rules, request_id: &str) -> Option<String> {
    if rules.has_fault(Fault::RejectionNotStored) {
        return state.pending.get(request_id).map(|request| request.device_id.clone());
    }
    state.pending.remove(request_id).map(|request| request.device_id)
}

/// Removes the pairing of a device. Returns whether it was paired.
pub(super) fn remove(state: &mut GatewayState, rules: &Rules, device_id: &str) -> bool {
    if rules.has_fault(Fault::RemovalNotStored) {
        return state.paired.contains_key(device_id);
    }
    let known = state.paired.remove(device_id).is_some();
    if known && rules.has(Rule::RemovalDropsPending) {
        state.pending.retain(|_, request| request.device_id != device_id);
    }
    known
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::profile::Profile;

    fn rules(release: &str) -> Rules {
        Rules::plain(Profile::of(release.parse().unwrap()))
    }

    fn ask(scopes: &[&str]) -> PendingDevice {
        PendingDevice {
            device_id: "d".into(),
            public_key: "k".into(),
            role: Some("operator".into()),
            scopes: Some(scopes.iter().map(|scope| format!("operator.{scope}")).collect()),
            silent: Some(false),
            ..Default::default()
        }
    }

    #[rstest]
    #[case("2026.3.13", false)]
    #[case("2026.3.31", true)]
    #[case("2026.6.11", true)]
    #[case("2026.7.1", false)]
    fn a_narrower_request_gets_a_new_id_in_some_releases(#[case] release: &str, #[case] new_id: bool) {
        let (rules, mut state, mut ids) = (rules(release), GatewayState::default(), IdGenerator::new(1));
        let wide = request(&mut state, &rules, &mut ids, 1, ask(&["admin", "read"]));
        let narrow = request(&mut state, &rules, &mut ids, 2, ask(&["pairing"]));
        assert_eq!(wide.request.request_id != narrow.request.request_id, new_id);
        assert_eq!(state.pending.len(), 1);
        let scopes = narrow.request.scopes.unwrap();
        assert!(
            scopes.contains(&"operator.admin".to_owned()),
            "the merged request keeps all scopes that were asked for"
        );
    }

    #[rstest]
    #[case("2026.3.13", true)]
    #[case("2026.3.31", false)]
    fn an_approver_needs_the_scopes_that_it_approves(#[case] release: &str, #[case] fine: bool) {
        let (rules, mut state, mut ids) = (rules(release), GatewayState::default(), IdGenerator::new(1));
        let id = request(&mut state, &rules, &mut ids, 1, ask(&["admin"])).request.request_id;
        let caller = ["operator.pairing".to_owned()];
        assert_eq!(approve(&mut state, &rules, &mut ids, 2, &id, Some(&caller)).is_ok(), fine);
        assert_eq!(state.paired.contains_key("d"), fine);
    }

    #[test]
    fn an_unknown_request_cannot_be_approved() {
        let (rules, mut state, mut ids) = (rules("2026.9.6"), GatewayState::default(), IdGenerator::new(1));
        assert_eq!(approve(&mut state, &rules, &mut ids, 2, "x", None), Err(ApproveError::Unknown));
    }
}
