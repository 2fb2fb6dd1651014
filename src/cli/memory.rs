//! Amounts of memory on the command line.

use std::str::FromStr;

/// An amount of memory in mebibytes, written as `1500M` or `4G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory(pub(super) u32);

/// Why a text is not an amount of memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of memory: write it as 1500M or 4G")]
pub(super) struct ParseMemoryError(String);

impl FromStr for Memory {
    type Err = ParseMemoryError;

    fn from_str(text: &str) -> Result<Self, ParseMemoryError> {
        let wrong = || ParseMemoryError(text.to_owned());
        let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
        let factor = match unit {
            "M" | "m" => 1,
            "G" | "g" => 1024,
            _ => return Err(wrong()),
        };
        let number: u32 = number.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(factor).filter(|amount| *amount > 0).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1500M", Some(1500))]
    #[case("4G", Some(4096))]
    #[case("4", None)]
    #[case("0G", None)]
    #[case("", None)]
    #[case("9999999999G", None)]
    #[case("4GiBé", None)]
    fn amounts_have_a_unit(#[case] text: &str, #[case] amount: Option<u32>) {
        assert_eq!(text.parse().ok(), amount.map(Memory));
    }
}
