//! What a verdict, a code or a reason means, since when, and what people do about it.

use crate::suggest::similar;

/// A word that shows up in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The word.
    pub word: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means.
    pub meaning: &'static str,
    /// On which releases, where that differs.
    pub since: Option<&'static str>,
    /// What to do.
    pub advice: &'static str,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is said of a cell.
    Verdict,
    /// What a listed deviation is.
    Class,
    /// How a connection ended.
    Close,
    /// An HTTP answer instead of a WebSocket.
    Http,
    /// `error.code` or `details.code` of a refusal.
    Code,
    /// `details.reason` of a refusal.
    Reason,
}

impl Kind {
    /// The word for it.
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
    kind: Kind,
    word: &'static str,
    meaning: &'static str,
    since: Option<&'static str>,
    advice: &'static str,
) -> Topic {
    Topic { word, kind, meaning, since, advice }
}

/// Every word that is explained. Facts about releases were measured on published builds.
pub const TOPICS: &[Topic] = &[
    topic(Kind::Verdict, "pass", "Every step did what is right on every release.", None, "Nothing."),
    topic(
        Kind::Verdict,
        "known",
        "A step did something else than what is right, exactly as a deviation of the scenario lists for this release.",
        None,
        "The class of the deviation says whether that is wrong: `regression` is, `superseded` and `unsupported` are not. `--deny CLASS` makes it fail the run; the issue that the deviation names tells more.",
    ),
    topic(
        Kind::Verdict,
        "fail",
        "A step did not do what was expected of this release, and no deviation lists it.",
        None,
        "Read expected against got and the last frames. A release that newly misbehaves: report it, then list a deviation of class `regression` with the issue. A contract that changed on purpose: `superseded`.",
    ),
    topic(
        Kind::Verdict,
        "fixed",
        "A listed deviation did not happen: the step did what is right. It counts as a failure so that lists stay true.",
        None,
        "Take the release out of the deviation's range.",
    ),
    topic(
        Kind::Verdict,
        "flaky",
        "Repetitions of the cell did not all go the same way.",
        None,
        "Run it with --repeat and the seed of the reproduce line; look at the times in the frames for a race.",
    ),
    topic(
        Kind::Verdict,
        "untestable",
        "The target cannot show it: it lacks a capability, or the scenario requires other releases. Never counted as a pass.",
        None,
        "Read the reason. A target that is attached cannot be seeded or restarted; name a release instead.",
    ),
    topic(
        Kind::Verdict,
        "error",
        "The harness or the gateway broke: it did not boot, died, or answered nothing that could be judged. Never counted as a failed expectation.",
        None,
        "Read the gateway's last lines in the report.",
    ),
    topic(
        Kind::Class,
        "regression",
        "It was right before, or promised, and this release does it wrong.",
        None,
        "Keep the issue in the entry; end the range where a release mends it. `security: true` where somebody gets in, stays in, sees or gets what the right outcome refuses.",
    ),
    topic(
        Kind::Class,
        "security",
        "A deviation of class `regression` or `superseded` that lets in, keeps in, shows or grants what the right outcome refuses: `security: true`. What only locks out or breaks down is none.",
        None,
        "`--deny security` makes it fail a run; reports name those that are regressions first.",
    ),
    topic(
        Kind::Class,
        "superseded",
        "The contract then was another; upstream changed its mind on purpose.",
        None,
        "Name the change in `why`.",
    ),
    topic(
        Kind::Class,
        "unsupported",
        "The release lacks the thing.",
        None,
        "Prefer `requires: {releases: …}` where the whole scenario means nothing there.",
    ),
    topic(
        Kind::Class,
        "unreviewed",
        "A command wrote the entry and nobody has looked at it yet.",
        None,
        "Look at the cell, then give it another class and an issue.",
    ),
    topic(
        Kind::Close,
        "1000",
        "A plain close. The gateway gives it, without a reason, when the handshake timer runs out and for a first frame that is not JSON.",
        Some("The timer is 10 s, 3 s in 2026.3.13, and 15 s from 2026.4.29."),
        "Send `connect` right after `connect.challenge`.",
    ),
    topic(
        Kind::Close,
        "1002",
        "The protocol windows of client and gateway do not meet.",
        Some("Protocol 3 up to 2026.5.7, exactly 4 for operators from 2026.5.12."),
        "Offer minProtocol 3 and maxProtocol 4.",
    ),
    topic(
        Kind::Close,
        "1006",
        "The TCP connection ended without a close frame; no peer can send this code.",
        None,
        "Look for a gateway that died: its last lines are in the report.",
    ),
    topic(
        Kind::Close,
        "1008",
        "Refused by policy: authentication, identity, role, pairing, schema or first frame. The details of the error response say which.",
        Some(
            "The close text was `pairing required` up to 2026.4.15 and tells the reason from 2026.4.20; judge by details, not by texts.",
        ),
        "See the detail code and the reason.",
    ),
    topic(
        Kind::Close,
        "1009",
        "A frame before authentication was too large.",
        Some("2026.3.2 closes with 1000 instead."),
        "Send less before the hello.",
    ),
    topic(
        Kind::Close,
        "1013",
        "The gateway is still starting.",
        None,
        "Try again; wait for `connect.challenge`.",
    ),
    topic(
        Kind::Close,
        "4001",
        "The gateway's authentication was changed while the connection was open.",
        None,
        "Connect again with the new secret.",
    ),
    topic(
        Kind::Http,
        "403",
        "The upgrade was answered by HTTP. With `proxy_attribution_required`: a forwarding header arrived and no proxy is trusted.",
        Some("From 2026.8.1; before, such a peer was taken as remote."),
        "Set `gateway.trustedProxies` to the proxy's address, or drop the header.",
    ),
    topic(
        Kind::Code,
        "NOT_PAIRED",
        "The device has no approved pairing that covers what it asks for.",
        None,
        "See the reason; approve the request on a paired device (`device.pair.approve`).",
    ),
    topic(
        Kind::Code,
        "PAIRING_REQUIRED",
        "Detail code of NOT_PAIRED: a pairing request was recorded, with its id and a reason.",
        None,
        "See the reason.",
    ),
    topic(
        Kind::Code,
        "INVALID_REQUEST",
        "The frame does not satisfy the schema, the first frame was not `connect`, or the proof of the device is bad.",
        None,
        "See the detail code. Unknown keys are refused; `client.id` and `client.mode` are closed sets.",
    ),
    topic(
        Kind::Code,
        "PROTOCOL_MISMATCH",
        "The protocol windows do not meet, or the control UI is of another build than the gateway.",
        Some("The check of the build came with 2026.8.1."),
        "Update the client, or reload the page.",
    ),
    topic(
        Kind::Code,
        "DEVICE_AUTH_SIGNATURE_EXPIRED",
        "`signedAt` of the device's proof is more than two minutes away from the gateway's clock.",
        None,
        "Set the clock, or sign with the time of the challenge.",
    ),
    topic(
        Kind::Code,
        "DEVICE_AUTH_DEVICE_ID_MISMATCH",
        "`device.id` is not the SHA-256 of the public key.",
        None,
        "Derive it: lower-case hex over the 32 raw bytes.",
    ),
    topic(
        Kind::Code,
        "AUTH_TOKEN_MISMATCH",
        "The shared token is wrong.",
        None,
        "Use the token of the gateway's configuration; a paired device may try its device token once.",
    ),
    topic(
        Kind::Code,
        "AUTH_DEVICE_TOKEN_MISMATCH",
        "The device token is wrong, revoked, or of another device or role.",
        Some("2026.3.13 to 2026.3.28 refused the right token of a node, too; 2026.3.31 mended it."),
        "Pair again, or connect with the shared token.",
    ),
    topic(
        Kind::Code,
        "AUTH_SCOPE_MISMATCH",
        "The device token is right and does not cover the scopes asked for.",
        Some("From 2026.5.12; before, it was reported as a wrong token."),
        "Ask for fewer scopes, or connect with the shared token to request more.",
    ),
    topic(
        Kind::Reason,
        "not-paired",
        "Nobody knows the device.",
        Some(
            "A fresh device on loopback is paired silently. 2026.5.18 to 2026.5.20 asked for approval of a browser's first connect, too.",
        ),
        "Approve the request. A forwarding header makes a loopback peer remote.",
    ),
    topic(
        Kind::Reason,
        "role-upgrade",
        "The device is paired and asks for a role that its record does not effectively have.",
        Some(
            "2026.3.31 and 2026.4.1 took roles from active tokens alone, so that records with roles and no token were refused (openclaw#59045, mended in 2026.4.2 by #59092). From operator to node on one device: refused up to 2026.4.1, silent from 2026.4.2 to 2026.5.12, refused again from 2026.5.18.",
        ),
        "Approve the request; on 2026.3.31 and 2026.4.1 update to 2026.4.2.",
    ),
    topic(
        Kind::Reason,
        "scope-upgrade",
        "The device is paired and asks for scopes that were not approved.",
        Some(
            "On loopback with the shared token: silent from 2026.2.22 to 2026.3.24, refused from 2026.3.28 to 2026.7.35, silent again from 2026.8.1 unless `gateway.nodes.pairing.autoApproveLocal` is false.",
        ),
        "Approve the request from a device that holds `operator.admin` or `operator.pairing`.",
    ),
    topic(
        Kind::Reason,
        "metadata-upgrade",
        "Platform or device family differ from what was pinned at pairing.",
        Some(
            "On direct loopback on every release measured, though 2026.4.22 announces a silent refresh for native apps.",
        ),
        "Approve the request, or send the platform that was paired.",
    ),
];

/// Topics of a word, in whatever case it is written; several where a word has several meanings.
pub fn explain(word: &str) -> Vec<&'static Topic> {
    TOPICS.iter().filter(|topic| topic.word.eq_ignore_ascii_case(word.trim())).collect()
}

/// Words that are like another, the most alike first.
pub fn alike(word: &str) -> Vec<&'static str> {
    const MOST: usize = 3;
    let mut found = similar(word, TOPICS.iter().map(|topic| topic.word));
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(explain(" Role-Upgrade ")[0].kind, Kind::Reason);
        assert!(explain("role-upgrad").is_empty());
        assert_eq!(alike("role-upgrad")[0], "role-upgrade");
        assert!(alike("qqqqqq").is_empty());
    }

    #[test]
    fn no_word_stands_twice_and_none_lacks_advice() {
        for (at, topic) in TOPICS.iter().enumerate() {
            assert!(TOPICS[..at].iter().all(|other| (other.word, other.kind) != (topic.word, topic.kind)));
            assert!(topic.meaning.ends_with('.') && topic.advice.ends_with('.'), "{}", topic.word);
            assert!(topic.since.is_none_or(|since| since.ends_with('.')), "{}", topic.word);
        }
    }
}
