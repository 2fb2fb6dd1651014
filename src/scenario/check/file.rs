//! Rules for what stands at the top of a file.

use std::sync::Arc;

use crate::scenario::change::CHANGES;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::draft::{BUILT_IN, Draft};
use crate::scenario::file::{Deviation, DeviationClass};
use crate::scenario::reference::{BUILTIN_REFERENCES, Reference, ReferenceError, is_name, references_in};
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};
use crate::scenario::suggest::{advice, quoted};
use crate::scenario::verbs::check_persona;

/// Checks one case of a file by itself; `rows` are the rows of its table.
pub(in super::super) fn check_file(draft: &Draft, rows: &[Spanned<String>]) -> Vec<Diagnostic> {
    let mut rules = Rules { draft, source: &draft.source, found: Vec::new() };
    rules.id();
    rules.words();
    rules.devices();
    rules.references();
    for deviation in &draft.file.deviations {
        rules.deviation(deviation, rows);
    }
    rules.found
}

struct Rules<'a> {
    draft: &'a Draft,
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
}

impl Rules<'_> {
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
            let message = format!("`{}` cannot be the id of a scenario", self.draft.id);
            let help = "name files and directories with lower-case letters, digits and `-`";
            self.add("bad-id", message, Span::default(), "", help);
        }
    }

    fn words(&mut self) {
        let file = &self.draft.file;
        if file.title.value.trim().is_empty() {
            let help = "say in one sentence what should happen";
            self.add("empty-title", "the title is empty", file.title.span, "no text", help);
        }
        if file.why.value.trim().is_empty() {
            let help = "name the promise that makes the expectation right";
            self.add("empty-why", "the reason is empty", file.why.span, "no text", help);
        }
        if file.steps.is_empty() {
            let steps = self.draft.tree.get("steps").map_or_else(Span::default, |tree| tree.span);
            self.add("no-steps", "a scenario needs at least one step", steps, "no steps", "add a `connect`");
        }
        for (at, tag) in file.tags.iter().enumerate() {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if tag.value.is_empty() || tag.value.starts_with('-') || !tag.value.chars().all(allowed) {
                let message = format!("`{}` is not a tag", tag.value);
                self.add(
                    "bad-tag",
                    message,
                    tag.span,
                    "",
                    "tags have lower-case letters, digits and `-`, such as `role-upgrade`",
                );
            } else if file.tags[..at].contains(tag) {
                let message = format!("the tag `{}` stands here twice", tag.value);
                self.add("bad-tag", message, tag.span, "again", "remove one of the two");
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
            let message = format!("`{}` does not name an issue", issue.value);
            let help = "write the project and the number, such as `openclaw#59045`";
            self.add("bad-issue", message, issue.span, "no issue", help);
        }
    }

    fn devices(&mut self) {
        for (name, device) in self.draft.file.devices.iter() {
            if !is_name(&name.value) {
                let message = format!("`{}` cannot be the name of a device", name.value);
                self.add("bad-name", message, name.span, "", "names have letters, digits, `-` and `_`");
            }
            let paired = device.paired.as_ref().and_then(|one| one.value.persona.as_ref());
            let pending = device.pending.as_ref().and_then(|one| one.value.persona.as_ref());
            for persona in paired.into_iter().chain(pending) {
                self.found.extend(check_persona(persona, self.source));
            }
        }
    }

    /// References that cannot be read, anywhere, and those that mean nothing before the gateway runs.
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
                        error.help = advice("builtins", inner, BUILTIN_REFERENCES);
                        self.found.push(error);
                    }
                    Err(ReferenceError::UnknownChange(word)) => {
                        let message = ReferenceError::UnknownChange(word.clone()).to_string();
                        let error = Diagnostic::error("unknown-change", message, self.source, reference.span);
                        let error = error.label("unknown change");
                        self.found.push(error.maybe_help(advice("changes", word, CHANGES)));
                    }
                    Err(unclosed @ ReferenceError::Unclosed) => {
                        let help = "close it with `}`";
                        self.add("bad-reference", unclosed.to_string(), reference.span, "opened here", help);
                    }
                    Ok(one @ (Reference::Capture(_) | Reference::ConnectionNonce(_)))
                        if matches!(key, "config" | "files" | "devices") =>
                    {
                        let message = format!("`{one}` has no value before the gateway runs");
                        let help = "only `${gateway.…}` and `${device.…}` can stand here";
                        self.add("undefined-reference", message, reference.span, "too early", help);
                    }
                    Ok(_) => {}
                }
            }
        }
    }

    fn deviation(&mut self, deviation: &Spanned<Deviation>, rows: &[Spanned<String>]) {
        let one = &deviation.value;
        if one.steps.is_empty() {
            let message = "this deviation lists no step";
            self.add("empty-deviation", message, deviation.span, "", "say which step has which outcome");
        }
        if let Some(issue) = &one.issue {
            self.issue(issue);
        }
        let reasoned = one.issue.is_some() || one.why.as_ref().is_some_and(|why| !why.trim().is_empty());
        if one.class.value == DeviationClass::Regression && !reasoned {
            let message = "a regression needs an `issue` or a `why`";
            let help = "name the issue that knows of it, or say what happens and why it is wrong";
            self.add("unexplained-regression", message, one.class.span, "unexplained", help);
        }
        for row in one.rows.iter().flatten() {
            if rows.is_empty() {
                let message = "`rows` needs a table, and this file has none";
                self.add("unknown-row", message, row.span, "no table", "remove `rows`");
            } else if !rows.iter().any(|known| known.value == row.value) {
                let names: Vec<&str> = rows.iter().map(|known| known.value.as_str()).collect();
                let message = format!("the table has no row `{}`", row.value);
                let error = Diagnostic::error("unknown-row", message, self.source, row.span);
                self.found.push(error.label("unknown row").maybe_help(advice("rows", &row.value, &names)));
            }
        }
        if one.rows.as_ref().is_some_and(Vec::is_empty) {
            let message = "this deviation holds for no row";
            let help =
                format!("rows: {}", quoted(&rows.iter().map(|row| row.value.as_str()).collect::<Vec<_>>()));
            self.add("empty-deviation", message, deviation.span, "", help);
        }
    }
}
