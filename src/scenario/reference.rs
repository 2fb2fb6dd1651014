//! References in texts: `${name}`, builtins such as `${device.laptop.id}`, and changes such as `${name|upper}`.

use std::fmt;

use serde_json::Value;

use super::change::Change;
use super::span::{Span, Spanned};
use super::tree::{Kind, Tree};

/// What a `${…}` stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `${name}`: what a step saved.
    Capture(String),
    /// `${gateway.token}`: the shared token of the gateway.
    GatewayToken,
    /// `${gateway.certificate}`: SHA-256 of the certificate that the gateway has shown when it came up, in hexadecimal
    /// digits; undefined where it speaks no TLS.
    GatewayCertificate,
    /// `${gateway.password}`: the password of the gateway.
    GatewayPassword,
    /// `${gateway.port}`: the port it listens on, a number.
    GatewayPort,
    /// `${identity.id}`: device id of the programs that share the gateway's home, once one has made it.
    IdentityId,
    /// `${clock}`: milliseconds since 1970 when the gateway is booted, a number.
    Clock,
    /// `${device.NAME.id}`: id of a device.
    DeviceId(String),
    /// `${device.NAME.public_key}`: public key of a device as it is sent.
    DevicePublicKey(String),
    /// `${device.NAME.token.ROLE}`: the token that was seeded for a role.
    DeviceToken {
        /// Name of the device.
        device: String,
        /// Role of the token.
        role: String,
    },
    /// `${device.NAME.pending}`: id of the seeded request for approval.
    DevicePending(String),
    /// `${connection.NAME.nonce}`: the nonce of a connection's challenge.
    ConnectionNonce(String),
    /// `${each.KEY}`: a column of the table; filled in when the scenario is loaded.
    Each(String),
}

/// Shapes of the builtin references, for messages.
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
];

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Stands for itself.
    Text(String),
    /// Stands for something else, with these changes made one after the other.
    Reference(Reference, Vec<Change>),
}

/// Why the references of a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// A `${` has no `}` behind it.
    #[error("`${{` is not closed by `}}`; write `$${{` for the characters themselves")]
    Unclosed,
    /// What stands between the braces is neither a name nor a builtin.
    #[error("`${{{0}}}` is neither the name of a capture nor a builtin reference")]
    Unknown(String),
    /// What stands behind a `|` is no change.
    #[error("`{0}` is no change of a text")]
    UnknownChange(String),
}

/// A reference that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnresolvedReference {
    /// Its name means nothing here, or has no value yet.
    #[error("`{0}` has no value")]
    NoValue(Reference),
    /// The text cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReferenceError),
    /// A list or mapping would have to stand inside a text.
    #[error("`{0}` is not a single value and cannot stand inside a text")]
    NotText(Reference),
    /// It has a value that cannot be changed so.
    #[error("`{reference}` cannot be changed by `{change}`: it is not {wanted}")]
    Unchangeable {
        /// What was to be changed.
        reference: Reference,
        /// How.
        change: String,
        /// What it would have to be.
        wanted: &'static str,
    },
}

impl Reference {
    /// Reads what stands between the braces.
    ///
    /// # Errors
    /// Fails where it is neither a name (letters, digits, `_`, `-`) nor a builtin.
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
            _ => return Err(ReferenceError::Unknown(inner.to_owned())),
        })
    }
}

/// Reads what stands between the braces: a reference, and the changes behind it.
pub(super) fn parse_changed(inner: &str) -> Result<(Reference, Vec<Change>), ReferenceError> {
    let mut parts = inner.split('|');
    let reference = Reference::parse(parts.next().unwrap_or_default())?;
    Ok((reference, parse_changes(parts)?))
}

/// Reads changes.
pub(super) fn parse_changes<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<Change>, ReferenceError> {
    parts
        .map(|part| Change::parse(part).ok_or_else(|| ReferenceError::UnknownChange(part.to_owned())))
        .collect()
}

/// Whether a text can name a capture, a device, a connection or a column.
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
        }
    }
}

/// A stretch of a text before its references are understood.
pub(super) enum Piece<'a> {
    /// Stands for itself; a `$${` in it is already a `${`.
    Text(String),
    /// What stands between `${` and `}`, and the bytes of the whole.
    Reference(&'a str, Span),
}

