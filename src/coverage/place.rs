//! The places of a script that can be executed or not: lines, branches and functions.
//!
//! They are taken from the syntax, not from the counts of V8, which leaves out blocks that were executed as often as the code
//! around them, and blocks in functions that were never called. So the number of places does not depend on what was
//! executed.

use std::ops::Range;

use oxc_allocator::{Allocator, ArenaVec};
use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, AssignmentExpression, CallExpression, CatchClause,
    ConditionalExpression, DoWhileStatement, ForInStatement, ForOfStatement, ForStatement, Function,
    IfStatement, LogicalExpression, LogicalOperator, MethodDefinition, ObjectProperty, PropertyDefinition,
    Statement, SwitchCase, VariableDeclarator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::scope::ScopeFlags;
use schemars::JsonSchema;
use serde::Serialize;

use super::log_call::writes_to_the_log;

/// The kinds of branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Branch {
    /// The body of an `if`.
    Then,
    /// The body of an `else`.
    Else,
    /// The code after an `if` that returns, throws or jumps, which runs if the condition does not hold.
    Otherwise,
    /// The first result of `?:`.
    Yes,
    /// The second result of `?:`.
    No,
    /// The right side of `&&`.
    And,
    /// The right side of `||`.
    Or,
    /// The right side of `??`.
    Missing,
    /// A case of a `switch`.
    Case,
    /// The body of a loop.
    Loop,
    /// The body of a `catch`.
    Catch,
}

impl Branch {
    /// The word for the branch in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Then => "if",
            Self::Else => "else",
            Self::Otherwise => "if not",
            Self::Yes => "?",
            Self::No => ":",
            Self::And => "&&",
            Self::Or => "||",
            Self::Missing => "??",
            Self::Case => "case",
            Self::Loop => "loop",
            Self::Catch => "catch",
        }
    }
}

/// What can be executed at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceKind {
    /// A line with code.
    Line,
    /// A branch of the control flow.
    Branch(Branch),
    /// A function, named together with the functions around it, such as `outer/inner`.
    Function(String),
}

/// A place at which something can be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What can be executed there.
    pub kind: PlaceKind,
    /// The first byte that is executed.
    pub at: usize,
    /// All of its bytes.
    pub bytes: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The index of the innermost function around it.
    pub inside: Option<usize>,
    /// Whether it only affects what is written to the log.
    pub logged: bool,
}

/// Why the places of a script cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not valid JavaScript: {0}")]
pub struct Unreadable(String);

/// Finds all places of a script: functions first, then branches, then lines. Arguments of loggers and of the functions in
/// `only_logged` are marked as only affecting the log.
///
/// # Errors
/// Fails if the text is not valid JavaScript.
pub fn places(text: &str, only_logged: &[String]) -> Result<Vec<Place>, Unreadable> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        let first = parsed.diagnostics.first().map_or_else(String::new, ToString::to_string);
        return Err(Unreadable(first));
    }
    let lines = LineStarts::of(text);
    let mut reader = PlaceFinder::new(&lines, only_logged);
    reader.visit_program(&parsed.program);
    let PlaceFinder { mut functions, branches, .. } = reader;
    functions.extend(branches);
    let comments: Vec<Range<usize>> = parsed.program.comments.iter().map(|one| bytes(one.span)).collect();
    let count = functions.iter().take_while(|one| matches!(one.kind, PlaceKind::Function(_))).count();
    let code = lines.code(text, &comments);
    let within = code.into_iter().map(|(line, at, end)| Place {
        kind: PlaceKind::Line,
        at,
        bytes: at..end,
        line,
        inside: innermost(functions.get(..count).unwrap_or_default(), at),
        logged: false,
    });
    let within: Vec<Place> = within.collect();
    functions.extend(within);
    Ok(functions)
}

/// The index of the innermost function around a byte. Functions are in the order in which they begin.
fn innermost(functions: &[Place], at: usize) -> Option<usize> {
    let begun = functions.partition_point(|one| one.bytes.start <= at);
    let mut inside = begun.checked_sub(1);
    while let Some(place) = inside.and_then(|index| functions.get(index)) {
        if place.bytes.contains(&at) {
            return inside;
        }
        inside = place.inside;
    }
    None
}

