//! Answers as text for a terminal and as Markdown to paste.

use std::fmt::Write as _;

use super::answer::{Answer, Conclusion, Story};
use super::entry::Reading;
use super::entry::{Asked, Entry, Find, Kind, Probe, Question, Support, Word};
use crate::report::text::{count, duration};
use crate::run::StepRecord;

/// What is shown while a bisect goes on: a line for each entry.
pub fn progress(asked: &Asked, entry: &Entry) -> Option<String> {
    match entry {
        Entry::Asked(asked) => {
            let (first, last) = (asked.candidates.first()?, asked.candidates.last()?);
            let noun = noun(asked.kind);
            let what = count(asked.candidates.len(), noun);
            let head = format!("{what}, {} to {}", first.short(), last.short());
            Some(asked.notes.iter().fold(head, |text, note| format!("{text}\n  {note}")))
        }
        Entry::Looked(look) => Some(format!("  {}", line(asked, look))),
        Entry::Answered(_) | Entry::Described(_) => None,
        Entry::Checked(check) => {
            let sign = match check.support() {
                Support::For => "as expected",
                Support::Against => "NOT as expected",
                Support::Untold => "which tells nothing",
            };
            Some(format!("  {}: {}, {sign}", check.what, word(&asked.question, check.word)))
        }
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Release => "release",
        Kind::Commit => "commit",
    }
}

fn word(question: &Question, word: Word) -> &str {
    match word {
        Word::Good => &question.terms.good,
        Word::Bad => &question.terms.bad,
        Word::Other => "other",
        Word::Skip => "skip",
    }
}

/// A candidate, what it is, why, and what it cost.
fn line(asked: &Asked, look: &Probe) -> String {
    let candidate = asked.candidates.get(look.candidate);
    let name = candidate.map_or("?", |one| one.short());
    let mut text = format!("{name:<13} {:<5}", word(&asked.question, look.word));
    match &look.reading {
        Reading::Right => {}
        Reading::Wrong(signature) => text.extend(["  ", &signature.to_string()]),
        Reading::Unclear(why) => text.extend(["  ", why.lines().next().unwrap_or_default()]),
    }
    let cost = if look.cached { "known".to_owned() } else { duration(look.duration_ms) };
    text.extend(["  (", &cost, ")"]);
    text
}

/// The whole answer for a terminal. `reproduce` is the command that shows the failure again.
pub fn text(entries: &[Entry], reproduce: Option<&str>) -> String {
    let Some(answer) = Answer::of(entries) else { return String::new() };
    let stories = Story::all(entries);
    let Some(story) = Story::that_tells(&stories).and_then(|at| stories.get(at)) else {
        return String::new();
    };
    let mut text = format!("{} – {}\n", named(&story.asked.question), story.asked.question.title);
    for story in &stories {
        text.extend(["  ", &timeline(story), "\n"]);
    }
    text.push('\n');
    text.push_str(&headline(&answer, story));
    text.push('\n');
    for (build, outcome) in differing(story) {
        text.extend(["  ", &build, "  ", &outcome, "\n"]);
    }
    if let Some(commit) = &answer.commit {
        let _ = writeln!(text, "  {} · {} · {}", commit.author, commit.date, commit.prepared);
        commit.files.iter().for_each(|file| text.extend(["    ", file, "\n"]));
    }
    for check in &answer.checks {
        let sign = match check.support() {
            Support::For => "✓",
            Support::Against => "✗",
            Support::Untold => "–",
        };
        let why = check.why.as_ref().and_then(|why| why.lines().next());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let _ = writeln!(text, "  {sign} {}: {}{why}", check.what, word(&story.asked.question, check.word));
    }
    let _ = writeln!(text, "{}", cost(&answer));
    if let Some(reproduce) = reproduce {
        let _ = writeln!(text, "reproduce: {reproduce}");
    }
    text
}

