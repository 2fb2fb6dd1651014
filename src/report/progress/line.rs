//! The line that tells what a command is doing.

use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::{Amount, EarlierTimes, Pace, Stage};
use crate::gateway::install::{CachePart, InstallEvent};

/// How often is looked whether there is something to tell.
const LOOK: Duration = Duration::from_millis(250);

/// What is over within this time is not shown on a terminal.
const FLICKER: Duration = Duration::from_millis(400);

/// Tells on standard error what a command is doing and how far it is: on a terminal in one line that changes, elsewhere in a
/// line when something takes longer than a moment, and every ten seconds after it. Clones tell in the same place.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<State>>);

struct State {
    outlet: Outlet,
    begun: Instant,
    /// What goes on, each inside the one before it; the last one is told.
    stages: Vec<Running>,
    pace: Pace,
    earlier: EarlierTimes,
    /// Whether a thread looks at it.
    is_watched: bool,
}

/// Where progress is told.
enum Outlet {
    Terminal(Option<ProgressBar>),
    Log(Box<dyn Write + Send>),
}

struct Running {
    stage: Stage,
    since: Instant,
    /// Under which name it is kept how long it took.
    key: Option<String>,
}

impl Progress {
    /// Tells in one line of a terminal.
    pub fn on_terminal(earlier: EarlierTimes) -> Self {
        Self::new(Outlet::Terminal(None), earlier)
    }

    /// Tells in lines of a log.
    pub fn in_log(to: Box<dyn Write + Send>, earlier: EarlierTimes) -> Self {
        Self::new(Outlet::Log(to), earlier)
    }