fn bytes(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

/// The bytes at which the lines of a text begin.
struct LineStarts {
    starts: Vec<usize>,
}

impl LineStarts {
    fn of(text: &str) -> Self {
        let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(behind).collect() }
    }

    fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Lines with code: their number, the first byte of code and the end. Blank lines and lines with nothing but comments and
    /// brackets are left out.
    fn code(&self, text: &str, comments: &[Range<usize>]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for (index, start) in self.starts.iter().enumerate() {
            let end = self.starts.get(index + 1).copied().unwrap_or(text.len());
            let line = text.get(*start..end).unwrap_or_default();
            let commented = |at: usize| {
                let before = comments.partition_point(|one| one.start <= at);
                before.checked_sub(1).and_then(|last| comments.get(last)).is_some_and(|one| one.contains(&at))
            };
            let code = line.char_indices().find(|(at, character)| {
                !character.is_whitespace() && !"{}()[];,".contains(*character) && !commented(start + at)
            });
            if let Some((at, _)) = code {
                found.push((index + 1, start + at, start + line.trim_end().len()));
            }
        }
        found
    }
}

/// Walks through the syntax of a script and collects its functions and branches.
struct PlaceFinder<'l> {
    lines: &'l LineStarts,
    functions: Vec<Place>,
    branches: Vec<Place>,
    /// The functions around the current node.
    around: Vec<usize>,
    /// The name for the next function that has none of its own.
    name: Option<String>,
    only_logged: &'l [String],
    /// Whether the current node is an argument of a logger.
    logged: bool,
}

impl<'l> PlaceFinder<'l> {
    fn new(lines: &'l LineStarts, only_logged: &'l [String]) -> Self {
        let (functions, branches, around) = (Vec::new(), Vec::new(), Vec::new());
        Self { lines, functions, branches, around, name: None, only_logged, logged: false }
    }

    fn branch(&mut self, kind: Branch, span: Span) {
        let bytes = bytes(span);
        let line = self.lines.number(bytes.start);
        let inside = self.around.last().copied();
        self.branches.push(Place {
            kind: PlaceKind::Branch(kind),
            at: bytes.start,
            bytes,
            line,
            inside,
            logged: self.logged,
        });
    }

    /// Adds a function and walks through its inside.
    fn function(&mut self, own: Option<String>, span: Span, body: usize, read: impl FnOnce(&mut Self)) {
        let inside = self.around.last().copied();
        let own = own.or_else(|| self.name.take()).unwrap_or_else(|| "(anonymous)".to_owned());
        self.name = None;
        let outer = inside.and_then(|index| self.functions.get(index)).and_then(|place| match &place.kind {
            PlaceKind::Function(name) => Some(name),
            PlaceKind::Line | PlaceKind::Branch(_) => None,
        });
        let name = outer.map_or_else(|| own.clone(), |outer| format!("{outer}/{own}"));
        let bytes = bytes(span);
        let line = self.lines.number(bytes.start);
        let index = self.functions.len();
        self.functions.push(Place {
            kind: PlaceKind::Function(name),
            at: body,
            bytes,
            line,
            inside,
            logged: self.logged,
        });
        self.around.push(index);
        read(self);
        self.around.pop();
    }

    /// Walks through something that gives its name to a function in it.
    fn named(&mut self, name: Option<String>, read: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.name, name);
        read(self);
        self.name = before;
    }
}

/// Whether the code after a statement is not reached.
fn jumps(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::ReturnStatement(_)
        | Statement::ThrowStatement(_)
        | Statement::BreakStatement(_)
        | Statement::ContinueStatement(_) => true,
        Statement::BlockStatement(block) => block.body.last().is_some_and(jumps),
        _ => false,
    }
}

