//! What a verdict, a code or a reason means, what people do about it, and in which releases its rules changed.

use crate::model::{HISTORY, RuleChange};

/// A word that shows up in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The word as reports have it, such as `role-upgrade`.
    pub word: &'static str,
    /// What kind of word it is.
    pub kind: TopicKind,
    /// What the word means.
    pub meaning: &'static str,
    /// The rules of the handshake that decide when it shows up, by their names in the model's history.
    pub rules: &'static [&'static str],
    /// What to do about it.
    pub advice: &'static str,
}

impl Topic {
    /// The changes of the topic's rules, in the order of releases, as the model's history has them.
    pub fn history(&self) -> impl Iterator<Item = &'static RuleChange> {
        let rules = self.rules;
        HISTORY.iter().filter(move |change| rules.contains(&change.set.name().as_str()))
    }
}

/// The kinds of words that reports have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicKind {
    /// The verdict on a cell.
    Verdict,
    /// The class of a listed deviation.
    Class,
    /// The code with which a connection was closed.
    Close,
    /// The status of an HTTP answer instead of a WebSocket.
    Http,
    /// `error.code` or `details.code` of a refusal.
    Code,
    /// `details.reason` of a refusal.
    Reason,
}

impl TopicKind {
    /// The name of the kind for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Class => "class of deviation",
            Self::Close => "close code",
            Self::Http => "HTTP status",
            Self::Code => "error code",
            Self::Reason => "reason",
        }
    }
}

const fn topic(
    kind: TopicKind,
    word: &'static str,
    meaning: &'static str,
    rules: &'static [&'static str],
    advice: &'static str,
) -> Topic {
    Topic { word, kind, meaning, rules, advice }
}

