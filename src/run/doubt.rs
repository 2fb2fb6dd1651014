//! Recognises outcomes that other cases on the same gateway, or a gateway that was not ready, may have caused.

use crate::verdict::Outcome;
use crate::wire::WireError;

/// Why something other than the scenario may have caused an outcome; `None` if there is no sign of that.
pub(super) fn disturbance(outcome: &Outcome) -> Option<&'static str> {
    let (Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }) = outcome else {
        return None;
    };
    if says_that_others_paired(error) {
        Some("was refused because another device was being paired")
    } else if matches!(outcome, Outcome::Refused { .. }) && error.message.contains("timed out") {
        // Measured on 2026.9.6: `UNAVAILABLE`, "TIMEOUT: node invoke timed out".
        Some("ran into a time limit of the gateway while other scenarios were running")
    } else if error.details["reason"] == "startup-sidecars" {
        // Measured on 2026.9.6, after a restart that takes longer on a busy machine.
        Some("came before the gateway had started")
    } else {
        None
    }
}

/// Whether a refusal says that a device was paired in the meantime, which on a shared gateway may have been another
/// case's device. Measured on 2026.5.12: a call fails if a file of the store is written while the call reads it. Read in
/// the code of 2026.9.6: each call by or to a node checks that the pairing store is unchanged, and refuses the caller if
/// it has changed or cannot be read at that moment; some of these refusals are internal errors that were not meant for
/// clients. The whole scenario has to be retried, because a refused call may have used up an approval.
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
    fn interference_by_other_cases_is_recognised(#[case] outcome: Outcome, #[case] disturbed: bool) {
        assert_eq!(disturbance(&outcome).is_some(), disturbed);
    }
}
