//! An error and its causes as text.

use std::error::Error;

/// The text of an error and of each of its causes. A cause that the text before it ends with is left out.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts
}

/// An error and its causes on one line: `what failed: because of this: because of that`.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).join(": ")
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
    fn each_cause_is_named_once() {
        let error = Repeats(Outer(io::Error::other("disk full")));
        assert_eq!(chain(&error), "no boot: the log cannot be read: disk full");
    }
}
