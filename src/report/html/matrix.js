const table = byId("matrix");
const page = byId("page");
const tools = byId("tools");
const filter = { text: "", tag: "", verdict: "", from: 0, to: targets.length - 1, only: false };
const lines = [];
const sections = [];

/** Columns inside the range of releases. */
const inRange = (column) => column >= filter.from && column <= filter.to;
const columns = () => targets.map((_, at) => at).filter(inRange);

function build() {
  const groups = new Map();
  rows.forEach((row, at) => {
    if (!groups.has(row.section)) groups.set(row.section, []);
    groups.get(row.section).push(at);
  });
  for (const [name, members] of groups) {
    const body = el("tbody", { role: "rowgroup" });
    const button = el("button", { type: "button", "aria-expanded": "true", onclick: () => foldSection(section) }, name || "scenarios");
    const heading = el("th", { scope: "rowgroup", role: "rowheader" }, button);
    body.append(el("tr", { class: "section", role: "row" }, heading));
    const section = { name, button, heading, members, folded: false };
    sections.push(section);
    for (const at of members) {
      const row = rows[at];
      const id = row.section ? row.id.slice(row.section.length + 1) : row.id;
      const link = el("a", { href: linkOf(at, telling(at)), title: `${row.id}\n${row.title}`, tabindex: "-1" }, nameParts(id));
      const node = el("tr", { "data-row": at, role: "row" }, el("th", { scope: "row", role: "rowheader", class: "id" }, link));
      lines[at] = { node, link, section, filled: false, shown: true, text: searchable(row) };
      body.append(node);
    }
    table.append(body);
  }
}

/** A name in two parts: where room is short the first one is cut, since rows of a table differ at the end. */
function nameParts(id) {
  const at = id.lastIndexOf("/");
  return at < 0 ? [el("span", {}, id)] : [el("span", {}, id.slice(0, at)), el("span", {}, id.slice(at))];
}

/** The column that says most about a row: what fails the run, else the worst of what is known, else the last one. */
function telling(row) {
  const at = (test) => rows[row].cells.findLastIndex((_, column) => { const one = cellOf(row, column); return one && inRange(column) && test(one); });
  for (const test of [(one) => !LISTED.has(one.verdict), ...[...KNOWN].map((word) => (one) => one.verdict === word), () => true]) {
    if (at(test) >= 0) return at(test);
  }
  return targets.length - 1;
}

function searchable(row) {
  const said = new Set(row.cells.filter(Boolean).map((cell) => words[cell[1]]));
  return [row.id, row.title, row.why, row.issue ?? "", ...row.tags, ...said].join("\n").toLowerCase();
}

function head() {
  const shown = columns();
  const cells = shown.map((at) => el("th", { scope: "col", role: "columnheader", title: targets[at].name }, el("span", {}, targets[at].short)));
  table.tHead.replaceChildren(el("tr", { role: "row" }, el("th", { scope: "col", role: "columnheader" }, "scenario"), cells));
  const longest = (texts) => texts.reduce((most, text) => Math.max(most, text.length), 0);
  const wide = (at) => Math.min(20, Math.max(targets[at].short.length, longest(rows.map((_, row) => shortText(cellOf(row, at))))));
  const names = longest(rows.map((row) => row.id.slice(row.section ? row.section.length + 1 : 0)));
  table.style.setProperty("--columns", shown.length);
  table.style.setProperty("--tracks-words", shown.map((at) => `calc(${wide(at)}ch + 24px)`).join(" "));
  table.style.setProperty("--id-words", innerWidth <= 700 ? "150px" : `calc(${Math.min(names, 36)}ch + 26px)`);
  table.classList.toggle("roomy", shown.length <= 12 && innerWidth > 700);
}

/** What a cell shows: only what is right has no sign. */
function shortText(cell) {
  if (!cell) return "";
  if (cell.verdict === "untestable") return "–";
  if (cell.verdict === "pass" || cell.verdict === "skipped") return cell.word;
  return `${MARKS[cell.verdict]} ${cell.verdict === "fixed" || cell.verdict === "error" ? cell.verdict : cell.word}`;
}

/** Puts the cells of a row in; rows are filled when they come near the window. */
function fill(at) {
  const line = lines[at];
  line.filled = true;
  const shown = columns();
  const cells = shown.map((column, place) => {
    const cell = cellOf(at, column);
    if (!cell) return el("td", { role: "gridcell" }, "");
    const same = (other) => other && other.verdict === cell.verdict && other.word === cell.word;
    const first = place === 0 || !same(cellOf(at, shown[place - 1]));
    let long = 1;
    while (first && place + long < shown.length && same(cellOf(at, shown[place + long]))) long++;
    const last = place + 1 === shown.length || !same(cellOf(at, shown[place + 1]));
    const link = el("a", {
      href: linkOf(at, column), class: `v-${cell.verdict}${first ? " first" : ""}${last ? " last" : ""}`,
      title: spoken(cell, targets[column]), "aria-label": `${shortText(cell)}, ${spoken(cell, targets[column])}`, tabindex: "-1", "data-column": column, style: long > 1 ? { "--long": long } : {},
    }, el("span", { "aria-hidden": "true" }, shortText(cell)));
    return el("td", { role: "gridcell" }, link);
  });
  line.link.href = linkOf(at, telling(at));
  line.node.replaceChildren(line.node.firstChild, ...cells);
}

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const at = Number(entry.target.dataset.row);
    if (entry.isIntersecting && !lines[at].filled) fill(at);
  }
}, { rootMargin: "800px" });

