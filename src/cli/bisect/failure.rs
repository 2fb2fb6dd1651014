//! What the user is told when a bisect is not possible.

use crate::bisect::BisectError;
use crate::cli::failure::Failure;

/// The failure of a bisect, with advice that names the options of the command.
pub(super) fn failure(error: BisectError) -> Failure {
    let hint = match &error {
        BisectError::GoodIsLater { .. } => Some("to find where it was fixed, add --find fix".to_owned()),
        BisectError::BadIsLater { .. } => Some("to find where it broke, leave out --find".to_owned()),
        BisectError::NoSuchRelease { next, .. } => {
            let next = next.map_or_else(String::new, |next| format!("the next one is {next}; "));
            Some(format!("{next}see `gatecrash releases list --available`"))
        }
        BisectError::NoKnownChange { .. } => {
            Some("name both ends with --good and --bad, or run `gatecrash matrix` first".to_owned())
        }
        BisectError::ScenarioChanged { .. } => {
            Some("start a new bisect; results of the old text do not count".to_owned())
        }
        BisectError::CommitRange(_) => Some(
            "for a regression the good end is the earlier one, for a fix (--find fix) the bad one".to_owned(),
        ),
        BisectError::NoCommitOfRelease(_) => Some(
            "there is neither a tag of that name nor the commit that the package names: name the revisions"
                .to_owned(),
        ),
        BisectError::NoNode => Some("`gatecrash releases install latest` installs both".to_owned()),
        _ => None,
    };
    let failure = match error {
        BisectError::Git(_)
        | BisectError::Build(_)
        | BisectError::CommitOracle(_)
        | BisectError::Install(_)
        | BisectError::Evidence(_)
        | BisectError::Log(_) => Failure::broke(error),
        _ => Failure::usage(error),
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
