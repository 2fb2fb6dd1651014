//! The log of the engine: off unless the user asks for it, on standard error, without secrets.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::uptime;

use super::failure::Failure;
use crate::wire::LOG_MASK;

/// Begins to log if the user asked for it: by `-v` (what the engine does), `-vv` (also every frame), or by the directives
/// of `GATECRASH_LOG`, which count more. Returns whether anything is logged.
///
/// # Errors
/// Fails if the directives cannot be read.
pub(super) fn start(verbose: u8, directives: Option<&str>) -> Result<bool, Failure> {
    let filter = match (directives.filter(|text| !text.is_empty()), verbose) {
        (Some(text), _) => EnvFilter::try_new(text).map_err(|error| {
            Failure::usage(format!("`{text}` in GATECRASH_LOG is not a filter: {error}"))
                .hint("write a level such as `debug`, or `gatecrash::client=trace,gatecrash=debug`")
        })?,
        (None, 0) => return Ok(false),
        (None, 1) => EnvFilter::new("gatecrash=debug"),
        (None, _) => EnvFilter::new("gatecrash=trace"),
    };
    LOG_MASK.turn_on();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_timer(uptime());
    // Only a program that uses this crate as a library may have a log of its own already; then that one counts.
    let _ = log.with_writer(MaskedLine::default).try_init();
    Ok(true)
}

/// One entry of the log, which is masked as a whole before it is written.
#[derive(Default)]
struct MaskedLine(Vec<u8>);

impl Write for MaskedLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MaskedLine {
    fn drop(&mut self) {
        let text = LOG_MASK.mask(&String::from_utf8_lossy(&self.0));
        // Nobody can be told that the log cannot be written.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
