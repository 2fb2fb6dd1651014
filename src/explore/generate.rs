//! Makes random stories, and changes stories at random.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::render::Part;
use super::situation::situation;
use super::story::{
    Action, Caller, Connect, ConnectionNumber, Credential, DeviceNumber, Oddity, ProofFault, Record, Request,
    Route, Setting, Story, StoryDevice, StoryStep, Stray, TokenState, Tokens,
};
use super::weights::Weights;

/// How often a story is thrown away before one that the focus does not want is taken.
const FOCUS_TRIES: usize = 60;

/// The longest story that a change may make.
const LONGEST: usize = 8;

/// Makes stories by the given weights. The same seed makes the same stories.
#[derive(Clone, Debug)]
pub struct Generator<'a> {
    weights: &'a Weights,
    focus: Vec<&'a str>,
}

impl<'a> Generator<'a> {
    /// A generator of stories about these words of the weights' `focus`; about everything if there are none.
    ///
    /// # Errors
    /// Fails with the first word that is unknown.
    pub fn new(weights: &'a Weights, focus: &[String]) -> Result<Self, String> {
        let mut beginnings = Vec::new();
        for word in focus {
            let found = weights.focus.get(word).ok_or_else(|| word.clone())?;
            beginnings.extend(found.iter().map(String::as_str));
        }
        Ok(Self { weights, focus: beginnings })
    }

    /// A random story.
    pub fn story(&self, rng: &mut Rng) -> Story {
        self.wanted(|| Maker { weights: self.weights, rng: &mut *rng, story: Story::default() }.make())
    }

    /// A story that differs a little from another one.
    pub fn changed(&self, story: &Story, rng: &mut Rng) -> Story {
        self.wanted(|| {
            let maker = Maker { weights: self.weights, rng: &mut *rng, story: story.clone() };
            maker.change()
        })
    }

    fn wanted(&self, mut make: impl FnMut() -> Story) -> Story {
        let mut story = make();
        for _ in 0..FOCUS_TRIES {
            if self.is_wanted(&story) {
                break;
            }
            story = make();
        }
        story
    }

    fn is_wanted(&self, story: &Story) -> bool {
        let begins = |word: &String| self.focus.iter().any(|beginning| word.starts_with(beginning));
        self.focus.is_empty()
            || (0..story.steps.len()).any(|at| situation(story, Part::Step(at)).iter().any(begins))
    }
}

struct Maker<'a> {
    weights: &'a Weights,
    rng: &'a mut Rng,
    story: Story,
}

