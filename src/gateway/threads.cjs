// Loaded into every thread of a gateway whose code coverage is measured, by the script that the harness preloads.
// Node writes a thread's profile when the thread ends. This script notes that the thread was there, so that a
// profile that is missing is noticed, and hands out what was executed so far when it is asked.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { threadId } = require("node:worker_threads");

const name = `${process.pid}-${threadId}`;
fs.writeFileSync(path.join(__dirname, `started-${name}`), process.argv.slice(1).join(" "));

const wanted = path.join(__dirname, "wanted.json");
if (fs.existsSync(wanted)) {
  const { Session } = require("node:inspector");
  const urls = new Set(JSON.parse(fs.readFileSync(wanted, "utf8")).map((file) => pathToFileURL(file).href));
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const taken = new Set();
  const take = (number) => {
    taken.add(number);
    session.post("Profiler.takePreciseCoverage", (error, answer) => {
      const result = error ? [] : answer.result.filter((script) => urls.has(script.url));
      const file = path.join(__dirname, `part-${number}-${name}.json`);
      fs.writeFileSync(`${file}.new`, JSON.stringify({ result }));
      fs.renameSync(`${file}.new`, file);
    });
  };
  fs.watch(__dirname, (_, file) => {
    const number = /^take-(\d+)$/.exec(file ?? "")?.[1];
    if (number && !taken.has(number)) take(number);
  }).unref();
}
