//! The coverage profiles of V8: which code a thread has executed.

use serde::Deserialize;

/// The file that Node writes for each thread if `NODE_V8_COVERAGE` names a folder.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct V8Profile {
    /// The scripts that were loaded.
    pub result: Vec<V8Script>,
}

/// A script that was loaded.
#[derive(Clone, Debug, Deserialize)]
pub struct V8Script {
    /// The URL of the file.
    pub url: String,
    /// Its functions; the first one is the script itself.
    pub functions: Vec<Function>,
}

/// The counts of one function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// The whole function, then the blocks in it that were executed a different number of times.
    pub ranges: Vec<Counted>,
    /// Whether V8 counted its blocks as well as its calls.
    #[serde(default)]
    pub is_block_coverage: bool,
}

/// How often a range of a script was executed. The offsets count UTF-16 units.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// The first unit of the range.
    pub start_offset: usize,
    /// The end: one past the last unit.
    pub end_offset: usize,
    /// How often it was executed.
    pub count: u64,
}

/// The UTF-16 units of a script that were executed by any thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    units: Vec<bool>,
    /// Functions that were called but whose blocks V8 did not count.
    unknown: Vec<(usize, usize)>,
}

impl Executed {
    /// No executed units, for a script of this length.
    pub fn nothing(length: usize) -> Self {
        Self { units: vec![false; length], unknown: Vec::new() }
    }

    /// The units that one thread has executed, for a script of this length.
    pub fn of(functions: &[Function], length: usize) -> Self {
        let mut ranges: Vec<Counted> = functions.iter().flat_map(|one| one.ranges.iter().copied()).collect();
        // Ranges are nested or disjoint, so sorting puts inner ranges after those around them. Of two equal ranges, V8 writes
        // the inner one later.
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

    /// Adds the units that another thread has executed of the same script.
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

    /// The ranges of functions that were called but whose blocks were not counted.
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
    fn inner_ranges_override_outer_ones(
        #[case] functions: Vec<Vec<(usize, usize, u64)>>,
        #[case] expected: &str,
    ) {
        let functions: Vec<Function> = functions.iter().map(|ranges| function(ranges)).collect();
        assert_eq!(drawn(&Executed::of(&functions, 10), 10), expected);
    }

    #[test]
    fn a_unit_is_executed_if_either_thread_executed_it() {
        let mut both = Executed::of(&[function(&[(0, 6, 1), (2, 4, 0)])], 6);
        both.add(&Executed::of(&[function(&[(0, 6, 1), (3, 6, 0)])], 6));
        assert_eq!(drawn(&both, 6), "###.##");
    }

    #[test]
    fn a_called_function_without_counted_blocks_is_reported() {
        let mut one = function(&[(2, 4, 3)]);
        one.is_block_coverage = false;
        let never = Function { is_block_coverage: false, ..function(&[(4, 6, 0)]) };
        assert_eq!(Executed::of(&[one, never], 6).unknown(), [(2, 4)]);
    }

    proptest! {
        #[test]
        fn adding_keeps_what_was_executed(
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
