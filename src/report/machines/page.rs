//! Learnt machines as Markdown and as an HTML page.

use std::fmt::Write as _;

use super::graph::mermaid;
use super::svg::{escaped, svg};
use super::text::{changes, figures, next_steps};
use crate::learn::Study;

/// The words that tell neighbours apart, the history of the machines, and the machines as a Mermaid chart.
pub fn markdown(study: &Study) -> String {
    let mut text =
        format!("# Machines over the alphabet {}\n\n{}.\n", study.alphabet.name, study.alphabet.title);
    // Writing to a text cannot fail.
    for (at, comparison) in study.comparisons.iter().enumerate() {
        let _ = write!(text, "\n## {} → {}\n\n", comparison.first, comparison.second);
        if comparison.words.is_empty() {
            text.push_str("No difference.\n");
        } else {
            let _ = writeln!(text, "| word | {} | {} |\n|---|---|---|", comparison.first, comparison.second);
        }
        for shown in &comparison.words {
            let found = &shown.found;
            let word = study.alphabet.spell(&found.word);
            let _ = writeln!(text, "| {} | {} | {} |", cell(&word), cell(&found.first), cell(&found.second));
        }
        for line in changes(study, comparison, at).into_iter().chain(next_steps(comparison)) {
            let _ = write!(text, "\n- {line}");
        }
        text.push('\n');
    }
    let _ = write!(text, "\n## Machines\n\n```mermaid\n{}```\n\n", mermaid(study));
    for line in figures(study) {
        let _ = writeln!(text, "- {line}");
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// One page with the words, the history and the picture.
pub fn html(study: &Study) -> String {
    let mut body = String::new();
    for (at, comparison) in study.comparisons.iter().enumerate() {
        let (first, second) = (escaped(&comparison.first), escaped(&comparison.second));
        let _ = writeln!(body, "<h2>{first} → {second}</h2>");
        if comparison.words.is_empty() {
            body.push_str("<p>No difference.</p>\n");
        } else {
            let _ = writeln!(body, "<table><tr><th>word</th><th>{first}</th><th>{second}</th></tr>");
            for shown in &comparison.words {
                let cells =
                    [&study.alphabet.spell(&shown.found.word), &*shown.found.first, &*shown.found.second];
                let cells = tagged("td", cells);
                let _ = writeln!(body, "<tr>{cells}</tr>");
            }
            body.push_str("</table>\n");
        }
        let lines = tagged("li", changes(study, comparison, at).into_iter().chain(next_steps(comparison)));
        let _ = writeln!(body, "<ul>{lines}</ul>");
    }
    let figures = tagged("li", figures(study));
    let title = escaped(&format!("Machines over the alphabet {}", study.alphabet.name));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>body{{font:15px sans-serif;margin:2em}}td,th{{text-align:left;padding:.2em .8em;border-bottom:1px solid #ccc}}.picture{{overflow:auto}}</style></head>\n<body><h1>{title}</h1>\n<p>{}.</p>\n{body}<ul>{figures}</ul>\n<div class=\"picture\">{}</div>\n</body></html>\n",
        escaped(&study.alphabet.title),
        svg(study)
    )
}

/// Texts, each in an element of its own.
fn tagged(tag: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let elements = texts.into_iter().map(|text| format!("<{tag}>{}</{tag}>", escaped(text.as_ref())));
    elements.collect::<Vec<_>>().concat()
}
