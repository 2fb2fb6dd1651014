//! An error at the edge: shown once, with a hint and an exit code.

use std::fmt;

use super::exit::Exit;

/// Why a command could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Exit code.
    pub exit: Exit,
}

impl Failure {
    /// The user asked for something that cannot be.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self { message: error.to_string(), hint: None, exit: Exit::Usage }
    }

    /// There is nothing to look at, so that nothing can be said.
    pub fn nothing(error: impl fmt::Display) -> Self {
        Self { message: error.to_string(), hint: None, exit: Exit::NothingTestable }
    }

    /// Harness or machine broke.
    pub fn broke(error: impl fmt::Display) -> Self {
        Self { message: error.to_string(), hint: None, exit: Exit::Broke }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  help: {hint}"))
    }
}
