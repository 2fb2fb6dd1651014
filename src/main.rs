//! The `gatecrash` binary.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A watcher of gateways is this binary again; it reads no command line of people.
    match gatecrash::gateway::dispatch(env::args_os().skip(1), env::current_exe) {
        Some(code) => ExitCode::from(code),
        None => gatecrash::cli::main(),
    }
}
