//! Makes a story smaller as long as it still shows what it showed: delta debugging over steps, devices, fields and values.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::compare::OutcomePair;
use super::situation::Situation;
use super::story::{Action, Caller, Connect, Credential, Record, Route, Setting, Story, StoryStep, Tokens};

/// Candidates of one story in a round. The first ones leave out most, and if one of them works the others are not needed.
const IN_A_ROUND: usize = 12;

/// A story that is being shrunk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shrinker {
    /// The smallest story so far that shows it.
    pub story: Story,
    /// What it shows.
    pub pair: OutcomePair,
    /// The situation in which the smallest story shows it.
    pub situation: Situation,
    tried: HashSet<Story>,
}

impl Shrinker {
    /// Starts with a story that shows a difference in some situation.
    pub fn new(story: Story, pair: OutcomePair, situation: Situation) -> Self {
        Self { story, pair, situation, tried: HashSet::new() }
    }

    /// The stories to try next, each smaller than the smallest one so far; none if it cannot be made smaller.
    pub fn candidates(&mut self) -> Vec<Story> {
        let bound = weight(&self.story);
        let mut found = Vec::new();
        for candidate in smaller(&self.story) {
            if found.len() == IN_A_ROUND {
                break;
            }
            if candidate.is_whole() && weight(&candidate) < bound && self.tried.insert(candidate.clone()) {
                found.push(candidate);
            }
        }
        found
    }

    /// Whether a difference that a candidate shows is the one that is sought: the same outcomes, in a situation that has
    /// nothing that the original did not have.
    pub fn accepts(&self, pair: &OutcomePair, situation: &Situation) -> bool {
        *pair == self.pair && situation.is_subset(&self.situation)
    }

    /// Goes on from a candidate that shows the difference. Larger ones than the smallest so far are ignored.
    pub fn take(&mut self, story: Story, situation: Situation) {
        if weight(&story) < weight(&self.story) {
            self.story = story;
            self.situation = situation;
        }
    }
}

/// A measure of stories that every step of shrinking lowers.
pub fn weight(story: &Story) -> usize {
    let setting = if story.setting == Setting::Plain { 0 } else { 10 };
    let owner = if story.has_owner() { 40 } else { 0 };
    let devices: usize = story
        .devices
        .iter()
        .map(|device| {
            let record = device.record.as_ref().map_or(0, record_weight);
            let request = device.request.as_ref().map_or(0, |request| {
                20 + request.scopes.len()
                    + usize::from(request.role != "operator")
                    + 2 * usize::from(request.expired)
            });
            50 + record + request
        })
        .sum();
    let steps: usize = story
        .steps
        .iter()
        .map(|step| {
            let caller = if matches!(step.caller(), Some(Caller::Connection(_))) { 4 } else { 0 };
            100 + caller
                + match step {
                    StoryStep::Connect(connect) => connect_weight(connect),
                    StoryStep::Manage { action: Action::Rotate(_, Some(scopes)), .. } => 1 + scopes.len(),
                    _ => 0,
                }
        })
        .sum();
    setting + owner + devices + steps
}

fn record_weight(record: &Record) -> usize {
    let tokens = match &record.tokens {
        Tokens::Usual => 0,
        Tokens::Absent => 4,
        Tokens::Map(tokens) => 4 + tokens.len(),
    };
    let uncommon = record.scopes.iter().filter(|scope| *scope != "operator.read").count();
    20 + 2 * record.roles.len()
        + record.scopes.len()
        + uncommon
        + tokens
        + 3 * record.omit.len()
        + 3 * usize::from(record.persona.is_some())
}

fn connect_weight(connect: &Connect) -> usize {
    let scopes = connect.scopes.as_ref().map_or(0, |scopes| {
        2 + scopes.len() + scopes.iter().filter(|scope| *scope != "operator.read").count()
    });
    4 * usize::from(!matches!(connect.persona.as_str(), "cli" | "node-host"))
        + 3 * usize::from(connect.role.is_some())
        + scopes
        + 5 * usize::from(connect.auth != Credential::Shared)
        + 5 * usize::from(connect.route != Route::Local)
        + 3 * usize::from(connect.protocol.is_some())
        + 3 * usize::from(connect.proof.is_some())
        + 3 * usize::from(connect.platform.is_some())
        + 3 * usize::from(connect.family.is_some())
        + 3 * usize::from(connect.oddity.is_some())
        + 2 * connect.commands.len()
}

