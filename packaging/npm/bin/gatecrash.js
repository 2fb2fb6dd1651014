#!/usr/bin/env node
// Starts the program of this platform, which comes with an optional package, in place of this process where Node can.
'use strict';

const platform = `gatecrash-${process.platform}-${process.arch}`;
const file = process.platform === 'win32' ? 'gatecrash.exe' : 'gatecrash';

function program() {
  if (process.env.GATECRASH_BINARY) return process.env.GATECRASH_BINARY;
  try {
    return require.resolve(`${platform}/bin/${file}`);
  } catch {
    console.error(`error: the package ${platform} is not installed`);
    console.error('  help: reinstall without --omit=optional; other platforms need `cargo install gatecrash`,');
    console.error('        or GATECRASH_BINARY with the path of the program');
    process.exit(4);
  }
}

const path = program();
const words = process.argv.slice(2);

function replaced() {
  // Since Node 22.15; it does not return.
  if (typeof process.execve !== 'function' || process.platform === 'win32') return;
  try {
    process.removeAllListeners('warning');
    process.on('warning', () => {});
    process.execve(path, [path, ...words], process.env);
  } catch {
    // Not permitted here: start it as a child.
  }
}

replaced();
const child = require('node:child_process').spawn(path, words, { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends its signals to the child as well; the child ends as it sees fit, and this process after it.
  process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
}
child.on('error', (error) => {
  console.error(`error: ${path} cannot be started: ${error.message}`);
  process.exit(4);
});
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + require('node:os').constants.signals[signal] : code);
});
