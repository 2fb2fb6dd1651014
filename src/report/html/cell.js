const panel = byId("cell");
let opened = null;

/** Row and column that the address names. */
function addressed() {
  const match = location.hash.match(/^#cell=([^@]*)@(.*)$/);
  if (!match) return null;
  try {
    const row = rows.findIndex((one) => one.id === decodeURIComponent(match[1]));
    const column = targets.findIndex((one) => one.name === decodeURIComponent(match[2]));
    return row >= 0 && column >= 0 ? { row, column } : null;
  } catch { return null; }
}

async function follow() {
  const place = addressed();
  mark(place);
  if (!place) return shut();
  const { row, column } = place;
  const story = (await storiesOf(row))[column];
  if (location.hash && addressed()?.row === row && addressed()?.column === column) render(row, column, story);
}

function mark(place) {
  for (const link of table.querySelectorAll('[aria-current="true"]')) link.removeAttribute("aria-current");
  if (!place) return;
  if (!lines[place.row].filled) fill(place.row);
  lines[place.row].node.querySelector(`a[data-column="${place.column}"]`)?.setAttribute("aria-current", "true");
}

function shut() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  const link = opened && lines[opened.row].node.querySelector(`a[data-column="${opened.column}"]`);
  opened = null;
  link?.focus({ preventScroll: true });
}

function close() {
  history.pushState(null, "", location.pathname + location.search);
  mark(null);
  shut();
}

function render(row, column, story) {
  const scenario = rows[row];
  const cell = cellOf(row, column);
  opened = { row, column };
  const verdict = cell?.verdict ?? "untestable";
  const title = el("h2", { id: "cell-title", tabindex: "-1" }, scenario.id, el("small", {}, ` on ${targets[column].name}`));
  const header = el("div", { class: "head" },
    el("span", { class: `chip v-${verdict}` }, cell ? `${MARKS[verdict]} ${story?.standing ?? verdict}` : "not run"), title,
    copyButton("copy id", scenario.id), el("button", { type: "button", class: "close", onclick: close, "aria-label": "Close" }, "✕"));
  const body = el("div", { class: "body" }, about(scenario), strip(row, column));
  if (story) body.append(...parts(scenario, story, verdict));
  panel.replaceChildren(header, body);
  panel.hidden = false;
  panel.scrollTop = 0;
  document.title = `${scenario.id} on ${targets[column].name} – gatecrash`;
  title.focus({ preventScroll: true });
}

function about(scenario) {
  return el("div", {}, el("p", {}, el("b", {}, scenario.title)), el("p", { class: "why" }, el("b", {}, "Why: "), scenario.why),
    el("p", { class: "tags" }, scenario.issue ? el("span", {}, scenario.issue) : null, scenario.tags.map((tag) => el("span", {}, tag)), el("span", { class: "mono" }, scenario.path)));
}

/** The row over all releases, as links. */
function strip(row, column) {
  const links = targets.map((target, at) => {
    const cell = cellOf(row, at);
    return el("a", { href: linkOf(row, at), class: `v-${cell?.verdict ?? "untestable"}`, title: spoken(cell, target), "aria-current": at === column ? "page" : null },
      target.short, el("small", {}, cell ? shortText(cell) : "·"));
  });
  const walk = [column - 1, column + 1].map((at, next) => (targets[at] ? el("a", { href: linkOf(row, at), "data-walk": next ? "next" : "previous" }, next ? `${targets[at].short} →` : `← ${targets[at].short}`) : el("span")));
  return el("nav", { "aria-label": "This scenario on other targets" }, el("div", { class: "strip" }, links), el("div", { class: "walk" }, walk));
}