impl Maker<'_> {
    fn make(mut self) -> Story {
        self.story.setting = match self.weights.settings.pick(self.rng) {
            "proxies" => Setting::Proxies,
            "password" => Setting::Password,
            "impatient" => Setting::Impatient,
            _ => Setting::Plain,
        };
        if self.story.setting == Setting::Impatient {
            // Whoever is slow on a busy machine would be cut off as well, so nobody else connects.
            self.story.steps.push(StoryStep::Stray(Stray::Silent));
            return self.story;
        }
        for number in 0..number(self.weights.devices.pick(self.rng)) {
            self.add_device(number);
        }
        let steps = number(self.weights.steps.pick(self.rng)).max(1);
        while self.story.steps.len() < usize::from(steps) {
            let before = self.story.steps.len();
            let word = self.weights.step.pick(self.rng);
            match word {
                "node-approval" => self.node_approval(),
                "device-approval" => self.device_approval(),
                "changed-family" => self.changed_family(),
                "no-device" => self.without_a_device(),
                _ => {
                    let step = self.step_of(word);
                    self.story.steps.push(step);
                }
            }
            if !self.story.is_whole() {
                self.story.steps.truncate(before);
            }
        }
        self.without_spare_devices()
    }

    fn add_device(&mut self, number: DeviceNumber) {
        let (record, request) = match self.weights.known.pick(self.rng) {
            "paired" => (Some(self.record()), None),
            "waiting" => (None, Some(self.request())),
            _ => (None, None),
        };
        self.story.devices.push(StoryDevice { number, record, request });
    }

    fn record(&mut self) -> Record {
        let roles: &[&str] = match self.weights.roles.pick(self.rng) {
            "node" => &["node"],
            "both" => &["operator", "node"],
            "none" => &[],
            _ => &["operator"],
        };
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let has_operator = roles.iter().any(|role| role == "operator");
        let scopes = if has_operator { scopes_of(self.weights.scopes.pick(self.rng)) } else { Vec::new() };
        let tokens = self.tokens(&roles);
        let omit: &[&str] = match self.weights.omitted.pick(self.rng) {
            "roles" => &["roles"],
            "role" => &["role"],
            "scopes" => &["scopes"],
            "approvedScopes" => &["approvedScopes"],
            "roles-and-scopes" => &["roles", "scopes", "approvedScopes"],
            _ => &[],
        };
        let omit = omit.iter().map(|key| (*key).to_owned()).collect();
        let is_node = roles.first().is_some_and(|role| role == "node");
        let persona = (self.rng.u8(0..8) == 0).then(|| self.persona(is_node));
        let persona = persona.filter(|one| !matches!(one.as_str(), "cli" | "node-host"));
        Record { roles, scopes, tokens, omit, persona }
    }

    fn tokens(&mut self, roles: &[String]) -> Tokens {
        let map = |entries: &[(&str, TokenState)]| {
            Tokens::Map(entries.iter().map(|(role, state)| ((*role).to_owned(), *state)).collect())
        };
        let with = |changed: &[&str]| {
            let state = |role: &String| {
                let revoked = changed.contains(&role.as_str());
                (role.clone(), if revoked { TokenState::Revoked } else { TokenState::Active })
            };
            Tokens::Map(roles.iter().map(state).collect::<BTreeMap<_, _>>())
        };
        let has = |role: &str| roles.iter().any(|one| one == role);
        match self.weights.tokens.pick(self.rng) {
            "empty" => map(&[]),
            "absent" => Tokens::Absent,
            "only-operator" => map(&[("operator", TokenState::Active)]),
            "only-node" => map(&[("node", TokenState::Active)]),
            "operator-revoked" if has("operator") => with(&["operator"]),
            "node-revoked" if has("node") => with(&["node"]),
            "all-revoked" if !roles.is_empty() => with(&["operator", "node"]),
            _ => Tokens::Usual,
        }
    }

    fn request(&mut self) -> Request {
        let role = if self.rng.u8(0..4) == 0 { "node" } else { "operator" };
        let scopes = if role == "node" { Vec::new() } else { scopes_of(self.weights.scopes.pick(self.rng)) };
        Request { role: role.to_owned(), scopes, expired: self.rng.u8(0..5) == 0 }
    }

    fn persona(&mut self, is_node: bool) -> String {
        let table = if is_node { &self.weights.nodes } else { &self.weights.operators };
        table.pick(self.rng).to_owned()
    }

    /// A step that fits what is there so far; it may still refer to something that is missing.
    fn step(&mut self) -> StoryStep {
        let word = self.weights.step.pick(self.rng);
        self.step_of(word)
    }

    fn step_of(&mut self, word: &str) -> StoryStep {
        let connections: Vec<ConnectionNumber> = self.story.connects().map(|one| one.number).collect();
        match word {
            "manage" => {
                let device = self.any_device();
                let action = self.action(device);
                StoryStep::Manage { by: self.caller(device), action, device }
            }
            "call" => {
                let method = self.weights.method.pick(self.rng).to_owned();
                StoryStep::Call { by: self.asker(), method }
            }
            "hear" => {
                let event = self.weights.event.pick(self.rng).to_owned();
                StoryStep::Hear { by: self.asker(), event, device: self.any_device() }
            }
            "stray" => StoryStep::Stray(match self.weights.stray.pick(self.rng) {
                "noise" => Stray::Noise,
                "long" => Stray::Long,
                _ => Stray::Method,
            }),
            "disconnect" if !connections.is_empty() => {
                StoryStep::Disconnect(connections[self.rng.usize(0..connections.len())])
            }
            "restart" if !self.story.steps.is_empty() => StoryStep::Restart,
            _ => StoryStep::Connect(self.connect()),
        }
    }

    /// One more device, of which nothing is known.
    fn fresh_device(&mut self) -> DeviceNumber {
        let number = self.story.devices.iter().map(|one| one.number + 1).max().unwrap_or_default();
        self.story.devices.push(StoryDevice { number, record: None, request: None });
        number
    }

    /// A device comes again with another family than the one that it was paired with.
    fn changed_family(&mut self) {
        let device = self.fresh_device();
        let persona = self.persona(false);
        for family in ["desktop", "tablet"] {
            let mut connect = Connect::usual(self.next_connection(), Some(device), &persona);
            connect.family = Some(family.to_owned());
            self.story.steps.push(StoryStep::Connect(connect));
        }
    }

    /// A client without a device is let in or not, and calls a method.
    fn without_a_device(&mut self) {
        let persona = if self.rng.bool() { "backend".to_owned() } else { self.persona(false) };
        let connect = Connect::usual(self.next_connection(), None, &persona);
        let by = Caller::Connection(connect.number);
        let method = self.weights.method.pick(self.rng).to_owned();
        self.story.steps.push(StoryStep::Connect(connect));
        self.story.steps.push(StoryStep::Call { by, method });
    }

    /// Somebody connects who may lack the scopes for what is to be approved.
    fn approver(&mut self) -> Caller {
        let device = self.fresh_device();
        let mut helper = Connect::usual(self.next_connection(), Some(device), "cli");
        helper.scopes = Some(scopes_of(self.weights.approver.pick(self.rng)));
        let by = Caller::Connection(helper.number);
        self.story.steps.push(StoryStep::Connect(helper));
        by
    }

    /// A node asks for approval, and somebody answers.
    fn node_approval(&mut self) {
        let by = self.approver();
        let (device, persona) = (self.any_device(), self.persona(true));
        let mut asks = Connect::usual(self.next_connection(), Some(device), &persona);
        asks.commands = self.node_commands();
        self.story.steps.push(StoryStep::Connect(asks));
        let action = if self.rng.u8(0..4) == 0 { Action::RejectNode } else { Action::ApproveNode };
        self.story.steps.push(StoryStep::Manage { by, action, device });
    }

    /// A device asks for something, as a rule from afar, and somebody approves it, hears of it or does something else with it.
    fn device_approval(&mut self) {
        let by = self.approver();
        let mut asks = self.connect();
        if let Some(device) = asks.device {
            (asks.auth, asks.proof) = (Credential::Shared, None);
            if self.rng.u8(0..4) != 0 {
                asks.route = Route::ForwardedFor;
            }
            self.story.steps.push(StoryStep::Connect(asks));
            let hears = |event: &str| StoryStep::Hear { by, event: event.to_owned(), device };
            let step = match self.rng.u8(0..8) {
                0..=2 => hears("device.pair.requested"),
                3 => StoryStep::Manage { by, action: self.action(device), device },
                _ => StoryStep::Manage { by, action: Action::Approve, device },
            };
            self.story.steps.push(step);
            if self.rng.u8(0..4) == 0 {
                self.story.steps.push(hears("device.pair.resolved"));
            }
        }
    }

    fn node_commands(&mut self) -> Vec<String> {
        let commands: &[&str] = match self.weights.node_commands.pick(self.rng) {
            "run" => &["system.run"],
            "other" => &["canvas.snapshot"],
            _ => &[],
        };
        commands.iter().map(|command| (*command).to_owned()).collect()
    }

    fn next_connection(&self) -> ConnectionNumber {
        self.story.connects().map(|connect| connect.number + 1).max().unwrap_or_default()
    }

    fn any_device(&mut self) -> DeviceNumber {
        let last = self.story.devices.len().max(1);
        let at = self.rng.usize(0..last);
        self.story.devices.get(at).map_or(0, |device| device.number)
    }

    fn any_role(&mut self) -> String {
        if self.rng.bool() { "operator".to_owned() } else { "node".to_owned() }
    }

    fn action(&mut self, device: DeviceNumber) -> Action {
        let has_request = self.story.device(device).is_some_and(|device| device.request.is_some());
        match self.weights.action.pick(self.rng) {
            "revoke" => Action::Revoke(self.any_role()),
            "rotate" => Action::Rotate(self.any_role(), None),
            "rotate-up" => Action::Rotate("operator".to_owned(), Some(scopes_of("admin"))),
            "remove" => Action::Remove,
            "reject-first" if has_request => Action::RejectFirst,
            "approve-first" if has_request => Action::ApproveFirst,
            "approve-node" => Action::ApproveNode,
            "reject-node" => Action::RejectNode,
            _ => Action::Approve,
        }
    }

    fn caller(&mut self, about: DeviceNumber) -> Caller {
        let word = self.weights.caller.pick(self.rng);
        self.one_of(|connect| match word {
            "itself" => connect.device == Some(about),
            "another" => connect.device != Some(about),
            _ => false,
        })
    }

    /// Who calls a method or waits for an event.
    fn asker(&mut self) -> Caller {
        let is_client = self.weights.asker.pick(self.rng) == "client";
        self.one_of(|_| is_client)
    }

    /// One of the connections that fit, or the owner if none does.
    fn one_of(&mut self, fits: impl Fn(&Connect) -> bool) -> Caller {
        let numbers: Vec<ConnectionNumber> =
            self.story.connects().filter(|one| fits(one)).map(|one| one.number).collect();
        if numbers.is_empty() {
            return Caller::Owner;
        }
        Caller::Connection(numbers[self.rng.usize(0..numbers.len())])
    }

    fn connect(&mut self) -> Connect {
        let number = self.next_connection();
        let device = self.any_device();
        let (persona, role) = match self.weights.asked_role.pick(self.rng) {
            "node" => (self.persona(true), None),
            "node-persona-as-operator" => (self.persona(true), Some("operator")),
            "operator-persona-as-node" => (self.persona(false), Some("node")),
            "unknown" => (self.persona(false), Some("ghost")),
            _ => (self.persona(false), None),
        };
        let mut connect = Connect::usual(number, Some(device), &persona);
        connect.role = role.map(str::to_owned);
        if connect.asked_role() == "operator" {
            connect.scopes = match self.weights.asked_scopes.pick(self.rng) {
                "own" => role.map(|_| scopes_of("read")),
                word => Some(scopes_of(word)).filter(|scopes| *scopes != scopes_of("read") || role.is_some()),
            };
        }
        connect.auth = self.credential(&connect);
        connect.route = match self.weights.route.pick(self.rng) {
            "host-name" => Route::HostName,
            "forwarded-for" => Route::ForwardedFor,
            "real-ip" => Route::RealIp,
            "forwarded" => Route::Forwarded,
            "forwarded-proto" => Route::ForwardedProto,
            "forwarded-host" => Route::ForwardedHost,
            "own-page" => Route::OwnPage,
            "allowed-page" => Route::AllowedPage,
            "foreign-page" => Route::ForeignPage,
            _ => Route::Local,
        };
        connect.protocol = match self.weights.protocol.pick(self.rng) {
            "3-3" => Some((3, 3)),
            "4-4" => Some((4, 4)),
            "5-6" => Some((5, 6)),
            "1-2" => Some((1, 2)),
            "4-5" => Some((4, 5)),
            _ => None,
        };
        connect.proof = self.proof();
        self.oddity(&mut connect);
        connect
    }

    fn credential(&mut self, connect: &Connect) -> Credential {
        let own = connect.device.unwrap_or_default();
        let role = connect.asked_role().to_owned();
        let other_role = if role == "operator" { "node" } else { "operator" }.to_owned();
        let has_record =
            |number: DeviceNumber| self.story.device(number).is_some_and(|one| one.record.is_some());
        let others: Vec<DeviceNumber> = self
            .story
            .devices
            .iter()
            .map(|one| one.number)
            .filter(|one| *one != own && has_record(*one))
            .collect();
        let earlier: Vec<ConnectionNumber> = self.story.connects().map(|one| one.number).collect();
        let is_known = has_record(own);
        match self.weights.auth.pick(self.rng) {
            "none" => Credential::None,
            "wrong" => Credential::Wrong,
            "stored" if is_known => Credential::Stored(own, role),
            "stored-of-other-role" if is_known => Credential::Stored(own, other_role),
            "stored-of-other-device" if !others.is_empty() => {
                Credential::Stored(others[self.rng.usize(0..others.len())], role)
            }
            "issued" if !earlier.is_empty() => Credential::Issued(earlier[self.rng.usize(0..earlier.len())]),
            "wrong-device-token" => Credential::WrongDeviceToken,
            "wrong-code" => Credential::WrongCode,
            "wrong-beside-stored" if is_known => Credential::WrongBesideStored(own, role),
            _ => Credential::Shared,
        }
    }

    fn proof(&mut self) -> Option<ProofFault> {
        Some(match self.weights.proof.pick(self.rng) {
            "v2" => ProofFault::V2,
            "nonce-wrong" => ProofFault::NonceWrong,
            "nonce-missing" => ProofFault::NonceMissing,
            "nonce-blank" => ProofFault::NonceBlank,
            "signature-tampered" => ProofFault::SignatureTampered,
            "signature-foreign" => ProofFault::SignatureForeign,
            "key-foreign" => ProofFault::KeyForeign,
            "id-upper-case" => ProofFault::IdUpperCase,
            "id-foreign" => ProofFault::IdForeign,
            "late" => ProofFault::Late,
            "early" => ProofFault::Early,
            "over-scopes" => ProofFault::OverScopes,
            "over-token" => ProofFault::OverToken,
            "over-role" => ProofFault::OverRole,
            _ => return None,
        })
    }

    fn oddity(&mut self, connect: &mut Connect) {
        match self.weights.oddity.pick(self.rng) {
            "no-device" => {
                connect.device = None;
                connect.proof = None;
                // Who needs no device is a helper of the gateway's own as a rule.
                if connect.asked_role() == "operator" && self.rng.bool() {
                    "backend".clone_into(&mut connect.persona);
                }
            }
            "platform" => connect.platform = Some("darwin".to_owned()),
            "platform-in-capitals" => connect.platform = Some("LINUX".to_owned()),
            "family" => connect.family = Some("desktop".to_owned()),
            "unknown-key" => connect.oddity = Some(Oddity::UnknownKey),
            "unknown-client" => connect.oddity = Some(Oddity::UnknownClient),
            "commands" if connect.asked_role() == "node" => {
                connect.commands = self.node_commands();
            }
            _ => {}
        }
    }

    /// Changes one to three things of the story.
    fn change(mut self) -> Story {
        if self.story.setting == Setting::Impatient {
            self.story = Story::default();
            return self.make();
        }
        let before = self.story.clone();
        for _ in 0..self.rng.usize(1..4) {
            let kept = self.story.clone();
            self.change_once();
            if !self.story.is_whole() || self.story.steps.len() > LONGEST {
                self.story = kept;
            }
        }
        if self.story == before {
            let step = self.step();
            self.story.steps.push(step);
            if !self.story.is_whole() || self.story.steps.len() > LONGEST {
                self.story = before;
            }
        }
        self.without_spare_devices()
    }

    fn change_once(&mut self) {
        let steps = self.story.steps.len();
        match self.rng.u8(0..8) {
            0 if steps > 1 => drop(self.story.steps.remove(self.rng.usize(0..steps))),
            1 | 2 => {
                let step = self.step();
                self.story.steps.push(step);
            }
            3 => {
                let step = self.step();
                self.story.steps.insert(self.rng.usize(0..=steps), step);
            }
            4 if steps > 1 => self.story.steps.swap(self.rng.usize(0..steps), self.rng.usize(0..steps)),
            5 if !self.story.devices.is_empty() => {
                let at = self.rng.usize(0..self.story.devices.len());
                let record = self.record();
                self.story.devices[at].record = Some(record);
            }
            6 => {
                let other = self.connect();
                let at = self.rng.usize(0..steps.max(1));
                if let Some(StoryStep::Connect(connect)) = self.story.steps.get_mut(at) {
                    match self.rng.u8(0..5) {
                        0 => connect.auth = other.auth,
                        1 => connect.route = other.route,
                        2 => connect.scopes = other.scopes,
                        3 => connect.persona = other.persona,
                        _ => connect.proof = other.proof,
                    }
                }
            }
            _ => {
                // The same again, which shows what the first time has left behind.
                let at = self.rng.usize(0..steps.max(1));
                if let Some(step) = self.story.steps.get(at) {
                    let mut again = step.clone();
                    if let StoryStep::Connect(connect) = &mut again {
                        connect.number = self.next_connection();
                    }
                    self.story.steps.push(again);
                }
            }
        }
    }

    /// The story without devices that take no part.
    fn without_spare_devices(mut self) -> Story {
        let steps = &self.story.steps;
        let used = |number: DeviceNumber| {
            steps.iter().any(|step| {
                let of_token = match step.connect().map(|connect| &connect.auth) {
                    Some(Credential::Stored(device, _) | Credential::WrongBesideStored(device, _)) => {
                        Some(*device)
                    }
                    _ => None,
                };
                step.device() == Some(number) || of_token == Some(number)
            })
        };
        self.story.devices.retain(|device| used(device.number));
        self.story
    }
}