/// The answer as Markdown to paste into an issue.
pub fn markdown(entries: &[Entry], reproduce: Option<&str>) -> String {
    let Some(answer) = Answer::of(entries) else { return String::new() };
    let stories = Story::all(entries);
    let Some(story) = Story::that_tells(&stories).and_then(|at| stories.get(at)) else {
        return String::new();
    };
    let question = &story.asked.question;
    let mut text = format!("### {}\n\n", headline(&answer, story));
    let _ = writeln!(text, "Scenario `{}`: {}\n", named(question), question.title);
    if let Some(signature) = &answer.signature {
        let _ = writeln!(text, "Failure: `{signature}`\n");
    }
    if let Some(commit) = &answer.commit {
        let _ =
            writeln!(text, "{} by {} on {}: {}\n", commit.id, commit.author, commit.date, commit.prepared);
        for file in &commit.files {
            let _ = writeln!(text, "- `{file}`");
        }
        text.push('\n');
    }
    for story in &stories {
        let _ = writeln!(text, "Timeline: {}\n", timeline(story));
    }
    let differing = differing(story);
    if !differing.is_empty() {
        text.push_str("| build | first differing step |\n|---|---|\n");
        for (build, outcome) in differing {
            let _ = writeln!(text, "| {build} | {} |", outcome.replace('|', "\\|"));
        }
        text.push('\n');
    }
    text.push_str("| build | verdict | why | boots |\n|---|---|---|---|\n");
    for step in &answer.steps {
        let why = step.signature.as_ref().map(ToString::to_string).or_else(|| step.why.clone());
        let why = why.unwrap_or_default().replace('|', "\\|").replace('\n', " ");
        let cost = if step.cached { "known".to_owned() } else { step.boots.to_string() };
        let _ = writeln!(text, "| {} | {} | {why} | {cost} |", step.build, word(question, step.verdict));
    }
    for check in &answer.checks {
        let sign = match check.support() {
            Support::For => "as expected",
            Support::Against => "not as expected",
            Support::Untold => "which tells nothing",
        };
        let why =
            check.why.as_ref().and_then(|why| why.lines().next()).unwrap_or_default().replace('|', "\\|");
        let word = word(question, check.word);
        let _ = writeln!(text, "| {} | {word}, {sign} | {why} | {} |", check.what, check.boots);
    }
    let _ = writeln!(text, "\n{}, gatecrash {}.", cost(&answer), answer.harness);
    if let Some(reproduce) = reproduce {
        let _ = write!(text, "\nReproduce:\n\n```sh\n{reproduce}\n```\n");
    }
    text
}

fn named(question: &Question) -> String {
    let step = question.step.as_ref().map_or_else(String::new, |step| format!("#{step}"));
    format!("{}{step}", question.scenario)
}

/// The answer in one sentence.
fn headline(answer: &Answer, story: &Story) -> String {
    let Asked { question, kind, candidates, .. } = &story.asked;
    let (good, bad) = (&question.terms.good, &question.terms.bad);
    let wanted = match question.find {
        Find::Regression => bad,
        Find::Fix => good,
    };
    let noun = noun(*kind);
    let short = |at: usize| candidates.get(at).map_or("?", |one| one.short()).to_owned();
    let change = story.change().map(|(before, at)| (short(before), short(at)));
    let sure = answer.confidence.map_or_else(String::new, |share| format!(", {:.1} % sure", share * 100.0));
    let dated = answer.date.as_ref().map_or_else(String::new, |date| format!(", {date}"));
    match (answer.result, change) {
        (Conclusion::Found, Some((before, at))) if story.has_gap() => {
            let what = if question.all_transitions {
                "the last change came".to_owned()
            } else {
                format!("first {wanted} {noun}:")
            };
            format!("{what} between {before} and {at}; those between them are not installed{sure}")
        }
        (Conclusion::Found, Some((before, at))) if question.all_transitions => {
            format!("the last change is in {noun} {at}{dated} (after {before})")
        }
        (Conclusion::Found, Some((before, at))) => {
            format!("first {wanted} {noun}: {at}{dated} (after {before}){sure}")
        }
        (Conclusion::FoundDespiteSkips, Some((_, at))) => {
            let one_of: Vec<String> =
                story.change().into_iter().flat_map(|(before, at)| before + 1..=at).map(short).collect();
            format!(
                "first {wanted} {noun}: one of {}; {at} is {wanted}, the others cannot be told",
                one_of.join(", ")
            )
        }
        (Conclusion::EndsDoNotDiffer, _) => match &answer.signature {
            Some(signature) => format!("the ends do not differ: both show {signature}"),
            None => format!("the ends do not differ: both are {good}"),
        },
        (Conclusion::EndsSwapped, _) => {
            let other = match question.find {
                Find::Regression => "--find fix",
                Find::Fix => "--find regression",
            };
            format!("the ends are the other way round: ask with {other}")
        }
        (Conclusion::Unfinished, _) => "interrupted before an answer".to_owned(),
        _ => format!("nothing can be said: an end could not be told{sure}"),
    }
}

/// What was seen over the range, such as `ok 2026.3.24–2026.3.28 │ role-upgrade 2026.3.31`.
fn timeline(story: &Story) -> String {
    let entries = [Entry::Asked(Box::new(story.asked.clone()))];
    let looked = story.looks.iter().map(|look| Entry::Looked(Box::new(look.clone())));
    let all: Vec<Entry> = entries.into_iter().chain(looked).collect();
    let cut = |name: &str| {
        let found = story.asked.candidates.iter().find(|one| one.name == name);
        found.map_or_else(|| name.to_owned(), |one| one.short().to_owned())
    };
    let stretches = Answer::of(&all).map(|answer| answer.timeline).unwrap_or_default();
    let parts: Vec<String> = stretches
        .iter()
        .map(|one| match (cut(&one.first), cut(&one.last)) {
            (first, last) if first == last => format!("{} {first}", one.behaviour),
            (first, last) => format!("{} {first}–{last}", one.behaviour),
        })
        .collect();
    parts.join(" │ ")
}

