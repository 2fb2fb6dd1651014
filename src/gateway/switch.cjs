// Loaded into every thread of a gateway that has mutants in its code, by the script that the harness preloads.
// It decides which mutants are active, notes which ones were reached, and hands that out when it is asked.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { threadId } = require("node:worker_threads");

const name = `${process.pid}-${threadId}`;
const read = (file) => JSON.parse(fs.readFileSync(path.join(__dirname, file), "utf8"));
const { active: first, count } = read("first.json");
const active = new Uint8Array(count);
const activate = (mutants) => {
  active.fill(0);
  for (const mutant of mutants) active[mutant] = 1;
};
activate(first);
const reached = new Uint8Array(count);
globalThis.$gatecrash = (mutant) => {
  reached[mutant] = 1;
  return active[mutant] === 1;
};
const handOut = (file) => {
  const found = [];
  for (let at = 0; at < count; at += 1) if (reached[at]) found.push(at);
  reached.fill(0);
  const place = path.join(__dirname, file);
  fs.writeFileSync(`${place}.new`, JSON.stringify(found));
  fs.renameSync(`${place}.new`, place);
};
fs.writeFileSync(path.join(__dirname, `started-${name}`), "");
const turned = new Set();
fs.watch(__dirname, (_, file) => {
  const turn = /^turn-(\d+)\.json$/.exec(file ?? "")?.[1];
  if (!turn || turned.has(turn)) return;
  turned.add(turn);
  activate(read(file).active);
  handOut(`reached-${turn}-${name}.json`);
}).unref();
process.on("exit", () => handOut(`rest-${name}.json`));
