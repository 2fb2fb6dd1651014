//! Questions and searches for tests.

use serde_json::Value;

use super::entry::{BISECT_FORMAT, Candidate, CandidateKind, Question, SearchStart, SoughtChange, Terms};

pub(crate) fn question() -> Question {
    Question {
        scenario: "roles/legacy".into(),
        title: "A device keeps its role".into(),
        path: "scenarios/roles/legacy.yaml".into(),
        digest: "d".into(),
        step: None,
        find: SoughtChange::Regression,
        any_failure: false,
        repeat: 1,
        confidence: None,
        terms: Terms { good: "good".into(), bad: "bad".into() },
        all_transitions: false,
    }
}

pub(crate) fn search_start(releases: &[&str]) -> SearchStart {
    let candidate = |name: &&str| Candidate {
        name: (*name).to_owned(),
        release: name.parse().ok(),
        date: None,
        subject: None,
        gap_before: false,
    };
    SearchStart {
        format: BISECT_FORMAT,
        harness: "0.1.0".into(),
        question: question(),
        kind: CandidateKind::Release,
        candidates: releases.iter().map(candidate).collect(),
        arguments: Value::Null,
        notes: Vec::new(),
    }
}
