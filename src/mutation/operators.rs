//! Finds the possible mutants of the code of a release in its syntax.
//!
//! The id of a mutant stays the same when the release is rebuilt. It consists of upstream's source file, the function, the
//! operator, a digest of the changed text (without the numbers that a bundler appends to names), and a counter for equal
//! mutants.

use std::collections::HashMap;
use std::ops::Range;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    BinaryExpression, BinaryOperator, BooleanLiteral, CallExpression, ChainElement, ChainExpression,
    ConditionalExpression, Directive, DoWhileStatement, ExportAllDeclaration, ExportFromDeclaration,
    ExportNamedDeclaration, Expression, ExpressionStatement, ForStatement, IfStatement, ImportDeclaration,
    ImportExpression, LogicalExpression, LogicalOperator, NumericLiteral, PropertyKey, Statement,
    StringLiteral, UnaryExpression, UnaryOperator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::scope::ScopeFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::coverage::{Branch, Chunk, ChunkPart, PlaceKind, without_numbers, writes_to_the_log};

/// What a mutant does to the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operator {
    /// A condition always holds.
    ConditionTrue,
    /// A condition never holds.
    ConditionFalse,
    /// A guard (an `if` that returns, throws or jumps) is removed.
    RemoveGuard,
    /// A comparison is negated: `===` for `!==`, `>=` for `<`.
    NegateComparison,
    /// A comparison includes its boundary or no longer does.
    Boundary,
    /// `&&` for `||`, and the other way round.
    SwapLogic,
    /// `a ?? b` is `a`.
    DropDefault,
    /// `a ?? b` is `b`.
    ForceDefault,
    /// `!a` is `a`.
    RemoveNot,
    /// A call whose result is not used is removed.
    RemoveCall,
    /// A string literal is empty, or no longer is.
    String,
    /// A number is one more.
    Number,
    /// `true` for `false`, and the other way round.
    Boolean,
    /// `a?.b` is `a.b`.
    RemoveChain,
    /// A membership test such as `has`, `includes` or `every` always says yes.
    MemberAlways,
    /// A membership test always says no.
    MemberNever,
}

impl Operator {
    /// All operators, in the order of reports.
    pub const ALL: [Self; 16] = [
        Self::ConditionTrue,
        Self::ConditionFalse,
        Self::RemoveGuard,
        Self::NegateComparison,
        Self::Boundary,
        Self::SwapLogic,
        Self::DropDefault,
        Self::ForceDefault,
        Self::RemoveNot,
        Self::RemoveCall,
        Self::String,
        Self::Number,
        Self::Boolean,
        Self::RemoveChain,
        Self::MemberAlways,
        Self::MemberNever,
    ];

    /// The name in reports and ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConditionTrue => "condition-true",
            Self::ConditionFalse => "condition-false",
            Self::RemoveGuard => "remove-guard",
            Self::NegateComparison => "negate-comparison",
            Self::Boundary => "boundary",
            Self::SwapLogic => "swap-logic",
            Self::DropDefault => "drop-default",
            Self::ForceDefault => "force-default",
            Self::RemoveNot => "remove-not",
            Self::RemoveCall => "remove-call",
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::RemoveChain => "remove-chain",
            Self::MemberAlways => "member-always",
            Self::MemberNever => "member-never",
        }
    }
}

/// The kinds of replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// An expression becomes another one.
    Expression,
    /// A statement is not executed.
    Statement,
}

/// A mutant of a bundled file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeMutant {
    /// The id, which is the same in every build of the same code.
    pub id: String,
    /// Upstream's name of the source file.
    pub source: String,
    /// The bundled file below the package.
    pub chunk: String,
    /// The function that contains it; empty for code that runs when the file is loaded.
    pub function: String,
    /// The operator that made it.
    pub operator: Operator,
    /// The kind of replacement.
    pub shape: Shape,
    /// The line in the bundled file, from 1.
    pub line: usize,
    /// The bytes that it replaces in the bundled file.
    pub bytes: Range<usize>,
    /// The code that it replaces.
    pub before: String,
    /// The code that it inserts.
    pub after: String,
}

