//! Converts byte offsets, which parsers use, to UTF-16 units, which V8 uses.

/// The UTF-16 positions of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// For each character that is not ASCII, its end in bytes and in units.
    anchors: Vec<(usize, usize)>,
    length: usize,
}

impl Units {
    /// Computes the positions of a text.
    pub fn of(text: &str) -> Self {
        let mut anchors = Vec::new();
        let mut unit = 0;
        for (at, character) in text.char_indices() {
            unit += character.len_utf16();
            if !character.is_ascii() {
                anchors.push((at + character.len_utf8(), unit));
            }
        }
        Self { anchors, length: unit }
    }

    /// The unit at which the character at this byte begins.
    pub fn at(&self, byte: usize) -> usize {
        let known = self.anchors.partition_point(|(end, _)| *end <= byte);
        let (end, unit) =
            known.checked_sub(1).and_then(|last| self.anchors.get(last)).copied().unwrap_or((0, 0));
        unit + (byte - end)
    }

    /// The number of units of the text.
    pub const fn length(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_character_has_its_utf_16_position(text in "[a-z\\n\u{e9}\u{4e16}\u{1f980}]{0,40}") {
            let units = Units::of(&text);
            for (byte, _) in text.char_indices() {
                prop_assert_eq!(units.at(byte), text[..byte].encode_utf16().count());
            }
            prop_assert_eq!(units.at(text.len()), units.length());
            prop_assert_eq!(units.length(), text.encode_utf16().count());
        }
    }
}
