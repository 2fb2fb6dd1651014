//! The scenarios of a bisect: the one of the question, and those that share its boot.

use std::path::Path;

use super::args::BisectArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::suite::{self, Selection};
use crate::cli::vars::{given, refuse_unknown};
use crate::scenario::{BUILT_IN, Scenario, Step};
use crate::suggest::question;

/// The named scenario, then the other rows of its table that can share its boot.
pub(super) fn scenarios(context: &Context, arguments: &BisectArgs) -> Result<Vec<Scenario>, Failure> {
    let (id, step) = arguments.named();
    let names = [id.to_owned()];
    let vars = given(&arguments.vars);
    let folder = arguments.suite_folder.as_deref();
    let mut found = suite::scenarios(
        context,
        &Selection { folder, names: &names, tags: &[], exclude: &[], vars: Some(&vars) },
    )?;
    if let Some(exact) = found.iter().position(|one| one.id == id) {
        found.swap(0, exact);
    } else if found.len() > 1 {
        let rows: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
        return Err(Failure::usage(format!("`{id}` names {} scenarios", found.len()))
            .hint(format!("name one: {}", rows.join(", "))));
    }
    let Some(asked) = found.first().cloned() else {
        return Err(Failure::usage(format!("`{id}` has errors")).hint("`gatecrash check` shows them"));
    };
    refuse_unknown(&vars, std::slice::from_ref(&asked))?;
    if let Some(step) = step {
        let steps: Vec<String> = asked.all_steps().iter().map(|one| one.id.clone()).collect();
        if !steps.iter().any(|one| one == step) {
            let hint = question(step, steps.iter().map(String::as_str))
                .unwrap_or_else(|| format!("its steps: {}", steps.join(", ")));
            return Err(Failure::usage(format!("{} has no step `{step}`", asked.id)).hint(hint));
        }
    }
    let file = Path::new(&asked.source.path).with_extension("");
    let path = asked.source.path.clone();
    let table = asked.id.rsplit_once('/').map(|(table, _)| table.to_owned());
    let mut all = vec![asked];
    if table.is_some_and(|table| {
        file.ends_with(table.trim_start_matches(BUILT_IN)) || path == format!("{table}.yaml")
    }) {
        let rows = suite::scenarios(
            context,
            &Selection { folder, names: &[path], tags: &[], exclude: &[], vars: Some(&vars) },
        )?;
        let does_not_restart = |one: &Scenario| !one.any_step(|step| matches!(step, Step::Restart(_)));
        let beside = rows.into_iter().filter(|one| {
            one.id != all[0].id
                && one.source.path == all[0].source.path
                && one.config == all[0].config
                && does_not_restart(one)
        });
        let beside: Vec<Scenario> = beside.collect();
        all.extend(beside);
    }
    Ok(all)
}