/// Smaller stories, those with large parts left out first.
fn smaller(story: &Story) -> Vec<Story> {
    let mut found = Vec::new();
    let count = story.steps.len();
    let mut size = count;
    while size > 0 {
        for from in (0..count).step_by(size) {
            let mut one = story.clone();
            one.steps.drain(from..count.min(from + size));
            found.push(tidied(one));
        }
        size /= 2;
    }
    if story.setting != Setting::Plain {
        found.push(Story { setting: Setting::Plain, ..story.clone() });
    }
    for at in 0..story.devices.len() {
        devices(story, at, &mut found);
    }
    for at in 0..count {
        steps(story, at, &mut found);
    }
    // Everything ordinary at once, which often works and then saves many rounds.
    let mut plain = story.clone();
    for step in &mut plain.steps {
        if let StoryStep::Connect(connect) = step {
            let persona = if connect.asked_role() == "node" { "node-host" } else { "cli" };
            *connect = Connect::usual(connect.number, connect.device, persona);
        }
    }
    found.insert(0, tidied(plain));
    found
}

/// Without what refers to something that is no longer there, and without devices that take no part.
fn tidied(mut story: Story) -> Story {
    let mut gone = true;
    while gone {
        gone = false;
        for at in 0..story.steps.len() {
            let mut without = story.clone();
            without.steps.truncate(at + 1);
            if !without.is_whole() && !story.steps[..=at].iter().all(|step| *step == StoryStep::Restart) {
                story.steps.remove(at);
                gone = true;
                break;
            }
        }
    }
    let of_token = |step: &StoryStep| match step.connect().map(|connect| &connect.auth) {
        Some(Credential::Stored(device, _) | Credential::WrongBesideStored(device, _)) => Some(*device),
        _ => None,
    };
    let steps = std::mem::take(&mut story.steps);
    story.devices.retain(|device| {
        steps.iter().any(|step| step.device() == Some(device.number) || of_token(step) == Some(device.number))
    });
    story.steps = steps;
    story
}

fn devices(story: &Story, at: usize, found: &mut Vec<Story>) {
    let mut with = |change: &dyn Fn(&mut super::story::StoryDevice)| {
        let mut one = story.clone();
        change(&mut one.devices[at]);
        found.push(one);
    };
    let device = &story.devices[at];
    if device.request.is_some() {
        with(&|device| device.request = None);
        with(&|device| {
            if let Some(request) = &mut device.request {
                request.expired = false;
            }
        });
        with(&|device| {
            if let Some(request) = &mut device.request {
                request.scopes.clear();
            }
        });
        with(&|device| {
            if let Some(request) = &mut device.request {
                "operator".clone_into(&mut request.role);
            }
        });
    }
    let Some(record) = &device.record else { return };
    with(&|device| device.record = None);
    let mut change = |change: &dyn Fn(&mut Record)| {
        with(&|device| device.record.iter_mut().for_each(change));
    };
    change(&|record| record.persona = None);
    change(&|record| record.omit.clear());
    change(&|record| record.tokens = Tokens::Usual);
    change(&|record| record.scopes.clear());
    change(&|record| record.scopes = vec!["operator.read".to_owned()]);
    for role in &record.roles {
        // A role goes with its token, so that what is left fits together.
        change(&|record| {
            record.roles.retain(|one| one != role);
            if let Tokens::Map(tokens) = &mut record.tokens {
                tokens.remove(role);
            }
            if role == "operator" {
                record.scopes.clear();
            }
        });
    }
    if let Tokens::Map(tokens) = &record.tokens {
        for role in tokens.keys() {
            change(&|record| {
                if let Tokens::Map(tokens) = &mut record.tokens {
                    tokens.remove(role);
                }
            });
        }
    }
    for scope in &record.scopes {
        change(&|record| record.scopes.retain(|one| one != scope));
    }
    for key in &record.omit {
        change(&|record| record.omit.retain(|one| one != key));
    }
}

