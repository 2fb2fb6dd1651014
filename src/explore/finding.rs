//! Findings: differences folded into classes, and the shrinking that makes a class of a difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compare::{Difference, OutcomePair};
use super::render::Part;
use super::shrink::Shrinker;
use super::situation::Situation;
use super::story::Story;
use crate::laws::LawName;

/// Stories of one pair of outcomes that are shrunk at the same time. The others wait: most of them turn out to be explained.
const AT_ONCE: usize = 3;

/// Stories of one pair of outcomes that may wait.
const WAITING: usize = 60;

/// A class of differences: a pair of outcomes in a situation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The pair of outcomes.
    pub pair: OutcomePair,
    /// What has to be out of the ordinary for it to show.
    pub situation: Situation,
    /// The smallest story that shows it.
    pub story: Story,
    /// How many stories showed it.
    pub count: usize,
    /// Whether it showed in every run in which it was alone on its gateway; `None` if that was not tried.
    pub confirmed: Option<bool>,
    /// The story that its scenario tells, with what each target did; `None` if it was not confirmed.
    #[serde(default)]
    pub told: Option<Told>,
}

/// A story and what happened in it, as expectations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The story; of a law that compares two stories, the other one of the two.
    pub story: Story,
    /// What each step stands for.
    pub parts: Vec<Part>,
    /// What the first and the second target did in each step, or what a law wants and what the target did; null for a step
    /// without an outcome.
    pub outcomes: [Vec<serde_json::Value>; 2],
}

/// All findings so far, and the stories that are still being shrunk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    findings: Vec<Finding>,
    open: Vec<(Shrinker, usize)>,
    #[serde(with = "as_list")]
    waiting: BTreeMap<OutcomePair, Vec<(Story, Situation)>>,
}