impl<'a> Visit<'a> for PlaceFinder<'_> {
    fn visit_statements(&mut self, statements: &ArenaVec<'a, Statement<'a>>) {
        for pair in statements.windows(2) {
            if let [Statement::IfStatement(one), next] = pair
                && one.alternate.is_none()
                && jumps(&one.consequent)
            {
                self.branch(Branch::Otherwise, next.span());
            }
        }
        walk::walk_statements(self, statements);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.branch(Branch::Then, it.consequent.span());
        if let Some(alternate) = &it.alternate {
            self.branch(Branch::Else, alternate.span());
        }
        walk::walk_if_statement(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let before = self.logged;
        self.logged |= writes_to_the_log(it, self.only_logged);
        walk::walk_call_expression(self, it);
        self.logged = before;
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.branch(Branch::Yes, it.consequent.span());
        self.branch(Branch::No, it.alternate.span());
        walk::walk_conditional_expression(self, it);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        let kind = match it.operator {
            LogicalOperator::And => Branch::And,
            LogicalOperator::Or => Branch::Or,
            LogicalOperator::Coalesce => Branch::Missing,
        };
        self.branch(kind, it.right.span());
        walk::walk_logical_expression(self, it);
    }

    fn visit_switch_case(&mut self, it: &SwitchCase<'a>) {
        // A case without statements falls through to the next one.
        if let Some(first) = it.consequent.first() {
            self.branch(Branch::Case, first.span());
        }
        walk::walk_switch_case(self, it);
    }

    fn visit_catch_clause(&mut self, it: &CatchClause<'a>) {
        self.branch(Branch::Catch, it.body.span);
        walk::walk_catch_clause(self, it);
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.branch(Branch::Loop, it.body.span());
        walk::walk_while_statement(self, it);
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        self.branch(Branch::Loop, it.body.span());
        walk::walk_do_while_statement(self, it);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.branch(Branch::Loop, it.body.span());
        walk::walk_for_statement(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.branch(Branch::Loop, it.body.span());
        walk::walk_for_of_statement(self, it);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.branch(Branch::Loop, it.body.span());
        walk::walk_for_in_statement(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let name = it.id.as_ref().map(|id| id.name.to_string());
        let body = it.body.as_ref().map_or(it.span, |body| body.span).start as usize;
        self.function(name, it.span, body, |reader| walk::walk_function(reader, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let body = match &it.body {
            ArrowFunctionBody::FunctionBody(body) => body.span,
            other => other.span(),
        };
        self.function(None, it.span, body.start as usize, |reader| {
            walk::walk_arrow_function_expression(reader, it);
        });
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        let name = it.id.get_identifier_name().map(|name| name.to_string());
        self.named(name, |reader| walk::walk_variable_declarator(reader, it));
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        let name = it.left.get_identifier_name().map(str::to_owned);
        self.named(name, |reader| walk::walk_assignment_expression(reader, it));
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        let name = it.key.name().map(std::borrow::Cow::into_owned);
        self.named(name, |reader| walk::walk_object_property(reader, it));
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        let name = it.key.name().map(std::borrow::Cow::into_owned);
        self.named(name, |reader| walk::walk_method_definition(reader, it));
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        let name = it.key.name().map(std::borrow::Cow::into_owned);
        self.named(name, |reader| walk::walk_property_definition(reader, it));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The kind, the line, and the text of each place.
    fn found(text: &str) -> Vec<(String, usize, String)> {
        let told = |place: &Place| {
            let kind = match &place.kind {
                PlaceKind::Line => "line".to_owned(),
                PlaceKind::Branch(kind) => kind.word().to_owned(),
                PlaceKind::Function(name) => name.clone(),
            };
            (kind, place.line, text[place.at..place.bytes.end].to_owned())
        };
        places(text, &[]).unwrap().iter().map(told).collect()
    }

    fn branches(text: &str) -> Vec<(String, String)> {
        let known = ["if", "else", "if not", "?", ":", "&&", "||", "??", "case", "loop", "catch"];
        found(text).into_iter().filter(|one| known.contains(&&*one.0)).map(|one| (one.0, one.2)).collect()
    }

    #[rstest]
    #[case::both_ways("if (a) b(); else { c(); }", &[("if", "b();"), ("else", "{ c(); }")])]
    #[case::a_guard("() => { if (a) return; b(); }", &[("if not", "b();"), ("if", "return;")])]
    #[case::a_guard_with_a_block("() => { if (a) { x(); throw 1; } b(); }", &[("if not", "b();"), ("if", "{ x(); throw 1; }")])]
    #[case::no_guard("() => { if (a) x(); b(); }", &[("if", "x();")])]
    #[case::results("a ? b : (c)", &[("?", "b"), (":", "(c)")])]
    #[case::logic("a && (b || c)", &[("&&", "(b || c)"), ("||", "c")])]
    #[case::missing("a ?? b", &[("??", "b")])]
    #[case::cases("switch (a) { case 1: case 2: b(); break; default: c(); }", &[("case", "b();"), ("case", "c();")])]
    #[case::loops("for (const a of b) c(); while (d) { e(); }", &[("loop", "c();"), ("loop", "{ e(); }")])]
    #[case::caught("try { a(); } catch { b(); } finally { c(); }", &[("catch", "{ b(); }")])]
    #[case::none("a?.b; c ||= d;", &[])]
    fn branches_are_found(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect();
        assert_eq!(branches(text), expected);
    }

    #[rstest]
    #[case::declared("function a() { function b() {} }", &["a", "a/b"])]
    #[case::held("const a = () => 1, b = function () {};", &["a", "b"])]
    #[case::of_an_object("const a = { 'b.c': async () => 1, d() {} };", &["b.c", "d"])]
    #[case::of_a_class("class A { b() {} #c = () => 1; static d() {} }", &["b", "c", "d"])]
    #[case::assigned("a.b = () => 1;", &["b"])]
    #[case::nameless("a(() => 1); a(function () { (() => 2)(); });", &["(anonymous)", "(anonymous)", "(anonymous)/(anonymous)"])]
    #[case::name_taken_once("const a = b(() => 1, () => 2);", &["a", "(anonymous)"])]
    fn functions_have_names(#[case] text: &str, #[case] expected: &[&str]) {
        let functions: Vec<String> = places(text, &[])
            .unwrap()
            .into_iter()
            .filter_map(|place| match place.kind {
                PlaceKind::Function(name) => Some(name),
                PlaceKind::Line | PlaceKind::Branch(_) => None,
            })
            .collect();
        assert_eq!(functions, expected);
    }

    #[test]
    fn the_place_of_a_function_is_its_body() {
        let functions = [("a", "{ b(); }"), ("c", "d(x)")];
        let found = found("function a() { b(); }\nconst c = (x = 1) => d(x);\n");
        for (name, body) in functions {
            assert!(found.iter().any(|one| one.0 == name && one.2 == body), "{found:?}");
        }
    }

    #[test]
    fn lines_without_code_are_left_out() {
        let text = "// note\n/* long\n note */ const a = 1;\n\n{\n\tb(); // why\n} \n});\n\t} else {\n`\n// text`;\n\"/*\";\nc();\n";
        let text = text.replace("});\n\t} else {\n", "if (d) {\n\te();\n\t} else {\n}\n");
        let lines: Vec<(usize, String)> = found(&text)
            .into_iter()
            .filter(|one| one.0 == "line")
            .map(|(_, line, code)| (line, code))
            .collect();
        let expected = [
            (3, "const a = 1;"),
            (6, "b(); // why"),
            (8, "if (d) {"),
            (9, "e();"),
            (10, "else {"),
            (12, "`"),
            (13, "// text`;"),
            (14, "\"/*\";"),
            (15, "c();"),
        ];
        assert_eq!(lines, expected.map(|(line, code)| (line, code.to_owned())));
    }

    #[rstest]
    #[case::a_logger("log.warn(`x ${a ?? b}`)", true)]
    #[case::of_the_context("context.logGateway.info({ a: b || c })", true)]
    #[case::a_function_that_is_named("setCause$1(a ? b : c)", true)]
    #[case::an_answer("respond(a ?? b)", false)]
    #[case::beside_a_logger("log.warn(a), respond(b ?? c)", false)]
    fn branches_that_only_affect_the_log_are_marked(#[case] text: &str, #[case] logged: bool) {
        let all = places(text, &["setCause".to_owned()]).unwrap();
        let branches = all.iter().filter(|one| matches!(one.kind, PlaceKind::Branch(_)));
        assert!(branches.clone().count() > 0 && branches.clone().all(|one| one.logged == logged), "{all:?}");
    }

    #[test]
    fn invalid_javascript_is_an_error() {
        assert!(places("const const = 1;", &[]).is_err());
    }

    #[test]
    fn a_place_knows_the_function_around_it() {
        let all = places("a();\nfunction b() {\n\tconst c = () => {\n\t\td();\n\t};\n\te();\n}\nf();\n", &[])
            .unwrap();
        let around = |line: usize| {
            let place = all.iter().find(|one| one.kind == PlaceKind::Line && one.line == line).unwrap();
            place.inside.map(|at| all[at].kind.clone())
        };
        let function = |name: &str| Some(PlaceKind::Function(name.to_owned()));
        assert_eq!(around(1), None);
        assert_eq!(around(3), function("b"));
        assert_eq!(around(4), function("b/c"));
        assert_eq!(around(6), function("b"));
        assert_eq!(around(8), None);
    }
}
