//! Twins: for a law that says that two stories have the same answers, the other story.

use super::story::{
    Action, Caller, Connect, ConnectionNumber, Credential, DeviceNumber, Story, StoryDevice, StoryStep,
};
use crate::laws::LawName;

/// Twins of one story that are tried.
const MOST: usize = 8;

/// Another story in which the same steps have the same answers, if a law holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Twin {
    /// The other story.
    pub story: Story,
    /// For each step of the first story its index in the other one; none for steps that are not compared.
    pub steps: Vec<Option<usize>>,
    /// A step of the first story, and another step of the other one that has the same answer as well.
    pub again: Option<(usize, usize)>,
}

/// All twins of a story by a law, up to a number.
pub(super) fn twins(law: LawName, story: &Story) -> Vec<Twin> {
    let places = 0..=story.steps.len();
    let mut found: Vec<Twin> = match law {
        LawName::RestartChangesNothing => places.filter_map(|at| restarted(story, at)).collect(),
        LawName::AskingTwiceIsAskingOnce => places.filter_map(|at| asked_twice(story, at)).collect(),
        LawName::ApprovalServesOneDevice => {
            story.devices.iter().filter_map(|one| unapproved(story, one.number)).collect()
        }
        LawName::IndependentDevicesCommute => places.filter_map(|at| swapped(story, at)).collect(),
        LawName::UnrelatedDeviceChangesNothing => places.filter_map(|at| accompanied(story, at)).collect(),
        _ => Vec::new(),
    };
    // Waiting for an event is no question, and what it brings depends on when one waits.
    for twin in &mut found {
        for (step, to) in story.steps.iter().zip(&mut twin.steps) {
            if matches!(step, StoryStep::Hear { .. }) {
                *to = None;
            }
        }
    }
    found.retain(|twin| twin.story.is_whole() && twin.steps.iter().any(Option::is_some));
    found.truncate(MOST);
    found
}

/// The indices of a story's steps after something was inserted at a place.
fn moved(story: &Story, at: usize) -> Vec<Option<usize>> {
    (0..story.steps.len()).map(|step| Some(if step < at { step } else { step + 1 })).collect()
}

fn restarted(story: &Story, at: usize) -> Option<Twin> {
    if at == 0 || at == story.steps.len() || story.steps[at - 1] == StoryStep::Restart {
        return None;
    }
    let mut twin = story.clone();
    twin.steps.insert(at, StoryStep::Restart);
    Some(Twin { story: twin, steps: moved(story, at), again: None })
}

fn next_connection(story: &Story) -> ConnectionNumber {
    story.connects().map(|one| one.number + 1).max().unwrap_or_default()
}

fn asked_twice(story: &Story, at: usize) -> Option<Twin> {
    let mut again = story.steps.get(at)?.clone();
    match &mut again {
        StoryStep::Connect(connect) => {
            let number = connect.number;
            // A second connection may take the place of the first one, which then cannot go on.
            let goes_on = |step: &StoryStep| {
                step.caller() == Some(Caller::Connection(number)) || *step == StoryStep::Disconnect(number)
            };
            if story.steps.iter().any(goes_on) {
                return None;
            }
            connect.number = next_connection(story);
        }
        StoryStep::Call { .. } => {}
        _ => return None,
    }
    let mut twin = story.clone();
    twin.steps.insert(at + 1, again);
    Some(Twin { story: twin, steps: moved(story, at + 1), again: Some((at, at + 1)) })
}

/// All devices that a step has to do with.
fn devices_of(story: &Story, step: &StoryStep) -> Vec<DeviceNumber> {
    let of_connection = |number: ConnectionNumber| {
        story.connects().find(|one| one.number == number).and_then(|one| one.device)
    };
    let by_auth = match step.connect().map(|connect| &connect.auth) {
        Some(Credential::Stored(device, _) | Credential::WrongBesideStored(device, _)) => Some(*device),
        Some(Credential::Issued(from)) => of_connection(*from),
        _ => None,
    };
    let by_caller = step.caller().and_then(Caller::connection).and_then(of_connection);
    step.device().into_iter().chain(by_auth).chain(by_caller).collect()
}

fn unapproved(story: &Story, device: DeviceNumber) -> Option<Twin> {
    let approves = |step: &StoryStep| matches!(step, StoryStep::Manage { action: Action::Approve | Action::ApproveFirst, device: of, .. } if *of == device);
    if !story.steps.iter().any(approves) {
        return None;
    }
    let mut twin = Story { steps: Vec::new(), ..story.clone() };
    let mut steps = Vec::new();
    for step in &story.steps {
        let concerned = devices_of(story, step).contains(&device) || step.device().is_none();
        steps.push((!concerned).then_some(twin.steps.len()));
        if !approves(step) {
            twin.steps.push(step.clone());
        }
    }
    Some(Twin { story: twin, steps, again: None })
}

fn swapped(story: &Story, at: usize) -> Option<Twin> {
    let (one, other) = (story.steps.get(at)?, story.steps.get(at + 1)?);
    let fits = |step: &StoryStep| {
        matches!(step, StoryStep::Connect(Connect { device: Some(_), .. }) | StoryStep::Manage { .. })
    };
    let (left, right) = (devices_of(story, one), devices_of(story, other));
    if !fits(one) || !fits(other) || left.iter().any(|device| right.contains(device)) {
        return None;
    }
    let mut twin = story.clone();
    twin.steps.swap(at, at + 1);
    let steps = (0..story.steps.len()).map(|step| {
        Some(match step {
            _ if step == at => at + 1,
            _ if step == at + 1 => at,
            _ => step,
        })
    });
    Some(Twin { story: twin, steps: steps.collect(), again: None })
}

fn accompanied(story: &Story, at: usize) -> Option<Twin> {
    let number = story.devices.iter().map(|one| one.number + 1).max()?;
    let mut twin = story.clone();
    twin.devices.push(StoryDevice { number, record: None, request: None });
    twin.steps.insert(at, StoryStep::Connect(Connect::usual(next_connection(story), Some(number), "cli")));
    Some(Twin { story: twin, steps: moved(story, at), again: None })
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::super::generate::Generator;
    use super::super::render::{Hears, Looks, scenario};
    use super::super::weights::{BUILT_IN, Weights};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn every_twin_is_a_scenario_that_has_the_compared_steps(
            seed in any::<u64>(),
            law in prop::sample::select(&LawName::OF_TWO_STORIES[..]),
        ) {
            let weights = Weights::read(BUILT_IN).unwrap();
            let generator = Generator::new(&weights, &[]).unwrap();
            let story = generator.story(&mut Rng::with_seed(seed));
            for twin in twins(law, &story) {
                prop_assert_ne!(&twin.story, &story);
                prop_assert_eq!(twin.steps.len(), story.steps.len());
                for (step, to) in story.steps.iter().zip(&twin.steps) {
                    if let Some(to) = to {
                        prop_assert_eq!(step, &twin.story.steps[*to]);
                    }
                }
                let read = scenario(&twin.story, "explore/one", Looks::AtEnd, Hears::Soon);
                prop_assert!(read.is_ok(), "{:?}", read.err());
            }
        }
    }

    #[test]
    fn each_law_of_two_stories_has_twins() {
        let weights = Weights::read(BUILT_IN).unwrap();
        let generator = Generator::new(&weights, &[]).unwrap();
        let mut rng = Rng::with_seed(1);
        let stories: Vec<Story> = (0..400).map(|_| generator.story(&mut rng)).collect();
        for law in LawName::OF_TWO_STORIES {
            assert!(stories.iter().any(|story| !twins(law, story).is_empty()), "{law}");
        }
    }
}
