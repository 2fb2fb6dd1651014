//! What a verdict, a code or a reason means, what people do about it, and in which releases its rules changed.

use crate::model::{HISTORY, RuleChange};

use crate::suggest::similar;

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
    /// A scope of an operator.
    Scope,
    /// The kind of an outcome.
    Outcome,
    /// An operator of a pattern.
    Pattern,
    /// A sign in a table.
    Sign,
    /// What `--verdict` prints.
    ReleaseVerdict,
    /// What an upgrade does to a device.
    UpgradeEffect,
    /// A word of the reports and the documents.
    Term,
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
            Self::Scope => "scope",
            Self::Outcome => "outcome",
            Self::Pattern => "pattern in a scenario",
            Self::Sign => "sign in a table",
            Self::ReleaseVerdict => "verdict on a release",
            Self::UpgradeEffect => "effect of an upgrade",
            Self::Term => "word of gatecrash",
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
    topic(TopicKind::Verdict, "skipped", "A step was not performed, because an earlier one had already deviated as listed.", &[], "Look at the step before it."),
    topic(TopicKind::Verdict, "denied", "A listed deviation whose class the run denies with `--deny`. It counts as a failure.", &[], "Fix it, or leave its class out of `--deny`."),
    topic(TopicKind::Outcome, "ok", "In a table: the cell had the right outcome, whether that is an admission or a refusal. As the outcome of a call: it succeeded.", &[], "Nothing to do."),
    topic(TopicKind::Outcome, "hello", "The gateway let the connection in. In a table the word stands where that is wrong: somebody got in who should have been refused.", &[], "Read the deviation or the difference of the cell; `gatecrash show` has its frames."),
    topic(TopicKind::Outcome, "closed", "The gateway closed the connection, with a close code and usually an error response before it.", &[], "See the detail code and the reason."),
    topic(TopicKind::Outcome, "silence", "Nothing arrived in time, although gateway and harness had processor time.", &[], "Nothing to do where silence is expected; otherwise read the gateway's log."),
    topic(TopicKind::Outcome, "arrives", "The awaited event arrived.", &[], "Nothing to do."),
    topic(TopicKind::Outcome, "protocol_error", "The gateway broke RFC 6455, so that the client ended the connection.", &[], "Read the last frames; `gatecrash show` has all of them."),
    topic(TopicKind::Outcome, "exit", "A program ended, with an exit code or by a signal.", &[], "Read what it printed."),
    topic(TopicKind::Pattern, "$any", "Any value that is present.", &[], "Write the value, if only one is right."),
    topic(TopicKind::Pattern, "$absent", "The key is missing.", &[], "Use it for keys that may come and must not."),
    topic(TopicKind::Pattern, "$matches", "A text in which the regular expression matches: `{$matches: REGEX}`.", &[], "Prefer codes and reasons to texts, which change between releases."),
    topic(TopicKind::Pattern, "$contains", "A list in which each pattern has a match: `{$contains: [P, …]}`.", &[], "Use it for lists to which others may add."),
    topic(TopicKind::Pattern, "$excludes", "A list in which no pattern has a match: `{$excludes: [P, …]}`.", &[], "Use it for what must not be listed."),
    topic(TopicKind::Pattern, "$one_of", "A value that matches at least one of the patterns: `{$one_of: [P, …]}`.", &[], "List only what is right on every release; use a deviation for the rest."),
    topic(TopicKind::Pattern, "$not", "A value that is present and does not match: `{$not: P}`.", &[], "Prefer to write what is right."),
    topic(TopicKind::Pattern, "$exactly", "Exactly this value, without additional keys: `{$exactly: V}`.", &[], "Plain mappings match by subset; use this where one more key is wrong."),
    topic(TopicKind::Pattern, "$set", "A list with exactly these elements in any order: `{$set: [P, …]}`.", &[], "Use it for scopes and roles, whose order is not promised."),
    topic(TopicKind::Pattern, "$length", "A list, mapping or text of this length: `{$length: N}`.", &[], "Use it where the elements do not matter."),
    topic(TopicKind::Scope, "operator.admin", "Administration: everything that an operator may do.", &[], "Give it to few devices."),
    topic(TopicKind::Scope, "operator.approvals", "Sees and decides requests of the agent to run commands.", &[], "Give it to devices whose owner answers such requests."),
    topic(TopicKind::Scope, "operator.pairing", "Sees and approves pairing requests, and manages tokens.", &[], "Give it to the devices that approve others."),
    topic(TopicKind::Scope, "operator.questions", "Sees and answers the agent's questions.", &[], "Give it to devices whose owner answers them."),
    topic(TopicKind::Scope, "operator.read", "Reads sessions, status and messages.", &[], "Most clients ask for it."),
    topic(TopicKind::Scope, "operator.talk.secrets", "Reads the credentials of voice services.", &[], "Give it to devices that speak for the agent."),
    topic(TopicKind::Scope, "operator.write", "Sends messages and starts runs; also grants reading.", &[], "Give it to devices that people write from."),
    topic(TopicKind::Close, "1001", "The gateway is going away: it is being stopped.", &[], "Connect again once it is up."),
    topic(TopicKind::Close, "1011", "The gateway failed while it handled the connection.", &[], "Read the gateway's log, and report it."),
    topic(TopicKind::Close, "1012", "The gateway restarts.", &[], "Connect again once it is up."),
    topic(TopicKind::Code, "UNAVAILABLE", "The gateway, or what the call is about (a node, a service), cannot answer now.", &[], "See the detail code; try again where it says so."),
    topic(TopicKind::Code, "FORBIDDEN", "The connection lacks a scope, or access ended. Earlier releases send INVALID_REQUEST with a text instead.", &["ForbiddenNamed"], "Connect with the scope that the details name."),
    topic(TopicKind::Code, "AGENT_TIMEOUT", "The agent did not finish its turn in time.", &[], "Try again, or wait longer."),
    topic(TopicKind::Code, "APPROVAL_NOT_FOUND", "There is no open request with this id: it never existed, was decided, or expired.", &[], "List the open requests again."),
    topic(TopicKind::Code, "NOT_LINKED", "A messaging channel is not linked to an account.", &[], "Link the channel with the gateway's command line."),
    topic(TopicKind::Code, "EXITED", "A process that was asked about has ended.", &[], "Start it again."),
    topic(TopicKind::Code, "NOT_FOUND", "What the call names does not exist.", &[], "Check the id."),
    topic(TopicKind::Code, "rate_limited", "Over HTTP: too many failed attempts to authenticate.", &[], "Wait until the lockout ends."),
    topic(TopicKind::Code, "AUTH_REQUIRED", "No credentials were sent, and the gateway wants some.", &[], "Send the shared token, the password, or a device token."),
    topic(TopicKind::Code, "AUTH_UNAUTHORIZED", "The credentials were refused for a reason without a code of its own; `authReason` names it.", &[], "See `authReason`, such as `trusted_proxy_user_missing`."),
    topic(TopicKind::Code, "AUTH_TOKEN_MISSING", "The gateway has a shared token, and the client sent none.", &[], "Send it; a paired device may send its device token instead."),
    topic(TopicKind::Code, "AUTH_TOKEN_NOT_CONFIGURED", "The client sent a token, and the gateway has none to compare it with.", &[], "Set `gateway.auth.token`."),
    topic(TopicKind::Code, "AUTH_PASSWORD_MISSING", "The gateway wants a password, and the client sent none.", &[], "Send it; a paired device may send its device token instead."),
    topic(TopicKind::Code, "AUTH_PASSWORD_MISMATCH", "The password is wrong.", &[], "Use the password of the gateway's configuration."),
    topic(TopicKind::Code, "AUTH_PASSWORD_NOT_CONFIGURED", "The client sent a password, and the gateway has none to compare it with.", &[], "Set `gateway.auth.password`."),
    topic(TopicKind::Code, "AUTH_BOOTSTRAP_TOKEN_INVALID", "The setup code is wrong, expired, or was used.", &["BootstrapTokens"], "Make a new setup code."),
    topic(TopicKind::Code, "AUTH_RATE_LIMITED", "Too many failed attempts from this address; the gateway refuses even right credentials for a while.", &[], "Wait as long as `retryAfterMs` says, and stop the client that keeps trying."),
    topic(TopicKind::Code, "AUTH_TAILSCALE_IDENTITY_MISSING", "Tailscale authentication is allowed, but the request names no user.", &[], "Connect through `tailscale serve`, or use the shared token."),
    topic(TopicKind::Code, "AUTH_TAILSCALE_PROXY_MISSING", "The request names a Tailscale user, but did not come through Tailscale's proxy.", &[], "Connect through `tailscale serve`."),
    topic(TopicKind::Code, "AUTH_TAILSCALE_WHOIS_FAILED", "Tailscale could not be asked who the peer is.", &[], "Check that the Tailscale daemon runs on the gateway's host."),
    topic(TopicKind::Code, "AUTH_TAILSCALE_IDENTITY_MISMATCH", "Tailscale names another user than the request's header.", &[], "Remove whatever sets the header by itself."),
    topic(TopicKind::Code, "AUTH_IDENTITY_HEADER_REQUIRED", "A trusted proxy did not send a header that `gateway.auth.trustedProxy.requiredHeaders` demands; `authReason` names it.", &["IdentityHeaderNamed"], "Let the proxy send the header. Earlier releases report AUTH_UNAUTHORIZED."),
    topic(TopicKind::Code, "AUTH_VERIFIED_USER_REQUIRED", "Access depends on who somebody is (`gateway.roles`), and the credentials name nobody. Known from 2026.9.6 on.", &[], "Connect through the trusted proxy that names the user, or use the owner's password."),
    topic(TopicKind::Code, "CLIENT_VERSION_MISMATCH", "A node of the gateway's own machine runs another release than the gateway, and is closed so that its supervisor restarts it. Known from 2026.8.1 on.", &[], "Restart the node after the update of the gateway."),
    topic(TopicKind::Code, "CONTROL_UI_BUILD_MISMATCH", "The page of the Control UI belongs to another build than the gateway.", &["ControlUiBuildGate"], "Reload the page."),
    topic(TopicKind::Code, "CONTROL_UI_ORIGIN_NOT_ALLOWED", "The page that opened the connection comes from an origin that is not allowed.", &["OriginDetails", "OriginBehindProxy", "SameHostOrigin", "OpaqueOrigins"], "Add the origin to `gateway.controlUi.allowedOrigins`."),
    topic(TopicKind::Code, "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", "The Control UI connected without a device identity, which browsers have only over HTTPS or on localhost.", &["ControlUiBypassFlags", "NoAuthControlUi"], "Open the page over HTTPS or as localhost."),
    topic(TopicKind::Code, "DEVICE_IDENTITY_REQUIRED", "The client sent no device identity, and its credentials do not let it in without one.", &[], "Sign the challenge with a device key."),
    topic(TopicKind::Code, "DEVICE_AUTH_INVALID", "The device's proof is bad for a reason without a code of its own.", &[], "Sign the challenge again."),
    topic(TopicKind::Code, "DEVICE_AUTH_NONCE_REQUIRED", "The proof contains no nonce.", &[], "Sign the nonce of `connect.challenge`."),
    topic(TopicKind::Code, "DEVICE_AUTH_NONCE_MISMATCH", "The proof signs another nonce than that of this connection.", &[], "Sign the nonce of this connection's `connect.challenge`."),
    topic(TopicKind::Code, "DEVICE_AUTH_SIGNATURE_INVALID", "The signature does not fit the key and the signed fields.", &[], "Sign exactly the fields that are sent: role, scopes, token, time and nonce."),
    topic(TopicKind::Code, "DEVICE_AUTH_PUBLIC_KEY_INVALID", "The public key cannot be read.", &[], "Send the 32 raw bytes of an Ed25519 key as base64url."),
    topic(TopicKind::Code, "PAIRING_CHANGED", "The pairing of a node changed while a request to it was under way, or the node is not approved at all; nothing was dispatched.", &[], "Connect again, and repeat the request once the node is approved."),
    topic(TopicKind::Code, "MISSING_SCOPE", "Detail code of FORBIDDEN: the connection lacks the scope that the details name.", &["ForbiddenNamed"], "Connect with that scope."),
    topic(TopicKind::Code, "NOT_CONNECTED", "The node that a call names is not connected.", &[], "Wait until it connects."),
    topic(TopicKind::Code, "NODE_NOT_READY", "The node is connected, but has not said yet that it is ready.", &[], "Try again in a moment."),
    topic(TopicKind::Code, "NODE_BACKGROUND_UNAVAILABLE", "The application on the phone is in the background and cannot run the command.", &[], "Open the application."),
    topic(TopicKind::Code, "QUEUED_UNTIL_FOREGROUND", "The command waits until the application on the phone is opened.", &[], "Open the application."),
    topic(TopicKind::Code, "TIMEOUT", "The node did not answer in time.", &[], "Try again with a longer `timeoutMs`."),
    topic(TopicKind::Code, "MISSING_COMMAND", "A request to run a program names none.", &[], "Send the command."),
    topic(TopicKind::Code, "MISSING_RUN_ID", "A request that was approved names no run id, so the approval cannot be found.", &[], "Send the run id under which it was approved."),
    topic(TopicKind::Code, "RAW_COMMAND_MISMATCH", "The command as a text differs from the command as a list of arguments.", &[], "Send both forms of the same command."),
    topic(TopicKind::Code, "UNKNOWN_APPROVAL_ID", "The request to run a program refers to an approval that does not exist.", &[], "Ask for an approval."),
    topic(TopicKind::Code, "INVALID_APPROVAL_SOURCE", "The request says that it was approved in a way that does not exist.", &[], "Ask for an approval."),
    topic(TopicKind::Code, "APPROVAL_REQUIRED", "The program may only run after somebody has approved it.", &[], "Ask for an approval."),
    topic(TopicKind::Code, "APPROVAL_EXPIRED", "The approval was given too long ago.", &[], "Ask again."),
    topic(TopicKind::Code, "APPROVAL_CLIENT_MISMATCH", "An approval was used by another client than the one it was given to.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_DEVICE_MISMATCH", "An approval was used by another device than the one it was given to.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_NODE_MISMATCH", "An approval was used for another node than the approved one.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_REQUEST_MISMATCH", "An approval was used for another command than the approved one.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_SOURCE_MISMATCH", "An approval was used with another kind of approval than the one that was given.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_ENV_MISMATCH", "An approval was used with another environment than the approved one.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_ENV_BINDING_MISSING", "The approval does not say for which environment it was given, so it holds for none.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Code, "APPROVAL_NODE_BINDING_MISSING", "The approval does not say for which node it was given, so it holds for none.", &[], "Ask for an approval of exactly what is to run."),
    topic(TopicKind::Sign, "✓", "The cell passed.", &[], "Nothing to do."),
    topic(TopicKind::Sign, "✗", "A difference that is not listed, a listed one that did not happen, or one that the run denies.", &[], "Read what was expected and what came; `gatecrash show` has the frames."),
    topic(TopicKind::Sign, "≠", "A known regression: wrong, and listed for this release.", &[], "Look up the issue that the deviation names."),
    topic(TopicKind::Sign, "◆", "A known regression of security: somebody gets in, stays in, or sees what the right outcome refuses.", &[], "Treat it as a vulnerability of that release."),
    topic(TopicKind::Sign, "≈", "Superseded: an older or newer contract, changed on purpose.", &[], "Check whether you rely on it."),
    topic(TopicKind::Sign, "∅", "Unsupported: the release does not have the feature.", &[], "Nothing to do."),
    topic(TopicKind::Sign, "?", "A listed deviation that nobody has reviewed yet.", &[], "Look at the cell, then give the entry another class."),
    topic(TopicKind::Sign, "~", "Flaky: the repetitions did not all have the same outcome.", &[], "Run it with --repeat and the seed from the reproduce line."),
    topic(TopicKind::Sign, "–", "Untestable on this target, or not performed.", &[], "Read the reason."),
    topic(TopicKind::Sign, "!", "The harness or the gateway broke.", &[], "Read the gateway's last lines in the report, and run it again with `--jobs 1`."),
    topic(TopicKind::ReleaseVerdict, "ship", "Everything that was planned was tested, and nothing is wrong that is not listed.", &[], "Nothing to do."),
    topic(TopicKind::ReleaseVerdict, "do not ship", "Something is wrong that is not listed, or that the run denies.", &[], "Run it again without `--verdict` to see what."),
    topic(TopicKind::ReleaseVerdict, "partial", "Nothing is wrong, but not everything could be tested; the line says what was not.", &[], "Decide whether what was not tested matters to you."),
    topic(TopicKind::ReleaseVerdict, "blocked", "The run broke, was interrupted, or could test nothing, so it says nothing about the release.", &[], "Read the reason, mend it, and run it again."),
    topic(TopicKind::UpgradeEffect, "keeps working", "The device works now, and after the upgrade.", &[], "Nothing to do."),
    topic(TopicKind::UpgradeEffect, "works again", "The device is refused now, and works after the upgrade.", &[], "Nothing to do."),
    topic(TopicKind::UpgradeEffect, "stays revoked", "The device was revoked, and stays out.", &[], "Nothing to do."),
    topic(TopicKind::UpgradeEffect, "refused before too", "The device works neither now nor after the upgrade.", &[], "Pair it again if it is still in use."),
    topic(TopicKind::UpgradeEffect, "revocation takes effect", "The device was revoked and works all the same; the upgrade keeps it out.", &[], "Pair it again only if it should come back."),
    topic(TopicKind::UpgradeEffect, "REVOKED, BUT LET IN", "The device was revoked, and the upgrade lets it in.", &[], "Change the shared token, and remove the device."),
    topic(TopicKind::UpgradeEffect, "BREAKS", "The device works now, and does not after the upgrade.", &[], "See the advice below the table of the preflight: mostly a request to approve after the upgrade, or a connect before it."),
    topic(TopicKind::UpgradeEffect, "lost", "After the upgrade the gateway has no record of the device.", &[], "Keep a copy of the state directory, and look at the gateway's log before you pair anew."),
    topic(TopicKind::Term, "scenario", "A YAML file that says what devices do, and what the gateway should answer.", &[], "`gatecrash list` shows all."),
    topic(TopicKind::Term, "cell", "One scenario on one target.", &[], "`gatecrash show` shows one with every frame."),
    topic(TopicKind::Term, "target", "What `--gateway` names: a release, a checkout, a tarball, a command, a running gateway, or the model.", &[], "See docs/running.md for all kinds."),
    topic(TopicKind::Term, "release", "A published version of the gateway, such as 2026.3.31.", &[], "`gatecrash releases list --available` shows all."),
    topic(TopicKind::Term, "embedded", "The executable model of a release's rules, which answers in this process and needs no Node.", &[], "`--gateway 2026.3.31` runs the real release."),
    topic(TopicKind::Term, "home", "The temporary directory with configuration, state and logs of one gateway.", &[], "`--keep-state DIR` keeps the state."),
    topic(TopicKind::Term, "seed", "The number from which all keys and secrets are made: the same seed sends the same frames.", &[], "Use the seed of a report to see the same again."),
    topic(TopicKind::Term, "device", "A key pair with a stable name, which may be paired with the gateway.", &[], "`devices:` in a scenario says what the gateway knows about it."),
    topic(TopicKind::Term, "persona", "Who a client claims to be: client id, mode, role and scopes.", &[], "`gatecrash explain` lists all personas."),
    topic(TopicKind::Term, "step", "One thing that a scenario does, such as a connect.", &[], "`gatecrash explain` lists all verbs."),
    topic(TopicKind::Term, "expectation", "The outcome that is right, with the reason.", &[], "Never write what a gateway did into it."),
    topic(TopicKind::Term, "deviation", "An entry that says which releases differ from what is right, how, and why.", &[], "`gatecrash expect update` writes such entries; a person reviews them."),
    topic(TopicKind::Term, "difference", "A cell that is not as expected: a failure, a listed deviation that did not happen, or one that varies.", &[], "Read it, then `gatecrash explain` its words."),
    topic(TopicKind::Term, "signature", "What makes two failures the same: step, kind of outcome, close code, detail code and reason.", &[], "A bisect follows one signature."),
    topic(TopicKind::Term, "lane", "Scenarios that share one booted gateway.", &[], "`--isolate` gives each a gateway of its own."),
    topic(TopicKind::Term, "boot", "A start of a gateway.", &[], "`run --list` says how many a run needs."),
    topic(TopicKind::Term, "frame", "One message on the wire.", &[], "`gatecrash show` has them all."),
    topic(TopicKind::Term, "timeline", "All changes of a scenario's outcome over the releases.", &[], "`gatecrash timeline` prints the recorded ones."),
    topic(TopicKind::Term, "shard", "One of several parts of a run, for several machines.", &[], "`gatecrash merge` joins them."),
    topic(TopicKind::Term, "mutant", "A small fault planted in the model or in a private copy of a release.", &[], "One that survives needs another scenario."),
    topic(TopicKind::Term, "survived", "No scenario noticed the mutant.", &[], "Write the scenario that does, or list it as equivalent with the reason."),
    topic(TopicKind::Term, "killed", "A scenario noticed the mutant.", &[], "Nothing to do."),
    topic(TopicKind::Term, "story", "A random scenario of `explore`, before it is written.", &[], "`--out DIR` writes those that differ."),
    topic(TopicKind::Term, "twin", "Another story that has to have the same answers by a law.", &[], "`explore --laws` runs both."),
    topic(TopicKind::Term, "law", "What holds on every gateway, whatever a story does.", &[], "`suite-data/laws.yaml` has all."),
    topic(TopicKind::Term, "alphabet", "What a learner may ask.", &[], "`gatecrash learn --alphabet` takes a file of your own."),
    topic(TopicKind::Term, "word", "A sequence of inputs out of an alphabet, with devices of its own.", &[], "`learn --out DIR` writes words as scenarios."),
    topic(TopicKind::Term, "probe", "One build that a bisect tested.", &[], "`bisect --replay LOG` shows them again."),
    topic(TopicKind::Term, "leak", "Something that a gateway left or wrote outside of its home.", &[], "Read which file, process or port it is."),
];

