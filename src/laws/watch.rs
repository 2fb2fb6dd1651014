//! Watches what happens to devices, and says which laws it breaks.

use std::collections::{BTreeMap, BTreeSet};

use super::book::LawName;
use super::implied::implied;
use super::trace::{Ending, Origin, Shown, StoredRecord, TokenOf, TraceConnect, TraceEvent};

/// A broken law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The law.
    pub law: LawName,
    /// The position of the event that breaks it.
    pub at: usize,
    /// What is too much in a store: a role, or a scope of a role's token. Empty if it is the answer itself.
    pub excess: String,
}

/// What somebody or something gave to a device so far.
#[derive(Clone, Debug, Default)]
struct Given {
    roles: BTreeSet<String>,
    scopes: BTreeSet<String>,
    /// What it asked for since it was last approved or removed.
    asked: Vec<(String, Vec<String>)>,
    /// Roles whose token was revoked, and that nobody approved since.
    revoked: BTreeSet<String>,
    /// Whether it ever had a record: from the start, by an approval, or by being let in.
    paired: bool,
}

impl Given {
    fn give(&mut self, role: &str, scopes: &[String]) {
        self.paired = true;
        self.roles.insert(role.to_owned());
        self.scopes.extend(scopes.iter().cloned());
    }

    fn approve(&mut self) {
        for (role, scopes) in std::mem::take(&mut self.asked) {
            self.revoked.remove(&role);
            self.give(&role, &scopes);
        }
        self.paired = true;
    }

    /// A role or scope that nothing gave.
    fn excess(&self, roles: &[&String], scopes: &[&String]) -> Option<String> {
        let role = roles.iter().find(|role| !self.roles.contains(**role));
        let scope = || scopes.iter().find(|scope| !implied(&self.scopes, scope));
        role.or_else(scope).map(|word| (*word).clone())
    }
}

/// The laws of one story that a sequence of events breaks. Whatever broke a law counts as given from then on, so that its
/// consequences are not told as well.
pub fn breaches(events: &[TraceEvent]) -> Vec<Breach> {
    let mut watch = Watch { events, devices: BTreeMap::new(), found: Vec::new() };
    for (at, event) in events.iter().enumerate() {
        watch.see(at, event);
    }
    watch.found
}

struct Watch<'a> {
    events: &'a [TraceEvent],
    devices: BTreeMap<u8, Given>,
    found: Vec<Breach>,
}

