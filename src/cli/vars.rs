//! `--var NAME=VALUE`: values for the variables of scenarios.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::scenario::{GivenVars, Scenario};
use crate::suggest::question;

/// Values for the variables of scenarios.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct VarOptions {
    /// Give a variable of the scenarios another value than its default (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    vars: Vec<String>,
}

impl VarOptions {
    /// Options with these assignments.
    pub(super) const fn of(vars: Vec<String>) -> Self {
        Self { vars }
    }

    /// The values by name.
    pub(super) fn given(&self) -> GivenVars {
        given(&self.vars)
    }
}

/// Checks that a text is an assignment, and keeps it as it is.
pub(super) fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("write the name, `=` and the value, such as `role=operator`".to_owned()),
    }
}

/// The values of assignments by name; of several for the same name, the last one counts.
pub(super) fn given(assignments: &[String]) -> GivenVars {
    let pairs = assignments.iter().filter_map(|one| one.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The variables of a scenario that are given a value; `None` if there are none.
pub(super) fn given_of(scenario: &Scenario, given: &GivenVars) -> Option<Vec<String>> {
    let names: BTreeSet<&String> = scenario.vars.iter().map(|one| &one.name).collect();
    let names: Vec<String> = names.into_iter().filter(|name| given.contains_key(*name)).cloned().collect();
    (!names.is_empty()).then_some(names)
}

/// Refuses a value for a variable that no scenario has.
///
/// # Errors
/// Fails with the first such variable.
pub(super) fn refuse_unknown(given: &GivenVars, scenarios: &[Scenario]) -> Result<(), Failure> {
    let known: BTreeSet<&str> =
        scenarios.iter().flat_map(|one| &one.vars).map(|one| one.name.as_str()).collect();
    let Some(unknown) = given.keys().find(|name| !known.contains(name.as_str())) else { return Ok(()) };
    let hint = question(unknown, known.iter().copied()).unwrap_or_else(|| {
        if known.is_empty() {
            return "a scenario declares its variables under `vars`".to_owned();
        }
        format!("their variables: {}", known.iter().copied().collect::<Vec<_>>().join(", "))
    });
    Err(Failure::usage(format!("no selected scenario has a variable `{unknown}`")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_ends_the_name() {
        let assignments = ["a=1=2".to_owned(), "b=".to_owned(), "a=3=4".to_owned()];
        let expected = [("a", "3=4"), ("b", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(given(&assignments), GivenVars::from(expected));
        assert!(assignment("a").is_err() && assignment("=a").is_err());
        assert_eq!(assignment("a=b=c"), Ok("a=b=c".to_owned()));
    }
}