/// The topics of a word, in whatever case and number it is written; several if the word has several meanings.
pub fn explain(word: &str) -> Vec<&'static Topic> {
    let word = word.trim();
    let of = |word: &str| -> Vec<&'static Topic> {
        TOPICS.iter().filter(|topic| topic.word.eq_ignore_ascii_case(word)).collect()
    };
    let found = of(word);
    match word.strip_suffix('s') {
        Some(one) if found.is_empty() => of(one),
        _ => found,
    }
}

/// Texts of closes and logs that stand for a word, in lower case.
const PHRASES: &[(&str, &str)] = &[
    ("device pairing required", "not-paired"),
    ("role upgrade pending approval", "role-upgrade"),
    ("scope upgrade pending approval", "scope-upgrade"),
    ("device metadata change pending approval", "metadata-upgrade"),
    ("pairing required", "PAIRING_REQUIRED"),
    ("device token mismatch", "AUTH_DEVICE_TOKEN_MISMATCH"),
    ("token mismatch", "AUTH_TOKEN_MISMATCH"),
    ("token missing", "AUTH_TOKEN_MISSING"),
    ("password mismatch", "AUTH_PASSWORD_MISMATCH"),
    ("password missing", "AUTH_PASSWORD_MISSING"),
    ("protocol mismatch", "PROTOCOL_MISMATCH"),
    ("client version mismatch", "CLIENT_VERSION_MISMATCH"),
    ("origin not allowed", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
    ("device identity required", "DEVICE_IDENTITY_REQUIRED"),
    ("too many failed authentication attempts", "AUTH_RATE_LIMITED"),
    ("proxy_attribution_required", "403"),
    ("missing scope", "MISSING_SCOPE"),
];

/// The topics that a line of a log, a close or an error speaks of: reasons first, then codes, then numbers.
pub fn explain_text(text: &str) -> Vec<&'static Topic> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    let mut words: Vec<&str> = text
        .split(|c| !inside(c))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let lower = text.to_lowercase();
    for (phrase, word) in PHRASES {
        // A longer phrase says more than one inside it.
        let said_better = PHRASES.iter().any(|(longer, meant)| {
            longer.len() > phrase.len() && longer.contains(phrase) && words.contains(meant)
        });
        if lower.contains(phrase) && !said_better {
            words.push(word);
        }
    }
    let order = |kind: TopicKind| match kind {
        TopicKind::Reason => Some(0),
        TopicKind::Code => Some(1),
        TopicKind::Close | TopicKind::Http => Some(2),
        TopicKind::Scope => Some(3),
        _ => None,
    };
    let mut found: Vec<&Topic> =
        TOPICS.iter().filter(|topic| order(topic.kind).is_some() && words.contains(&topic.word)).collect();
    found.sort_by_key(|topic| order(topic.kind));
    found
}

