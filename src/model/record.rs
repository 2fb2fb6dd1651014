//! The roles and scopes that the record of a paired device gives it.

use std::collections::BTreeMap;

use super::mutants::Fault;
use super::rulebook::{Roles, Rule};
use super::rules::Rules;
use super::scopes;
use super::state::PairedDevice;

/// The roles that a paired device has in this release.
pub(super) fn effective_roles(rules: &Rules, device: &PairedDevice) -> Vec<String> {
    let recorded = device.recorded_roles();
    let tokens = device.tokens.iter().flat_map(|tokens| tokens.values());
    let mut active =
        scopes::merged(tokens.filter(|token| token.is_active()).map(|token| token.role.as_str()));
    let no_map = device.tokens.is_none();
    let no_tokens = device.tokens.as_ref().is_none_or(BTreeMap::is_empty);
    if no_tokens && rules.has_fault(Fault::RecordCountsWithoutTokens)
        || active.is_empty() && !no_tokens && rules.has_fault(Fault::RevocationForgetsRecord)
    {
        return recorded;
    }
    match rules.profile.roles {
        Roles::Recorded => match (&device.roles, &device.role) {
            (Some(list), _) => list.clone(),
            (None, Some(only)) => vec![only.clone()],
            (None, None) => Vec::new(),
        },
        Roles::OfTokens if no_map => recorded,
        Roles::OfTokensElseRecorded | Roles::OfTokensWithinRecordElseRecorded if no_tokens => recorded,
        Roles::OfTokens | Roles::OfTokensElseRecorded => active,
        Roles::OfTokensWithinRecordElseRecorded | Roles::OfTokensWithinRecord => {
            active.retain(|role| recorded.contains(role));
            active
        }
    }
}

/// The approved scopes that a connect of a paired device is compared with.
pub(super) fn access_scopes(rules: &Rules, device: &PairedDevice) -> Vec<String> {
    let (first, second) = if rules.has(Rule::ApprovedScopesDecide) {
        (&device.approved_scopes, &device.scopes)
    } else {
        (&device.scopes, &device.approved_scopes)
    };
    first.as_ref().or(second.as_ref()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::profile::Profile;

    fn rules(release: &str) -> Rules {
        Rules::plain(Profile::of(release.parse().unwrap()))
    }

    fn device(tokens: &Value) -> PairedDevice {
        let record = json!({"roles": ["operator", "node"], "tokens": tokens});
        serde_json::from_value(record).unwrap()
    }

    #[rstest]
    #[case::no_map_before("2026.3.28", Value::Null, "operator node")]
    #[case::no_map("2026.3.31", Value::Null, "operator node")]
    #[case::no_map_later("2026.4.10", Value::Null, "")]
    #[case::empty_before("2026.3.28", json!({}), "operator node")]
    #[case::empty("2026.3.31", json!({}), "")]
    #[case::empty_fixed("2026.4.2", json!({}), "operator node")]
    #[case::empty_again("2026.4.10", json!({}), "")]
    #[case::one("2026.3.31", json!({"operator": {"role": "operator"}}), "operator")]
    #[case::one_before("2026.3.28", json!({"operator": {"role": "operator"}}), "operator node")]
    #[case::revoked("2026.4.2", json!({"node": {"role": "node", "revokedAtMs": 1}}), "")]
    #[case::unapproved("2026.4.2", json!({"ghost": {"role": "ghost"}}), "ghost")]
    #[case::unapproved_later("2026.4.5", json!({"ghost": {"role": "ghost"}}), "")]
    fn roles_come_from_the_record_in_early_releases_and_from_tokens_later(
        #[case] release: &str,
        #[case] tokens: Value,
        #[case] roles: &str,
    ) {
        assert_eq!(effective_roles(&rules(release), &device(&tokens)).join(" "), roles);
    }
}
