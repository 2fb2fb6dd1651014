//! Expands tables: one case for each row of `each`, with `${each.KEY}` filled in before decoding.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::reference::{Piece, parse_changes, pieces, place_of};
use super::source::Source;
use super::span::{Span, Spanned};
use super::suggest::advice;
use super::tree::{NodeKind, Tree};

/// A case of a file: the whole file, or the file with one row of its table filled in.
pub(super) struct ExpandedCase {
    /// Name of the row, if there is a table.
    pub(super) row: Option<Spanned<String>>,
    /// The file's tree without `each`, with the row filled in.
    pub(super) tree: Tree,
    /// Whether the case has a title of its own: the title uses a column, or there is no table.
    pub(super) title_is_own: bool,
}

/// Expands a file into its cases.
pub(super) fn expand(tree: &Tree, source: &Arc<Source>) -> (Vec<ExpandedCase>, Vec<Diagnostic>) {
    let NodeKind::Map(entries) = &tree.kind else {
        return (vec![ExpandedCase { row: None, tree: tree.clone(), title_is_own: true }], Vec::new());
    };
    let mut work = Expansion { source, used: HashSet::new(), diagnostics: Vec::new() };
    let body = entries.iter().filter(|(key, _)| key.value != "each").cloned().collect();
    let body = Tree { span: tree.span, kind: NodeKind::Map(body) };
    let cases = match tree.get("each") {
        None => {
            let table = RowContext { columns: Vec::new(), row: None };
            vec![ExpandedCase { row: None, tree: work.fill(&body, &table), title_is_own: true }]
        }
        Some(each) => work.table(each, &body),
    };
    (cases, work.diagnostics)
}

struct Expansion<'a> {
    source: &'a Arc<Source>,
    used: HashSet<String>,
    diagnostics: Vec<Diagnostic>,
}

/// The source of the values for `${each.KEY}`: one row, and the columns of all rows.
struct RowContext<'a> {
    columns: Vec<&'a str>,
    row: Option<TableRow<'a>>,
}

#[derive(Clone, Copy)]
struct TableRow<'a> {
    name: &'a str,
    name_span: Span,
    entries: &'a [(Spanned<String>, Tree)],
}

