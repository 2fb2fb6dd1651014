//! The places in the code at which a gateway closes a connection or makes an error response.

use std::collections::BTreeSet;

use oxc_ast::ast::{Argument, CallExpression, Expression, ObjectPropertyKind, Program, PropertyKey};
use oxc_ast_visit::{Visit, walk};
use serde::Serialize;

use super::constant::{Constant, Constants, value_of};
use crate::coverage::region::Region;

/// Stands in a text for what the code inserts at run time.
pub(super) const HOLE: char = '…';

/// A place at which a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CloseSite {
    /// Upstream's name of the source file.
    pub source: String,
    /// The code of the close frame.
    pub code: u16,
    /// The close reason, with `…` for what is inserted at run time; `None` if all of it is.
    pub reason: Option<String>,
}

/// A place at which an error response is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ErrorSite {
    /// Upstream's name of the source file.
    pub source: String,
    /// The code of the error response.
    pub code: String,
    /// The message, with `…` for what is inserted at run time; `None` if all of it is.
    pub message: Option<String>,
    /// The code in the details, if any.
    pub details: Option<String>,
}

/// Collects the closes and error responses in the regions of a script that are in scope.
pub(super) struct Sites<'a> {
    pub(super) regions: &'a [Region],
    pub(super) known: &'a Constants,
    pub(super) closes: BTreeSet<CloseSite>,
    pub(super) errors: BTreeSet<ErrorSite>,
}

impl Sites<'_> {
    pub(super) fn collect(&mut self, program: &Program<'_>) {
        self.visit_program(program);
    }

    fn source(&self, at: u32) -> Option<String> {
        let at = at as usize;
        self.regions.iter().find(|region| region.bytes.contains(&at)).map(|region| region.source.clone())
    }

    fn close(&mut self, call: &CallExpression<'_>) {
        let name = match &call.callee {
            Expression::Identifier(name) => name.name.as_str(),
            Expression::StaticMemberExpression(member) => member.property.name.as_str(),
            _ => return,
        };
        if !name.to_ascii_lowercase().contains("close") {
            return;
        }
        let arguments: Vec<&Expression<'_>> =
            call.arguments.iter().filter_map(Argument::as_expression).collect();
        let code = arguments.iter().position(|one| matches!(value_of(one, self.known), Constant::Number(code) if (1000.0..5000.0).contains(&code)));
        let Some(at) = code else { return };
        let Constant::Number(code) = value_of(arguments[at], self.known) else { return };
        let Some(source) = self.source(call.span.start) else { return };
        let reason = arguments.get(at + 1).and_then(|one| self.text(one));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 1000 and 5000"
        )]
        let code = code as u16;
        self.closes.insert(CloseSite { source, code, reason });
    }

    fn error(&mut self, call: &CallExpression<'_>) {
        let is_shape =
            matches!(&call.callee, Expression::Identifier(name) if name.name.starts_with("errorShape"));
        if !is_shape {
            return;
        }
        let arguments: Vec<&Expression<'_>> =
            call.arguments.iter().filter_map(Argument::as_expression).collect();
        let Some(code) = arguments.first().and_then(|one| self.code(one)) else { return };
        let Some(source) = self.source(call.span.start) else { return };
        let message = arguments.get(1).and_then(|one| self.text(one));
        let details = arguments.get(2).and_then(|one| self.detail_code(one));
        self.errors.insert(ErrorSite { source, code, message, details });
    }

    /// An error code: its value, or the name of its constant.
    fn code(&self, expression: &Expression<'_>) -> Option<String> {
        if let Constant::Text(text) = value_of(expression, self.known) {
            return Some(text);
        }
        match expression {
            Expression::StaticMemberExpression(member) => Some(member.property.name.to_string()),
            _ => None,
        }
    }

    fn detail_code(&self, options: &Expression<'_>) -> Option<String> {
        let details = property(options, "details")?;
        self.code(property(details, "code")?)
    }

    /// A text with `…` for what is inserted at run time; `None` if all of it is.
    fn text(&self, expression: &Expression<'_>) -> Option<String> {
        if let Constant::Text(text) = value_of(expression, self.known) {
            return Some(text);
        }
        match expression {
            Expression::TemplateLiteral(template) => {
                let mut text = String::new();
                for (at, part) in template.quasis.iter().enumerate() {
                    if at > 0 {
                        text.push(HOLE);
                    }
                    text.push_str(part.value.cooked.as_ref().map_or("", |one| one.as_str()));
                }
                Some(text)
            }
            Expression::CallExpression(call) => {
                // `truncateCloseReason(text)` and the like.
                call.arguments.first().and_then(Argument::as_expression).and_then(|one| self.text(one))
            }
            Expression::LogicalExpression(one) => self.text(&one.right),
            _ => None,
        }
    }
}

fn property<'a, 'b>(expression: &'b Expression<'a>, name: &str) -> Option<&'b Expression<'a>> {
    let Expression::ObjectExpression(object) = expression else { return None };
    object.properties.iter().find_map(|one| match one {
        ObjectPropertyKind::ObjectProperty(property) => match &property.key {
            PropertyKey::StaticIdentifier(key) if key.name == name => Some(&property.value),
            _ => None,
        },
        ObjectPropertyKind::SpreadProperty(_) => None,
    })
}

impl<'a> Visit<'a> for Sites<'_> {
    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        self.close(call);
        self.error(call);
        walk::walk_call_expression(self, call);
    }
}
