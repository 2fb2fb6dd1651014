//! Ids and tokens, made from a seed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A generator of random-looking texts: the same seed gives the same texts in the same order.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// A generator for a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    // The step of SplitMix64.
    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A text in the shape of a random UUID.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.roll(), self.roll());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// A text in the shape of a device token: 32 bytes in base64url.
    pub(super) fn token(&mut self) -> String {
        let bytes: Vec<u8> = (0..4).flat_map(|_| self.roll().to_le_bytes()).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_texts_and_never_one_twice() {
        let (mut one, mut same) = (Dice::new(7), Dice::new(7));
        let (first, second) = (one.uuid(), one.uuid());
        assert_eq!(first, same.uuid());
        assert_ne!(first, second);
    }

    #[test]
    fn texts_have_the_shape_of_real_ones() {
        let mut dice = Dice::new(1);
        let uuid = dice.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert_eq!(dice.token().len(), 43);
    }
}