function parts(scenario, story, verdict) {
  const list = [];
  const step = story.steps[story.deciding];
  if (story.reason) list.push(el("p", {}, el("b", {}, "Reason: "), story.reason));
  if (story.retried) list.push(el("p", {}, el("b", {}, "Tried again: "), story.retried));
  if (step) list.push(versus(step, verdict));
  if (story.entries.length) list.push(diagram(story));
  else if (story.steps.length) list.push(el("section", {}, el("h3", {}, "Steps"), el("ol", { class: "steps" }, story.steps.map((one) => el("li", {}, stepLine(one))))));
  if (story.log.length) list.push(el("section", {}, el("h3", {}, "Gateway log of that moment"), el("pre", { tabindex: "0" }, story.log.join("\n"))));
  if (story.stored) list.push(stored(story.stored));
  list.push(command(story.reproduce));
  return list;
}

function stepLine(step) {
  return [el("span", { class: `chip v-${step.verdict}` }, `${MARKS[step.verdict]} ${step.verdict}`), el("b", {}, step.id), step.verb, el("span", { class: "where" }, `${step.path}:${step.line}`), step.reason ? el("small", { class: "passed-over" }, step.reason) : null];
}

/** Expected against got, with the place where they part. */
function versus(step, verdict) {
  const box = el("div", { class: "versus" },
    el("div", {}, el("h4", {}, step.deviation ? "Expected of this release" : "Expected"), el("code", {}, step.expected ?? "nothing to judge")),
    el("div", {}, el("h4", {}, "Got"), el("code", {}, step.got ?? "nothing: the step was not finished")));
  if (step.mismatch && step.mismatch.at !== "outcome") box.append(el("div", { class: "wide" }, el("h4", {}, `They part at ${step.mismatch.at}`), el("code", {}, `expected ${step.mismatch.expected}, got ${step.mismatch.got}`)));
  if (step.payload !== undefined) box.append(el("div", { class: "wide json mono" }, el("h4", {}, "What came, in full"), jsonView(step.payload, 1)));
  const section = el("section", {}, el("h3", {}, `Step ${step.id} `, el("small", { class: "mono" }, `${step.path}:${step.line}`)), box);
  if (step.deviation) {
    const { class: kind, issue, why, right } = step.deviation;
    section.append(el("p", { class: "note" }, el("b", {}, `Listed ${kind}${step.deviation.security ? ", of security" : ""}${issue ? ` (${issue})` : ""}. `), why ? `${why} ` : "", "Right would be: ", el("code", {}, right), ". ",
      verdict === "fixed" ? "It did not happen: take this release out of the listed range." : ""));
  }
  return section;
}

/** The story as a sequence diagram: a lane for each connection and one for the gateway. */
function diagram(story) {
  const MOST_LANES = 6;
  const names = [...new Set(story.entries.map((entry) => entry[1]))];
  const lanes = names.length > MOST_LANES ? ["connections"] : names;
  const gateway = lanes.length;
  const life = lanes.concat("").map((_, at) => `linear-gradient(var(--line), var(--line)) calc(var(--time) + (100% - var(--time)) * ${(at + 0.5) / (gateway + 1)}) 0 / 1px 100% no-repeat`);
  const list = el("ol", { style: { "--lifelines": "none" } });
  const starts = story.steps.map((step, at) => ({ step, at })).sort((a, b) => a.step.first - b.step.first || a.at - b.at);
  const gaps = new Map(story.gaps ?? []);
  const heads = (until) => { while (starts.length && starts[0].step.first <= until) list.append(el("li", { class: "step" }, stepLine(starts.shift().step))); };
  const telling = tellingEntries(story);
  let before = null;
  story.entries.forEach((entry, number) => {
    heads(number);
    if (gaps.has(number)) list.append(el("li", { class: "gap" }, `… ${gaps.get(number)} left out: the transcript was too long`));
    const [at, connection, direction, headline, text] = entry;
    const lane = Math.max(0, lanes.indexOf(connection));
    const span = gateway - lane;
    const verdict = telling.get(number);
    const prefix = lanes.length < names.length ? `${connection}: ` : "";
    const arrow = el("span", { class: "arrow", style: { "grid-column": `${lane + 2} / ${gateway + 3}`, "margin-inline": `calc(50% / ${span + 1})` } }, el("span", { class: "label" }, prefix + headline));
    const time = el("span", { class: "at" }, `${at} ms`, el("i", {}, before === null ? "" : `+${at - before}`));
    const open = el("button", { type: "button", class: `go ${direction}${verdict ? ` told told-${verdict}` : ""}`, "aria-expanded": "false" }, time, arrow, el("span", { class: "unseen" }, `, ${connection}, ${direction.replaceAll("-", " ")}`));
    const item = el("li", { class: "frame", style: { background: life.join(", ") } }, open);
    open.addEventListener("click", () => expand(item, open, text));
    list.append(item);
    before = at;
  });
  heads(Infinity);
  const all = el("button", { type: "button", class: "plain", onclick: () => {
    const closed = [...list.querySelectorAll('.go[aria-expanded="false"]')];
    (closed.length ? closed : [...list.querySelectorAll(".go")]).forEach((one) => one.click());
  } }, "open or close all frames");
  const top = el("div", { class: "lanes", "aria-hidden": "true" }, el("span"), lanes.map((name) => el("b", {}, name)), el("b", {}, "gateway"));
  return el("section", {}, el("div", { class: "head-row" }, el("h3", {}, "What was sent and what came back"), all), el("div", { class: "seq", style: { "--lanes": gateway + 1 }, tabindex: "0", role: "group", "aria-label": "Sequence diagram" }, top, list));
}

