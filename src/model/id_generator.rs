//! Ids and tokens that are generated from a seed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Generates random-looking ids and tokens. The same seed gives the same ones in the same order.
#[derive(Clone, Debug)]
pub(super) struct IdGenerator {
    state: u64,
}

impl IdGenerator {
    /// A generator that starts from a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    // One step of SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// An id in the form of a random UUID.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// A secret in the form of a device token: 32 bytes in base64url.
    pub(super) fn token(&mut self) -> String {
        let bytes: Vec<u8> = (0..4).flat_map(|_| self.next().to_le_bytes()).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_none_twice() {
        let (mut one, mut same) = (IdGenerator::new(7), IdGenerator::new(7));
        let (first, second) = (one.uuid(), one.uuid());
        assert_eq!(first, same.uuid());
        assert_ne!(first, second);
    }

    #[test]
    fn ids_and_tokens_have_the_form_of_real_ones() {
        let mut ids = IdGenerator::new(1);
        let uuid = ids.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert_eq!(ids.token().len(), 43);
    }
}
