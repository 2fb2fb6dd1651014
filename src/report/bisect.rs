//! The result of a bisect as text for a terminal and as Markdown, and its progress line by line.

use std::fmt::Write as _;

use super::text::{count, duration};
use crate::bisect::{
    BehaviourRange, BisectReport, BuildVerdict, CandidateKind, CheckSupport, Conclusion, LogEntry, Probe,
    Question, Reading, SearchRecord, SearchStart, SoughtChange, timeline,
};
use crate::run::StepRecord;

/// The line that shows an entry while the bisect is running; none for entries that the final answer shows.
pub fn progress(start: &SearchStart, entry: &LogEntry) -> Option<String> {
    match entry {
        LogEntry::Started(start) => {
            let (first, last) = (start.candidates.first()?, start.candidates.last()?);
            let candidates = count(start.candidates.len(), noun(start.kind));
            let head = format!("{candidates}, {} to {}", first.short(), last.short());
            Some(start.notes.iter().fold(head, |text, note| format!("{text}\n  {note}")))
        }
        LogEntry::Probed(probe) => Some(format!("  {}", probe_line(start, probe))),
        LogEntry::Ended(_) | LogEntry::CommitFound(_) => None,
        LogEntry::Checked(check) => {
            let support = match check.support() {
                CheckSupport::For => "as expected",
                CheckSupport::Against => "NOT as expected",
                CheckSupport::Inconclusive => "inconclusive",
            };
            Some(format!("  {}: {}, {support}", check.what, verdict(&start.question, check.verdict)))
        }
    }
}

const fn noun(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Release => "release",
        CandidateKind::Commit => "commit",
    }
}

/// A verdict in the user's words.
fn verdict(question: &Question, verdict: BuildVerdict) -> &str {
    match verdict {
        BuildVerdict::Good => &question.terms.good,
        BuildVerdict::Bad => &question.terms.bad,
        BuildVerdict::Other => "other",
        BuildVerdict::Skip => "skip",
    }
}

/// A candidate, its verdict, the reason, and the cost.
fn probe_line(start: &SearchStart, probe: &Probe) -> String {
    let candidate = start.candidates.get(probe.candidate);
    let name = candidate.map_or("?", |one| one.short());
    let mut text = format!("{name:<13} {:<5}", verdict(&start.question, probe.verdict));
    match &probe.reading {
        Reading::Right => {}
        Reading::Wrong(signature) => text.extend(["  ", &signature.to_string()]),
        Reading::Unclear(why) => text.extend(["  ", why.lines().next().unwrap_or_default()]),
    }
    let cost = if probe.cached { "known".to_owned() } else { duration(probe.duration_ms) };
    text.extend(["  (", &cost, ")"]);
    text
}

/// The whole answer for a terminal. `reproduce` is the command that shows the failure again.
pub fn text(entries: &[LogEntry], reproduce: Option<&str>) -> String {
    let Some(report) = BisectReport::of(entries) else { return String::new() };
    let searches = SearchRecord::all(entries);
    let Some(search) = SearchRecord::decisive(&searches).and_then(|at| searches.get(at)) else {
        return String::new();
    };
    let question = &search.start.question;
    let mut text = format!("{} – {}\n", scenario_and_step(question), question.title);
    for search in &searches {
        text.extend(["  ", &timeline_text(search), "\n"]);
    }
    text.push('\n');
    text.push_str(&headline(&report, search));
    text.push('\n');
    for (build, outcome) in differing_step(search) {
        text.extend(["  ", &build, "  ", &outcome, "\n"]);
    }
    if let Some(commit) = &report.commit {
        let _ = writeln!(text, "  {} · {} · {}", commit.author, commit.date, commit.subject);
        commit.files.iter().for_each(|file| text.extend(["    ", file, "\n"]));
    }
    for check in &report.checks {
        let sign = match check.support() {
            CheckSupport::For => "✓",
            CheckSupport::Against => "✗",
            CheckSupport::Inconclusive => "–",
        };
        let why = check.why.as_ref().and_then(|why| why.lines().next());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let _ = writeln!(text, "  {sign} {}: {}{why}", check.what, verdict(question, check.verdict));
    }
    let _ = writeln!(text, "{}", cost(&report));
    if let Some(reproduce) = reproduce {
        let _ = writeln!(text, "reproduce: {reproduce}");
    }
    text
}

