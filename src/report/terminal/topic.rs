//! The explanation of a word.

use super::Appearance;
use super::difference::Block;
use super::palette::paint;
use crate::report::explain::Topic;

/// A topic as lines.
pub fn topic(topic: &Topic, appearance: &Appearance) -> String {
    let mut block = Block::new(appearance);
    block.line(&format!("{} ({})", paint(appearance.palette.strong(), topic.word), topic.kind.word()));
    block.prose("means", topic.meaning);
    if let Some(since) = topic.since {
        block.prose("releases", since);
    }
    block.prose("do", topic.advice);
    block.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::explain::explain;
    use crate::report::terminal::Palette;

    #[test]
    fn an_explanation_keeps_to_the_width() {
        let appearance = Appearance { width: 80, palette: Palette::PLAIN };
        insta::assert_snapshot!(topic(explain("role-upgrade")[0], &appearance));
    }
}