/// Every word that is explained. What differs between releases comes from the model's history.
#[rustfmt::skip]
pub const TOPICS: &[Topic] = &[
    topic(TopicKind::Verdict, "pass", "Every step had the outcome that is right.", &[], "Nothing to do."),
    topic(TopicKind::Verdict, "known", "A step did not have the right outcome, but exactly the one that a deviation of the scenario lists for this release.", &[], "Look at the class of the deviation: a `regression` is wrong, `superseded` and `unsupported` are not. `--deny CLASS` makes it fail the run, and the issue that the deviation names has the details."),
    topic(TopicKind::Verdict, "fail", "A step did not do what was expected of this release, and no deviation lists what it did.", &[], "Compare what was expected with what came, and read the last frames. If the release newly misbehaves, report it, then list a deviation of class `regression` with the issue. If the contract changed on purpose, list it as `superseded`."),
    topic(TopicKind::Verdict, "fixed", "A listed deviation did not happen: the step had the right outcome. This counts as a failure, so that the lists stay up to date.", &[], "Take the release out of the deviation's range."),
    topic(TopicKind::Verdict, "flaky", "The repetitions of the cell did not all have the same outcome.", &[], "Run it with --repeat and the seed from the reproduce line, and look for a race in the times of the frames."),
    topic(TopicKind::Verdict, "untestable", "The target cannot run the scenario: it lacks a capability, or the scenario requires other releases. Never counts as a pass.", &[], "Read the reason. An attached target cannot be seeded or restarted; name a release instead."),
    topic(TopicKind::Verdict, "error", "The harness or the gateway broke: it did not start, died, or gave no answer that could be judged. Never counts as a failed expectation.", &[], "Read the gateway's last lines in the report."),
    topic(TopicKind::Class, "regression", "It was right before, or it was promised, and this release gets it wrong.", &[], "Keep the issue in the entry, and end the range at the release that fixes it. Add `security: true` where somebody gets in, stays in, sees or gets what the right outcome refuses."),
    topic(TopicKind::Class, "security", "A deviation of class `regression` or `superseded` that lets somebody in, keeps them in, or shows or grants them what the right outcome refuses: `security: true`. A deviation that only locks somebody out, or only breaks something, is not one.", &[], "`--deny security` makes it fail a run; reports list such regressions first."),
    topic(TopicKind::Class, "superseded", "The contract was a different one then; upstream changed it on purpose.", &[], "Name the change in `why`."),
    topic(TopicKind::Class, "unsupported", "The release does not have the feature.", &[], "Prefer `requires: {releases: …}` where the whole scenario is meaningless there."),
    topic(TopicKind::Class, "unreviewed", "A command wrote the entry, and nobody has reviewed it yet.", &[], "Look at the cell, then give the entry another class and an issue."),
    topic(TopicKind::Close, "1000", "A normal close. The gateway sends it, without a reason, when the handshake times out and for a first frame that is not JSON.", &["HandshakeSeconds"], "Send `connect` right after `connect.challenge`."),
    topic(TopicKind::Close, "1002", "The protocol ranges of client and gateway do not overlap.", &["Protocol", "OlderProbesAndNodes"], "Offer minProtocol 3 and maxProtocol 4."),
    topic(TopicKind::Close, "1006", "The TCP connection ended without a close frame; no peer can send this code.", &[], "Check whether the gateway died: its last lines are in the report."),
    topic(TopicKind::Close, "1008", "Refused by policy: authentication, identity, role, pairing, schema or first frame. The details of the error response say which.", &["PairingRefusalDetails"], "See the detail code and the reason, not the text, which changes between releases."),
    topic(TopicKind::Close, "1009", "A frame before authentication was too large.", &["FirstFrameLimit"], "Send less before the hello."),
    topic(TopicKind::Close, "1013", "The gateway is still starting.", &[], "Try again; wait for `connect.challenge`."),
    topic(TopicKind::Close, "4001", "The gateway's authentication changed while the connection was open.", &[], "Connect again with the new secret."),
    topic(TopicKind::Http, "403", "The upgrade was answered by HTTP. With `proxy_attribution_required`, a forwarding header arrived and no proxy is trusted; releases without that rule take such a peer as remote instead.", &["ProxyAttribution"], "Set `gateway.trustedProxies` to the proxy's address, or drop the header."),
    topic(TopicKind::Code, "NOT_PAIRED", "The device has no approved pairing that covers what it asks for.", &[], "See the reason, and approve the request on a paired device (`device.pair.approve`)."),
    topic(TopicKind::Code, "PAIRING_REQUIRED", "Detail code of NOT_PAIRED: a pairing request was recorded, with its id and a reason.", &[], "See the reason."),
    topic(TopicKind::Code, "INVALID_REQUEST", "The frame does not satisfy the schema, the first frame was not `connect`, or the device's proof is bad.", &[], "See the detail code. Unknown keys are refused; `client.id` and `client.mode` take only listed values."),
    topic(TopicKind::Code, "PROTOCOL_MISMATCH", "The protocol ranges do not overlap, or the Control UI belongs to another build than the gateway.", &["ProtocolRefusalDetails", "ControlUiBuildGate"], "Update the client, or reload the page."),
    topic(TopicKind::Code, "DEVICE_AUTH_SIGNATURE_EXPIRED", "`signedAt` of the device's proof is more than two minutes away from the gateway's clock.", &[], "Set the clock, or sign with the time of the challenge."),
    topic(TopicKind::Code, "DEVICE_AUTH_DEVICE_ID_MISMATCH", "`device.id` is not the SHA-256 of the public key.", &[], "Derive it: lower-case hex over the 32 raw bytes."),
    topic(TopicKind::Code, "AUTH_TOKEN_MISMATCH", "The shared token is wrong.", &[], "Use the token of the gateway's configuration; a paired device may try its device token once."),
    topic(TopicKind::Code, "AUTH_DEVICE_TOKEN_MISMATCH", "The device token is wrong, revoked, or belongs to another device or role.", &["TokenBaseline", "EmptyScopesStay"], "Pair again, or connect with the shared token."),
    topic(TopicKind::Code, "AUTH_SCOPE_MISMATCH", "The device token is right but does not cover the scopes asked for. Releases that do not name this case report a wrong token.", &["ScopeMismatchNamed"], "Ask for fewer scopes, or connect with the shared token to request more."),
    topic(TopicKind::Reason, "not-paired", "The gateway has no record of the device. A local device is normally paired silently on its first connect.", &["SilentBrowserPairing"], "Approve the request. A forwarding header makes a loopback peer remote."),
    topic(TopicKind::Reason, "role-upgrade", "The device is paired and asks for a role that it does not have by its record and its tokens.", &["Roles", "SilentRoleUpgrade", "OnlyOperatorSilently"], "Approve the request. Where a release takes roles from tokens alone and the record has none, update the gateway."),
    topic(TopicKind::Reason, "scope-upgrade", "The device is paired and asks for scopes that were not approved.", &["ScopeUpgrade"], "Approve the request from a device that holds `operator.admin` or `operator.pairing`. Where scopes are granted silently, check that `gateway.nodes.pairing.autoApproveLocal` is not false."),
    topic(TopicKind::Reason, "metadata-upgrade", "Platform or device family differ from those that were recorded at pairing.", &["SilentMetadata", "MobilePlatformVersions", "MacPlatformVersions", "RuntimePlatformAliases"], "Approve the request, or send the platform that was paired."),
];

