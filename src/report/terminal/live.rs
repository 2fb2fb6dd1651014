//! Shows progress during a run: bars on a terminal, a few plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Palette;
use super::palette::{mark, paint};
use crate::report::progress::{Pace, time_left, told_left};
use crate::report::standing::Standing;
use crate::report::text::{count, cut_middle, duration, padded};
use crate::run::{Deny, Event, RunStarted, behaviour};

/// The width of the name of a target.
const NAME: usize = 18;

/// Shows events as they come.
pub struct Live {
    palette: Palette,
    targets: BTreeMap<String, RunProgress>,
    gateways: BTreeMap<usize, String>,
    cells: usize,
    /// The cells of all targets, and how many are done.
    all: usize,
    done: usize,
    since: Instant,
    pace: Pace,
    begun: Instant,
    deny: Vec<Deny>,
    shape: LiveMode,
}

enum LiveMode {
    Bars { all: MultiProgress, bars: BTreeMap<String, ProgressBar> },
    Lines { to: Box<dyn Write + Send>, detail: Detail },
    Silent,
}

/// How much progress is told where nobody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A line for each cell and gateway.
    All,
    /// What is prepared, what goes wrong, and a line after each tenth of a target's cells.
    Sparse,
}

/// The number of lines that tell how far a target is.
const STAGES: usize = 10;

/// The number of cells that a target needs for a line in between.
const FEW: usize = 50;

/// The progress of a target.
#[derive(Default)]
struct RunProgress {
    doing: Option<String>,
    booting: usize,
    up: usize,
    done: usize,
    unlisted: usize,
}

impl Live {
    /// Shows bars that are redrawn, for a terminal.
    pub fn bars(target: ProgressDrawTarget, palette: Palette) -> Self {
        let all = MultiProgress::with_draw_target(target);
        Self::new(LiveMode::Bars { all, bars: BTreeMap::new() }, palette)
    }

    /// Shows lines, for pipes, files and CI.
    pub fn lines(to: Box<dyn Write + Send>, detail: Detail, palette: Palette) -> Self {
        Self::new(LiveMode::Lines { to, detail }, palette)
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self::new(LiveMode::Silent, Palette::PLAIN)
    }

    fn new(shape: LiveMode, palette: Palette) -> Self {
        Self {
            palette,
            targets: BTreeMap::new(),
            gateways: BTreeMap::new(),
            cells: 0,
            all: 0,
            done: 0,
            since: Instant::now(),
            pace: Pace::default(),
            begun: Instant::now(),
            deny: Vec::new(),
            shape,
        }
    }

    /// Shows the next event.
    pub fn take(&mut self, event: &Event) {
        let target = self.note(event);
        let line = self.line(event);
        let left = self.left();
        let pace = &mut self.pace;
        match &mut self.shape {
            LiveMode::Silent => {}
            LiveMode::Lines { to, detail } => {
                let told = |event: &Event| match event {
                    Event::GatewayReady { .. } => false,
                    Event::CellFinished(_) => is_trouble(&self.deny, event),
                    Event::Preparing { advance, .. } => !advance,
                    _ => true,
                };
                let line = line.filter(|_| *detail == Detail::All || told(event));
                let stage = match (event, *detail, &target) {
                    (Event::CellFinished(_), Detail::Sparse, Some(name)) => {
                        self.targets.get(name).and_then(|progress| stage(name, progress, self.cells, left))
                    }
                    _ => None,
                };
                for line in line.into_iter().chain(stage) {
                    // A closed pipe cannot be reported anywhere.
                    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
                    pace.told(self.begun.elapsed());
                }
            }
            LiveMode::Bars { all, bars } => {
                // Only differences are shown above the bars; the rest is in the counts.
                if let Some(line) = line.filter(|_| is_trouble(&self.deny, event)) {
                    let _ = all.println(line);
                }
                if let Some((name, progress)) = target.and_then(|name| self.targets.get_key_value(&name)) {
                    draw(all, bars, name, progress, self.cells, left);
                }
                if matches!(event, Event::RunFinished { .. }) {
                    bars.values().for_each(ProgressBar::finish_and_clear);
                    let _ = all.clear();
                }
            }
        }
    }

    /// Tells how far each target is, if lines are shown and none came for a while.
    pub fn remind(&mut self) {
        let now = self.begun.elapsed();
        let left = self.left();
        let LiveMode::Lines { to, .. } = &mut self.shape else { return };
        if !self.pace.is_due(now) {
            return;
        }
        for (name, progress) in self.targets.iter().filter(|(_, progress)| progress.done < self.cells) {
            let line = reminder(name, progress, self.cells, left);
            let _ = writeln!(to, "{line}").and_then(|()| to.flush());
            self.pace.told(now);
        }
    }

    fn left(&self) -> Option<Duration> {
        let number = |cells: usize| u64::try_from(cells).unwrap_or(u64::MAX);
        time_left(self.since.elapsed(), number(self.done), number(self.all))
    }