impl Watch<'_> {
    fn break_law(&mut self, law: LawName, at: usize, excess: String) {
        self.found.push(Breach { law, at, excess });
    }

    fn see(&mut self, at: usize, event: &TraceEvent) {
        match event {
            TraceEvent::Known(device, record) => {
                let given = self.devices.entry(*device).or_default();
                given.paired = true;
                given.roles.extend(record.roles.iter().cloned());
                given.scopes.extend(record.scopes.iter().cloned());
                for (role, scopes, revoked) in &record.tokens {
                    given.give(role, scopes);
                    if *revoked {
                        given.revoked.insert(role.clone());
                    }
                }
            }
            TraceEvent::Waits(device, role, scopes) => {
                let given = self.devices.entry(*device).or_default();
                given.asked.push((role.clone(), scopes.clone()));
            }
            TraceEvent::Connect(connect) => self.connect(at, connect),
            TraceEvent::Approved(device) => self.devices.entry(*device).or_default().approve(),
            TraceEvent::Ended(device, _, Ending::Removed) => drop(self.devices.remove(device)),
            TraceEvent::Ended(device, role, Ending::Revoked) => {
                let given = self.devices.entry(*device).or_default();
                given.revoked.extend(role.iter().cloned());
            }
            TraceEvent::Ended(device, role, Ending::Rotated) => {
                // A rotation is a decision about the role, too: it has a new token.
                let given = self.devices.entry(*device).or_default();
                given.revoked.retain(|one| Some(one) != role.as_ref());
            }
            TraceEvent::Stored(device, record) => self.stored(at, *device, record.as_ref()),
            TraceEvent::Other => {}
        }
    }

    fn connect(&mut self, at: usize, connect: &TraceConnect) {
        let TraceConnect { device, role, scopes, shown, origin, let_in } = connect;
        let Some(told) = let_in else {
            if let Some(device) = device {
                let given = self.devices.entry(*device).or_default();
                given.asked.push((role.clone(), scopes.clone()));
                // Some releases approve an upgrade silently although they refuse the connect that asked for it.
                if given.paired && *shown == Shown::Shared && *origin == Origin::Here {
                    given.give(role, scopes);
                }
            }
            return;
        };
        if matches!(shown, Shown::Wrong | Shown::Nothing) {
            self.break_law(LawName::WrongCredentialStaysOut, at, String::new());
        }
        if let Shown::Token(token) = shown
            && self.has_ended(token, at)
        {
            self.break_law(LawName::EndedTokenStaysOut, at, String::new());
        }
        let Some(device) = *device else { return };
        let given = self.devices.entry(device).or_default().clone();
        if given.revoked.contains(role) {
            self.break_law(LawName::RevokedRoleStaysOut, at, String::new());
        }
        // What a client on the gateway's host asks for with the shared secret is approved silently.
        let silently = *shown == Shown::Shared && *origin != Origin::Elsewhere;
        let excess = given.excess(&[role], &told.iter().chain(scopes).collect::<Vec<_>>());
        if !silently && excess.is_some() && *origin != Origin::Unclear {
            let law = if *origin == Origin::Elsewhere {
                LawName::RemoteNeedsApproval
            } else {
                LawName::NothingWithoutApproval
            };
            self.break_law(law, at, String::new());
        }
        let given = self.devices.entry(device).or_default();
        given.revoked.remove(role);
        given.give(role, scopes);
        given.scopes.extend(told.iter().cloned());
    }

    /// Whether a token had ended before an event.
    fn has_ended(&self, token: &TokenOf, before: usize) -> bool {
        let (device, role, since) = match token {
            TokenOf::Record(device, role) => (Some(*device), role.as_str(), 0),
            TokenOf::Connect(at) => match self.events.get(*at) {
                Some(TraceEvent::Connect(connect)) => (connect.device, connect.role.as_str(), *at),
                _ => return false,
            },
        };
        self.events[since..before].iter().any(|event| match event {
            TraceEvent::Ended(of, ended, _) => {
                Some(*of) == device && ended.as_ref().is_none_or(|ended| ended == role)
            }
            TraceEvent::Known(of, record) => {
                Some(*of) == device && record.tokens.iter().any(|(one, _, revoked)| one == role && *revoked)
            }
            _ => false,
        })
    }

    fn stored(&mut self, at: usize, device: u8, record: Option<&StoredRecord>) {
        let Some(record) = record else { return };
        let given = self.devices.entry(device).or_default().clone();
        if !given.paired {
            self.break_law(LawName::RefusedLeavesARequest, at, String::new());
            return;
        }
        let back = record.tokens.iter().find(|(role, _, revoked)| !revoked && given.revoked.contains(role));
        if let Some((role, _, _)) = back {
            self.break_law(LawName::RevokedRoleStaysOut, at, role.clone());
        }
        let roles: Vec<&String> =
            record.roles.iter().chain(record.tokens.iter().map(|(role, _, _)| role)).collect();
        let scopes: Vec<&String> =
            record.scopes.iter().chain(record.tokens.iter().flat_map(|(_, scopes, _)| scopes)).collect();
        if let Some(excess) = given.excess(&roles, &scopes) {
            self.break_law(LawName::NothingWithoutApproval, at, excess);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn record(scopes: &[&str], revoked: bool) -> StoredRecord {
        StoredRecord {
            roles: texts(&["operator"]),
            scopes: texts(scopes),
            tokens: vec![("operator".to_owned(), texts(scopes), revoked)],
        }
    }

    fn connect(shown: Shown, origin: Origin, scopes: &[&str], is_in: bool) -> TraceEvent {
        TraceEvent::Connect(TraceConnect {
            device: Some(0),
            role: "operator".to_owned(),
            scopes: texts(scopes),
            shown,
            origin,
            let_in: is_in.then(|| texts(scopes)),
        })
    }

    fn token() -> Shown {
        Shown::Token(TokenOf::Record(0, "operator".to_owned()))
    }

    const READ: &[&str] = &["operator.read"];
    const WRITE: &[&str] = &["operator.write"];

    #[rstest]
    #[case::right_token(vec![TraceEvent::Known(0, record(READ, false)), connect(token(), Origin::Here, READ, true)], None)]
    #[case::revoked_token(
        vec![
            TraceEvent::Known(0, record(READ, false)),
            TraceEvent::Ended(0, Some("operator".to_owned()), Ending::Revoked),
            TraceEvent::Approved(0),
            connect(token(), Origin::Here, READ, true),
        ],
        Some(LawName::EndedTokenStaysOut)
    )]
    #[case::token_of_another_role(
        vec![
            TraceEvent::Known(0, record(READ, false)),
            TraceEvent::Ended(0, Some("node".to_owned()), Ending::Revoked),
            connect(token(), Origin::Here, READ, true),
        ],
        None
    )]
    #[case::token_of_a_removed_device(
        vec![connect(Shown::Shared, Origin::Here, READ, true), TraceEvent::Ended(0, None, Ending::Removed),
            connect(Shown::Shared, Origin::Here, READ, true), connect(Shown::Token(TokenOf::Connect(0)), Origin::Here, READ, true)],
        Some(LawName::EndedTokenStaysOut)
    )]
    #[case::revoked_role(
        vec![TraceEvent::Known(0, record(READ, true)), connect(Shown::Shared, Origin::Here, READ, true)],
        Some(LawName::RevokedRoleStaysOut)
    )]
    #[case::revoked_role_after_an_approval(
        vec![
            TraceEvent::Known(0, record(READ, true)),
            connect(Shown::Shared, Origin::Here, READ, false),
            TraceEvent::Approved(0),
            connect(Shown::Shared, Origin::Here, READ, true),
        ],
        None
    )]
    #[case::revoked_token_active_again(
        vec![TraceEvent::Known(0, record(READ, true)), TraceEvent::Stored(0, Some(record(READ, false)))],
        Some(LawName::RevokedRoleStaysOut)
    )]
    #[case::more_scopes_by_token(
        vec![TraceEvent::Known(0, record(READ, false)), connect(token(), Origin::Here, WRITE, true)],
        Some(LawName::NothingWithoutApproval)
    )]
    #[case::more_scopes_silently(
        vec![TraceEvent::Known(0, record(READ, false)), connect(Shown::Shared, Origin::Here, WRITE, true)],
        None
    )]
    #[case::more_scopes_in_the_store(
        vec![TraceEvent::Known(0, record(READ, false)), TraceEvent::Stored(0, Some(record(WRITE, false)))],
        Some(LawName::NothingWithoutApproval)
    )]
    #[case::remote_without_approval(
        vec![connect(Shown::Shared, Origin::Elsewhere, READ, true)],
        Some(LawName::RemoteNeedsApproval)
    )]
    #[case::remote_with_approval(
        vec![
            connect(Shown::Shared, Origin::Elsewhere, READ, false),
            TraceEvent::Approved(0),
            connect(Shown::Shared, Origin::Elsewhere, READ, true),
        ],
        None
    )]
    #[case::remote_with_an_approval_of_another_request(
        vec![
            TraceEvent::Waits(0, "operator".to_owned(), texts(READ)),
            TraceEvent::Approved(0),
            connect(Shown::Shared, Origin::Elsewhere, WRITE, true),
        ],
        Some(LawName::RemoteNeedsApproval)
    )]
    #[case::wrong_credential(
        vec![TraceEvent::Known(0, record(READ, false)), connect(Shown::Wrong, Origin::Here, READ, true)],
        Some(LawName::WrongCredentialStaysOut)
    )]
    #[case::refused_and_paired(
        vec![connect(Shown::Wrong, Origin::Here, READ, false), TraceEvent::Stored(0, Some(record(READ, false)))],
        Some(LawName::RefusedLeavesARequest)
    )]
    #[case::refused(vec![connect(Shown::Wrong, Origin::Here, READ, false), TraceEvent::Stored(0, None)], None)]
    fn each_law_is_told_apart(#[case] events: Vec<TraceEvent>, #[case] law: Option<LawName>) {
        let found: Vec<LawName> = breaches(&events).into_iter().map(|one| one.law).collect();
        assert_eq!(found.first().copied(), law, "{found:?}");
    }

    proptest! {
        #[test]
        fn who_is_never_let_in_breaks_no_law_of_answers(
            wrong in prop::collection::vec((any::<bool>(), 0..3_u8), 0..6),
        ) {
            let events: Vec<TraceEvent> = wrong
                .into_iter()
                .map(|(wrong, origin)| {
                    let origin = [Origin::Here, Origin::Elsewhere, Origin::Unclear][usize::from(origin)];
                    connect(if wrong { Shown::Wrong } else { Shown::Shared }, origin, WRITE, false)
                })
                .collect();
            prop_assert_eq!(breaches(&events), vec![]);
        }
    }
}
