//! What V8 says of the code that a thread has executed.

use serde::Deserialize;

/// A file that Node writes for each thread where `NODE_V8_COVERAGE` names a folder.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct V8Profile {
    /// Scripts that were loaded.
    pub result: Vec<V8Script>,
}

/// A script that was loaded.
#[derive(Clone, Debug, Deserialize)]
pub struct V8Script {
    /// Address of the file.
    pub url: String,
    /// Its functions; the first one is the script itself.
    pub functions: Vec<Function>,
}

/// What is known of a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// The whole function, then the blocks in it that were executed another number of times.
    pub ranges: Vec<Counted>,
    /// Whether V8 counted its blocks, and not only its calls.
    #[serde(default)]
    pub is_block_coverage: bool,
}

/// How often a range of a script was executed. The offsets are UTF-16 units.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// First unit.
    pub start_offset: usize,
    /// Behind the last unit.
    pub end_offset: usize,
    /// How often.
    pub count: u64,
}

/// Which units of a script were executed, by any thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    units: Vec<bool>,
    /// Functions that were called, but whose blocks V8 did not count: what they did is not known.
    unknown: Vec<(usize, usize)>,
}

impl Executed {
    /// Nothing of a script with so many units.
    pub fn nothing(length: usize) -> Self {
        Self { units: vec![false; length], unknown: Vec::new() }
    }

    /// What one thread has executed of a script with so many units.
    pub fn of(functions: &[Function], length: usize) -> Self {
        let mut ranges: Vec<Counted> = functions.iter().flat_map(|one| one.ranges.iter().copied()).collect();
        // The ranges of a script lie inside each other or apart, so inner ones follow those around them.
        // Of two alike the later one is the inner one, as V8 writes them.
        ranges.sort_by_key(|one| (one.start_offset, std::cmp::Reverse(one.end_offset)));
        let mut units = vec![false; length];
        for one in ranges {
            let end = one.end_offset.min(length);
            if let Some(part) = units.get_mut(one.start_offset..end) {
                part.fill(one.count > 0);
            }
        }
        let calls_only =
            |one: &&Function| !one.is_block_coverage && one.ranges.iter().any(|one| one.count > 0);
        let unknown = functions.iter().filter(calls_only).filter_map(|one| one.ranges.first());
        Self { units, unknown: unknown.map(|one| (one.start_offset, one.end_offset)).collect() }
    }

    /// Adds what another thread has executed of the same script.
    pub fn add(&mut self, other: &Self) {
        if self.units.len() < other.units.len() {
            self.units.resize(other.units.len(), false);
        }
        for (one, also) in self.units.iter_mut().zip(&other.units) {
            *one |= also;
        }
        self.unknown.extend(&other.unknown);
    }

    /// Whether the code at a unit was executed.
    pub fn at(&self, unit: usize) -> bool {
        self.units.get(unit).copied().unwrap_or(false)
    }

    /// The functions that were called, but whose blocks were not counted, as units.
    pub fn unknown(&self) -> &[(usize, usize)] {
        &self.unknown
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn function(ranges: &[(usize, usize, u64)]) -> Function {
        let ranges = ranges.iter().map(|(start_offset, end_offset, count)| Counted {
            start_offset: *start_offset,
            end_offset: *end_offset,
            count: *count,
        });
        Function { ranges: ranges.collect(), is_block_coverage: true }
    }

    fn drawn(executed: &Executed, length: usize) -> String {
        (0..length).map(|at| if executed.at(at) { '#' } else { '.' }).collect()
    }

    #[rstest]
    #[case::nothing(vec![], "..........")]
    #[case::the_script(vec![vec![(0, 10, 1)]], "##########")]
    #[case::a_block_that_was_not_entered(vec![vec![(0, 10, 1), (3, 5, 0)]], "###..#####")]
    #[case::a_block_inside_a_block(vec![vec![(0, 10, 1), (2, 8, 0), (4, 6, 2)]], "##..##..##")]
    #[case::a_function_that_was_not_called(vec![vec![(0, 10, 1)], vec![(2, 6, 0)]], "##....####")]
    #[case::a_function_inside_one_that_was_not_called(
        vec![vec![(0, 10, 1)], vec![(2, 8, 0)], vec![(4, 6, 0)]],
        "##......##"
    )]
    #[case::a_function_that_was_called_in_a_block_that_ended_early(
        vec![vec![(0, 10, 1), (5, 10, 0)], vec![(6, 9, 3)]],
        "#####.###."
    )]
    #[case::in_another_order(vec![vec![(2, 6, 0)], vec![(0, 10, 1)]], "##....####")]
    #[case::a_function_as_long_as_the_block_around_it(
        vec![vec![(0, 10, 1), (2, 6, 0)], vec![(2, 6, 4)]],
        "##########"
    )]
    #[case::longer_than_the_text(vec![vec![(0, 99, 1)]], "##########")]
    fn inner_ranges_overrule_outer_ones(
        #[case] functions: Vec<Vec<(usize, usize, u64)>>,
        #[case] expected: &str,
    ) {
        let functions: Vec<Function> = functions.iter().map(|ranges| function(ranges)).collect();
        assert_eq!(drawn(&Executed::of(&functions, 10), 10), expected);
    }

    #[test]
    fn what_two_threads_executed_is_what_either_did() {
        let mut both = Executed::of(&[function(&[(0, 6, 1), (2, 4, 0)])], 6);
        both.add(&Executed::of(&[function(&[(0, 6, 1), (3, 6, 0)])], 6));
        assert_eq!(drawn(&both, 6), "###.##");
    }

    #[test]
    fn a_function_whose_blocks_were_not_counted_is_told() {
        let mut one = function(&[(2, 4, 3)]);
        one.is_block_coverage = false;
        let never = Function { is_block_coverage: false, ..function(&[(4, 6, 0)]) };
        assert_eq!(Executed::of(&[one, never], 6).unknown(), [(2, 4)]);
    }

    proptest! {
        #[test]
        fn adding_takes_nothing_away(
            first in proptest::collection::vec((0_usize..30, 0_usize..30, 0_u64..2), 0..6),
            second in proptest::collection::vec((0_usize..30, 0_usize..30, 0_u64..2), 0..6),
        ) {
            let one = Executed::of(&[function(&first)], 30);
            let other = Executed::of(&[function(&second)], 30);
            let mut both = one.clone();
            both.add(&other);
            for at in 0..30 {
                prop_assert_eq!(both.at(at), one.at(at) || other.at(at));
            }
        }
    }
}
