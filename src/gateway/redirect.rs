//! Keeps gateways from writing to fixed places in the system's temporary directory.
//!
//! Two places ignore `TMPDIR`: the log folder `/tmp/openclaw` of every release, and, from 2026.8.1 on,
//! the lock files of the state database in `/tmp/openclaw-state-locks-UID`, which are never removed.
//! `logging.file` is ignored before 2026.4.20 and does not affect the locks, a silent log level loses
//! the log, and a private mount needs user namespaces, which many systems deny. A preloaded script of
//! a few lines works on all of them and adds about a millisecond: `lstat` fails for the log folder, so
//! that the gateway falls back to a folder below `TMPDIR`; and `/tmp`, which only the code of the locks
//! resolves by itself, resolves to `TMPDIR`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::home::Home;

const SCRIPT: &str = r#""use strict";
const fs = require("node:fs");
const guard = require("node:path").join(__dirname, "guard.cjs");
if (fs.existsSync(guard)) require(guard);
const { lstatSync, realpathSync } = fs;
// The script lies in the home; a worker thread may have no TMPDIR to ask.
const temp = require("node:path").join(__dirname, "tmp");
fs.lstatSync = function (path, ...rest) {
  if (path === "/tmp/openclaw") {
    throw Object.assign(new Error("EACCES: kept out of the system's temporary directory"), { code: "EACCES" });
  }
  return lstatSync.call(this, path, ...rest);
};
fs.realpathSync = function (path, ...rest) {
  return realpathSync.call(this, path === "/tmp" ? temp : path, ...rest);
};
fs.realpathSync.native = function (path, ...rest) {
  return realpathSync.native.call(this, path === "/tmp" ? temp : path, ...rest);
};
// A worker thread with execution arguments of its own does not get this script from NODE_OPTIONS.
const threads = require("node:worker_threads");
threads.Worker = class Worker extends threads.Worker {
  constructor(file, options) {
    const own = options?.execArgv && { execArgv: ["--require", __filename, ...options.execArgv] };
    super(file, own ? { ...options, ...own } : options);
  }
};
require("node:module").syncBuiltinESMExports();
// Where code coverage is measured, another script lies beside the profiles.
const threadsScript = process.env.NODE_V8_COVERAGE && `${process.env.NODE_V8_COVERAGE}/threads.cjs`;
if (threadsScript && fs.existsSync(threadsScript)) require(threadsScript);
// Where the code has mutants, a script decides which one is active.
const switchScript = process.env.GATECRASH_MUTANTS && `${process.env.GATECRASH_MUTANTS}/switch.cjs`;
if (switchScript && fs.existsSync(switchScript)) require(switchScript);
"#;

fn script(home: &Home) -> PathBuf {
    home.path().join("redirect.cjs")
}

/// Keeps a build on loopback and notes what it was kept from.
const GUARD: &str = include_str!("guard.cjs");

/// Places the scripts in a home; those of a build that may leave its home and loopback do not guard it.
pub(super) fn prepare(home: &Home, allow_outside: bool) -> io::Result<()> {
    if !allow_outside {
        fs::write(home.path().join("guard.cjs"), GUARD)?;
    }
    fs::write(script(home), SCRIPT)
}

/// The value of `NODE_OPTIONS` that preloads the script.
pub(super) fn node_options(home: &Home) -> OsString {
    let path = script(home).to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("--require=\"{path}\"").into()
}
