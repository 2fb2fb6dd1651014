//! Shows the explanation of a word.

use super::Appearance;
use super::difference::Block;
use super::palette::paint;
use crate::report::explain::Topic;

/// A topic as lines.
pub fn topic(topic: &Topic, appearance: &Appearance) -> String {
    let mut block = Block::new(appearance);
    block.line(&format!("{} ({})", paint(appearance.palette.strong(), topic.word), topic.kind.word()));
    block.prose("means", topic.meaning);
    for (at, change) in topic.history().enumerate() {
        // Of several changes, only the first line has the label.
        let label = if at == 0 { "releases" } else { " " };
        block.prose(label, &format!("from {}: {}", change.since, change.about));
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