    /// Updates the counts. Returns the target that changed.
    fn note(&mut self, event: &Event) -> Option<String> {
        let name = match event {
            Event::RunStarted(started) => {
                self.cells = cells_of_a_target(started);
                self.all = self.cells * started.targets.len();
                self.since = Instant::now();
                self.deny.clone_from(&started.deny);
                return None;
            }
            Event::Preparing { target, .. }
            | Event::TargetUnusable { target, .. }
            | Event::CellStarted { target, .. } => target.clone(),
            Event::GatewayStarting { gateway, target, .. } => {
                self.gateways.insert(*gateway, target.clone());
                target.clone()
            }
            Event::GatewayReady { gateway, .. }
            | Event::GatewayFailed { gateway, .. }
            | Event::GatewayStopped { gateway, .. } => self.gateways.get(gateway)?.clone(),
            Event::CellFinished(cell) => cell.target.clone(),
            Event::RunFinished { .. } => return None,
        };
        let progress = self.targets.entry(name.clone()).or_default();
        match event {
            Event::Preparing { text, .. } => progress.doing = Some(text.clone()),
            Event::TargetUnusable { reason, .. } => progress.doing = Some(format!("unusable: {reason}")),
            Event::GatewayStarting { .. } => {
                progress.doing = None;
                progress.booting += 1;
            }
            Event::GatewayReady { .. } => {
                progress.booting = progress.booting.saturating_sub(1);
                progress.up += 1;
            }
            Event::GatewayFailed { .. } => {
                progress.booting = progress.booting.saturating_sub(1);
            }
            Event::GatewayStopped { .. } => progress.up = progress.up.saturating_sub(1),
            Event::CellFinished(cell) => {
                progress.done += 1;
                self.done += 1;
                progress.unlisted += usize::from(Standing::of(&self.deny, cell).is_difference());
            }
            Event::RunStarted(_) | Event::CellStarted { .. } | Event::RunFinished { .. } => {}
        }
        Some(name)
    }

    /// The line for an event, if it gets one.
    fn line(&self, event: &Event) -> Option<String> {
        let quiet = |text: &str| paint(self.palette.quiet(), text);
        let name = |target: &str| padded(&cut_middle(target, NAME), NAME);
        match event {
            Event::RunStarted(started) => Some(format!(
                "{} on {}, seed {}",
                count(started.scenarios.len(), "scenario"),
                count(started.targets.len(), "target"),
                started.seed
            )),
            Event::Preparing { target, text, .. } => Some(quiet(&format!("… {} {text}", name(target)))),
            Event::TargetUnusable { target, reason } => Some(format!("! {} {reason}", name(target))),
            Event::GatewayReady { gateway, boot_ms } => {
                let target = self.gateways.get(gateway)?;
                Some(quiet(&format!("… {} gateway up after {}", name(target), duration(*boot_ms))))
            }
            Event::GatewayFailed { gateway, error, .. } => {
                let target = self.gateways.get(gateway)?;
                Some(format!("! {} {error}", name(target)))
            }
            Event::CellFinished(cell) => {
                let standing = Standing::of(&self.deny, cell);
                let style = self.palette.standing(standing);
                let word = behaviour(cell);
                let said = if word == "ok" || word == "?" { String::new() } else { format!(" {word}") };
                Some(format!(
                    "{} {} {:<11} {}{said} {}",
                    paint(style, mark(standing)),
                    name(&cell.target),
                    standing.word(),
                    cell.scenario,
                    quiet(&duration(cell.duration_ms)),
                ))
            }
            Event::GatewayStarting { .. }
            | Event::GatewayStopped { .. }
            | Event::CellStarted { .. }
            | Event::RunFinished { .. } => None,
        }
    }
}

/// The line after each tenth of a target's cells, and after the last one.
fn stage(name: &str, progress: &RunProgress, cells: usize, left: Option<Duration>) -> Option<String> {
    let done = progress.done;
    let is_last = done == cells;
    let passed = cells >= FEW && done * STAGES / cells > (done - done.min(1)) * STAGES / cells;
    if !(is_last || passed) {
        return None;
    }
    let unlisted = (progress.unlisted > 0).then(|| format!(", {} to look at", progress.unlisted));
    let name = padded(&cut_middle(name, NAME), NAME);
    let left = left.map(|left| format!(", {}", told_left(left))).unwrap_or_default();
    Some(format!("… {name} {done} of {}{}{left}", count(cells, "cell"), unlisted.unwrap_or_default()))
}

/// What a target is doing, if nothing was told for a while.
fn reminder(name: &str, progress: &RunProgress, cells: usize, left: Option<Duration>) -> String {
    let name = padded(&cut_middle(name, NAME), NAME);
    let done = format!("{} of {}", progress.done, count(cells, "cell"));
    let message = message(progress, left);
    if message.is_empty() { format!("… {name} {done}") } else { format!("… {name} {done}, {message}") }
}

fn cells_of_a_target(started: &RunStarted) -> usize {
    started.scenarios.len() * usize::try_from(started.repeat.max(1)).unwrap_or(1)
}

