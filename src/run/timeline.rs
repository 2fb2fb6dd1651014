//! All transitions of a row over releases.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Cell, ScenarioInfo};
use crate::release::Release;
use crate::verdict::Verdict;

/// How a scenario behaves over releases, in the order of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Id of the scenario.
    pub scenario: String,
    /// Stretches of equal behaviour.
    pub stretches: Vec<Stretch>,
}

/// Neighbouring releases that behave alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// First measured release.
    pub first: Release,
    /// Last measured release.
    pub last: Release,
    /// What they do: `ok`, or the word of the signature, or `?` where nothing can be said.
    pub behaviour: String,
}

/// The timelines of all scenarios that were measured on at least one release.
pub fn timelines(scenarios: &[ScenarioInfo], cells: &[Cell]) -> Vec<Timeline> {
    scenarios
        .iter()
        .filter_map(|scenario| {
            let mut measured: Vec<(Release, String)> = cells
                .iter()
                .filter(|cell| cell.scenario == scenario.id)
                .filter_map(|cell| Some((cell.release?, behaviour(cell))))
                .collect();
            measured.sort_by_key(|(release, _)| *release);
            let stretches = stretches(&measured);
            (!stretches.is_empty()).then(|| Timeline { scenario: scenario.id.clone(), stretches })
        })
        .collect()
}

/// What a cell shows, in a word.
pub fn behaviour(cell: &Cell) -> String {
    match (&cell.signature, cell.verdict) {
        (_, Verdict::Untestable | Verdict::Error) => "?".to_owned(),
        (_, Verdict::Flaky) => "flaky".to_owned(),
        (Some(signature), _) => signature.word(),
        (None, _) => "ok".to_owned(),
    }
}

fn stretches(measured: &[(Release, String)]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (release, behaviour) in measured {
        match stretches.last_mut() {
            Some(open) if open.behaviour == *behaviour => open.last = *release,
            _ => stretches.push(Stretch { first: *release, last: *release, behaviour: behaviour.clone() }),
        }
    }
    stretches
}

impl fmt::Display for Timeline {
    /// Such as `ok ≤3.28 │ role-upgrade 3.31–4.1 │ ok ≥4.2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.stretches.len();
        for (at, stretch) in self.stretches.iter().enumerate() {
            let bar = if at == 0 { "" } else { " │ " };
            let (first, last) = (stretch.first.short(), stretch.last.short());
            let span = match at {
                _ if first == last => first,
                0 => format!("≤{last}"),
                _ if at + 1 == count => format!("≥{first}"),
                _ => format!("{first}–{last}"),
            };
            write!(f, "{bar}{} {span}", stretch.behaviour)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeline(words: &[(&str, &str)]) -> Timeline {
        let measured: Vec<_> =
            words.iter().map(|(release, word)| (release.parse().unwrap(), (*word).to_owned())).collect();
        Timeline { scenario: "x".into(), stretches: stretches(&measured) }
    }

    #[test]
    fn a_timeline_reads_as_a_story() {
        let founding = timeline(&[
            ("2026.3.24", "ok"),
            ("2026.3.28", "ok"),
            ("2026.3.31", "role-upgrade"),
            ("2026.4.1", "role-upgrade"),
            ("2026.4.2", "ok"),
            ("2026.5.12", "ok"),
            ("2026.5.18", "role-upgrade"),
            ("2026.9.6", "role-upgrade"),
        ]);
        assert_eq!(
            founding.to_string(),
            "ok ≤3.28 │ role-upgrade 3.31–4.1 │ ok 4.2–5.12 │ role-upgrade ≥5.18"
        );
        assert_eq!(timeline(&[("2026.3.28", "ok")]).to_string(), "ok 3.28");
    }

    proptest! {
        #[test]
        fn neighbouring_stretches_differ_and_cover_everything(words in prop::collection::vec(0u8..3, 1..20)) {
            let measured: Vec<_> =
                words.iter().zip(1u16..).map(|(word, day)| (Release::new(2026, 3, day), word.to_string())).collect();
            let found = stretches(&measured);
            prop_assert!(found.windows(2).all(|pair| pair[0].behaviour != pair[1].behaviour));
            prop_assert_eq!(found[0].first, measured[0].0);
            prop_assert_eq!(found[found.len() - 1].last, measured[measured.len() - 1].0);
        }
    }
}
