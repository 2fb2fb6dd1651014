//! References in texts: captures such as `${name}`, built-in references such as `${device.laptop.id}`, and changes
//! such as `${name|upper}`.

use std::fmt;

use serde_json::Value;

use super::change::Change;
use super::span::{Span, Spanned};
use super::tree::{NodeKind, Tree};

/// What a `${…}` refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `${name}`: a value that a step saved.
    Capture(String),
    /// `${gateway.token}`: the gateway's shared token.
    GatewayToken,
    /// `${gateway.certificate}`: SHA-256 fingerprint, in hexadecimal, of the certificate that the gateway presented
    /// when it booted; undefined if it does not use TLS.
    GatewayCertificate,
    /// `${gateway.password}`: the gateway's password.
    GatewayPassword,
    /// `${gateway.port}`: the port it listens on, as a number.
    GatewayPort,
    /// `${identity.id}`: device id of the programs that share the gateway's home, once one of them has created it.
    IdentityId,
    /// `${clock}`: the time at which the gateway boots, in milliseconds since 1970, as a number.
    Clock,
    /// `${device.NAME.id}`: the id of a device.
    DeviceId(String),
    /// `${device.NAME.public_key}`: the public key of a device, as it is sent.
    DevicePublicKey(String),
    /// `${device.NAME.token.ROLE}`: the token that was seeded for a role.
    DeviceToken {
        /// Name of the device.
        device: String,
        /// Role of the token.
        role: String,
    },
    /// `${device.NAME.pending}`: the id of the seeded request for approval.
    DevicePending(String),
    /// `${connection.NAME.nonce}`: the nonce of a connection's challenge.
    ConnectionNonce(String),
    /// `${each.KEY}`: a column of the table, filled in when the scenario is loaded.
    Each(String),
    /// `${var.NAME}`: a variable of the file, filled in when the scenario is loaded.
    Var(String),
}

/// The forms of built-in references, for messages and suggestions.
pub const BUILTIN_REFERENCES: &[&str] = &[
    "gateway.token",
    "gateway.password",
    "gateway.port",
    "gateway.certificate",
    "identity.id",
    "clock",
    "device.NAME.id",
    "device.NAME.public_key",
    "device.NAME.token.ROLE",
    "device.NAME.pending",
    "connection.NAME.nonce",
    "each.KEY",
    "var.NAME",
];

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    /// Literal text.
    Text(String),
    /// A reference, with the changes to apply to its value, in order.
    Reference(Reference, Vec<Change>),
}

/// Why the references of a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// A `${` is not followed by a `}`.
    #[error("`${{` is not closed by `}}`; write `$${{` for a literal `${{`")]
    Unclosed,
    /// The text between the braces is neither a name nor a built-in reference.
    #[error("`${{{0}}}` is neither a capture nor a built-in reference")]
    Unknown(String),
    /// The word after a `|` is not a known change.
    #[error("there is no change `{0}`")]
    UnknownChange(String),
}

/// A reference that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnresolvedReference {
    /// It is not defined here, or has no value yet.
    #[error("`{0}` has no value")]
    NoValue(Reference),
    /// The text cannot be parsed.
    #[error(transparent)]
    Unreadable(#[from] ReferenceError),
    /// A list or mapping is used within a text.
    #[error("`{0}` is a list or a mapping and cannot be used within a text")]
    NotText(Reference),
    /// Its value does not support a change.
    #[error("`{reference}` cannot be changed by `{change}`: it is not {wanted}")]
    Unchangeable {
        /// The reference.
        reference: Reference,
        /// The change.
        change: String,
        /// What the value would have to be.
        wanted: &'static str,
    },
}

