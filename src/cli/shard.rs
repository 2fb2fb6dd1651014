//! `--shard m/n`: the part of a matrix that one machine runs.

use std::str::FromStr;

/// One of several parts, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    number: usize,
    of: usize,
}

/// Why a text is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a shard: write 2/4 for the second of four")]
pub(super) struct ParseShardError(String);

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(ParseShardError(text.to_owned())),
        }
    }
}

impl Shard {
    /// The shard's part of a list: every n-th element, starting with the m-th, so that old and new releases, which boot at
    /// different speeds, are spread evenly.
    pub(super) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0/4")]
    #[case("5/4")]
    #[case("1/0")]
    #[case("1")]
    #[case("a/b")]
    #[case("-1/2")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Shard>(), Err(ParseShardError(text.to_owned())));
    }

    proptest! {
        #[test]
        fn every_element_is_in_exactly_one_shard(count in 0usize..40, of in 1usize..10) {
            let all: Vec<usize> = (0..count).collect();
            let mut spread: Vec<usize> = (1..=of)
                .flat_map(|number| Shard { number, of }.of(all.clone()))
                .collect();
            spread.sort_unstable();
            prop_assert_eq!(spread, all);
        }
    }
}
