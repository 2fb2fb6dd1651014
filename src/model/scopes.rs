//! Scopes: which scope implies which, and which scopes a role may have.

use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;

/// Allows everything that an operator may do.
pub(super) const ADMIN: &str = "operator.admin";
/// Allows reading.
pub(super) const READ: &str = "operator.read";
/// Allows acting on behalf of the user.
pub(super) const WRITE: &str = "operator.write";
/// Allows answering requests for approval.
pub(super) const APPROVALS: &str = "operator.approvals";
/// Allows managing devices and nodes.
pub(super) const PAIRING: &str = "operator.pairing";
/// Allows voice conversations.
pub(super) const TALK: &str = "operator.talk";

const OPERATOR: &str = "operator";
const PREFIX: &str = "operator.";

/// Whether the scope belongs to operators.
pub(super) fn is_operator_scope(scope: &str) -> bool {
    scope.starts_with(PREFIX)
}

/// The scopes, trimmed, without blanks and duplicates, in their original order.
pub(super) fn merged<'a>(lists: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for scope in lists.into_iter().map(str::trim).filter(|scope| !scope.is_empty()) {
        if !all.iter().any(|known| known == scope) {
            all.push(scope.to_owned());
        }
    }
    all
}

/// Scopes as tokens store them: merged, with the scopes that they imply, and sorted.
pub(super) fn for_token(rules: &Rules, scopes: &[String]) -> Vec<String> {
    let mut all = merged(scopes.iter().map(String::as_str));
    let mut imply = |scope: &str| {
        if !all.iter().any(|known| known == scope) {
            all.push(scope.to_owned());
        }
    };
    let (admin, write) = (has(scopes, ADMIN), has(scopes, WRITE));
    if rules.has(Rule::StoredImplications) {
        if admin {
            imply(READ);
            imply(WRITE);
        } else if write {
            imply(READ);
        }
    }
    all.sort();
    all
}

/// The scopes of a token that belong to the role.
pub(super) fn of_role(rules: &Rules, role: &str, scopes: &[String]) -> Vec<String> {
    let mut kept = for_token(rules, scopes);
    kept.retain(|scope| is_operator_scope(scope) == (role == OPERATOR));
    kept
}

/// The first requested scope that the allowed ones do not cover.
pub(super) fn missing<'a>(
    rules: &Rules,
    role: &str,
    requested: &'a [String],
    allowed: &[String],
) -> Option<&'a str> {
    requested
        .iter()
        .map(String::as_str)
        .find(|scope| !scope.trim().is_empty() && !covers(rules, role.trim(), scope.trim(), allowed))
}

/// Whether the allowed scopes cover the requested ones.
pub(super) fn cover(rules: &Rules, role: &str, requested: &[String], allowed: &[String]) -> bool {
    missing(rules, role, requested, allowed).is_none()
}

fn covers(rules: &Rules, role: &str, scope: &str, allowed: &[String]) -> bool {
    let families = rules.has(Rule::ScopeFamilies);
    if role != OPERATOR {
        let own = scope.strip_prefix(role).is_some_and(|rest| rest.starts_with('.'));
        return has(allowed, scope) && (own || !families);
    }
    if families && !is_operator_scope(scope) {
        return false;
    }
    if has(allowed, ADMIN) && is_operator_scope(scope) && !rules.has_fault(Fault::AdminImpliesNothing) {
        return true;
    }
    let by_write = has(allowed, WRITE) && !rules.has_fault(Fault::WriteImpliesNothing);
    match scope {
        READ => has(allowed, READ) || by_write,
        TALK if rules.has(Rule::TalkScope) => has(allowed, TALK) || by_write,
        _ => has(allowed, scope),
    }
}

/// Whether a list contains the scope.
pub(super) fn has(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|one| one.trim() == scope)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::profile::Profile;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(|scope| format!("operator.{scope}")).collect()
    }

    #[rstest]
    #[case("", "", true)]
    #[case("read", "", false)]
    #[case("read", "write", true)]
    #[case("write", "read", false)]
    #[case("write", "write", true)]
    #[case("pairing", "admin", true)]
    #[case("pairing", "write", false)]
    #[case("talk.secrets", "admin", true)]
    fn a_scope_is_covered_by_a_scope_that_implies_it(
        #[case] asked: &str,
        #[case] have: &str,
        #[case] covered: bool,
    ) {
        let rules = Rules::plain(Profile::newest());
        assert_eq!(cover(&rules, "operator", &list(asked), &list(have)), covered);
    }

    #[rstest]
    #[case("2026.4.2", true)]
    #[case("2026.4.5", false)]
    fn a_node_gets_no_operator_scope_since_4_5(#[case] release: &str, #[case] covered: bool) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        assert_eq!(cover(&rules, "node", &list("read"), &list("read")), covered);
        assert!(!cover(&rules, "node", &list("read"), &list("admin")));
    }

    #[test]
    fn a_token_lists_the_scopes_that_its_scopes_imply() {
        let rules = Rules::plain(Profile::newest());
        assert_eq!(for_token(&rules, &list("pairing admin")), list("admin pairing read write"));
    }

    #[test]
    fn merging_keeps_the_order_and_drops_blanks() {
        assert_eq!(merged([" b ", "a", "", "b"]), ["b", "a"]);
    }
}
