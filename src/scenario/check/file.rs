//! Checks of a single file: its top-level keys, its devices and its references.

use std::sync::Arc;

use super::outside::check_outside;
use crate::scenario::change::CHANGES;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::draft::{BUILT_IN, Draft};
use crate::scenario::file::{Deviation, DeviationClass};
use crate::scenario::reference::{BUILTIN_REFERENCES, Reference, ReferenceError, is_name, references_in};
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};
use crate::scenario::suggest::{advice, quoted};
use crate::scenario::vars::unknown_var;
use crate::scenario::verbs::check_persona;

/// Checks one case of a file on its own; `rows` are the rows of the file's table.
pub(in crate::scenario) fn check_file(draft: &Draft, rows: &[Spanned<String>]) -> Vec<Diagnostic> {
    let mut rules = FileChecks { draft, source: &draft.source, found: Vec::new() };
    rules.id();
    rules.words();
    rules.devices();
    rules.references();
    rules.found.extend(check_outside(&draft.tree, &draft.source));
    for deviation in &draft.file.deviations {
        rules.deviation(deviation, rows);
    }
    rules.found
}

struct FileChecks<'a> {
    draft: &'a Draft,
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
}

impl FileChecks<'_> {
    fn add(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let error = Diagnostic::error(code, message, self.source, span);
        self.found.push(error.label(label).help(help));
    }

    fn id(&mut self) {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
        let id = self.draft.id.strip_prefix(BUILT_IN).unwrap_or(&self.draft.id);
        if !id.chars().all(allowed) {
            let message = format!("`{}` is not a valid scenario id", self.draft.id);
            let help = "use only lower-case letters, digits and `-` in the names of files and directories";
            self.add("bad-id", message, Span::default(), "", help);
        }
    }

    fn words(&mut self) {
        let file = &self.draft.file;
        if file.title.value.trim().is_empty() {
            let help = "state in one sentence what should happen";
            self.add("empty-title", "the title is empty", file.title.span, "empty", help);
        }
        if file.why.value.trim().is_empty() {
            let help = "state the promise that the expectation rests on";
            self.add("empty-why", "`why` is empty", file.why.span, "empty", help);
        }
        if file.steps.is_empty() {
            let steps = self.draft.tree.get("steps").map_or_else(Span::default, |tree| tree.span);
            self.add("no-steps", "a scenario needs at least one step", steps, "no steps", "add a `connect`");
        }
        for (at, tag) in file.tags.iter().enumerate() {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if tag.value.is_empty() || tag.value.starts_with('-') || !tag.value.chars().all(allowed) {
                let message = format!("`{}` is not a valid tag", tag.value);
                self.add(
                    "bad-tag",
                    message,
                    tag.span,
                    "",
                    "a tag consists of lower-case letters, digits and `-`, such as `role-upgrade`",
                );
            } else if file.tags[..at].contains(tag) {
                let message = format!("the tag `{}` is listed twice", tag.value);
                self.add("bad-tag", message, tag.span, "listed again", "remove one of the two");
            }
        }
        if let Some(issue) = &file.issue {
            self.issue(issue);
        }
    }

    fn issue(&mut self, issue: &Spanned<String>) {
        let whole = issue.value.split_once('#').is_some_and(|(project, number)| {
            let name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            let named = !project.is_empty() && project.chars().all(name);
            named && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
        });
        if !whole {
            let message = format!("`{}` is not a reference to an issue", issue.value);
            let help = "write the project and the number, such as `openclaw#59045`";
            self.add("bad-issue", message, issue.span, "not an issue", help);
        }
    }

    fn devices(&mut self) {
        for (name, device) in self.draft.file.devices.iter() {
            if !is_name(&name.value) {
                let message = format!("`{}` is not a valid name for a device", name.value);
                self.add(
                    "bad-name",
                    message,
                    name.span,
                    "",
                    "a name consists of letters, digits, `-` and `_`",
                );
            }
            let paired = device.paired.as_ref().and_then(|one| one.value.persona.as_ref());
            let pending = device.pending.as_ref().and_then(|one| one.value.persona.as_ref());
            for persona in paired.into_iter().chain(pending) {
                self.found.extend(check_persona(persona, self.source));
            }
        }
    }

    /// Reports references that cannot be parsed, and those that have no value before the gateway runs.
    fn references(&mut self) {
        let text = &self.source.text;
        for key in ["config", "files", "devices", "steps", "finally", "deviations"] {
            let Some(tree) = self.draft.tree.get(key) else { continue };
            for reference in references_in(tree, text) {
                match &reference.value {
                    Err(ReferenceError::Unknown(inner)) => {
                        let message = ReferenceError::Unknown(inner.clone()).to_string();
                        let mut error =
                            Diagnostic::error("unknown-reference", message, self.source, reference.span)
                                .label("unknown reference");
                        error.help = advice("built-in references", inner, BUILTIN_REFERENCES);
                        self.found.push(error);
                    }
                    Err(ReferenceError::UnknownChange(word)) => {
                        let message = ReferenceError::UnknownChange(word.clone()).to_string();
                        let error = Diagnostic::error("unknown-change", message, self.source, reference.span);
                        let error = error.label("unknown change");
                        self.found.push(error.maybe_help(advice("changes", word, CHANGES)));
                    }
                    Err(unclosed @ ReferenceError::Unclosed) => {
                        let help = "add the missing `}`";
                        self.add("bad-reference", unclosed.to_string(), reference.span, "opened here", help);
                    }
                    Ok(one @ (Reference::Capture(_) | Reference::ConnectionNonce(_)))
                        if matches!(key, "config" | "files" | "devices") =>
                    {
                        let message = format!("`{one}` has no value before the gateway runs");
                        let help = "only `${gateway.…}` and `${device.…}` can be used here";
                        self.add("undefined-reference", message, reference.span, "too early", help);
                    }
                    // Those of the file itself are filled in by now.
                    Ok(Reference::Var(name)) => {
                        let error = unknown_var(name, self.source, reference.span);
                        self.found.push(error.help("the defaults of a folder cannot use variables"));
                    }
                    Ok(_) => {}
                }
            }
        }
    }

    fn deviation(&mut self, deviation: &Spanned<Deviation>, rows: &[Spanned<String>]) {
        let one = &deviation.value;
        if one.steps.is_empty() {
            let message = "this deviation lists no steps";
            self.add(
                "empty-deviation",
                message,
                deviation.span,
                "",
                "list the steps that differ, with their outcomes",
            );
        }
        if let Some(issue) = &one.issue {
            self.issue(issue);
        }
        let reasoned = one.issue.is_some() || one.why.as_ref().is_some_and(|why| !why.trim().is_empty());
        if one.class.value == DeviationClass::Regression && !reasoned {
            let message = "a regression needs an `issue` or a `why`";
            let help = "name the issue that reports it, or explain what happens and why it is wrong";
            self.add("unexplained-regression", message, one.class.span, "unexplained", help);
        }
        for row in one.rows.iter().flatten() {
            if rows.is_empty() {
                let message = "`rows` needs a table, but this file has none";
                self.add("unknown-row", message, row.span, "no table", "remove `rows`");
            } else if !rows.iter().any(|known| known.value == row.value) {
                let names: Vec<&str> = rows.iter().map(|known| known.value.as_str()).collect();
                let message = format!("the table has no row `{}`", row.value);
                let error = Diagnostic::error("unknown-row", message, self.source, row.span);
                self.found.push(error.label("unknown row").maybe_help(advice("rows", &row.value, &names)));
            }
        }
        if one.rows.as_ref().is_some_and(Vec::is_empty) {
            let message = "this deviation applies to no row";
            let help =
                format!("rows: {}", quoted(&rows.iter().map(|row| row.value.as_str()).collect::<Vec<_>>()));
            self.add("empty-deviation", message, deviation.span, "", help);
        }
    }
}
