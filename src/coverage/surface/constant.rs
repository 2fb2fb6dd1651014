//! Evaluates constants in the code of a bundle.

use std::collections::BTreeMap;

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BinaryExpression, BindingPattern, CallExpression, Expression,
    NewExpression, ObjectExpression, ObjectPropertyKind, Program, PropertyKey, Statement,
    VariableDeclaration,
};
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};

/// The value of a constant, as far as it can be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    /// A string.
    Text(String),
    /// A number.
    Number(f64),
    /// The elements of a list or set.
    List(Vec<Constant>),
    /// The entries of an object or map.
    Object(Vec<(String, Constant)>),
    /// Anything else.
    Unknown,
}

/// Constants by name.
pub(super) type Constants = BTreeMap<String, Constant>;

impl Constant {
    /// The value of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The strings in a list; `None` if it is not a list.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(list) => Some(list.iter().filter_map(Self::text).collect()),
            _ => None,
        }
    }

    /// The entries of an object.
    pub(super) fn entries(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Adds the constants that a script declares outside of functions. Imported constants are looked up by the same name.
pub(super) fn add_constants(program: &Program<'_>, known: &mut Constants) {
    for statement in &program.body {
        if let Statement::VariableDeclaration(declaration) = statement {
            add(declaration, known);
        }
    }
}

fn add(declaration: &VariableDeclaration<'_>, known: &mut Constants) {
    for one in &declaration.declarations {
        let (BindingPattern::BindingIdentifier(name), Some(init)) = (&one.id, &one.init) else { continue };
        let value = value_of(init, known);
        if value != Constant::Unknown {
            known.insert(name.name.to_string(), value);
        }
    }
}

/// The value of an expression.
pub(super) fn value_of(expression: &Expression<'_>, known: &Constants) -> Constant {
    match expression {
        Expression::StringLiteral(one) => Constant::Text(one.value.to_string()),
        Expression::NumericLiteral(one) => Constant::Number(one.value),
        Expression::TemplateLiteral(one) if one.expressions.is_empty() => {
            let text = one.quasis.iter().filter_map(|part| part.value.cooked.as_ref());
            Constant::Text(text.map(ToString::to_string).collect())
        }
        Expression::UnaryExpression(one) if one.operator == UnaryOperator::UnaryNegation => {
            match value_of(&one.argument, known) {
                Constant::Number(number) => Constant::Number(-number),
                _ => Constant::Unknown,
            }
        }
        Expression::BinaryExpression(one) => calculated(one, known),
        Expression::ParenthesizedExpression(one) => value_of(&one.expression, known),
        Expression::Identifier(one) => known.get(one.name.as_str()).cloned().unwrap_or(Constant::Unknown),
        Expression::StaticMemberExpression(one) => {
            let object = value_of(&one.object, known);
            object.get(one.property.name.as_str()).cloned().unwrap_or(Constant::Unknown)
        }
        Expression::ArrayExpression(one) => {
            let mut list = Vec::new();
            for element in &one.elements {
                match element {
                    ArrayExpressionElement::SpreadElement(spread) => {
                        if let Constant::List(inner) = value_of(&spread.argument, known) {
                            list.extend(inner);
                        }
                    }
                    other => {
                        list.push(
                            other.as_expression().map_or(Constant::Unknown, |one| value_of(one, known)),
                        );
                    }
                }
            }
            Constant::List(list)
        }
        Expression::ObjectExpression(one) => object(one, known),
        Expression::NewExpression(one) => made(one, known),
        Expression::CallExpression(one) => called(one, known),
        _ => Constant::Unknown,
    }
}

fn calculated(one: &BinaryExpression<'_>, known: &Constants) -> Constant {
    match (value_of(&one.left, known), value_of(&one.right, known)) {
        (Constant::Number(left), Constant::Number(right)) => match one.operator {
            BinaryOperator::Addition => Constant::Number(left + right),
            BinaryOperator::Subtraction => Constant::Number(left - right),
            BinaryOperator::Multiplication => Constant::Number(left * right),
            BinaryOperator::Division => Constant::Number(left / right),
            _ => Constant::Unknown,
        },
        (Constant::Text(left), Constant::Text(right)) if one.operator == BinaryOperator::Addition => {
            Constant::Text(left + &right)
        }
        _ => Constant::Unknown,
    }
}

fn object(one: &ObjectExpression<'_>, known: &Constants) -> Constant {
    let mut entries = Vec::new();
    for property in &one.properties {
        match property {
            ObjectPropertyKind::ObjectProperty(property) => {
                let name = match &property.key {
                    PropertyKey::StaticIdentifier(name) => Some(name.name.to_string()),
                    other => {
                        other.as_expression().and_then(|key| value_of(key, known).text().map(str::to_owned))
                    }
                };
                if let Some(name) = name {
                    entries.push((name, value_of(&property.value, known)));
                }
            }
            ObjectPropertyKind::SpreadProperty(spread) => {
                if let Constant::Object(inner) = value_of(&spread.argument, known) {
                    entries.extend(inner);
                }
            }
        }
    }
    Constant::Object(entries)
}

/// The value of `new Set([…])` and `new Map(…)`: that of their argument.
fn made(one: &NewExpression<'_>, known: &Constants) -> Constant {
    match &one.callee {
        Expression::Identifier(name) if matches!(name.name.as_str(), "Set" | "Map") => one
            .arguments
            .first()
            .and_then(Argument::as_expression)
            .map_or(Constant::Unknown, |one| value_of(one, known)),
        _ => Constant::Unknown,
    }
}

/// The value of calls that only convert a table, such as `Object.entries`, `Object.freeze` and `flatMap`: that of the table.
fn called(one: &CallExpression<'_>, known: &Constants) -> Constant {
    let Expression::StaticMemberExpression(callee) = &one.callee else { return Constant::Unknown };
    let of_object = matches!(&callee.object, Expression::Identifier(name) if name.name == "Object");
    match callee.property.name.as_str() {
        "entries" | "freeze" | "values" if of_object => one
            .arguments
            .first()
            .and_then(Argument::as_expression)
            .map_or(Constant::Unknown, |one| value_of(one, known)),
        "flatMap" | "map" => value_of(&callee.object, known),
        _ => Constant::Unknown,
    }
}