impl CodeMutant {
    /// Whether its code runs once, when the file is loaded, so that it has to be active from the start.
    pub const fn is_static(&self) -> bool {
        self.function.is_empty()
    }
}

/// All mutants of the code in scope of a bundled file, in the order of the text. Files, functions and branches that the
/// scope leaves out have none, and neither have calls that only write to the log: those of loggers and of the functions in
/// `only_logged`.
pub fn mutants_of(chunk: &Chunk, only_logged: &[String]) -> Vec<CodeMutant> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &chunk.text, SourceType::mjs()).parse();
    let mut finder = Finder { text: &chunk.text, only_logged, found: Vec::new(), chained: 0 };
    finder.visit_program(&parsed.program);
    let mut found = finder.found;
    found.sort_by_key(|one| (one.bytes.start, std::cmp::Reverse(one.bytes.end), one.shape, one.operator));
    found.dedup_by(|one, other| one.bytes == other.bytes && one.after == other.after);
    let lines: Vec<usize> = chunk.text.match_indices('\n').map(|(at, _)| at).collect();
    let mut mutants = Vec::new();
    let mut alike: HashMap<String, usize> = HashMap::new();
    for part in chunk.parts.iter().filter(|part| part.left_out.is_none()) {
        let inside =
            |one: &&Replacement| part.bytes.start <= one.bytes.start && one.bytes.end <= part.bytes.end;
        for one in found.iter().filter(inside) {
            let (function, left_out) = function_around(part, one.bytes.start);
            let Some(before) = chunk.text.get(one.bytes.clone()).filter(|_| !left_out) else { continue };
            let head = format!(
                "{}#{function}#{}#{}",
                part.source,
                one.operator.name(),
                digest(&format!("{before}\u{0}{}", one.after))
            );
            let number = alike.entry(head.clone()).or_default();
            *number += 1;
            // Left-out mutants are numbered as well, so that leaving out a branch does not change other ids.
            let id = if *number == 1 { head } else { format!("{head}.{number}") };
            if is_of_a_branch_left_out(one, part, &chunk.text) {
                continue;
            }
            mutants.push(CodeMutant {
                id,
                source: part.source.clone(),
                chunk: chunk.path.clone(),
                function,
                operator: one.operator,
                shape: one.shape,
                line: lines.partition_point(|at| *at < one.bytes.start) + 1,
                bytes: one.bytes.clone(),
                before: before.to_owned(),
                after: one.after.clone(),
            });
        }
    }
    mutants
}

/// The name of the innermost function around a byte, and whether the function is left out.
fn function_around(part: &ChunkPart, at: usize) -> (String, bool) {
    let around = part.spots.iter().filter_map(|spot| match &spot.kind {
        PlaceKind::Function(name) if spot.bytes.contains(&at) => Some((spot, name)),
        _ => None,
    });
    let innermost = around.min_by_key(|(spot, _)| spot.bytes.len());
    innermost.map_or((String::new(), false), |(spot, name)| {
        let name = without_numbers(name);
        (if name.is_empty() { "anonymous".to_owned() } else { name }, spot.left_out)
    })
}

/// Whether a replacement is in a branch that is left out, or does nothing but remove that branch.
fn is_of_a_branch_left_out(change: &Replacement, part: &ChunkPart, text: &str) -> bool {
    part.spots.iter().filter(|spot| spot.reason.is_some()).any(|spot| {
        let PlaceKind::Branch(branch) = spot.kind else { return false };
        let (taken, changed) = (&spot.bytes, &change.bytes);
        let is_its_end = changed.start < taken.start && changed.end == taken.end;
        let between = text.get(changed.end..taken.start);
        let is_its_condition = between.is_some_and(|text| !text.contains(|c: char| !" )?\n\t".contains(c)));
        match (change.operator, branch) {
            _ if taken.start <= changed.start && changed.end <= taken.end => true,
            (Operator::RemoveGuard, Branch::Then) | (Operator::DropDefault, Branch::Missing) => is_its_end,
            (Operator::ConditionFalse, Branch::Then | Branch::Yes) => is_its_condition,
            _ => false,
        }
    })
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(without_numbers(text).as_bytes());
    let [a, b, c, d, ..] = digest.0;
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// A possible replacement of code.
struct Replacement {
    operator: Operator,
    shape: Shape,
    bytes: Range<usize>,
    after: String,
}

struct Finder<'t> {
    text: &'t str,
    only_logged: &'t [String],
    found: Vec<Replacement>,
    /// The depth of optional chains around the current node, in which parentheses would end the chain.
    chained: usize,
}

