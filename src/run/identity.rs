//! Keys and secrets of a case, all derived from the run's seed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::wire::DeviceKey;

/// Whose keys and secrets: run seed, scenario, repetition.
///
/// Scenarios on one gateway cannot disturb each other because no two cases share a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    seed: String,
    scenario: String,
    attempt: String,
}

impl Identity {
    /// The identity of a case.
    pub(super) fn new(seed: u64, scenario: &str, attempt: u32) -> Self {
        Self { seed: seed.to_string(), scenario: scenario.to_owned(), attempt: attempt.to_string() }
    }

    /// The key of a device.
    pub(super) fn key(&self, device: &str) -> DeviceKey {
        DeviceKey::derive(&["device", &self.seed, &self.scenario, &self.attempt, device])
    }

    /// A secret, 43 characters of base64url like the gateway's own tokens.
    pub(super) fn secret(&self, purpose: &[&str]) -> String {
        let words = [self.seed.as_str(), &self.scenario, &self.attempt];
        secret(words.into_iter().chain(purpose.iter().copied()))
    }

    /// A stable id in the shape of a UUID.
    pub(super) fn uuid(&self, purpose: &str) -> String {
        let hash = Sha256::digest(self.secret(&["uuid", purpose]));
        let hex = hex::encode(&hash[..16]);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }
}

/// The shared token or password of a gateway.
pub(super) fn gateway_secret(seed: u64, purpose: &str) -> String {
    secret(["gateway", &seed.to_string(), purpose])
}

fn secret<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_share_nothing_and_repeat_exactly() {
        let one = Identity::new(7, "a/b", 1);
        assert_eq!(one.key("laptop").id(), Identity::new(7, "a/b", 1).key("laptop").id());
        for other in [Identity::new(8, "a/b", 1), Identity::new(7, "a/c", 1), Identity::new(7, "a/b", 2)] {
            assert_ne!(one.key("laptop").id(), other.key("laptop").id());
            assert_ne!(one.secret(&["token"]), other.secret(&["token"]));
            assert_ne!(one.uuid("pending"), other.uuid("pending"));
        }
    }

    #[test]
    fn ids_and_secrets_have_their_usual_shape() {
        let one = Identity::new(7, "a/b", 1);
        assert_eq!(one.secret(&["token"]).len(), 43);
        let uuid = one.uuid("pending");
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
    }
}
