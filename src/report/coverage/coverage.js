"use strict";
const byId = (id) => document.getElementById(id);

const themes = ["auto", "light", "dark"];
byId("theme").addEventListener("click", (event) => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % themes.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  event.currentTarget.textContent = `Theme: ${next}`;
});

function open() {
  const wanted = location.hash.length > 1 && byId(location.hash.slice(1));
  if (wanted instanceof HTMLDetailsElement) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}
window.addEventListener("hashchange", open);
open();

function filter() {
  const text = byId("text").value.trim().toLowerCase();
  const only = byId("only").checked;
  for (const table of document.querySelectorAll(".files")) {
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const name = row.cells[0].textContent.toLowerCase();
      const all = row.cells[1].textContent === "100 %" && /^(100 %|–)$/.test(row.cells[3].textContent);
      row.hidden = !name.includes(text) || (only && all);
      if (!row.hidden) shown += 1;
    }
    table.hidden = shown === 0;
  }
}
byId("text").addEventListener("input", filter);
byId("only").addEventListener("change", filter);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
