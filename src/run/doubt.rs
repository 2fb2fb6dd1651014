//! What in an outcome may be the doing of others on the same gateway, or of a gateway that was not ready.

use crate::verdict::Outcome;
use crate::wire::WireError;

/// How an outcome says that something else than the scenario may have caused it; none where it does not.
pub(super) fn disturbance(outcome: &Outcome) -> Option<&'static str> {
    let (Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }) = outcome else {
        return None;
    };
    if says_that_others_paired(error) {
        Some("was put off while others were paired")
    } else if matches!(outcome, Outcome::Refused { .. }) && error.message.contains("timed out") {
        // Measured on 2026.9.6: `UNAVAILABLE`, "TIMEOUT: node invoke timed out".
        Some("ran into a time limit of the gateway while others were at work")
    } else if error.details["reason"] == "startup-sidecars" {
        // Measured on 2026.9.6, after a restart that takes longer on a busy machine.
        Some("came before the gateway had started")
    } else {
        None
    }
}

/// Whether a refusal says that something was paired meanwhile, which on a gateway that several cases share may have been
/// another one's device. Measured on 2026.5.12: a file of the store that is written while a call reads it fails the call.
/// Read on 2026.9.6: each call of a node, and to one, looks whether the pairing store is as it was,
/// and puts the caller off where it is not or cannot be read in that moment; some of these refusals are errors that
/// nobody has worded for a client. The scenario as a whole has to be tried again, because a call that was put off may
/// have used up an approval.
fn says_that_others_paired(error: &WireError) -> bool {
    error.details["code"] == "PAIRING_CHANGED"
        || [
            "node pairing state unavailable",
            "requires a current worker publication",
            "File changed during read",
        ]
        .iter()
        .any(|sign| error.message.contains(sign))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn refused(message: &str, details: Value) -> Outcome {
        let error = WireError { code: "UNAVAILABLE".to_owned(), message: message.to_owned(), details };
        Outcome::Refused { error }
    }

    #[rstest]
    #[case::code(refused("node pairing changed before request dispatch", json!({"code": "PAIRING_CHANGED"})), true)]
    #[case::store(refused("node pairing state unavailable before dispatch", json!(null)), true)]
    #[case::raw(refused("Error: Device pairing authority requires a current worker publication", json!({})), true)]
    #[case::written(refused("JsonFileReadError: Failed to read JSON file <- Error: File changed during read", json!({})), true)]
    #[case::time_limit(refused("TIMEOUT: node invoke timed out", json!({})), true)]
    #[case::starting(refused("gateway starting; retry shortly", json!({"reason": "startup-sidecars"})), true)]
    #[case::away(refused("node not connected", json!({"code": "NOT_CONNECTED"})), false)]
    #[case::command(refused("node command not allowed", json!({})), false)]
    #[case::role(refused("pairing required", json!({"reason": "role-upgrade"})), false)]
    #[case::no_refusal(Outcome::Ok { payload: json!({"code": "PAIRING_CHANGED"}) }, false)]
    fn what_others_caused_is_told_from_an_answer_to_the_scenario(
        #[case] outcome: Outcome,
        #[case] disturbed: bool,
    ) {
        assert_eq!(disturbance(&outcome).is_some(), disturbed);
    }
}