    fn new(outlet: Outlet, earlier: EarlierTimes) -> Self {
        let begun = Instant::now();
        let state =
            State { outlet, begun, stages: Vec::new(), pace: Pace::default(), earlier, is_watched: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Something begins that may be over at once.
    pub fn stage(&self, text: impl Into<String>) {
        self.next(text.into(), None, false);
    }

    /// Something begins that takes a while, so that a log gets a line at once.
    pub fn begin(&self, text: impl Into<String>) {
        self.next(text.into(), None, true);
    }

    /// The same, for something that takes about as long each time: `key` is the name under which that time is kept.
    pub fn begin_as_before(&self, key: &str, text: impl Into<String>) {
        self.next(text.into(), Some(key.to_owned()), true);
    }

    /// How far the present stage is.
    pub fn amount(&self, amount: Amount) {
        if let Some(running) = self.0.lock().stages.last_mut() {
            running.stage.amount = Some(amount);
        }
    }

    /// The present stage in other words. Its time goes on.
    pub fn reword(&self, text: impl Into<String>) {
        let mut state = self.0.lock();
        match state.stages.last_mut() {
            Some(running) => {
                running.stage.text = text.into();
                running.stage.amount = None;
            }
            None => self.enter(&mut state, text.into(), None, false),
        }
    }

    /// Something happens in an installation.
    pub fn install(&self, event: &InstallEvent) {
        match event {
            InstallEvent::Noted { .. } => self.say(&event.to_string()),
            InstallEvent::Installing(part) => {
                // Releases take about as long as each other, and each is installed once.
                let key = match part {
                    CachePart::Release(_) => "install openclaw".to_owned(),
                    part => format!("install {part}"),
                };
                // The parts that a part needs are installed inside it.
                self.enter(&mut self.0.lock(), event.to_string(), Some(key), true);
            }
            InstallEvent::Waiting(_) | InstallEvent::Verifying(_) => self.reword(event.to_string()),
            InstallEvent::Installed(_) => {
                self.0.lock().leave();
                self.say(&event.to_string());
            }
            InstallEvent::Advanced { amount, .. } => {
                self.reword(event.to_string());
                if let Some(amount) = amount {
                    self.amount(Amount::from(*amount));
                }
            }
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        let mut state = self.0.lock();
        state.write(line);
        let now = state.begun.elapsed();
        state.pace.told(now);
    }

    /// Does something that writes to the terminal by itself.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let state = self.0.lock();
        match &state.outlet {
            Outlet::Terminal(Some(bar)) => bar.suspend(work),
            Outlet::Terminal(None) | Outlet::Log(_) => work(),
        }
    }

    /// What goes on is done.
    pub fn done(&self) {
        self.0.lock().leave_all();
        self.end();
    }

    /// Nothing goes on any more, because it is done or it failed.
    pub fn end(&self) {
        let mut state = self.0.lock();
        state.stages.clear();
        if let Outlet::Terminal(bar) = &mut state.outlet
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    /// Begins what comes after everything that went on.
    fn next(&self, text: String, key: Option<String>, at_once: bool) {
        let mut state = self.0.lock();
        state.leave_all();
        self.enter(&mut state, text, key, at_once);
    }

    fn enter(&self, state: &mut State, text: String, key: Option<String>, at_once: bool) {
        let usual = key.as_deref().and_then(|key| state.earlier.of(key));
        let stage = Stage { text, amount: None, usual };
        let now = state.begun.elapsed();
        state.pace.begin(now);
        if at_once && matches!(state.outlet, Outlet::Log(_)) {
            state.write(&format!("… {}", stage.text));
            state.pace.told(now);
        }
        state.stages.push(Running { stage, since: Instant::now(), key });
        if !state.is_watched {
            state.is_watched = true;
            let watched = Arc::downgrade(&self.0);
            std::thread::spawn(move || watch(&watched));
        }
    }
}

/// Looks again and again whether there is something to tell, as long as something goes on.
fn watch(watched: &Weak<Mutex<State>>) {
    loop {
        std::thread::sleep(LOOK);
        let Some(state) = watched.upgrade() else { return };
        let mut state = state.lock();
        if state.stages.is_empty() {
            state.is_watched = false;
            return;
        }
        state.look();
    }
}

impl State {
    fn look(&mut self) {
        let Some(running) = self.stages.last() else { return };
        let text = running.stage.told(running.since.elapsed());
        let now = self.begun.elapsed();
        match &mut self.outlet {
            Outlet::Terminal(Some(bar)) => bar.set_message(text),
            Outlet::Terminal(bar) => {
                if running.since.elapsed() >= FLICKER {
                    bar.insert(spinner()).set_message(text);
                }
            }
            Outlet::Log(_) => {
                if self.pace.is_due(now) {
                    self.write(&format!("… {text}"));
                    self.pace.told(now);
                }
            }
        }
    }

    fn write(&mut self, line: &str) {
        match &mut self.outlet {
            Outlet::Terminal(Some(bar)) => bar.println(line),
            Outlet::Terminal(None) => anstream::eprintln!("{line}"),
            // A closed pipe cannot be reported anywhere.
            Outlet::Log(to) => drop(writeln!(to, "{line}").and_then(|()| to.flush())),
        }
    }

    /// Ends the present stage, and keeps how long it took.
    fn leave(&mut self) {
        if let Some(Running { since, key: Some(key), .. }) = self.stages.pop() {
            self.earlier.keep(&key, since.elapsed());
        }
    }

    fn leave_all(&mut self) {
        while !self.stages.is_empty() {
            self.leave();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn lines(&self) -> Vec<String> {
            String::from_utf8_lossy(&self.0.lock()).lines().map(str::to_owned).collect()
        }
    }

    fn progress() -> (Progress, Log) {
        let log = Log::default();
        (Progress::in_log(Box::new(log.clone()), EarlierTimes::default()), log)
    }

    #[test]
    fn what_is_over_at_once_is_not_told_and_what_takes_a_while_is() {
        let (progress, log) = progress();
        progress.stage("reads");
        progress.end();
        progress.begin("boots");
        progress.say("is up");
        assert_eq!(log.lines(), ["… boots", "is up"]);
    }

    #[test]
    fn a_stage_that_lasts_is_told_with_its_amount() {
        let (progress, log) = progress();
        progress.stage("tries");
        progress.amount(Amount::Things(3, 7, "mutant"));
        let until = Instant::now() + Duration::from_secs(10);
        while log.lines().is_empty() && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        progress.end();
        let lines = log.lines();
        assert!(lines.len() == 1 && lines[0].starts_with("… tries: 3 of 7 mutants ("), "{lines:?}");
    }

    #[test]
    fn the_next_time_it_is_known_how_long_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("times.json");
        let of = || EarlierTimes::kept_in(file.clone());
        let progress = Progress::in_log(Box::new(Log::default()), of());
        progress.begin_as_before("boot", "boots");
        progress.stage("asks");
        assert!(of().of("boot").is_some());
    }

    #[test]
    fn what_fails_is_not_taken_for_how_long_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("times.json");
        let progress = Progress::in_log(Box::new(Log::default()), EarlierTimes::kept_in(file.clone()));
        progress.begin_as_before("boot", "boots");
        progress.end();
        assert_eq!(EarlierTimes::kept_in(file).of("boot"), None);
    }

    #[test]
    fn an_installation_goes_on_after_the_parts_that_it_needs() {
        let (progress, log) = progress();
        let (release, pnpm) =
            (CachePart::Release(crate::release::Release::new(2026, 3, 31)), CachePart::Pnpm("10".to_owned()));
        progress.install(&InstallEvent::Installing(release.clone()));
        progress.install(&InstallEvent::Installing(pnpm.clone()));
        progress.install(&InstallEvent::Installed(pnpm));
        assert_eq!(progress.0.lock().stages.len(), 1);
        progress.install(&InstallEvent::Installed(release));
        assert!(progress.0.lock().stages.is_empty());
        let told = [
            "… installing openclaw 2026.3.31",
            "… installing pnpm 10",
            "installed pnpm 10",
            "installed openclaw 2026.3.31",
        ];
        assert_eq!(log.lines(), told);
    }
}
