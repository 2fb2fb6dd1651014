//! Links between the documents lead somewhere.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use super::markdown::{anchors, code_spans, split};
use super::{documents, repository_file, root};

/// The targets of all links of a text.
fn links(text: &str) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let prose = split(text).0;
    // The text of a link may be code, its target is not.
    let prose = prose.join("\n");
    let outside = prose.split("\n\n").map(|paragraph| code_spans(paragraph).1).collect::<Vec<_>>().join("\n");
    link.captures_iter(&outside).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = repository_file(&document.display().to_string());
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root().join(&document),
                _ => root().join(document.parent().unwrap_or(Path::new(""))).join(path),
            };
            let there = target
                .canonicalize()
                .is_ok_and(|one| one.starts_with(root().canonicalize().expect("a root")));
            let leads = there
                && (anchor.is_empty()
                    || fs::read_to_string(&target)
                        .is_ok_and(|text| anchors(&text).iter().any(|one| one == anchor)));
            if !leads {
                wrong.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    let linked = links(&repository_file("README.md"));
    for document in documents() {
        let path = document.display().to_string();
        let is_guide = path.starts_with("docs/") && path != "docs/SUMMARY.md";
        assert!(!is_guide || linked.iter().any(|link| link.split('#').next() == Some(&path)), "{path}");
    }
}

/// The site has a place for every page of `docs/`.
#[test]
fn every_page_of_docs_is_in_the_summary() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let pages: Vec<String> = std::fs::read_dir(&docs)
        .unwrap()
        .map(|one| one.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md") && name != "SUMMARY.md")
        .collect();
    for page in &pages {
        assert!(summary.contains(&format!("({page})")), "{page} is not in docs/SUMMARY.md");
    }
    // The README is the first page, which is put beside the others by `scripts/site`.
    let named = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for page in named.filter(|page| *page != "../README.md") {
        assert!(pages.iter().any(|one| one == page), "docs/SUMMARY.md names {page}, which is not there");
    }
}