fn number(word: &str) -> u8 {
    word.parse().unwrap_or(1)
}

/// The scopes that a word of the weights stands for.
fn scopes_of(word: &str) -> Vec<String> {
    let scopes: &[&str] = match word {
        "read" => &["operator.read"],
        "write" => &["operator.write"],
        "admin" => &["operator.admin"],
        "pairing" => &["operator.pairing"],
        "approvals" => &["operator.approvals"],
        "read-and-write" => &["operator.read", "operator.write"],
        "pairing-and-write" => &["operator.pairing", "operator.write"],
        _ => &[],
    };
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use fastrand::Rng;

    use super::super::render::{Hears, Looks, scenario};
    use super::super::weights::BUILT_IN;
    use super::*;
    use crate::scenario::{Severity, Suite, check};

    fn weights() -> Weights {
        Weights::read(BUILT_IN).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_story_is_whole_and_a_scenario_without_mistakes(seed in any::<u64>()) {
            let weights = weights();
            let generator = Generator::new(&weights, &[]).unwrap();
            let mut rng = Rng::with_seed(seed);
            let mut story = generator.story(&mut rng);
            for _ in 0..4 {
                prop_assert!(story.is_whole(), "{story:?}");
                let read = scenario(&story, "explore/one", Looks::AfterEachStep, Hears::Soon);
                let (scenario, written) = read.map_err(|found| TestCaseError::fail(format!("{found:?}")))?;
                let suite = Suite { scenarios: vec![scenario.clone()], diagnostics: Vec::new() };
                let mistakes = check(&suite, false).into_iter().find(|one| one.severity == Severity::Error);
                prop_assert_eq!(mistakes, None);
                prop_assert_eq!(scenario.steps.len(), written.steps.len());
                story = generator.changed(&story, &mut rng);
            }
        }

        #[test]
        fn the_same_seed_makes_the_same_stories(seed in any::<u64>()) {
            let weights = weights();
            let generator = Generator::new(&weights, &[]).unwrap();
            let [one, other] = [(); 2].map(|()| {
                let mut rng = Rng::with_seed(seed);
                let story = generator.story(&mut rng);
                (generator.changed(&story, &mut rng), story)
            });
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn a_focus_keeps_to_its_subject() {
        let weights = weights();
        let generator = Generator::new(&weights, &["proxy".to_owned()]).unwrap();
        let mut rng = Rng::with_seed(1);
        for _ in 0..50 {
            let story = generator.story(&mut rng);
            let about = (0..story.steps.len()).any(|at| {
                situation(&story, Part::Step(at))
                    .iter()
                    .any(|word| word.starts_with("route:") || word == "config:proxies")
            });
            assert!(about, "{story:?}");
        }
        assert_eq!(Generator::new(&weights, &["poxy".to_owned()]).unwrap_err(), "poxy");
    }
}