fn is_trouble(deny: &[Deny], event: &Event) -> bool {
    match event {
        Event::TargetUnusable { .. } | Event::GatewayFailed { .. } => true,
        Event::CellFinished(cell) => Standing::of(deny, cell).is_difference(),
        _ => false,
    }
}

/// Updates the bar of a target, and removes it when all its cells are done.
fn draw(
    all: &MultiProgress,
    bars: &mut BTreeMap<String, ProgressBar>,
    name: &str,
    progress: &RunProgress,
    cells: usize,
    left: Option<Duration>,
) {
    let length = u64::try_from(cells).unwrap_or(u64::MAX);
    if progress.done >= cells {
        if let Some(bar) = bars.remove(name) {
            bar.finish_and_clear();
        }
        return;
    }
    let bar = bars.entry(name.to_owned()).or_insert_with(|| {
        let bar = all.add(ProgressBar::new(length));
        let template = "{spinner} {prefix} {bar:20} {pos:>4}/{len} {elapsed:>4} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(padded(&cut_middle(name, NAME), NAME));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    bar.set_position(u64::try_from(progress.done).unwrap_or(u64::MAX));
    bar.set_message(message(progress, left));
}

/// The current activity of a target.
fn message(progress: &RunProgress, left: Option<Duration>) -> String {
    let doing = progress.doing.clone();
    let booting = (progress.booting > 0).then(|| format!("booting {}", count(progress.booting, "gateway")));
    let up = (progress.up > 0).then(|| format!("{} up", count(progress.up, "gateway")));
    let unlisted = (progress.unlisted > 0).then(|| format!("{} to look at", progress.unlisted));
    let left = left.map(told_left);
    [doing, booting, up, unlisted, left].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indicatif::InMemoryTerm;
    use parking_lot::Mutex;

    use super::*;
    use crate::report::sample;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn where_nobody_watches_only_trouble_and_stages_get_a_line() {
        let written = Buffer::default();
        let mut live = Live::lines(Box::new(written.clone()), Detail::Sparse, Palette::PLAIN);
        for event in &sample::events() {
            live.take(event);
        }
        insta::assert_snapshot!(String::from_utf8(written.0.lock().clone()).unwrap());
    }

    #[test]
    fn a_target_that_was_silent_for_a_while_is_told_of() {
        let written = Buffer::default();
        let mut live = Live::lines(Box::new(written.clone()), Detail::Sparse, Palette::PLAIN);
        live.cells = 40;
        let silent = RunProgress { done: 3, booting: 2, up: 1, ..RunProgress::default() };
        live.targets.insert("2026.3.31".to_owned(), silent);
        live.targets.insert("2026.4.2".to_owned(), RunProgress { done: 40, ..RunProgress::default() });
        live.remind();
        assert!(written.0.lock().is_empty());
        live.begun -= Duration::from_secs(11);
        live.remind();
        live.remind();
        let text = String::from_utf8(written.0.lock().clone()).unwrap();
        assert_eq!(text, "… 2026.3.31          3 of 40 cells, booting 2 gateways, 1 gateway up\n");
    }

    proptest::proptest! {
        #[test]
        fn a_target_has_at_most_ten_stages_and_the_last_is_told(cells in 1usize..5000) {
            let told = |done| stage("t", &RunProgress { done, ..RunProgress::default() }, cells, None).is_some();
            let stages = (1..=cells).filter(|done| told(*done)).count();
            proptest::prop_assert!(stages <= STAGES && told(cells));
        }
    }

    #[test]
    fn on_request_each_thing_gets_a_line() {
        let written = Buffer::default();
        let mut live = Live::lines(Box::new(written.clone()), Detail::All, Palette::PLAIN);
        for event in &sample::events() {
            live.take(event);
        }
        let text = String::from_utf8(written.0.lock().clone()).unwrap();
        insta::assert_snapshot!(text);
        assert!(!text.contains('\u{1b}') && !text.contains('\r'));
    }

    #[test]
    fn on_a_terminal_bars_appear_and_disappear() {
        let terminal = InMemoryTerm::new(20, 80);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 60);
        let mut live = Live::bars(target, Palette::PLAIN);
        let events = sample::events();
        let end = events.len() - 1;
        // The last target has one cell left.
        for event in &events[..end - 3] {
            live.take(event);
        }
        if let LiveMode::Bars { bars, .. } = &live.shape {
            assert_eq!(bars.keys().collect::<Vec<_>>(), ["2026.9.6"]);
            let bar = &bars["2026.9.6"];
            assert_eq!((bar.position(), bar.length()), (6, Some(7)));
            assert_eq!(bar.message(), "1 gateway up, 1 to look at");
        }
        for event in &events[end - 3..] {
            live.take(event);
        }
        let text = terminal.contents();
        assert!(
            text.lines().any(|line| line.starts_with("✗ 2026.4.1") && line.contains("role-upgrade")),
            "{text}"
        );
        assert!(!text.contains('━'), "{text}");
        assert!(!text.contains("pairing/fresh-operator"), "only what has to be looked at: {text}");
    }
}
