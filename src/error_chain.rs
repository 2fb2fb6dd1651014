//! Formats an error with all its causes on one line.

use std::error::Error;

/// An error with all its causes: `what failed: because of this: because of that`. A cause that the preceding text
/// already ends with is not repeated.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the log cannot be read")]
    struct Outer(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("no boot: {0}")]
    struct Repeats(#[source] Outer);

    #[test]
    fn each_cause_appears_once() {
        let error = Repeats(Outer(io::Error::other("disk full")));
        assert_eq!(chain(&error), "no boot: the log cannot be read: disk full");
    }
}