/// The topics of a word, in whatever case it is written; several if the word has several meanings.
pub fn explain(word: &str) -> Vec<&'static Topic> {
    TOPICS.iter().filter(|topic| topic.word.eq_ignore_ascii_case(word.trim())).collect()
}

/// Known words that resemble a word, the most similar first.
pub fn alike(word: &str) -> Vec<&'static str> {
    const ALIKE: f64 = 0.75;
    const MOST: usize = 3;
    let word = word.trim().to_lowercase();
    let likeness = |topic: &Topic| strsim::jaro_winkler(&word, &topic.word.to_lowercase());
    let mut found: Vec<(f64, &str)> = TOPICS.iter().map(|topic| (likeness(topic), topic.word)).collect();
    found.retain(|(like, _)| *like >= ALIKE);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, word)| word).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Setting;
    use crate::scenario::DeviationClass;
    use crate::verdict::Verdict;

    #[test]
    fn every_verdict_and_class_is_explained() {
        let verdicts = [
            Verdict::Pass,
            Verdict::Known,
            Verdict::Fail,
            Verdict::Fixed,
            Verdict::Flaky,
            Verdict::Untestable,
            Verdict::Error,
        ];
        for verdict in verdicts {
            assert_eq!(explain(verdict.word()).len(), 1, "{verdict}");
        }
        let classes = [
            DeviationClass::Regression,
            DeviationClass::Superseded,
            DeviationClass::Unsupported,
            DeviationClass::Unreviewed,
        ];
        for class in classes {
            assert_eq!(explain(class.word()).len(), 1, "{}", class.word());
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_suggested_when_mistyped() {
        assert_eq!(explain(" Role-Upgrade ")[0].kind, TopicKind::Reason);
        assert!(explain("role-upgrad").is_empty());
        assert_eq!(alike("role-upgrad")[0], "role-upgrade");
        assert!(alike("qqqqqq").is_empty());
    }

    #[test]
    fn no_word_is_listed_twice_or_lacks_advice() {
        for (at, topic) in TOPICS.iter().enumerate() {
            assert!(TOPICS[..at].iter().all(|other| (other.word, other.kind) != (topic.word, topic.kind)));
            assert!(topic.meaning.ends_with('.') && topic.advice.ends_with('.'), "{}", topic.word);
        }
    }

    #[test]
    fn every_rule_of_a_topic_is_in_the_history() {
        for topic in TOPICS {
            for rule in topic.rules {
                assert!(HISTORY.iter().any(|change| change.set.name() == *rule), "{}: {rule}", topic.word);
            }
        }
    }

    #[test]
    fn the_history_of_a_topic_is_that_of_its_rules() {
        let told: Vec<String> = explain("1000")[0].history().map(|one| one.since.to_string()).collect();
        let timer = HISTORY.iter().filter(|one| matches!(one.set, Setting::HandshakeSeconds(_)));
        assert_eq!(told, timer.map(|one| one.since.to_string()).collect::<Vec<_>>());
        assert!(explain("4001")[0].history().next().is_none());
    }
}