impl Expansion<'_> {
    fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(code, message, self.source, span)
    }

    fn table(&mut self, each: &Tree, body: &Tree) -> Vec<ExpandedCase> {
        let NodeKind::List(list) = &each.kind else {
            let message = format!("`each` is a list of rows, found {}", each.describe());
            let help = "write `each:`, and below it rows such as `- {name: first, …}`";
            self.diagnostics.push(self.error("wrong-type", message, each.span).help(help));
            return Vec::new();
        };
        if list.is_empty() {
            let error = self.error("empty-table", "`each` has no rows, so this file has no cases", each.span);
            self.diagnostics.push(error.help("add a row, or remove `each`"));
        }
        let rows: Vec<TableRow<'_>> = list.iter().filter_map(|row| self.row(row)).collect();
        let mut columns: Vec<&str> =
            rows.iter().flat_map(|row| row.entries).map(|(key, _)| key.value.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();

        let mut seen: Vec<TableRow<'_>> = Vec::new();
        let mut cases = Vec::new();
        for row in rows {
            if let Some(first) = seen.iter().find(|one| one.name == row.name) {
                let message = format!("two rows are named `{}`", row.name);
                let error = self.error("duplicate-row", message, row.name_span).label("used again here");
                self.diagnostics.push(error.related(self.source, first.name_span, "first used here"));
                continue;
            }
            seen.push(row);
            let table = RowContext { columns: columns.clone(), row: Some(row) };
            let title_is_own = body
                .get("title")
                .is_some_and(|title| matches!(&title.kind, NodeKind::Text(text) if text.contains("${each.")));
            let tree = self.fill(body, &table);
            let name = Spanned::new(row.name.to_owned(), row.name_span);
            cases.push(ExpandedCase { row: Some(name), tree, title_is_own });
        }
        self.unused(&seen);
        cases
    }

    fn row<'t>(&mut self, row: &'t Tree) -> Option<TableRow<'t>> {
        let NodeKind::Map(entries) = &row.kind else {
            let message = format!("a row is a mapping, found {}", row.describe());
            self.diagnostics.push(self.error("wrong-type", message, row.span).label("not a row"));
            return None;
        };
        match row.get("name") {
            None => {
                let error = self.error("missing-key", "this row has no `name`", row.span);
                let help =
                    "add one, such as `{name: operator, …}`: it becomes the last part of the case's id";
                self.diagnostics.push(error.label("needs `name`").help(help));
                None
            }
            Some(Tree { span, kind: NodeKind::Text(name) }) if is_row_name(name) => {
                Some(TableRow { name, name_span: *span, entries })
            }
            Some(other) => {
                let message = format!("{} is not a valid name for a row", other.describe());
                let error = self.error("bad-row-name", message, other.span);
                let help = "the name becomes part of an id: use a text of lower-case letters, digits and `-`";
                self.diagnostics.push(error.help(help));
                None
            }
        }
    }

    fn unused(&mut self, rows: &[TableRow<'_>]) {
        for row in rows {
            for (key, _) in row.entries {
                if key.value != "name" && !self.used.contains(&key.value) {
                    let message = format!("the column `{}` is never used", key.value);
                    let error = self.error("unused-column", message, key.span).label("unused");
                    let help = format!("use it as `${{each.{}}}`, or remove it", key.value);
                    self.diagnostics.push(error.help(help));
                }
            }
        }
    }

    /// A copy of the tree in which references to columns are replaced by the row's values.
    fn fill(&mut self, tree: &Tree, table: &RowContext<'_>) -> Tree {
        let kind = match &tree.kind {
            NodeKind::Text(text) if text.contains("${each.") => {
                return self.fill_text(text, tree.span, table);
            }
            NodeKind::List(list) => {
                let filled = list.iter().map(|one| self.fill(one, table));
                NodeKind::List(
                    filled.collect::<Vec<_>>().into_iter().flat_map(|one| self.over(one)).collect(),
                )
            }
            NodeKind::Map(entries) => {
                let mut filled: Vec<(Spanned<String>, Tree)> = Vec::new();
                for (key, value) in entries {
                    let name = self.fill_key(key, table);
                    if filled.iter().any(|(other, _)| other.value == name) {
                        let message = format!("`{}` becomes `{name}`, a key that exists already", key.value);
                        self.diagnostics.push(self.error("duplicate-key", message, key.span));
                    }
                    filled.push((Spanned::new(name, key.span), self.fill(value, table)));
                }
                NodeKind::Map(filled)
            }
            other => other.clone(),
        };
        Tree { span: tree.span, kind }
    }

    /// The steps of a `repeat` with `over`, once for each value; anything else is returned unchanged.
    fn over(&mut self, item: Tree) -> Vec<Tree> {
        let Some(repeat) = item.get("repeat") else { return vec![item] };
        let Some(over) = repeat.get("over") else { return vec![item] };
        let (NodeKind::List(values), Some(Tree { kind: NodeKind::List(steps), .. })) =
            (&over.kind, repeat.get("steps"))
        else {
            let message = format!("`over` is a list of values for `steps`, found {}", over.describe());
            let help = "write `over: [first, second]`, and use `${over}` in the steps";
            self.diagnostics.push(self.error("wrong-type", message, over.span).help(help));
            return Vec::new();
        };
        if let Some(times) = repeat.get("times") {
            let message = "`repeat` takes `times` or `over`, not both";
            self.diagnostics.push(self.error("times-and-over", message, times.span));
        }
        values.iter().flat_map(|value| steps.iter().map(|step| put(step, value))).collect()
    }

    fn fill_key(&mut self, key: &Spanned<String>, table: &RowContext<'_>) -> String {
        if !key.value.contains("${each.") {
            return key.value.clone();
        }
        match self.fill_text(&key.value, key.span, table) {
            Tree { kind: NodeKind::Text(text), .. } => text,
            other => {
                let message = format!("a key is a text, but `{}` is {}", key.value, other.describe());
                self.diagnostics.push(self.error("wrong-type", message, key.span));
                key.value.clone()
            }
        }
    }

    fn fill_text(&mut self, text: &str, span: Span, table: &RowContext<'_>) -> Tree {
        // An unclosed reference is reported together with all other references.
        let pieces = pieces(text).unwrap_or_default();
        let mut filled = String::new();
        let mut done = 0;
        for piece in pieces {
            let Piece::Reference(inner, place) = piece else { continue };
            let Some(written) = inner.strip_prefix("each.") else { continue };
            let (column, changes) = written.split_once('|').map_or((written, None), |(a, b)| (a, Some(b)));
            let Some(value) = self.column(column, span, table) else { continue };
            let changed = changes.and_then(|changes| self.changed(value, changes, span));
            let value = changed.as_ref().unwrap_or(value);
            if place.start == 0 && place.end == text.len() {
                return value.clone();
            }
            let written = match &value.kind {
                NodeKind::Text(one) => one.clone(),
                NodeKind::Number(one) => one.to_string(),
                NodeKind::Bool(one) => one.to_string(),
                NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => {
                    let message =
                        format!("`{column}` is {} and cannot be used within a text", value.describe());
                    let error = self.error("each-not-text", message, value.span);
                    let used_at = place_of(&format!("${{each.{column}}}"), span, &self.source.text);
                    self.diagnostics.push(error.related(self.source, used_at, "used within a text here"));
                    continue;
                }
            };
            filled.push_str(&text[done..place.start]);
            filled.push_str(&written);
            done = place.end;
        }
        filled.push_str(&text[done..]);
        Tree { span, kind: NodeKind::Text(filled) }
    }

    /// The value of a column with changes applied; `None` if they do not apply.
    fn changed(&mut self, value: &Tree, changes: &str, span: Span) -> Option<Tree> {
        match changed(value, changes) {
            Ok(tree) => Some(tree),
            Err(message) => {
                let error = self.error("unknown-change", message, span);
                self.diagnostics.push(error.label("does not apply"));
                None
            }
        }
    }

    fn column<'t>(&mut self, column: &str, span: Span, table: &RowContext<'t>) -> Option<&'t Tree> {
        self.used.insert(column.to_owned());
        let reference = place_of(&format!("${{each.{column}}}"), span, &self.source.text);
        let Some(row) = table.row else {
            let message = format!("`${{each.{column}}}` needs a table, but this file has none");
            let error = self.error("unknown-column", message, reference);
            self.diagnostics.push(error.help("add `each:`, with a row for each case"));
            return None;
        };
        let found = row.entries.iter().find(|(key, _)| key.value == column).map(|(_, value)| value);
        if found.is_none() {
            let error =
                if table.columns.contains(&column) {
                    let message = format!("the row `{}` has no value for `{column}`", row.name);
                    self.error("missing-column", message, row.name_span)
                        .label(format!("needs `{column}`"))
                        .related(self.source, reference, "used here")
                } else {
                    let message = format!("the table has no column `{column}`");
                    self.error("unknown-column", message, reference)
                        .label("unknown column")
                        .maybe_help(advice("columns", column, &table.columns))
                };
            self.diagnostics.push(error);
        }
        found
    }
}

