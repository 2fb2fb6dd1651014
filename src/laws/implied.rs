//! Which scopes imply others.

/// The scope that implies every other scope of operators.
const ADMIN: &str = "operator.admin";

/// Whether someone who has these scopes has that one: by name, or because another one implies it
/// (docs/gateway/operator-scopes.md).
pub fn implied<'a>(scopes: impl IntoIterator<Item = &'a String>, wanted: &str) -> bool {
    scopes.into_iter().any(|scope| {
        scope == wanted
            || scope == ADMIN && wanted.starts_with("operator.")
            || scope == "operator.write" && wanted == "operator.read"
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("operator.admin", "operator.pairing", true)]
    #[case("operator.write", "operator.read", true)]
    #[case("operator.read", "operator.write", false)]
    #[case("operator.write", "operator.admin", false)]
    fn wide_scopes_imply_narrow_ones(#[case] has: &str, #[case] wanted: &str, #[case] right: bool) {
        assert_eq!(implied(&[has.to_owned()], wanted), right);
    }
}
