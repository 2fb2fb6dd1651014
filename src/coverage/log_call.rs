//! Calls that only write to the gateway's log, so that their arguments are invisible on the wire.

use oxc_ast::ast::{CallExpression, Expression};

use super::name::without_numbers;

/// Whether a call only writes to the log: it calls a logger, or one of the functions in `only_logged`.
pub fn writes_to_the_log(call: &CallExpression<'_>, only_logged: &[String]) -> bool {
    const LEVELS: [&str; 7] = ["trace", "debug", "info", "warn", "error", "raw", "log"];
    let is_logger = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("log") || name.ends_with("log") || name.ends_with("logger") || name == "console"
    };
    match &call.callee {
        Expression::Identifier(name) => {
            is_logger(&name.name) || only_logged.iter().any(|one| *one == without_numbers(&name.name))
        }
        Expression::StaticMemberExpression(member) => {
            let object = match &member.object {
                Expression::Identifier(name) => name.name.as_str(),
                Expression::StaticMemberExpression(inner) => inner.property.name.as_str(),
                _ => return false,
            };
            is_logger(object) && LEVELS.contains(&member.property.name.as_str())
                || is_logger(&member.property.name)
        }
        _ => false,
    }
}