/// A text with changes applied, which are separated by `|`.
///
/// # Errors
/// Fails, with the reason in words, if a change is unknown or does not apply.
pub(super) fn changed(value: &Tree, changes: &str) -> Result<Tree, String> {
    let made = parse_changes(changes.split('|')).map_err(|error| error.to_string())?;
    let NodeKind::Text(text) = &value.kind else {
        return Err(format!("`{changes}` needs a text, found {}", value.describe()));
    };
    let mut changed = Value::from(text.as_str());
    for change in &made {
        changed = change.apply(&changed).map_err(|wanted| format!("`{change}` needs {wanted}"))?;
    }
    let text = changed.as_str().map_or_else(|| changed.to_string(), str::to_owned);
    Ok(Tree { span: value.span, kind: NodeKind::Text(text) })
}

/// A copy of a step in which `${over}` is replaced by a value.
fn put(tree: &Tree, value: &Tree) -> Tree {
    const OVER: &str = "${over}";
    let kind = match &tree.kind {
        NodeKind::Text(text) if text == OVER => return value.clone(),
        NodeKind::Text(text) if text.contains(OVER) => match &value.kind {
            NodeKind::Text(one) => NodeKind::Text(text.replace(OVER, one)),
            NodeKind::Number(one) => NodeKind::Text(text.replace(OVER, &one.to_string())),
            // It stays an unknown reference, which the check of references reports.
            _ => NodeKind::Text(text.clone()),
        },
        NodeKind::List(list) => NodeKind::List(list.iter().map(|one| put(one, value)).collect()),
        NodeKind::Map(entries) => {
            NodeKind::Map(entries.iter().map(|(key, one)| (key.clone(), put(one, value))).collect())
        }
        other => other.clone(),
    };
    Tree { span: tree.span, kind }
}

fn is_row_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