impl Finder<'_> {
    fn text_of(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn add(&mut self, operator: Operator, shape: Shape, span: Span, after: String) {
        let bytes = span.start as usize..span.end as usize;
        self.found.push(Replacement { operator, shape, bytes, after });
    }

    fn replace(&mut self, operator: Operator, span: Span, after: impl Into<String>) {
        self.add(operator, Shape::Expression, span, after.into());
    }

    /// A condition of a statement or of `?:`.
    fn condition(&mut self, test: &Expression<'_>, also_false: bool) {
        let inner = test.get_inner_expression();
        // Literals and membership tests have operators of their own.
        if matches!(inner, Expression::BooleanLiteral(_)) || is_membership(inner) {
            return;
        }
        self.replace(Operator::ConditionTrue, test.span(), "true");
        if also_false {
            self.replace(Operator::ConditionFalse, test.span(), "false");
        }
    }
}

/// A call that asks whether something is in a set, list or text.
fn is_membership(expression: &Expression<'_>) -> bool {
    matches!(expression, Expression::CallExpression(call) if asks_for_membership(call))
}

fn asks_for_membership(call: &CallExpression<'_>) -> bool {
    const QUESTIONS: [&str; 7] = ["has", "includes", "some", "every", "startsWith", "endsWith", "test"];
    match &call.callee {
        Expression::StaticMemberExpression(member) => {
            !call.optional && !member.optional && QUESTIONS.contains(&member.property.name.as_str())
        }
        _ => false,
    }
}

const fn opposite(operator: BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Equality => "!=",
        BinaryOperator::Inequality => "==",
        BinaryOperator::StrictEquality => "!==",
        BinaryOperator::StrictInequality => "===",
        BinaryOperator::LessThan => ">=",
        BinaryOperator::LessEqualThan => ">",
        BinaryOperator::GreaterThan => "<=",
        BinaryOperator::GreaterEqualThan => "<",
        _ => return None,
    })
}