/// The first step that differs across the change, with both outcomes.
fn differing(story: &Story) -> Vec<(String, String)> {
    let Some((before, at)) = story.change() else { return Vec::new() };
    let (Some(old), Some(new)) = (story.steps(before), story.steps(at)) else { return Vec::new() };
    let outcome = |step: Option<&StepRecord>| {
        let outcome = step.and_then(|step| step.outcome.as_ref());
        outcome.map_or_else(|| "not reached".to_owned(), ToString::to_string)
    };
    let wanted = story.signature().map(|signature| signature.step.as_str());
    let step = wanted
        .and_then(|name| new.iter().chain(old).find(|step| step.id == name))
        .or_else(|| new.iter().find(|step| !old.contains(step)));
    let Some(step) = step else { return Vec::new() };
    let of = |steps: &[StepRecord], candidate: usize| {
        let short = story.asked.candidates.get(candidate).map_or("?", |one| one.short()).to_owned();
        let found = steps.iter().find(|one| one.id == step.id);
        (short, format!("{} ({}:{}): {}", step.id, step.path, step.line, outcome(found)))
    };
    vec![of(old, before), of(new, at)]
}

fn cost(answer: &Answer) -> String {
    let time = answer.duration_ms + answer.earlier.iter().map(|one| one.duration_ms).sum::<u64>();
    format!("{}, {}", count(answer.all_boots(), "boot"), duration(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::entry::Answered;
    use crate::bisect::entry::tests::asked;
    use crate::bisect::search::Finding;
    use crate::verdict::Signature;

    fn looked(candidate: usize, reading: Reading, word: Word, cached: bool) -> Entry {
        let (boots, duration_ms) = if cached { (0, 0) } else { (1, 3100) };
        let (steps, log) = (Vec::new(), Vec::new());
        Entry::Looked(Box::new(Probe { candidate, reading, word, cached, boots, duration_ms, steps, log }))
    }

    fn wrong() -> Reading {
        Reading::Wrong(Signature {
            step: "back".into(),
            class: "closed".into(),
            code: Some(1008),
            detail: Some("PAIRING_REQUIRED".into()),
            reason: Some("role-upgrade".into()),
        })
    }

    fn story(finding: Finding) -> Vec<Entry> {
        vec![
            Entry::Asked(Box::new(asked(&["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1"]))),
            looked(3, wrong(), Word::Bad, false),
            looked(0, Reading::Right, Word::Good, true),
            looked(1, Reading::Right, Word::Good, false),
            looked(2, wrong(), Word::Bad, false),
            Entry::Answered(Answered { finding, confidence: None, duration_ms: 12_300 }),
        ]
    }

    #[test]
    fn an_answer_reads_as_a_story() {
        let entries = story(Finding::Found { first_new: 2 });
        insta::assert_snapshot!(text(&entries, Some("gatecrash run roles/legacy -g 2026.3.31")), @r"
        roles/legacy – A device keeps its role
          ok 2026.3.24–2026.3.28 │ role-upgrade 2026.3.31–2026.4.1

        first bad release: 2026.3.31 (after 2026.3.28)
        3 boots, 12.3 s
        reproduce: gatecrash run roles/legacy -g 2026.3.31
        ");
    }

    #[test]
    fn an_answer_can_be_pasted() {
        insta::assert_snapshot!(markdown(&story(Finding::Found { first_new: 2 }), Some("gatecrash run x")));
    }

    #[test]
    fn releases_that_were_not_to_be_had_are_not_passed_over() {
        let mut entries = story(Finding::Found { first_new: 2 });
        if let Some(Entry::Asked(asked)) = entries.first_mut() {
            asked.candidates[2].gap_before = true;
        }
        let text = text(&entries, None);
        let wanted =
            "first bad release: between 2026.3.28 and 2026.3.31; those between them are not installed";
        assert!(text.contains(wanted), "{text}");
        assert!(Answer::of(&entries).unwrap().gap);
    }

    #[test]
    fn skips_are_named_in_the_answer() {
        let entries = story(Finding::FoundDespiteSkips { last_old: 0, first_new: 2 });
        let text = text(&entries, None);
        assert!(text.contains("one of 2026.3.28, 2026.3.31; 2026.3.31 is bad"), "{text}");
        let answer = Answer::of(&entries).unwrap();
        assert_eq!(answer.one_of, ["2026.3.28", "2026.3.31"]);
        assert_eq!((answer.boots, answer.first_bad.as_deref()), (3, Some("2026.3.31")));
    }

    #[test]
    fn a_log_without_an_answer_is_unfinished() {
        let mut entries = story(Finding::Indeterminate);
        entries.pop();
        assert_eq!(Answer::of(&entries).unwrap().result, Conclusion::Unfinished);
    }
}