function passes(at) {
  const row = rows[at];
  if (filter.tag && !row.tags.includes(filter.tag)) return false;
  if (filter.text && !filter.text.split(/\s+/).every((word) => lines[at].text.includes(word))) return false;
  const cells = columns().map((column) => cellOf(at, column)).filter(Boolean);
  if (filter.verdict && !cells.some((cell) => cell.verdict === filter.verdict)) return false;
  return !filter.only || cells.some((cell) => cell.verdict !== "pass" && cell.verdict !== "untestable" && cell.verdict !== "skipped");
}

function show() {
  let shown = 0;
  for (const section of sections) {
    let inside = 0;
    const seen = new Map();
    for (const at of section.members) {
      const line = lines[at];
      line.shown = passes(at);
      line.node.hidden = !line.shown || section.folded;
      if (!line.shown) continue;
      inside++;
      for (const column of columns()) {
        const cell = cellOf(at, column);
        if (cell && cell.verdict !== "pass") seen.set(cell.verdict, (seen.get(cell.verdict) ?? 0) + 1);
      }
    }
    shown += inside;
    section.button.parentElement.parentElement.hidden = inside === 0;
    const chips = verdicts.filter((one) => seen.has(one)).map((one) => el("span", { class: `chip v-${one}` }, `${seen.get(one)} ${one}`));
    section.button.replaceChildren(section.name || "scenarios", el("small", {}, String(inside)), ...chips);
  }
  byId("shown").textContent = shown === rows.length ? `${rows.length}` : `${shown} of ${rows.length}`;
  byId("nothing").hidden = shown > 0;
  byId("scroll").hidden = shown === 0;
  const folded = sections.every((section) => section.folded);
  byId("fold").textContent = folded ? "unfold all" : "fold all";
  const first = lines.find((line) => !line.node.hidden);
  if (first && !table.querySelector('tbody a[tabindex="0"]:not([hidden])')?.offsetParent) focusable(first.link);
}

/** Rows that are near are filled at once, the others when they come near. */
function refill() {
  head();
  for (const line of lines) {
    line.filled = false;
    near.unobserve(line.node);
    near.observe(line.node);
  }
  show();
}

function foldSection(section, folded = !section.folded) {
  section.folded = folded;
  section.button.setAttribute("aria-expanded", String(!folded));
  show();
}

function view(bars) {
  page.classList.toggle("as-bars", bars);
  page.classList.toggle("as-words", !bars);
  byId("bars").setAttribute("aria-pressed", String(bars));
  byId("words").setAttribute("aria-pressed", String(!bars));
}

function readFilter() {
  const before = `${filter.from} ${filter.to}`;
  filter.text = byId("text").value.trim().toLowerCase();
  filter.tag = byId("tag").value;
  filter.verdict = byId("verdict").value;
  filter.from = Math.min(Number(byId("from").value), Number(byId("to").value));
  filter.to = Math.max(Number(byId("from").value), Number(byId("to").value));
  filter.only = byId("only").checked;
  for (const button of document.querySelectorAll(".count")) button.setAttribute("aria-pressed", String(button.dataset.verdict === filter.verdict));
  if (before === `${filter.from} ${filter.to}`) show();
  else refill();
}

/** Only one cell takes part in the order of the tab key; arrows move on from there. */
function focusable(link) {
  for (const other of table.querySelectorAll('tbody a[tabindex="0"]')) other.tabIndex = -1;
  link.tabIndex = 0;
}

table.addEventListener("keydown", (event) => {
  const link = event.target.closest("tbody tr[data-row] a");
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -999], End: [0, 999] }[event.key];
  if (!link || !step) return;
  event.preventDefault();
  const visible = lines.map((line, at) => at).filter((at) => !lines[at].node.hidden);
  const order = sections.flatMap((section) => section.members).filter((at) => visible.includes(at));
  const row = Number(link.closest("tr").dataset.row);
  const next = order[Math.max(0, Math.min(order.length - 1, order.indexOf(row) + step[0]))];
  if (!lines[next].filled) fill(next);
  const place = [...link.closest("tr").children].indexOf(link.parentElement) + step[1];
  const cells = [...lines[next].node.children];
  const target = cells[Math.max(0, Math.min(cells.length - 1, place))].querySelector("a");
  if (!target) return;
  focusable(target);
  target.focus();
  target.scrollIntoView({ block: "nearest", inline: "nearest" });
});
table.addEventListener("focusin", (event) => { const link = event.target.closest("tbody tr[data-row] a"); if (link) focusable(link); });
