//! How likely the parts of random stories are: data, so that they can be changed without changing the program.

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// The weights that are built in.
pub const BUILT_IN: &str = include_str!("../../suite-data/explore-weights.yaml");

/// Words with their weights. A word is chosen as often as its share of all weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table(Vec<(String, u32)>);

/// All tables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Configurations of the gateway.
    pub settings: Table,
    /// How many devices a story has.
    pub devices: Table,
    /// What the gateway knows about a device: `fresh`, `paired`, `waiting`.
    pub known: Table,
    /// Roles of a record.
    pub roles: Table,
    /// Scopes of a record, and scopes that are asked for.
    pub scopes: Table,
    /// Shapes of a record's token map.
    pub tokens: Table,
    /// Keys that a record lacks; `nothing` for none.
    pub omitted: Table,
    /// How many steps a story has.
    pub steps: Table,
    /// Kinds of steps, and of short sequences of them.
    pub step: Table,
    /// Personas of operators.
    pub operators: Table,
    /// Personas of nodes.
    pub nodes: Table,
    /// Roles that are asked for.
    pub asked_role: Table,
    /// Whether a connect asks for the scopes of its persona (`own`) or for others.
    pub asked_scopes: Table,
    /// Credentials.
    pub auth: Table,
    /// Where clients seem to come from.
    pub route: Table,
    /// Windows of protocols, such as `3-4`.
    pub protocol: Table,
    /// Faults of proofs; `none` for none.
    pub proof: Table,
    /// Other things that a client gets wrong; `nothing` for none.
    pub oddity: Table,
    /// Who manages devices.
    pub caller: Table,
    /// Who calls methods and waits for events.
    pub asker: Table,
    /// What is done with devices.
    pub action: Table,
    /// Commands of nodes that ask for approval: `run` for those that run programs, `other`, `none`.
    pub node_commands: Table,
    /// Scopes of a client that approves what others ask for.
    pub approver: Table,
    /// Methods that are called.
    pub method: Table,
    /// Events that are waited for.
    pub event: Table,
    /// First frames that are no handshake.
    pub stray: Table,
    /// What to keep for each word of `--focus`: beginnings of words of a situation.
    pub focus: BTreeMap<String, Vec<String>>,
}

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the weights of random stories cannot be read: {0}")]
pub struct WeightsError(String);

impl Weights {
    /// Reads weights.
    ///
    /// # Errors
    /// Fails if the text is not YAML, if a table is missing or unknown, or if one has no weight above zero.
    pub fn read(text: &str) -> Result<Self, WeightsError> {
        serde_saphyr::from_str(text).map_err(|error| WeightsError(error.to_string()))
    }
}

impl Table {
    /// A word, chosen at random.
    pub(super) fn pick(&self, rng: &mut Rng) -> &str {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.u32(0..all.max(1));
        for (word, weight) in &self.0 {
            if left < *weight {
                return word;
            }
            left -= weight;
        }
        self.0.first().map_or("", |(word, _)| word)
    }

    /// The words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(word, _)| word.as_str())
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor;

        impl<'de> Visitor<'de> for TableVisitor {
            type Value = Table;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words with their weights")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
                let mut rows: Vec<(String, u32)> = Vec::new();
                while let Some((word, weight)) = map.next_entry::<String, u16>()? {
                    rows.push((word, u32::from(weight)));
                }
                if rows.iter().all(|(_, weight)| *weight == 0) {
                    return Err(serde::de::Error::custom("a table needs a weight above zero"));
                }
                Ok(Table(rows))
            }
        }

        deserializer.deserialize_map(TableVisitor)
    }
}
