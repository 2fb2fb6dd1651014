//! Turns the bytes of a fuzzer into values, so that every input is one and a small change stays small.

use serde_json::{Map, Value};

/// Words that mean something to the code under test; texts are made of them and of raw bytes.
const WORDS: &[&str] = &[
    "$any",
    "$absent",
    "$matches",
    "$contains",
    "$excludes",
    "$one_of",
    "$not",
    "$exactly",
    "$set",
    "$length",
    "closed",
    "hello",
    "ok",
    "error",
    "silence",
    "arrives",
    "state",
    "http",
    "exit",
    "any_of",
    "code",
    "reason",
    "details",
    "message",
    "status",
    "body",
    "payload",
    "kind",
    "close",
    "outcome",
    "type",
    "res",
    "event",
    "token",
    "deviceToken",
    "password",
    "Authorization",
    "roles",
    "operator",
    "node",
    "PAIRING_REQUIRED",
    "role-upgrade",
    "none",
    "^a.*z$",
    "${laptop.id}",
    "json",
    "stdout",
    "signal",
];

/// The deepest value: the code under test takes its documents from parsers that stop at 128.
const DEEPEST: usize = 6;

/// Bytes that are taken from the front.
pub(crate) struct Sprout<'a>(&'a [u8]);

impl<'a> Sprout<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; zero when none are left.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Up to `most` of the next bytes.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(self.0.len().min(most));
        self.0 = rest;
        taken
    }

    pub(crate) fn text(&mut self) -> String {
        match self.byte() {
            number @ 0..128 => WORDS[usize::from(number) % WORDS.len()].to_owned(),
            length => String::from_utf8_lossy(self.take(usize::from(length % 24))).into_owned(),
        }
    }

    pub(crate) fn value(&mut self) -> Value {
        self.value_within(DEEPEST)
    }

    fn value_within(&mut self, depth: usize) -> Value {
        match self.byte() % if depth == 0 { 6 } else { 9 } {
            0 => Value::Null,
            1 => Value::Bool(self.byte() % 2 == 1),
            2 => Value::from(i64::from(self.byte()) - 2),
            3 => Value::from(f64::from(self.byte()) / 2.0),
            4 | 5 => Value::String(self.text()),
            6 => (0..self.below(5)).map(|_| self.value_within(depth - 1)).collect(),
            7 => self.entries(depth).into(),
            // A mapping with one key is what most operators and expectations are.
            _ => Map::from_iter([(self.text(), self.value_within(depth - 1))]).into(),
        }
    }

    fn entries(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.below(5)).map(|_| (self.text(), self.value_within(depth - 1))).collect()
    }
}
