//! Decodes a tree into the types of the format: a serde deserializer whose errors know their position.

use serde::Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::decode_error::{DecodeError, Segment, not_a_word};
use super::span::{SPANNED_STRUCT, Span, Spanned};
use super::suggest::quoted;
use super::tree::{NodeKind, Tree};

/// Decodes a value from a tree.
///
/// # Errors
/// Fails with the position of the part that does not have the expected form.
pub(super) fn decode<T: DeserializeOwned>(tree: &Tree) -> Result<T, DecodeError> {
    T::deserialize(tree)
}

impl<'de> Deserializer<'de> for &'de Tree {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match &self.kind {
            NodeKind::Null => visitor.visit_unit(),
            NodeKind::Bool(one) => visitor.visit_bool(*one),
            NodeKind::Number(one) => match (one.as_u64(), one.as_i64()) {
                (Some(whole), _) => visitor.visit_u64(whole),
                (None, Some(whole)) => visitor.visit_i64(whole),
                (None, None) => visitor.visit_f64(one.as_f64().unwrap_or(f64::NAN)),
            },
            NodeKind::Text(text) => visitor.visit_borrowed_str(text),
            NodeKind::List(list) => visit_list(list, visitor),
            NodeKind::Map(entries) => {
                visitor.visit_map(MapEntries { rest: entries, value: None }).map_err(|mut error| {
                    let key = error.at_key.take();
                    let entry = key.and_then(|key| entries.iter().find(|(name, _)| name.value == key));
                    match entry {
                        Some((name, _)) => error.at(name.span),
                        None => error,
                    }
                })
            }
        };
        value.map_err(|error| placed(error, self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.kind {
            NodeKind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == SPANNED_STRUCT {
            return visitor.visit_map(SpannedParts { span: self.span, next: 0, value: self });
        }
        match self.kind {
            // Serde would read a list as the fields in order.
            NodeKind::List(_) => Err(DecodeError::invalid_type(Unexpected::Seq, &"a mapping").at(self.span)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let choice = |key, key_span, value| Choice { key, key_span, value };
        let chosen = match (&self.kind, name) {
            (NodeKind::Map(entries), "Step") => match entries.as_slice() {
                [(key, value)] => Ok(choice(key.value.as_str(), key.span, Some(value))),
                [] => Err(DecodeError::new("missing-verb", "this step has no verb")
                    .labelled("needs a verb")
                    .helped(format!("verbs: {}", quoted(variants)))
                    .at(self.span)),
                [(first, value), (second, _), ..] => {
                    let message = format!(
                        "a step has exactly one verb, but this one has `{}` next to `{}`",
                        second.value, first.value
                    );
                    let help = if matches!(value.kind, NodeKind::Null) {
                        format!("indent the keys that belong to `{}`", first.value)
                    } else {
                        "start a new step with `-`".to_owned()
                    };
                    Err(DecodeError::new("several-verbs", message)
                        .labelled("a second key")
                        .helped(help)
                        .at(second.span))
                }
            },
            (NodeKind::Text(word), "Step") if variants.contains(&word.as_str()) => {
                Err(DecodeError::new("wrong-type", format!("the verb `{word}` needs a mapping"))
                    .labelled("the verb alone")
                    .helped(format!("write `{word}: {{…}}`"))
                    .at(self.span))
            }
            (_, "Step") => {
                Err(DecodeError::new("wrong-type", format!("expected a step, found {}", self.describe()))
                    .labelled("not a step")
                    .helped(format!("a step is a mapping with one key, its verb: {}", quoted(variants)))
                    .at(self.span))
            }
            (NodeKind::Text(word), _) => Ok(choice(word.as_str(), self.span, None)),
            _ => Err(not_a_word(&self.describe(), variants).at(self.span)),
        }?;
        visitor.visit_enum(chosen).map_err(|error| error.at(self.span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// Adds a position to an error. An error about a missing key is left for the level above, which points at the key
/// of the incomplete mapping.
fn placed(error: DecodeError, span: Span) -> DecodeError {
    if error.is_about_missing() { error } else { error.at(span) }
}

fn visit_list<'de, V: Visitor<'de>>(list: &'de [Tree], visitor: V) -> Result<V::Value, DecodeError> {
    let mut elements = Elements { list, next: 0 };
    let value = visitor.visit_seq(&mut elements)?;
    match list.get(elements.next) {
        None => Ok(value),
        Some(extra) => {
            let message = format!("this list has {} elements, but takes only {}", list.len(), elements.next);
            Err(DecodeError::new("wrong-type", message).labelled("too many").at(extra.span))
        }
    }
}

struct Elements<'de> {
    list: &'de [Tree],
    next: usize,
}

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(tree) = self.list.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        let value = seed.deserialize(tree);
        value.map(Some).map_err(|error| error.at(tree.span).below(Segment::Index(index)))
    }
}

struct MapEntries<'de> {
    rest: &'de [(Spanned<String>, Tree)],
    value: Option<(&'de Spanned<String>, &'de Tree)>,
}

impl<'de> MapAccess<'de> for MapEntries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some(((key, value), rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        self.value = Some((key, value));
        seed.deserialize(Key(key)).map(Some).map_err(|error| error.at(key.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let (key, value) =
            self.value.take().ok_or_else(|| DecodeError::new("wrong-value", "a value without a key"))?;
        seed.deserialize(value).map_err(|error| error.at(key.span).below(Segment::Key(key.value.clone())))
    }
}

/// A key of a mapping.
#[derive(Clone, Copy)]
struct Key<'de>(&'de Spanned<String>);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(&self.0.value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == SPANNED_STRUCT {
            return visitor.visit_map(SpannedParts { span: self.0.span, next: 0, value: self });
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The three parts of a [`Spanned`], in the order it asks for them.
struct SpannedParts<D> {
    span: Span,
    next: u8,
    value: D,
}

impl<'de, D: Deserializer<'de, Error = DecodeError> + Copy> MapAccess<'de> for SpannedParts<D> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.next += 1;
        seed.deserialize("".into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        match self.next {
            1 => seed.deserialize(self.span.start.into_deserializer()),
            2 => seed.deserialize(self.span.end.into_deserializer()),
            // An error in the value belongs to the value's position, not to the key before it.
            _ => seed.deserialize(self.value).map_err(|error| placed(error, self.span)),
        }
    }
}

/// A variant of an enum: a bare word, or the single key of a mapping.
struct Choice<'de> {
    key: &'de str,
    key_span: Span,
    value: Option<&'de Tree>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let variant = seed.deserialize(IntoDeserializer::<DecodeError>::into_deserializer(self.key));
        let is_verb = self.value.is_some();
        variant.map(|variant| (variant, Self { ..self })).map_err(|error| {
            let error = error.at(self.key_span);
            if is_verb && error.code == "unknown-word" {
                let message = format!("`{}` is not a verb", self.key);
                DecodeError { code: "unknown-verb", message, ..error }.labelled("unknown verb")
            } else {
                error
            }
        })
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        let value = self.value.ok_or_else(|| DecodeError::new("wrong-type", "expected a mapping"))?;
        seed.deserialize(value).map_err(|error| {
            placed(error, value.span).at(self.key_span).below(Segment::Key(self.key.to_owned()))
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new("wrong-type", "expected a word"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new("wrong-type", "expected a word"))
    }
}