/// The answer as Markdown to paste into an issue.
pub fn markdown(entries: &[LogEntry], reproduce: Option<&str>) -> String {
    let Some(report) = BisectReport::of(entries) else { return String::new() };
    let searches = SearchRecord::all(entries);
    let Some(search) = SearchRecord::decisive(&searches).and_then(|at| searches.get(at)) else {
        return String::new();
    };
    let question = &search.start.question;
    let mut text = format!("### {}\n\n", headline(&report, search));
    let _ = writeln!(text, "Scenario `{}`: {}\n", scenario_and_step(question), question.title);
    if let Some(signature) = &report.signature {
        let _ = writeln!(text, "Failure: `{signature}`\n");
    }
    if let Some(commit) = &report.commit {
        let _ = writeln!(text, "{} by {} on {}: {}\n", commit.id, commit.author, commit.date, commit.subject);
        for file in &commit.files {
            let _ = writeln!(text, "- `{file}`");
        }
        text.push('\n');
    }
    for search in &searches {
        let _ = writeln!(text, "Timeline: {}\n", timeline_text(search));
    }
    let differing = differing_step(search);
    if !differing.is_empty() {
        text.push_str("| build | first differing step |\n|---|---|\n");
        for (build, outcome) in differing {
            let _ = writeln!(text, "| {build} | {} |", outcome.replace('|', "\\|"));
        }
        text.push('\n');
    }
    text.push_str("| build | verdict | why | boots |\n|---|---|---|---|\n");
    for step in &report.steps {
        let why = step.signature.as_ref().map(ToString::to_string).or_else(|| step.why.clone());
        let why = why.unwrap_or_default().replace('|', "\\|").replace('\n', " ");
        let cost = if step.cached { "known".to_owned() } else { step.boots.to_string() };
        let _ = writeln!(text, "| {} | {} | {why} | {cost} |", step.build, verdict(question, step.verdict));
    }
    for check in &report.checks {
        let support = match check.support() {
            CheckSupport::For => "as expected",
            CheckSupport::Against => "not as expected",
            CheckSupport::Inconclusive => "inconclusive",
        };
        let why =
            check.why.as_ref().and_then(|why| why.lines().next()).unwrap_or_default().replace('|', "\\|");
        let verdict = verdict(question, check.verdict);
        let _ = writeln!(text, "| {} | {verdict}, {support} | {why} | {} |", check.what, check.boots);
    }
    let _ = writeln!(text, "\n{}, gatecrash {}.", cost(&report), report.harness);
    if let Some(reproduce) = reproduce {
        let _ = write!(text, "\nReproduce:\n\n```sh\n{reproduce}\n```\n");
    }
    text
}

fn scenario_and_step(question: &Question) -> String {
    let step = question.step.as_ref().map_or_else(String::new, |step| format!("#{step}"));
    format!("{}{step}", question.scenario)
}

/// The answer in one sentence.
fn headline(report: &BisectReport, search: &SearchRecord) -> String {
    let SearchStart { question, kind, .. } = &search.start;
    let (good, bad) = (&question.terms.good, &question.terms.bad);
    let new = match question.find {
        SoughtChange::Regression => bad,
        SoughtChange::Fix => good,
    };
    let noun = noun(*kind);
    let change = search.change().map(|(before, at)| (search.short_name(before), search.short_name(at)));
    let sure = report.confidence.map_or_else(String::new, |share| format!(", {:.1} % sure", share * 100.0));
    let dated = report.date.as_ref().map_or_else(String::new, |date| format!(", {date}"));
    match (report.result, change) {
        (Conclusion::Found, Some((before, at))) if search.has_gap() => {
            let what = if question.all_transitions {
                "the last change came".to_owned()
            } else {
                format!("first {new} {noun}:")
            };
            format!("{what} between {before} and {at}; those between them are not installed{sure}")
        }
        (Conclusion::Found, Some((before, at))) if question.all_transitions => {
            format!("the last change is in {noun} {at}{dated} (after {before})")
        }
        (Conclusion::Found, Some((before, at))) => {
            format!("first {new} {noun}: {at}{dated} (after {before}){sure}")
        }
        (Conclusion::FoundDespiteSkips, Some((_, at))) => {
            let inside = search.change().into_iter().flat_map(|(before, at)| before + 1..=at);
            let one_of: Vec<&str> = inside.map(|at| search.short_name(at)).collect();
            format!(
                "first {new} {noun}: one of {}; {at} is {new}, the others could not be tested",
                one_of.join(", ")
            )
        }
        (Conclusion::EndsDoNotDiffer, _) => match &report.signature {
            Some(signature) => format!("the ends do not differ: both show {signature}"),
            None => format!("the ends do not differ: both are {good}"),
        },
        (Conclusion::EndsSwapped, _) => {
            let other = match question.find {
                SoughtChange::Regression => "--find fix",
                SoughtChange::Fix => "--find regression",
            };
            format!("the good end is {bad} and the bad end is {good}: try {other}")
        }
        (Conclusion::Unfinished, _) => "interrupted before an answer was found".to_owned(),
        _ => format!("no answer: an end of the range could not be tested{sure}"),
    }
}