impl Reference {
    /// Parses the text between the braces.
    ///
    /// # Errors
    /// Fails if it is neither a name (letters, digits, `_`, `-`) nor a built-in reference.
    pub fn parse(inner: &str) -> Result<Self, ReferenceError> {
        let parts: Vec<&str> = inner.split('.').collect();
        if parts.iter().any(|part| !is_name(part)) {
            return Err(ReferenceError::Unknown(inner.to_owned()));
        }
        let own = |one: &str| one.to_owned();
        Ok(match parts.as_slice() {
            ["clock"] => Self::Clock,
            [name] => Self::Capture(own(name)),
            ["gateway", "token"] => Self::GatewayToken,
            ["gateway", "certificate"] => Self::GatewayCertificate,
            ["gateway", "password"] => Self::GatewayPassword,
            ["gateway", "port"] => Self::GatewayPort,
            ["identity", "id"] => Self::IdentityId,
            ["device", name, "id"] => Self::DeviceId(own(name)),
            ["device", name, "public_key"] => Self::DevicePublicKey(own(name)),
            ["device", name, "pending"] => Self::DevicePending(own(name)),
            ["device", name, "token", role] => Self::DeviceToken { device: own(name), role: own(role) },
            ["connection", name, "nonce"] => Self::ConnectionNonce(own(name)),
            ["each", key] => Self::Each(own(key)),
            ["var", name] => Self::Var(own(name)),
            _ => return Err(ReferenceError::Unknown(inner.to_owned())),
        })
    }
}

/// Parses the text between the braces: a reference, and the changes after it.
///
/// # Errors
/// Fails if the reference or a change is unknown.
pub(super) fn parse_changed(inner: &str) -> Result<(Reference, Vec<Change>), ReferenceError> {
    let mut parts = inner.split('|');
    let reference = Reference::parse(parts.next().unwrap_or_default())?;
    Ok((reference, parse_changes(parts)?))
}

/// Parses the changes after a reference.
///
/// # Errors
/// Fails if a change is unknown.
pub(super) fn parse_changes<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<Change>, ReferenceError> {
    parts
        .map(|part| Change::parse(part).ok_or_else(|| ReferenceError::UnknownChange(part.to_owned())))
        .collect()
}

/// Whether a text is a valid name for a capture, a device, a connection or a column.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(name) => write!(f, "${{{name}}}"),
            Self::GatewayToken => f.write_str("${gateway.token}"),
            Self::GatewayCertificate => f.write_str("${gateway.certificate}"),
            Self::GatewayPassword => f.write_str("${gateway.password}"),
            Self::GatewayPort => f.write_str("${gateway.port}"),
            Self::IdentityId => f.write_str("${identity.id}"),
            Self::Clock => f.write_str("${clock}"),
            Self::DeviceId(name) => write!(f, "${{device.{name}.id}}"),
            Self::DevicePublicKey(name) => write!(f, "${{device.{name}.public_key}}"),
            Self::DevicePending(name) => write!(f, "${{device.{name}.pending}}"),
            Self::DeviceToken { device, role } => write!(f, "${{device.{device}.token.{role}}}"),
            Self::ConnectionNonce(name) => write!(f, "${{connection.{name}.nonce}}"),
            Self::Each(key) => write!(f, "${{each.{key}}}"),
            Self::Var(name) => write!(f, "${{var.{name}}}"),
        }
    }
}

/// A part of a text, before its references are parsed.
pub(super) enum Piece<'a> {
    /// Literal text, in which `$${` is already replaced by `${`.
    Text(String),
    /// The text between `${` and `}`, and the bytes of the whole reference.
    Reference(&'a str, Span),
}

/// Splits a text at its references.
///
/// # Errors
/// Fails if a `${` is not closed; the span starts at its first byte.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (ReferenceError, Span)> {
    let mut found = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("${").map(|offset| at + offset) {
        if start > at && text.as_bytes()[start - 1] == b'$' {
            plain.push_str(&text[at..start - 1]);
            plain.push_str("${");
            at = start + 2;
            continue;
        }
        plain.push_str(&text[at..start]);
        let Some(end) = text[start..].find('}').map(|offset| start + offset) else {
            return Err((ReferenceError::Unclosed, Span { start, end: text.len() }));
        };
        if !plain.is_empty() {
            found.push(Piece::Text(std::mem::take(&mut plain)));
        }
        found.push(Piece::Reference(&text[start + 2..end], Span { start, end: end + 1 }));
        at = end + 1;
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() {
        found.push(Piece::Text(plain));
    }
    Ok(found)
}