/// Cuts a text at its references.
///
/// # Errors
/// Fails where a `${` is not closed; the place is that of its first byte.
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

/// Parses a text; `$${` stands for the characters `${`.
///
/// # Errors
/// Fails where a reference is not closed or not known.
pub fn parse_text(text: &str) -> Result<Vec<Part>, ReferenceError> {
    let pieces = pieces(text).map_err(|(error, _)| error)?;
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text)),
            Piece::Reference(inner, _) => {
                parse_changed(inner).map(|(reference, changes)| Part::Reference(reference, changes))
            }
        })
        .collect()
}

/// Fills in the references of all texts of a value. A text that is one whole reference becomes the
/// value of any type; inside a longer text, only single values can stand.
///
/// # Errors
/// Fails where `lookup` knows no value, where a value cannot be changed as written, or where a text cannot be read.
pub fn resolve(
    value: &Value,
    lookup: &impl Fn(&Reference) -> Option<Value>,
) -> Result<Value, UnresolvedReference> {
    resolve_telling(value, lookup, &|_| {})
}

/// As [`resolve`], and `changed` is told of every text that a change has made.
///
/// # Errors
/// As there.
pub fn resolve_telling(
    value: &Value,
    lookup: &impl Fn(&Reference) -> Option<Value>,
    changed: &impl Fn(&str),
) -> Result<Value, UnresolvedReference> {
    Ok(match value {
        Value::String(text) => resolve_text(text, lookup, changed)?,
        Value::Array(list) => Value::Array(
            list.iter().map(|one| resolve_telling(one, lookup, changed)).collect::<Result<_, _>>()?,
        ),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, one)| Ok((key.clone(), resolve_telling(one, lookup, changed)?)))
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
            value = change.of(&value).map_err(|wanted| UnresolvedReference::Unchangeable {
                reference: one.clone(),
                change: change.to_string(),
                wanted,
            })?;
            value.as_str().into_iter().for_each(changed);
        }
        Ok(value)
    };
    if let [Part::Reference(one, changes)] = parts.as_slice() {
        return find(one, changes);
    }
    let mut whole = String::new();
    for part in &parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Reference(one, changes) => match find(one, changes)? {
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

/// A reference of a file, or why it is none, with its place.
pub(super) type FoundReference = Spanned<Result<Reference, ReferenceError>>;

/// All references below a node. Regular expressions hold none: their `$` has another meaning.
pub(super) fn references_in(tree: &Tree, text: &str) -> Vec<FoundReference> {
    let mut found = Vec::new();
    collect(tree, text, &mut found);
    found
}

fn collect(tree: &Tree, whole: &str, found: &mut Vec<FoundReference>) {
    match &tree.kind {
        Kind::Text(text) => match pieces(text) {
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
        Kind::List(list) => list.iter().for_each(|one| collect(one, whole, found)),
        Kind::Map(entries) => entries
            .iter()
            .filter(|(key, _)| key.value != "$matches")
            .for_each(|(_, one)| collect(one, whole, found)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

/// Where a reference stands inside a text node; quoting and escapes may hide it, then the whole node.
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
    fn references_become_what_they_stand_for(#[case] value: Value, #[case] resolved: Value) {
        assert_eq!(resolve(&value, &lookup), Ok(resolved));
    }

    #[rstest]
    #[case("${nobody}", "`${nobody}` has no value")]
    #[case("${gateway.tokn}", "`${gateway.tokn}` is neither the name of a capture nor a builtin reference")]
    #[case("${token", "`${` is not closed by `}`; write `$${` for the characters themselves")]
    #[case("${token|cut:1}", "`cut:1` is no change of a text")]
    #[case("${scopes|upper}", "`${scopes}` cannot be changed by `upper`: it is not a text")]
    #[case(
        "${token|decode_base64}",
        "`${token}` cannot be changed by `decode_base64`: it is not base64 of a text"
    )]
    #[case("a ${scopes}", "`${scopes}` is not a single value and cannot stand inside a text")]
    fn a_reference_without_a_value_is_refused(#[case] text: &str, #[case] message: &str) {
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
    fn a_reference_prints_as_it_is_written(#[case] inner: &str) {
        let printed = Reference::parse(inner).map(|one| one.to_string());
        assert_eq!(printed, Ok(format!("${{{inner}}}")));
    }
}
