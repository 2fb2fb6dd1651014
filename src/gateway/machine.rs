//! What booting a gateway needs to know about this machine.

use std::ffi::OsString;
use std::path::PathBuf;

use super::home::Homes;

/// Paths of this machine that every boot needs; read once, when the program starts.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The gatecrash binary, which is also the watcher.
    pub executable: PathBuf,
    /// The place of all homes.
    pub homes: Homes,
    /// The system's temporary directories, where gateways may leave files.
    pub temps: Vec<PathBuf>,
    /// The user's real home directory.
    pub user_home: Option<PathBuf>,
    /// The search path for shell commands.
    pub path: OsString,
    /// Whether builds may write outside of their homes and connect to other machines.
    pub allow_outside: bool,
}