/// Known words that resemble a word, the most similar first.
pub fn alike(word: &str) -> Vec<&'static str> {
    const MOST: usize = 3;
    let mut found = similar(word, TOPICS.iter().map(|topic| topic.word));
    found.truncate(MOST);
    found
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
    fn every_sign_and_every_verdict_on_a_release_and_a_device_is_explained() {
        use crate::preflight::UpgradeEffect;
        use crate::report::Standing;
        use crate::report::release_verdict::ReleaseVerdict;
        use crate::report::terminal::mark;
        use crate::run::Known;
        let listed =
            [Known::Regression, Known::Security, Known::Superseded, Known::Unsupported, Known::Unreviewed];
        let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Flaky, Verdict::Error, Verdict::Untestable];
        let signs = listed.map(Standing::Known).into_iter().chain(verdicts.map(Standing::Verdict));
        let signs = signs.map(|standing| mark(standing).to_owned());
        let of_releases = [
            ReleaseVerdict::Ship,
            ReleaseVerdict::DoNotShip,
            ReleaseVerdict::Partial,
            ReleaseVerdict::Blocked,
        ];
        let effects = [
            UpgradeEffect::Keeps,
            UpgradeEffect::Heals,
            UpgradeEffect::StaysOut,
            UpgradeEffect::StaysRefused,
            UpgradeEffect::GoesOut,
            UpgradeEffect::ComesBack,
            UpgradeEffect::Breaks,
        ];
        let words = signs
            .chain(of_releases.map(|one| one.word().to_owned()))
            .chain(effects.map(|one| one.word().to_owned()));
        for word in words {
            assert!(!explain(&word).is_empty(), "{word}");
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_suggested_when_mistyped() {
        assert_eq!(explain(" Role-Upgrade ")[0].kind, TopicKind::Reason);
        assert_eq!((explain("cells")[0].word, explain("Do not ship")[0].word), ("cell", "do not ship"));
        assert!(explain("role-upgrad").is_empty());
        assert_eq!(alike("role-upgrad")[0], "role-upgrade");
        assert!(alike("qqqqqq").is_empty());
    }

    #[test]
    fn every_word_of_a_gateway_is_explained() {
        use crate::wire::{DETAIL_CODES, ERROR_CODES, REASONS, SCOPES};
        for word in [DETAIL_CODES, ERROR_CODES, REASONS, SCOPES].concat() {
            assert!(!explain(word).is_empty(), "{word}");
        }
        for word in crate::scenario::OPERATORS {
            assert!(!explain(word).is_empty(), "{word}");
        }
    }

    #[rstest::rstest]
    #[case("gateway closed (1008): pairing required", &["PAIRING_REQUIRED", "1008"])]
    #[case("[ws] closed before connect code=1008 reason=role upgrade pending approval", &["role-upgrade", "1008"])]
    #[case(r#"{"code":"NOT_PAIRED","details":{"code":"PAIRING_REQUIRED","reason":"scope-upgrade"}}"#, &["scope-upgrade", "NOT_PAIRED", "PAIRING_REQUIRED"])]
    #[case("unauthorized: device token mismatch (rotate it)", &["AUTH_DEVICE_TOKEN_MISMATCH"])]
    #[case("10080 things passed, no error is known", &[])]
    #[case("", &[])]
    fn a_line_is_explained_by_the_words_in_it(#[case] line: &str, #[case] words: &[&str]) {
        let found: Vec<&str> = explain_text(line).into_iter().map(|topic| topic.word).collect();
        assert_eq!(found, words);
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