/// The behaviour over the range, such as `ok 2026.3.24–2026.3.28 │ role-upgrade 2026.3.31`.
fn timeline_text(search: &SearchRecord) -> String {
    let short = |name: &str| {
        let found = search.start.candidates.iter().find(|one| one.name == name);
        found.map_or_else(|| name.to_owned(), |one| one.short().to_owned())
    };
    let part = |range: BehaviourRange| match (short(&range.first), short(&range.last)) {
        (first, last) if first == last => format!("{} {first}", range.behaviour),
        (first, last) => format!("{} {first}–{last}", range.behaviour),
    };
    timeline(search).into_iter().map(part).collect::<Vec<_>>().join(" │ ")
}

/// The first step that differs across the change, with both outcomes.
fn differing_step(search: &SearchRecord) -> Vec<(String, String)> {
    let Some((before, at)) = search.change() else { return Vec::new() };
    let (Some(old), Some(new)) = (search.steps(before), search.steps(at)) else { return Vec::new() };
    let outcome = |step: Option<&StepRecord>| {
        let outcome = step.and_then(|step| step.outcome.as_ref());
        outcome.map_or_else(|| "not reached".to_owned(), ToString::to_string)
    };
    let failing = search.signature().map(|signature| signature.step.as_str());
    let step = failing
        .and_then(|name| new.iter().chain(old).find(|step| step.id == name))
        .or_else(|| new.iter().find(|step| !old.contains(step)));
    let Some(step) = step else { return Vec::new() };
    let of = |steps: &[StepRecord], candidate: usize| {
        let found = steps.iter().find(|one| one.id == step.id);
        let text = format!("{} ({}:{}): {}", step.id, step.path, step.line, outcome(found));
        (search.short_name(candidate).to_owned(), text)
    };
    vec![of(old, before), of(new, at)]
}

fn cost(report: &BisectReport) -> String {
    let time = report.duration_ms + report.earlier.iter().map(|one| one.duration_ms).sum::<u64>();
    format!("{}, {}", count(report.all_boots(), "boot"), duration(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::test_support::search_start;
    use crate::bisect::{SearchEnd, SearchOutcome};
    use crate::verdict::Signature;

    fn probed(candidate: usize, reading: Reading, verdict: BuildVerdict, cached: bool) -> LogEntry {
        let (boots, duration_ms) = if cached { (0, 0) } else { (1, 3100) };
        let (steps, log) = (Vec::new(), Vec::new());
        LogEntry::Probed(Box::new(Probe {
            candidate,
            reading,
            verdict,
            cached,
            boots,
            duration_ms,
            steps,
            log,
        }))
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

    fn log(outcome: SearchOutcome) -> Vec<LogEntry> {
        vec![
            LogEntry::Started(Box::new(search_start(&["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1"]))),
            probed(3, wrong(), BuildVerdict::Bad, false),
            probed(0, Reading::Right, BuildVerdict::Good, true),
            probed(1, Reading::Right, BuildVerdict::Good, false),
            probed(2, wrong(), BuildVerdict::Bad, false),
            LogEntry::Ended(SearchEnd { outcome, confidence: None, duration_ms: 12_300 }),
        ]
    }

    #[test]
    fn the_terminal_shows_timeline_answer_and_cost() {
        let entries = log(SearchOutcome::Found { first_new: 2 });
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
        insta::assert_snapshot!(markdown(
            &log(SearchOutcome::Found { first_new: 2 }),
            Some("gatecrash run x")
        ));
    }

    #[test]
    fn a_gap_of_unavailable_releases_is_named() {
        let mut entries = log(SearchOutcome::Found { first_new: 2 });
        if let Some(LogEntry::Started(start)) = entries.first_mut() {
            start.candidates[2].gap_before = true;
        }
        let text = text(&entries, None);
        let wanted =
            "first bad release: between 2026.3.28 and 2026.3.31; those between them are not installed";
        assert!(text.contains(wanted), "{text}");
        assert!(BisectReport::of(&entries).unwrap().gap);
    }

    #[test]
    fn untested_builds_are_named_in_the_answer() {
        let entries = log(SearchOutcome::FoundDespiteSkips { last_old: 0, first_new: 2 });
        let text = text(&entries, None);
        assert!(text.contains("one of 2026.3.28, 2026.3.31; 2026.3.31 is bad"), "{text}");
        let answer = BisectReport::of(&entries).unwrap();
        assert_eq!(answer.one_of, ["2026.3.28", "2026.3.31"]);
        assert_eq!((answer.boots, answer.first_bad.as_deref()), (3, Some("2026.3.31")));
    }

    #[test]
    fn a_log_without_an_answer_is_unfinished() {
        let mut entries = log(SearchOutcome::Indeterminate);
        entries.pop();
        assert_eq!(BisectReport::of(&entries).unwrap().result, Conclusion::Unfinished);
    }
}