/** Entries that show why a step was judged as it was, with its verdict: refusals, else the last answer. */
function tellingEntries(story) {
  const found = new Map();
  for (const step of story.steps.filter((one) => one.verdict !== "pass" && one.verdict !== "skipped")) {
    const own = step.own;
    const refusals = own.filter((at) => story.entries[at][5]);
    const answers = own.filter((at) => story.entries[at][2] === "received").slice(-1);
    for (const at of refusals.length ? refusals : answers) found.set(at, step.verdict);
  }
  return found;
}

function expand(item, button, text) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) return item.lastChild.remove();
  let value;
  try { value = JSON.parse(text); } catch { /* shown as it is */ }
  item.append(el("div", { class: "open-frame json" }, value === undefined ? text : jsonView(value, 3)));
}

/** JSON that folds; `open` levels are open from the start. */
function jsonView(value, open, key) {
  const name = key === undefined ? "" : el("span", { class: "key" }, `${key}: `);
  if (value === null || typeof value !== "object") {
    const secret = typeof value === "string" && value.startsWith("‹");
    return el("div", { class: "leaf" }, name, el("span", { class: secret ? "secret" : null }, JSON.stringify(value)));
  }
  const entries = Object.entries(value);
  const [start, end] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (!entries.length) return el("div", { class: "leaf" }, name, start + end);
  const node = el("details", { open: open > 0 }, el("summary", {}, name, `${start} ${entries.length} ${end}`));
  const unfold = () => { if (node.open && node.childElementCount === 1) node.append(...entries.map(([one, inner]) => jsonView(inner, open - 1, Array.isArray(value) ? undefined : one))); };
  node.addEventListener("toggle", unfold);
  unfold();
  return node;
}

/** What the gateway had stored about the scenario's devices. */
function stored({ before, after }) {
  const pane = (title, records) => el("div", { class: "json mono" }, el("h4", {}, title), jsonView(records, 5));
  return el("section", {}, el("h3", {}, "What was stored about its devices"), el("div", { class: "versus" }, pane("Before", before), pane("After", after)));
}

/** A button that copies a text. */
function copyButton(label, text) {
  const copy = el("button", { type: "button", class: "plain", onclick: async () => {
    try { await navigator.clipboard.writeText(text); copy.textContent = "copied"; } catch { prompt("Copy:", text); }
  } }, label);
  return copy;
}

function command(text) {
  const copy = el("button", { type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(text); copy.textContent = "copied"; } catch { getSelection().selectAllChildren(code); copy.textContent = "selected"; }
  } }, "copy");
  const code = el("pre", {}, text);
  return el("section", {}, el("h3", {}, "See it again"), el("div", { class: "command" }, code, copy));
}
