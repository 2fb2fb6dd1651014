//! Facts about the machine and the session, read once.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use etcetera::BaseStrategy;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::failure::Failure;
use crate::gateway::ProviderSettings;
use crate::gateway::install::Tools;
use crate::release::Release;
use crate::report::progress::{EarlierTimes, Progress};
use crate::run::OpenFileLimit;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Facts about the machine and the session.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent facts")]
pub struct Context {
    /// The gatecrash binary.
    pub executable: PathBuf,
    /// The working directory.
    pub working_dir: PathBuf,
    /// Where releases are installed.
    pub cache_dir: PathBuf,
    /// The system's temporary directory.
    pub temp_dir: PathBuf,
    /// The user's home directory.
    pub user_home: Option<PathBuf>,
    /// The whole environment, for the package manager that installs releases.
    pub environment: Vec<(OsString, OsString)>,
    /// Search path for programs.
    pub path: OsString,
    /// Number of processors.
    pub processors: usize,
    /// Memory of the machine in mebibytes, if it is known.
    pub memory: Option<u32>,
    /// The number of files that this process may have open.
    pub open_files: OpenFileLimit,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Whether scenarios and builds may leave their homes and loopback.
    pub allow_outside: bool,
    /// Number of runs to keep, if the project or the environment says so.
    pub keep_runs: Option<usize>,
    /// Shared token of an attached gateway.
    pub attach_token: Option<String>,
    /// Whether standard output is coloured.
    pub color: bool,
    /// Whether standard error is coloured.
    pub color_of_errors: bool,
    /// Whether standard error is a terminal on which progress can be drawn.
    pub live: bool,
    /// Tells what goes on, and how far it is.
    pub progress: Progress,
    /// Width of the terminal in columns; 100 without a terminal.
    pub width: usize,
    /// A number that differs from run to run.
    pub entropy: u64,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// Width without a terminal.
const WIDTH: usize = 100;

impl Context {
    /// Reads environment, clock and terminal. `logs` says whether lines of a log go to standard error.
    ///
    /// # Errors
    ///
    /// When the machine has no working directory, no home directory, or no path to this program.
    pub fn read(
        cache_dir: Option<PathBuf>,
        offline: bool,
        color: Color,
        logs: bool,
    ) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let executable = std::env::current_exe()
            .map_err(|error| Failure::broke(error).context("cannot find the gatecrash binary itself"))?;
        let chosen = cache_dir.or_else(|| variable("GATECRASH_CACHE_DIR").map(PathBuf::from));
        let cache_dir = match chosen {
            Some(dir) => std::path::absolute(&dir)
                .map_err(|error| Failure::usage(error).context(format!("cannot read {}", dir.display())))?,
            None => etcetera::choose_base_strategy()
                .map_err(|_| {
                    Failure::usage("there is no home directory to keep installed releases in")
                        .hint("name a folder with --cache-dir or GATECRASH_CACHE_DIR")
                })?
                .cache_dir()
                .join("gatecrash"),
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let coloured = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !dumb && variable("NO_COLOR").is_none(),
        };
        // Progress that is drawn and drawn again would mix with the lines of the log.
        let live = std::io::stderr().is_terminal() && !dumb && variable("CI").is_none() && !logs;
        let earlier = EarlierTimes::kept_in(cache_dir.join("times.json"));
        let progress = if live {
            Progress::on_terminal(earlier)
        } else {
            Progress::in_log(Box::new(anstream::stderr()), earlier)
        };
        Ok(Self {
            executable,
            working_dir: std::env::current_dir()
                .map_err(|error| Failure::usage(error).context("there is no working directory"))?,
            cache_dir,
            temp_dir: std::env::temp_dir(),
            user_home: etcetera::home_dir().ok(),
            environment: std::env::vars_os().collect(),
            path: variable("PATH").unwrap_or_default(),
            memory: memory(),
            open_files: raise_open_files(),
            processors: std::thread::available_parallelism().map_or(2, usize::from),
            offline: offline || variable("GATECRASH_OFFLINE").is_some_and(|value| value != "0"),
            allow_outside: false,
            keep_runs: None,
            attach_token: variable("GATECRASH_TOKEN").and_then(|token| token.into_string().ok()),
            color: coloured(std::io::stdout().is_terminal()),
            color_of_errors: coloured(std::io::stderr().is_terminal()),
            live,
            progress,
            width: terminal_width().unwrap_or(WIDTH),
            entropy: u64::try_from(since_1970.as_nanos() & u128::from(u64::MAX)).unwrap_or(0)
                ^ u64::from(std::process::id()),
            now_ms: Arc::new(|| {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
            }),
        })
    }

    /// A line on standard error.
    pub fn say(&self, line: impl AsRef<str>) {
        self.progress.say(line.as_ref());
    }

    /// What the cache of releases needs from this machine.
    pub fn tools(&self) -> Tools {
        let now = jiff::Timestamp::from_millisecond((self.now_ms)()).unwrap_or_default();
        Tools::new("npm", self.environment.iter().cloned(), self.offline, now)
    }

    /// What a provider of targets needs from this machine.
    pub fn provider_settings(&self, assumed: Option<Release>) -> ProviderSettings {
        ProviderSettings {
            executable: self.executable.clone(),
            cache_dir: self.cache_dir.clone(),
            temp_dir: self.temp_dir.clone(),
            user_home: self.user_home.clone(),
            path: self.path.clone(),
            tools: self.tools(),
            attach_token: self.attach_token.clone(),
            assumed,
            allow_outside: self.allow_outside,
            clock: Arc::clone(&self.now_ms),
        }
    }

    /// Writes a text to standard output. A closed pipe is not an error.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let written = self.progress.aside(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::broke(error).context("cannot write to standard output"))
            }
            _ => Ok(()),
        }
    }
}

/// Raises the limit of open files as far as the system allows, and returns it.
fn raise_open_files() -> OpenFileLimit {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => OpenFileLimit(limit.maximum),
        Err(_) => OpenFileLimit(limit.current),
    }
}

/// The machine's memory in mebibytes.
fn memory() -> Option<u32> {
    let about = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = about.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    u32::try_from(kibibytes / 1024).ok()
}

fn terminal_width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns
        .or_else(|| {
            rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col))
        })
        .filter(|width| *width >= 20)
}
