//! The `gatecrash` binary.

use std::env;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Watchers of gateways run this binary, too; they do not use the command line.
    match gatecrash::gateway::dispatch(env::args_os().skip(1), env::current_exe) {
        Some(code) => ExitCode::from(code),
        None => gatecrash::cli::main(),
    }
}
