//! An error at the edge: shown once, with its causes, a hint and an exit code.

use std::error::Error;
use std::fmt;

use super::exit::Exit;
use crate::error_chain::causes;

/// Any error that a command may end with.
type AnyError = Box<dyn Error + Send + Sync>;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    error: AnyError,
    hint: Option<String>,
    exit: Exit,
}

/// An error with a sentence that says what failed because of it.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
struct Contextual {
    context: String,
    source: AnyError,
}

impl Failure {
    /// A failure with an exit code of its own.
    pub fn new(exit: Exit, error: impl Into<AnyError>) -> Self {
        Self { error: error.into(), hint: None, exit }
    }

    /// The user asked for something impossible.
    pub fn usage(error: impl Into<AnyError>) -> Self {
        Self::new(Exit::Usage, error)
    }

    /// There is nothing to look at, so there is no result.
    pub fn nothing(error: impl Into<AnyError>) -> Self {
        Self::new(Exit::NothingTestable, error)
    }

    /// The harness or the machine broke.
    pub fn broke(error: impl Into<AnyError>) -> Self {
        Self::new(Exit::Broke, error)
    }

    /// Says what failed; the error so far becomes its cause.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.error = Box::new(Contextual { context: context.into(), source: self.error });
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code of the program.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The text of the error without its causes.
    #[cfg(test)]
    pub(super) fn message(&self) -> String {
        self.error.to_string()
    }

    /// The advice.
    #[cfg(test)]
    pub(super) fn advice(&self) -> &str {
        self.hint.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = causes(self.error.as_ref());
        for (at, text) in texts.iter().enumerate() {
            if at == 0 {
                write!(f, "error: {text}")?;
            } else {
                write!(f, "\n  cause: {text}")?;
            }
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  help: {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_with_its_causes_and_a_hint() {
        let cause = std::io::Error::other("the disk is gone");
        let failure = Failure::broke(cause).context("cannot write run.json").hint("use another disk");
        assert_eq!(
            failure.to_string(),
            "error: cannot write run.json\n  cause: the disk is gone\n  help: use another disk"
        );
        assert_eq!(failure.exit(), Exit::Broke);
    }
}