fn steps(story: &Story, at: usize, found: &mut Vec<Story>) {
    let mut with = |change: &dyn Fn(&mut StoryStep)| {
        let mut one = story.clone();
        change(&mut one.steps[at]);
        found.push(tidied(one));
    };
    if matches!(story.steps[at].caller(), Some(Caller::Connection(_))) {
        with(&|step| match step {
            StoryStep::Manage { by, .. } | StoryStep::Call { by, .. } | StoryStep::Hear { by, .. } => {
                *by = Caller::Owner;
            }
            _ => {}
        });
    }
    with(&|step| {
        if let StoryStep::Manage { action: Action::Rotate(_, scopes), .. } = step {
            *scopes = None;
        }
    });
    let Some(connect) = story.steps[at].connect() else { return };
    let mut change = |change: &dyn Fn(&mut Connect)| {
        with(&|step| {
            if let StoryStep::Connect(connect) = step {
                change(connect);
            }
        });
    };
    let plain = if connect.asked_role() == "node" { "node-host" } else { "cli" };
    change(&|connect| {
        plain.clone_into(&mut connect.persona);
        connect.role = None;
    });
    change(&|connect| plain.clone_into(&mut connect.persona));
    change(&|connect| {
        "cli".clone_into(&mut connect.persona);
        connect.role = None;
        connect.scopes = None;
    });
    change(&|connect| connect.scopes = None);
    change(&|connect| connect.scopes = Some(Vec::new()));
    change(&|connect| connect.auth = Credential::Shared);
    change(&|connect| connect.route = Route::Local);
    change(&|connect| connect.protocol = None);
    change(&|connect| connect.proof = None);
    change(&|connect| connect.platform = None);
    change(&|connect| connect.family = None);
    change(&|connect| connect.oddity = None);
    change(&|connect| connect.commands.clear());
    for scope in connect.scopes.iter().flatten() {
        change(&|connect| {
            if let Some(scopes) = &mut connect.scopes {
                scopes.retain(|one| one != scope);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::super::generate::Generator;
    use super::super::render::{Hears, Looks, Part, scenario};
    use super::super::situation::{kind, situation};
    use super::super::weights::{BUILT_IN, Weights};
    use super::*;

    /// A scripted pair of targets: they differ in every connect whose situation has this word.
    fn shows(story: &Story, word: &str) -> Option<Situation> {
        (0..story.steps.len()).map(Part::Step).find_map(|part| {
            let situation = situation(story, part);
            (kind(story, part) == "connect" && situation.contains(word)).then_some(situation)
        })
    }

    fn pair() -> OutcomePair {
        OutcomePair {
            kind: "connect".to_owned(),
            first: "hello".to_owned(),
            second: "closed".to_owned(),
            place: String::new(),
            law: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_shrunk_story_still_shows_its_difference_and_shrinking_ends(
            seed in any::<u64>(),
            word in prop::sample::select(vec!["token:revoked", "route:forwarded-for", "role:node", "auth:wrong"]),
        ) {
            let weights = Weights::read(BUILT_IN).unwrap();
            let generator = Generator::new(&weights, &[]).unwrap();
            let mut rng = Rng::with_seed(seed);
            let found = (0..400).find_map(|_| {
                let story = generator.story(&mut rng);
                shows(&story, word).map(|situation| (story, situation))
            });
            let Some((story, original)) = found else { return Ok(()) };
            let mut shrinker = Shrinker::new(story.clone(), pair(), original.clone());
            let mut rounds = 0;
            loop {
                let candidates = shrinker.candidates();
                if candidates.is_empty() {
                    break;
                }
                rounds += 1;
                prop_assert!(rounds < 200);
                for candidate in candidates {
                    if let Some(situation) = shows(&candidate, word)
                        && shrinker.accepts(&pair(), &situation)
                    {
                        shrinker.take(candidate, situation);
                    }
                }
            }
            prop_assert!(shows(&shrinker.story, word).is_some(), "{:?}", shrinker.story);
            prop_assert!(shrinker.situation.is_subset(&original));
            prop_assert!(weight(&shrinker.story) <= weight(&story));
            prop_assert!(shrinker.story.steps.len() <= 3, "{:?}", shrinker.story);
            prop_assert!(scenario(&shrinker.story, "explore/one", Looks::AtEnd, Hears::Soon).is_ok());
        }

        #[test]
        fn every_candidate_is_whole_smaller_and_a_scenario(seed in any::<u64>()) {
            let weights = Weights::read(BUILT_IN).unwrap();
            let generator = Generator::new(&weights, &[]).unwrap();
            let story = generator.story(&mut Rng::with_seed(seed));
            let mut shrinker = Shrinker::new(story.clone(), pair(), Situation::new());
            for candidate in shrinker.candidates() {
                prop_assert!(candidate.is_whole());
                prop_assert!(weight(&candidate) < weight(&story));
                let read = scenario(&candidate, "explore/one", Looks::Only(&[]), Hears::Soon);
                prop_assert!(read.is_ok(), "{:?}", read.err());
            }
        }
    }
}