const fn other_boundary(operator: BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::LessThan => "<=",
        BinaryOperator::LessEqualThan => "<",
        BinaryOperator::GreaterThan => ">=",
        BinaryOperator::GreaterEqualThan => ">",
        _ => return None,
    })
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

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        let guard = it.alternate.is_none() && jumps(&it.consequent);
        self.condition(&it.test, !guard);
        if guard {
            self.add(Operator::RemoveGuard, Shape::Statement, it.span, ";".to_owned());
        }
        walk::walk_if_statement(self, it);
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.condition(&it.test, true);
        walk::walk_conditional_expression(self, it);
    }

    // A loop whose condition always holds never ends, so loop conditions are only made false.
    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.replace(Operator::ConditionFalse, it.test.span(), "false");
        walk::walk_while_statement(self, it);
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        self.replace(Operator::ConditionFalse, it.test.span(), "false");
        walk::walk_do_while_statement(self, it);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if let Some(test) = &it.test {
            self.replace(Operator::ConditionFalse, test.span(), "false");
        }
        // Mutants of the counting expressions would make endless loops, so only the body is visited.
        self.visit_statement(&it.body);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        let (left, right) =
            (self.text_of(it.left.span()).to_owned(), self.text_of(it.right.span()).to_owned());
        if let Some(other) = opposite(it.operator) {
            self.replace(Operator::NegateComparison, it.span, format!("{left} {other} {right}"));
        }
        if let Some(other) = other_boundary(it.operator) {
            self.replace(Operator::Boundary, it.span, format!("{left} {other} {right}"));
        }
        // `typeof a === ""` is never true, which equals the negated comparison.
        let is_typeof = |side: &Expression<'_>| matches!(side, Expression::UnaryExpression(one) if one.operator == UnaryOperator::Typeof);
        if is_typeof(&it.left) {
            self.visit_expression(&it.left);
        } else {
            walk::walk_binary_expression(self, it);
        }
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        let (left, right) =
            (self.text_of(it.left.span()).to_owned(), self.text_of(it.right.span()).to_owned());
        match it.operator {
            LogicalOperator::And => {
                self.replace(Operator::SwapLogic, it.span, format!("({left}) || ({right})"));
            }
            LogicalOperator::Or => {
                self.replace(Operator::SwapLogic, it.span, format!("({left}) && ({right})"));
            }
            LogicalOperator::Coalesce => {
                self.replace(Operator::DropDefault, it.span, left);
                self.replace(Operator::ForceDefault, it.span, right);
            }
        }
        walk::walk_logical_expression(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        match it.operator {
            UnaryOperator::LogicalNot => {
                let argument = self.text_of(it.argument.span()).to_owned();
                self.replace(Operator::RemoveNot, it.span, argument);
                walk::walk_unary_expression(self, it);
            }
            // The operand of `delete` has to stay a member, and `void 1` equals `void 0`.
            UnaryOperator::Delete | UnaryOperator::Void => {}
            _ => walk::walk_unary_expression(self, it),
        }
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        let called = match &it.expression {
            Expression::AwaitExpression(awaited) => &awaited.argument,
            other => other,
        };
        let call = match called {
            Expression::CallExpression(call) => Some(call),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => Some(call),
                _ => None,
            },
            _ => None,
        };
        if let Some(call) = call {
            // Without the call of `super` there is no `this`.
            if matches!(call.callee, Expression::Super(_)) {
                return;
            }
            if writes_to_the_log(call, self.only_logged) {
                return;
            }
            self.add(Operator::RemoveCall, Shape::Statement, it.span, ";".to_owned());
        }
        walk::walk_expression_statement(self, it);
    }

    fn visit_chain_expression(&mut self, it: &ChainExpression<'a>) {
        let text = self.text_of(it.span).to_owned();
        let start = it.span.start as usize;
        let mut links = Links { found: Vec::new() };
        links.visit_chain_element(&it.expression);
        for (behind, named) in links.found {
            let from = (behind as usize).saturating_sub(start);
            let Some(at) = text.get(from..).and_then(|rest| rest.find("?.")).map(|at| from + at) else {
                continue;
            };
            let (Some(head), Some(tail)) = (text.get(..at), text.get(at + 2..)) else { continue };
            let dot = if named { "." } else { "" };
            self.replace(Operator::RemoveChain, it.span, format!("{head}{dot}{tail}"));
        }
        self.chained += 1;
        walk::walk_chain_expression(self, it);
        self.chained -= 1;
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if self.chained == 0 && asks_for_membership(it) {
            self.replace(Operator::MemberAlways, it.span, "true");
            self.replace(Operator::MemberNever, it.span, "false");
        }
        if self.chained == 0 {
            walk::walk_call_expression(self, it);
            return;
        }
        // The callee continues the chain; arguments do not.
        self.visit_expression(&it.callee);
        let depth = std::mem::take(&mut self.chained);
        self.visit_arguments(&it.arguments);
        self.chained = depth;
    }

    fn visit_function(&mut self, it: &oxc_ast::ast::Function<'a>, flags: ScopeFlags) {
        let depth = std::mem::take(&mut self.chained);
        walk::walk_function(self, it, flags);
        self.chained = depth;
    }

    // Names of properties and modules are not strings of the protocol.
    fn visit_property_key(&mut self, it: &PropertyKey<'a>) {
        if !matches!(it, PropertyKey::StringLiteral(_) | PropertyKey::NumericLiteral(_)) {
            walk::walk_property_key(self, it);
        }
    }

    fn visit_import_expression(&mut self, _: &ImportExpression<'a>) {}

    fn visit_import_declaration(&mut self, _: &ImportDeclaration<'a>) {}

    fn visit_export_all_declaration(&mut self, _: &ExportAllDeclaration<'a>) {}

    fn visit_export_named_declaration(&mut self, _: &ExportNamedDeclaration<'a>) {}

    fn visit_export_from_declaration(&mut self, _: &ExportFromDeclaration<'a>) {}

    fn visit_directive(&mut self, _: &Directive<'a>) {}

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        let after = if it.value.is_empty() { "\"gatecrash\"" } else { "\"\"" };
        self.replace(Operator::String, it.span, after);
    }

    fn visit_numeric_literal(&mut self, it: &NumericLiteral<'a>) {
        let number = self.text_of(it.span).to_owned();
        self.replace(
            Operator::Number,
            it.span,
            if number == "0" { "1".to_owned() } else { format!("{number} + 1") },
        );
    }

    fn visit_boolean_literal(&mut self, it: &BooleanLiteral) {
        self.replace(Operator::Boolean, it.span, (!it.value).to_string());
    }
}

/// The optional links of one chain: the end of the object in front of `?.`, and whether a name follows.
struct Links {
    found: Vec<(u32, bool)>,
}

impl<'a> Visit<'a> for Links {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if it.optional {
            self.found.push((it.callee.span().end, false));
        }
        self.visit_expression(&it.callee);
    }

    fn visit_static_member_expression(&mut self, it: &oxc_ast::ast::StaticMemberExpression<'a>) {
        if it.optional {
            self.found.push((it.object.span().end, true));
        }
        self.visit_expression(&it.object);
    }

    fn visit_computed_member_expression(&mut self, it: &oxc_ast::ast::ComputedMemberExpression<'a>) {
        if it.optional {
            self.found.push((it.object.span().end, false));
        }
        self.visit_expression(&it.object);
    }

    // Chains inside of other expressions are separate chains.
    fn visit_chain_expression(&mut self, _: &ChainExpression<'a>) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::*;
    use crate::coverage::Scope;
    use crate::mutation::test_support::{SAMPLE, chunk};

    fn changes(code: &str) -> Vec<(Operator, String, String)> {
        mutants_of(&chunk(code), &["setCloseCause".to_owned()])
            .into_iter()
            .map(|one| (one.operator, one.before, one.after))
            .collect()
    }

    #[rstest]
    #[case::a_condition("if (a) b = c;", &[(Operator::ConditionTrue, "a", "true"), (Operator::ConditionFalse, "a", "false")])]
    #[case::a_guard(
        "() => { if (a) return; }",
        &[(Operator::RemoveGuard, "if (a) return;", ";"), (Operator::ConditionTrue, "a", "true")]
    )]
    #[case::a_comparison("a = b === c;", &[(Operator::NegateComparison, "b === c", "b !== c")])]
    #[case::a_boundary(
        "a = b < c;",
        &[(Operator::NegateComparison, "b < c", "b >= c"), (Operator::Boundary, "b < c", "b <= c")]
    )]
    #[case::logic("a = b && c;", &[(Operator::SwapLogic, "b && c", "(b) || (c)")])]
    #[case::a_default("a = b ?? c;", &[(Operator::DropDefault, "b ?? c", "b"), (Operator::ForceDefault, "b ?? c", "c")])]
    #[case::not("a = !b;", &[(Operator::RemoveNot, "!b", "b")])]
    #[case::calls("a(); await b();", &[(Operator::RemoveCall, "a();", ";"), (Operator::RemoveCall, "await b();", ";")])]
    #[case::the_body_of_an_arrow_function("x = () => a();", &[])]
    #[case::a_call_that_only_logs("logWs('x'); log.warn('y'); this.logger.info(1);", &[])]
    #[case::a_call_that_feeds_the_log("setCloseCause('x', { a: 1 });", &[])]
    #[case::literals(
        "a = ['b', '', 3, 0, true];",
        &[
            (Operator::String, "'b'", "\"\""), (Operator::String, "''", "\"gatecrash\""), (Operator::Number, "3", "3 + 1"),
            (Operator::Number, "0", "1"), (Operator::Boolean, "true", "false"),
        ]
    )]
    #[case::chains(
        "a = b?.c?.[d]?.(e);",
        &[
            (Operator::RemoveChain, "b?.c?.[d]?.(e)", "b?.c?.[d](e)"),
            (Operator::RemoveChain, "b?.c?.[d]?.(e)", "b?.c[d]?.(e)"),
            (Operator::RemoveChain, "b?.c?.[d]?.(e)", "b.c?.[d]?.(e)"),
        ]
    )]
    #[case::membership("a = b.has(c);", &[(Operator::MemberAlways, "b.has(c)", "true"), (Operator::MemberNever, "b.has(c)", "false")])]
    #[case::membership_in_a_condition(
        "if (b.has(c)) d = e;",
        &[(Operator::MemberAlways, "b.has(c)", "true"), (Operator::MemberNever, "b.has(c)", "false")]
    )]
    #[case::a_loop("while (a) b = c;", &[(Operator::ConditionFalse, "a", "false")])]
    #[case::names_of_properties_and_modules("a = { 'b': c }; import('d');", &[])]
    #[case::what_is_deleted("delete a?.b;", &[])]
    #[case::nothing("a = void 0;", &[])]
    #[case::a_type("a = typeof b === 'c';", &[(Operator::NegateComparison, "typeof b === 'c'", "typeof b !== 'c'")])]
    fn mutants_are_found(#[case] code: &str, #[case] expected: &[(Operator, &str, &str)]) {
        let expected: Vec<(Operator, String, String)> = expected
            .iter()
            .map(|(operator, before, after)| (*operator, (*before).to_owned(), (*after).to_owned()))
            .collect();
        assert_eq!(changes(code), expected);
    }

    #[test]
    fn ids_are_unique_and_stable_across_builds() {
        let before = mutants_of(&chunk(SAMPLE), &[]);
        assert!(before.len() > 40, "{}", before.len());
        let ids: BTreeSet<&str> = before.iter().map(|one| &*one.id).collect();
        assert_eq!(ids.len(), before.len());
        // Another bundle has other numbers in names, other lines, and another order of functions.
        let rebuilt =
            format!("function first() {{}}\n\n{}", SAMPLE.replace("$2", "$7").replace("admit$1", "admit"));
        let after = mutants_of(&chunk(&rebuilt), &[]);
        assert_eq!(ids, after.iter().map(|one| &*one.id).collect());
    }

    #[test]
    fn left_out_branches_have_no_mutants_that_only_remove_them() {
        let code = "//#region src/a.ts\nfunction f(a, b) {\n\tif (!a) return \"none\";\n\tif (b) g(1);\n\treturn a.b ?? \"c\";\n}\n//#endregion\n";
        let scope = |left_out: &str| {
            let text = format!("scope: [{{area: a, sources: [src/a.ts]}}]\nleft_out: [{left_out}]");
            let chunk = Chunk::read("dist/a.js", code.to_owned(), &Scope::read(&text).unwrap());
            let mutants = mutants_of(&chunk.unwrap().unwrap(), &[]);
            mutants.into_iter().map(|one| (one.operator, one.before)).collect::<Vec<_>>()
        };
        let all = scope("");
        let places =
            r#"{sources: [src/a.ts], places: ['if return "none";', 'if g(1);', '?? "c"'], reason: never}"#;
        let rest = scope(places);
        let gone: Vec<_> =
            all.iter().filter(|one| !rest.contains(one)).map(|(one, text)| (*one, &**text)).collect();
        assert_eq!(
            gone,
            [
                (Operator::RemoveGuard, r#"if (!a) return "none";"#),
                (Operator::String, r#""none""#),
                (Operator::ConditionFalse, "b"),
                (Operator::RemoveCall, "g(1);"),
                (Operator::Number, "1"),
                (Operator::DropDefault, r#"a.b ?? "c""#),
                (Operator::String, r#""c""#),
            ]
        );
        assert!(rest.contains(&(Operator::ConditionTrue, "b".to_owned())), "{rest:?}");
    }

    #[test]
    fn code_out_of_scope_has_no_mutants() {
        let mutants = mutants_of(&chunk(SAMPLE), &[]);
        assert!(mutants.iter().all(|one| !one.before.contains("other") && !one.function.contains("tailnet")));
        assert!(mutants.iter().any(|one| one.function == "admit" && one.line == 5));
        assert!(mutants.iter().any(|one| one.is_static() && one.before == "'x'"));
        let nothing = Scope::read("scope: [{area: a, sources: ['src/other.ts']}]\nleft_out: []").unwrap();
        assert!(Chunk::read("dist/a.js", chunk(SAMPLE).text, &nothing).unwrap().is_none());
    }
}
