//! The causes of an error in one line.

use std::error::Error;

/// An error with all its causes: `what failed: because of this: because of that`. A cause that the text before it names
/// already is not said twice.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
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
    fn each_cause_is_told_once() {
        let error = Repeats(Outer(io::Error::other("disk full")));
        assert_eq!(chain(&error), "no boot: the log cannot be read: disk full");
    }
}