/// A map as a list of pairs: keys of JSON objects are texts.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl Ledger {
    /// The findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings, with what is still being shrunk as it is now.
    pub fn into_findings(mut self) -> Vec<Finding> {
        for (shrinker, count) in std::mem::take(&mut self.open) {
            self.settle(shrinker, count);
        }
        for (pair, stories) in std::mem::take(&mut self.waiting) {
            for (story, situation) in stories {
                if !self.explained(&pair, &situation) {
                    self.settle(Shrinker::new(story, pair.clone(), situation), 1);
                }
            }
        }
        self.findings
    }

    /// Notes a difference that a story shows. It is folded into the class that explains it, or else starts a class.
    pub fn note(&mut self, story: &Story, difference: &Difference) {
        let Difference { pair, situation, .. } = difference;
        if self.explained(pair, situation) {
            return;
        }
        let being_shrunk =
            self.open.iter_mut().find(|(one, _)| one.pair == *pair && one.situation.is_subset(situation));
        if let Some((_, count)) = being_shrunk {
            *count += 1;
            return;
        }
        if self.open.iter().filter(|(one, _)| one.pair == *pair).count() < AT_ONCE {
            self.open.push((Shrinker::new(story.clone(), pair.clone(), situation.clone()), 1));
            return;
        }
        let waiting = self.waiting.entry(pair.clone()).or_default();
        if waiting.len() < WAITING {
            waiting.push((story.clone(), situation.clone()));
        }
    }

    /// Whether a finding explains a difference, which is then counted.
    fn explained(&mut self, pair: &OutcomePair, situation: &Situation) -> bool {
        let found =
            self.findings.iter_mut().find(|one| one.pair == *pair && one.situation.is_subset(situation));
        found.map(|one| one.count += 1).is_some()
    }

    /// The stories that are to run next so that open classes shrink, each with the number of its class for
    /// [`answer`](Self::answer). Classes that cannot be shrunk further become findings.
    pub fn candidates(&mut self) -> Vec<(usize, Story)> {
        loop {
            let mut found = Vec::new();
            let mut done = Vec::new();
            for (at, (shrinker, _)) in self.open.iter_mut().enumerate() {
                let candidates = shrinker.candidates();
                if candidates.is_empty() {
                    done.push(at);
                }
                found.extend(candidates.into_iter().map(|story| (at, story)));
            }
            if done.is_empty() {
                return found;
            }
            // Numbers change when classes are closed, so all candidates are made again; those made so far count as
            // tried and come back only through the classes that are left.
            let kept: Vec<usize> = (0..self.open.len()).filter(|at| !done.contains(at)).collect();
            let number = |old: usize| kept.iter().position(|at| *at == old);
            let found: Vec<(usize, Story)> =
                found.into_iter().filter_map(|(at, story)| Some((number(at)?, story))).collect();
            for at in done.into_iter().rev() {
                let (shrinker, count) = self.open.remove(at);
                self.settle(shrinker, count);
            }
            let before = self.open.len();
            self.promote();
            if !found.is_empty() || self.open.len() == before {
                return found;
            }
        }
    }

    /// The differences that a candidate shows.
    pub fn answer(&mut self, class: usize, story: &Story, differences: &[Difference]) {
        let Some((shrinker, _)) = self.open.get_mut(class) else { return };
        let shown = differences.iter().find(|one| shrinker.accepts(&one.pair, &one.situation));
        if let Some(difference) = shown {
            shrinker.take(story.clone(), difference.situation.clone());
        }
    }

    /// The law that a class breaks, if it is one of a law.
    pub fn law(&self, class: usize) -> Option<LawName> {
        self.open.get(class).and_then(|(shrinker, _)| shrinker.pair.law)
    }

    /// Whether anything is left to shrink.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty()
    }

    /// A shrunk class becomes a finding, unless another one explains it; it takes in those that it explains.
    fn settle(&mut self, shrinker: Shrinker, count: usize) {
        let Shrinker { story, pair, situation, .. } = shrinker;
        let same =
            self.findings.iter_mut().find(|one| one.pair == pair && one.situation.is_subset(&situation));
        if let Some(same) = same {
            same.count += count;
            return;
        }
        let mut finding = Finding { pair, situation, story, count, confirmed: None, told: None };
        self.findings.retain(|one| {
            let explained = one.pair == finding.pair && finding.situation.is_subset(&one.situation);
            if explained {
                finding.count += one.count;
            }
            !explained
        });
        self.findings.push(finding);
    }

    /// Starts to shrink stories that waited, unless they are explained by now.
    fn promote(&mut self) {
        for (pair, stories) in std::mem::take(&mut self.waiting) {
            for (story, situation) in stories {
                let difference = Difference {
                    position: 0,
                    pair: pair.clone(),
                    situation,
                    values: Default::default(),
                    wanted: None,
                };
                self.note(&story, &difference);
            }
        }
    }

    /// Takes over what another ledger knows of the same findings from running them alone.
    pub fn take_confirmed(&mut self, other: &Self) {
        for finding in &mut self.findings {
            let same = |one: &&Finding| one.pair == finding.pair && one.situation == finding.situation;
            if let Some(known) = other.findings.iter().find(same) {
                finding.confirmed = known.confirmed;
                finding.told.clone_from(&known.told);
            }
        }
    }

    /// Stores whether a finding showed when it was alone, and what the targets did then.
    pub fn confirm(&mut self, number: usize, confirmed: bool, told: Option<Told>) {
        if let Some(finding) = self.findings.get_mut(number) {
            finding.confirmed = Some(confirmed);
            finding.told = told;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Connect;
    use crate::explore::StoryStep;

    fn difference(words: &[&str]) -> Difference {
        Difference {
            position: 0,
            pair: OutcomePair {
                kind: "connect".into(),
                first: "hello".into(),
                second: "closed 1008".into(),
                place: String::new(),
                law: None,
            },
            situation: words.iter().map(|word| (*word).to_owned()).collect(),
            values: Default::default(),
            wanted: None,
        }
    }

    fn story() -> Story {
        Story { steps: vec![StoryStep::Connect(Connect::usual(0, None, "cli"))], ..Story::default() }
    }

    #[test]
    fn a_difference_is_folded_into_the_class_that_explains_it() {
        let mut ledger = Ledger::default();
        ledger.note(&story(), &difference(&["paired", "tokens:empty"]));
        while !ledger.is_settled() {
            for (class, candidate) in ledger.candidates() {
                ledger.answer(class, &candidate, &[]);
            }
        }
        ledger.note(&story(), &difference(&["paired", "tokens:empty", "role:node"]));
        assert_eq!(ledger.findings().len(), 1);
        assert_eq!(ledger.findings()[0].count, 2);
        ledger.note(&story(), &difference(&["paired", "token:revoked"]));
        assert_eq!(ledger.into_findings().len(), 2);
    }

    #[test]
    fn a_wider_class_takes_in_the_narrower_ones() {
        let mut ledger = Ledger::default();
        for words in [&["a", "b"][..], &["a"]] {
            ledger.note(&story(), &difference(words));
        }
        let findings = ledger.into_findings();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].situation.len(), 1);
        assert_eq!(findings[0].count, 2);
    }
}
