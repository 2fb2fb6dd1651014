const THEMES = ["auto", "light", "dark"];

/** Storage is closed to pages from files in some browsers; the choice then lasts as long as the page. */
function kept(key, value) {
  try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); } catch { return null; }
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = `Theme: ${name}`;
  kept("gatecrash-theme", name);
}

theme(THEMES.includes(kept("gatecrash-theme")) ? kept("gatecrash-theme") : "auto");
byId("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
for (const chip of document.querySelectorAll("[data-sign]")) chip.prepend(`${MARKS[chip.dataset.sign]} `);
build();
view(targets.length > 8 || innerWidth <= 700);
refill();
tools.addEventListener("input", readFilter);
tools.addEventListener("submit", (event) => event.preventDefault());
tools.addEventListener("reset", () => setTimeout(readFilter));
byId("bars").addEventListener("click", () => view(true));
byId("words").addEventListener("click", () => view(false));
byId("fold").addEventListener("click", () => {
  const fold = !sections.every((section) => section.folded);
  for (const section of sections) foldSection(section, fold);
});
for (const button of document.querySelectorAll(".count")) {
  button.addEventListener("click", () => {
    byId("verdict").value = filter.verdict === button.dataset.verdict ? "" : button.dataset.verdict;
    readFilter();
    if (filter.verdict) byId("matrix-title").scrollIntoView();
  });
}
addEventListener("hashchange", follow);
addEventListener("popstate", follow);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && opened) close();
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    byId("text").focus();
  }
});
follow();
document.documentElement.dataset.ready = "true";
