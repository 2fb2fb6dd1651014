"use strict";
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { rows, targets, words, verdicts } = data;
const MARKS = { pass: "✓", security: "◆", regression: "≠", unreviewed: "?", superseded: "≈", unsupported: "∅", denied: "✗", fail: "✗", fixed: "✗", flaky: "~", error: "!", untestable: "–", skipped: "–" };
const KNOWN = new Set(["security", "regression", "unreviewed", "superseded", "unsupported"]);
const LISTED = new Set(["pass", "skipped", "untestable", ...KNOWN]);

/** An element with properties and children. */
function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "style") for (const [name, one] of Object.entries(value)) node.style.setProperty(name, one);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((one) => one !== null && one !== undefined));
  return node;
}

/** Verdict and word of a cell; null where it was not run. */
function cellOf(row, column) {
  const cell = rows[row].cells[column];
  return cell && { verdict: verdicts[cell[0]], word: words[cell[1]] };
}

function linkOf(row, column) {
  return `#cell=${encodeURIComponent(rows[row].id).replaceAll("%2F", "/")}@${encodeURIComponent(targets[column].name)}`;
}

/** What a cell says in full, for a title and for people who do not see colours. */
function spoken(cell, target) {
  if (!cell) return `${target.name}: not run`;
  return `${target.name}: ${cell.verdict}${cell.word === "ok" || cell.word === "?" ? "" : `, ${cell.word}`}`;
}

const stories = new Map();

/** The cells of a row in full; they are stored compressed, a row at a time. */
function storiesOf(row) {
  if (!stories.has(row)) stories.set(row, inflate(byId(`row-${row}`).textContent).then(JSON.parse));
  return stories.get(row);
}

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}