/// Parses a text; `$${` stands for a literal `${`.
///
/// # Errors
/// Fails if a reference is not closed or not known.
pub fn parse_text(text: &str) -> Result<Vec<TextPart>, ReferenceError> {
    let pieces = pieces(text).map_err(|(error, _)| error)?;
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(TextPart::Text(text)),
            Piece::Reference(inner, _) => {
                parse_changed(inner).map(|(reference, changes)| TextPart::Reference(reference, changes))
            }
        })
        .collect()
}

/// Fills in the references in all texts of a value. A text that consists of one reference becomes its value,
/// whatever the type; within a longer text, lists and mappings are not allowed.
///
/// # Errors
/// Fails if `lookup` has no value, if a change does not apply to its value, or if a text cannot be parsed.
pub fn resolve(
    value: &Value,
    lookup: &impl Fn(&Reference) -> Option<Value>,
) -> Result<Value, UnresolvedReference> {
    resolve_with(value, lookup, &|_| {})
}

/// Like [`resolve`], and calls `changed` with every text that a change has produced.
///
/// # Errors
/// Fails like [`resolve`].
pub fn resolve_with(
    value: &Value,
    lookup: &impl Fn(&Reference) -> Option<Value>,
    changed: &impl Fn(&str),
) -> Result<Value, UnresolvedReference> {
    Ok(match value {
        Value::String(text) => resolve_text(text, lookup, changed)?,
        Value::Array(list) => {
            Value::Array(list.iter().map(|one| resolve_with(one, lookup, changed)).collect::<Result<_, _>>()?)
        }
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, one)| Ok((key.clone(), resolve_with(one, lookup, changed)?)))
                .collect::<Result<_, UnresolvedReference>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn resolve_text(
    text: &str,
    lookup: &impl Fn(&Reference) -> Option<Value>,
    changed: &impl Fn(&str),
) -> Result<Value, UnresolvedReference> {
    let parts = parse_text(text)?;
    let find = |one: &Reference, changes: &[Change]| {
        let mut value = lookup(one).ok_or_else(|| UnresolvedReference::NoValue(one.clone()))?;
        for change in changes {
            value = change.apply(&value).map_err(|wanted| UnresolvedReference::Unchangeable {
                reference: one.clone(),
                change: change.to_string(),
                wanted,
            })?;
            value.as_str().into_iter().for_each(changed);
        }
        Ok(value)
    };
    if let [TextPart::Reference(one, changes)] = parts.as_slice() {
        return find(one, changes);
    }
    let mut whole = String::new();
    for part in &parts {
        match part {
            TextPart::Text(text) => whole.push_str(text),
            TextPart::Reference(one, changes) => match find(one, changes)? {
                Value::String(text) => whole.push_str(&text),
                Value::Array(_) | Value::Object(_) => {
                    return Err(UnresolvedReference::NotText(one.clone()));
                }
                single => whole.push_str(&single.to_string()),
            },
        }
    }
    Ok(Value::String(whole))
}

/// A reference in a file, or why it cannot be parsed, with its position.
pub(super) type FoundReference = Spanned<Result<Reference, ReferenceError>>;

/// All references below a node. Regular expressions contain none: a `$` means something else there.
pub(super) fn references_in(tree: &Tree, text: &str) -> Vec<FoundReference> {
    let mut found = Vec::new();
    collect(tree, text, &mut found);
    found
}

fn collect(tree: &Tree, whole: &str, found: &mut Vec<FoundReference>) {
    match &tree.kind {
        NodeKind::Text(text) => match pieces(text) {
            Ok(pieces) => {
                for piece in pieces {
                    if let Piece::Reference(inner, _) = piece {
                        let span = place_of(&format!("${{{inner}}}"), tree.span, whole);
                        found.push(Spanned::new(parse_changed(inner).map(|(reference, _)| reference), span));
                    }
                }
            }
            Err((error, _)) => found.push(Spanned::new(Err(error), place_of("${", tree.span, whole))),
        },
        NodeKind::List(list) => list.iter().for_each(|one| collect(one, whole, found)),
        NodeKind::Map(entries) => entries
            .iter()
            .filter(|(key, _)| key.value != "$matches")
            .for_each(|(_, one)| collect(one, whole, found)),
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
    }
}

/// The position of a reference within a text node; that of the whole node if quoting or escapes hide it.
pub(super) fn place_of(written: &str, node: Span, whole: &str) -> Span {
    let inside = whole.get(node.start..node.end).and_then(|text| text.find(written));
    inside.map_or(node, |at| Span { start: node.start + at, end: node.start + at + written.len() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn lookup(reference: &Reference) -> Option<Value> {
        match reference {
            Reference::Capture(name) if name == "scopes" => Some(json!(["a", "b"])),
            Reference::Capture(name) if name == "token" => Some(json!("t0k")),
            Reference::Capture(name) if name == "code" => Some(json!("eyJhIjoidDBrIn0")),
            Reference::GatewayPort => Some(json!(4321)),
            _ => None,
        }
    }

    #[rstest]
    #[case(json!("${scopes}"), json!(["a", "b"]))]
    #[case(json!("${gateway.port}"), json!(4321))]
    #[case(json!("http://127.0.0.1:${gateway.port}/?t=${token}"), json!("http://127.0.0.1:4321/?t=t0k"))]
    #[case(json!("${token|upper}"), json!("T0K"))]
    #[case(json!("<${token|drop_last:1|upper}>"), json!("<T0>"))]
    #[case(json!("${code|decode_base64|json:/a}"), json!("t0k"))]
    #[case(json!("$${token}"), json!("${token}"))]
    #[case(json!("$5 and $"), json!("$5 and $"))]
    #[case(json!({"a": ["${token}", 1, null]}), json!({"a": ["t0k", 1, null]}))]
    fn references_are_replaced_by_their_values(#[case] value: Value, #[case] resolved: Value) {
        assert_eq!(resolve(&value, &lookup), Ok(resolved));
    }

    #[rstest]
    #[case("${nobody}", "`${nobody}` has no value")]
    #[case("${gateway.tokn}", "`${gateway.tokn}` is neither a capture nor a built-in reference")]
    #[case("${token", "`${` is not closed by `}`; write `$${` for a literal `${`")]
    #[case("${token|cut:1}", "there is no change `cut:1`")]
    #[case("${scopes|upper}", "`${scopes}` cannot be changed by `upper`: it is not a text")]
    #[case(
        "${token|decode_base64}",
        "`${token}` cannot be changed by `decode_base64`: it is not base64 of a text"
    )]
    #[case("a ${scopes}", "`${scopes}` is a list or a mapping and cannot be used within a text")]
    fn a_reference_without_a_value_is_an_error(#[case] text: &str, #[case] message: &str) {
        let error = resolve(&json!(text), &lookup).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[rstest]
    #[case("token")]
    #[case("gateway.token")]
    #[case("gateway.password")]
    #[case("gateway.port")]
    #[case("gateway.certificate")]
    #[case("identity.id")]
    #[case("device.laptop.id")]
    #[case("device.laptop.public_key")]
    #[case("device.laptop.token.operator")]
    #[case("device.laptop.pending")]
    #[case("connection.first.nonce")]
    #[case("each.row")]
    #[case("var.role")]
    fn a_reference_prints_as_written(#[case] inner: &str) {
        let printed = Reference::parse(inner).map(|one| one.to_string());
        assert_eq!(printed, Ok(format!("${{{inner}}}")));
    }
}
