//! The HTML report in a real browser: what a reader can do with it.

#![expect(clippy::expect_used, reason = "a test may fail")]

mod browser;
mod sample;

use std::path::PathBuf;

use browser::Browser;
use gatecrash::report::html;
use gatecrash::run::RunRecord;
use serde_json::{Value, json};

/// Where pages and pictures are kept, for people to look at.
fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("html");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A page in a browser; none where no browser is installed.
async fn open(name: &str, events: Vec<gatecrash::run::Event>, fragment: &str) -> Option<(Browser, String)> {
    let Some(program) = browser::program() else {
        eprintln!("skipped: no chromium is installed");
        return None;
    };
    let file = folder().join(format!("{name}.html"));
    std::fs::write(&file, html::render(&RunRecord::of(&events))).expect("the page is written");
    let address = format!("file://{}", file.display());
    let mut browser = Browser::start(&program).await;
    browser.look(1280, 900, false).await;
    browser.open(&format!("{address}{fragment}")).await;
    Some((browser, address))
}

/// Ids of the rows that are to be seen.
const SHOWN: &str = "[...document.querySelectorAll('#matrix tbody tr[data-row]')].filter(one => one.offsetParent).map(one => one.querySelector('th').textContent)";

fn all_is_well(browser: &Browser) {
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    let left: Vec<&String> = browser
        .requests
        .iter()
        .filter(|url| !["file:", "data:", "about:", "blob:"].iter().any(|own| url.starts_with(own)))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn rows_are_found_by_text_tag_verdict_and_release() {
    let Some((mut browser, _)) = open("filter", sample::events(), "").await else { return };
    let set = |id: &str, value: &str| {
        format!(
            "{{ const one = document.getElementById('{id}'); one.value = '{value}'; one.dispatchEvent(new Event('input', {{bubbles: true}})); }}"
        )
    };
    assert_eq!(browser.eval(SHOWN).await.as_array().map(Vec::len), Some(7));
    browser.eval(&set("text", "revocation permanent")).await;
    assert_eq!(browser.eval(SHOWN).await, json!(["revoked-node-stays-out"]));
    browser.eval(&set("text", "")).await;
    browser.eval(&set("tag", "restart")).await;
    assert_eq!(browser.eval(SHOWN).await, json!(["restart-keeps-pairing"]));
    browser.eval(&set("tag", "")).await;
    browser.eval("document.querySelector('.count.v-fail').click()").await;
    assert_eq!(browser.eval(SHOWN).await, json!(["legacy-empty-token-map", "remote-role-upgrade"]));
    browser.eval(&set("to", "4")).await;
    assert_eq!(browser.eval(SHOWN).await, json!(["legacy-empty-token-map"]));
    let columns = "[...document.querySelectorAll('#matrix thead th')].map(one => one.textContent)";
    browser.eval(&set("from", "2")).await;
    assert_eq!(browser.eval(columns).await, json!(["scenario", "3.31", "4.1", "4.2"]));
    browser.eval("document.querySelector('[type=reset]').click()").await;
    browser.until(&format!("{SHOWN}.length === 7")).await;
    browser.eval("document.getElementById('only').click()").await;
    let differing = json!([
        "legacy-empty-token-map",
        "remote-role-upgrade",
        "revoked-node-stays-out",
        "restart-keeps-pairing"
    ]);
    assert_eq!(browser.eval(SHOWN).await, differing);
    assert_eq!(browser.eval("document.getElementById('shown').textContent").await, "4 of 7");
    browser.eval(&set("text", "no such thing")).await;
    assert_eq!(browser.eval("document.getElementById('nothing').offsetParent !== null").await, true);
    all_is_well(&browser);
}

#[tokio::test]
async fn sections_fold_and_views_switch() {
    let Some((mut browser, _)) = open("fold", sample::events(), "").await else { return };
    browser.eval("document.querySelector('.section button').click()").await;
    assert_eq!(browser.eval(SHOWN).await.as_array().map(Vec::len), Some(6));
    assert_eq!(browser.eval("document.querySelector('.section button').ariaExpanded").await, "false");
    browser.eval("document.getElementById('fold').click()").await;
    assert_eq!(browser.eval(SHOWN).await, json!([]));
    browser.eval("document.getElementById('fold').click()").await;
    assert_eq!(browser.eval(SHOWN).await.as_array().map(Vec::len), Some(7));
    browser.eval("document.getElementById('bars').click()").await;
    let label = "getComputedStyle(document.querySelectorAll('#matrix tr[data-row=\"2\"] td a:not(.first) span')[0]).display";
    assert_eq!(browser.eval(label).await, "none", "a stretch is named once");
    browser.picture(&folder().join("bars-1280.png")).await;
    all_is_well(&browser);
}

#[tokio::test]
async fn a_link_to_a_cell_opens_its_story() {
    let fragment = "#cell=pairing/legacy-empty-token-map@2026.4.1";
    let Some((mut browser, _)) = open("story", sample::events(), fragment).await else { return };
    browser.until("!document.getElementById('cell').hidden").await;
    let text = browser.eval("document.getElementById('cell').innerText").await;
    let text = text.as_str().expect("a text");
    for part in [
        "pairing/legacy-empty-token-map",
        "on 2026.4.1",
        "closed 1008 \"pairing required\"",
        "connect as operator from cli/cli",
        "scenarios/pairing/legacy-empty-token-map.yaml:12",
        "gatecrash run pairing/legacy-empty-token-map --gateway 2026.4.1 --seed 7",
        "security audit",
        "What was stored about its devices",
        "\"guest\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let lanes = "[...document.querySelectorAll('.lanes b')].map(one => one.textContent)";
    assert_eq!(browser.eval(lanes).await, json!(["operator", "node", "gateway"]));
    browser.eval("document.querySelectorAll('.go.sent')[0].click()").await;
    let opened = browser.eval("document.querySelector('.open-frame').innerText").await;
    assert!(opened.as_str().expect("a text").contains("\"‹gateway token›\""), "{opened}");
    browser.picture(&folder().join("story-1280.png")).await;
    browser.eval("document.querySelector('[data-walk=next]').click()").await;
    browser.until("document.getElementById('cell-title').textContent.includes('2026.4.2')").await;
    assert!(
        browser
            .eval("document.getElementById('cell').innerText")
            .await
            .to_string()
            .contains("take this release out")
    );
    browser.press("Escape").await;
    browser.until("document.getElementById('cell').hidden && location.hash === ''").await;
    all_is_well(&browser);
}

#[tokio::test]
async fn the_keyboard_reaches_everything() {
    let Some((mut browser, _)) = open("keyboard", sample::events(), "").await else { return };
    browser.press("/").await;
    assert_eq!(browser.eval("document.activeElement.id").await, "text");
    browser.eval("document.querySelector('#matrix tbody a[tabindex=\"0\"]').focus()").await;
    for key in ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Enter"] {
        browser.press(key).await;
    }
    browser.until("!document.getElementById('cell').hidden").await;
    let title = browser.eval("document.getElementById('cell-title').textContent").await;
    assert_eq!(title, "pairing/legacy-empty-token-map on 2026.3.31");
    assert_eq!(browser.eval("document.activeElement.id").await, "cell-title");
    browser.press("Escape").await;
    browser.until("document.activeElement.getAttribute('data-column') === '2'").await;
    all_is_well(&browser);
}

#[tokio::test]
async fn it_reads_well_in_every_size_and_light() {
    let Some((mut browser, address)) = open("look", sample::events(), "").await else { return };
    for (width, height) in [(1280, 900), (390, 844)] {
        for dark in [false, true] {
            let shade = if dark { "dark" } else { "light" };
            browser.look(width, height, dark).await;
            for (place, fragment) in
                [("matrix", ""), ("cell", "#cell=pairing/legacy-empty-token-map@2026.4.1")]
            {
                browser.open(&format!("{address}{fragment}")).await;
                if place == "cell" {
                    browser.until("!document.getElementById('cell').hidden").await;
                }
                let wider = browser.eval("document.documentElement.scrollWidth - innerWidth").await;
                assert_eq!(wider, 0, "{place} at {width}: nothing scrolls sideways");
                let poor = browser.eval(POOR_CONTRAST).await;
                assert_eq!(poor, json!([]), "{place} at {width}, {shade}");
                browser.picture(&folder().join(format!("{place}-{width}-{shade}.png"))).await;
            }
        }
    }
    browser.look(1280, 900, false).await;
    browser.open(&address).await;
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground).await;
    browser.eval("document.getElementById('theme').click(); document.getElementById('theme').click()").await;
    assert_eq!(browser.eval("document.getElementById('theme').textContent").await, "Theme: dark");
    assert_ne!(browser.eval(ground).await, light);
    all_is_well(&browser);
}

/// Texts whose colour stands out too little from what is behind them (4.5 to 1, as WCAG AA wants it).
const POOR_CONTRAST: &str = r"(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const light = ([r, g, b]) => [r, g, b].map((one) => { one /= 255; return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4; }).reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => { for (let one = node; one; one = one.parentElement) { const colour = rgba(getComputedStyle(one).backgroundColor); if (colour[3] > 0.99) return colour; } return [255, 255, 255, 1]; };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.offsetParent || /^(SCRIPT|STYLE|OPTION)$/.test(node.tagName)) continue;
    const [one, other] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) poor.add(`${contrast.toFixed(2)} ${node.tagName}.${node.className} ${walker.currentNode.data.slice(0, 30)}`);
  }
  return [...poor];
})()";

/// The accessibility engine axe-core, where `scripts/test` has put it.
fn axe() -> Option<String> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).ok()
}

/// What axe finds: rule, how grave, and where.
const FINDINGS: &str = "axe.run({resultTypes: ['violations']}).then(found => found.violations.map(one => `${one.impact} ${one.id}: ${one.nodes.map(node => `${node.html.slice(0, 120)} (${node.any.concat(node.all, node.none).map(check => check.message).join('; ')})`).slice(0, 3).join(' | ')}`))";

#[tokio::test]
async fn an_accessibility_engine_finds_nothing() {
    let Some(axe) = axe() else {
        eprintln!("skipped: axe-core is not installed; scripts/test brings it");
        return;
    };
    let Some((mut browser, address)) = open("axe", sample::events(), "").await else { return };
    for (width, dark) in [(1280, false), (1280, true), (390, false)] {
        browser.look(width, 900, dark).await;
        for fragment in ["", "#cell=pairing/legacy-empty-token-map@2026.4.1"] {
            browser.open(&format!("{address}{fragment}")).await;
            browser.eval(&format!("{axe}; 0")).await;
            assert_eq!(browser.eval(FINDINGS).await, json!([]), "{width}, dark: {dark}, {fragment}");
        }
    }
}

#[tokio::test]
async fn everything_has_a_name_and_a_role() {
    let fragment = "#cell=pairing/legacy-empty-token-map@2026.4.1";
    let Some((mut browser, _)) = open("names", sample::events(), fragment).await else { return };
    browser.until("!document.getElementById('cell').hidden").await;
    let nameless = "[...document.querySelectorAll('a, button, select, input, [role]')].filter(one => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim() || one.labels?.length || one.matches('[role=status]'))).map(one => one.outerHTML)";
    assert_eq!(browser.eval(nameless).await, json!([]));
    let doubled = "[...document.querySelectorAll('[id]')].map(one => one.id).filter((id, at, all) => all.indexOf(id) !== at)";
    assert_eq!(browser.eval(doubled).await, json!([]));
    let headings = "[...document.querySelectorAll('h1,h2,h3,h4')].map(one => Number(one.tagName[1])).every((level, at, all) => at === 0 ? level === 1 : level - all[at - 1] <= 1)";
    assert_eq!(browser.eval(headings).await, true, "no level of headings is left out");
    assert_eq!(browser.eval("document.documentElement.lang").await, "en");
    all_is_well(&browser);
}

#[tokio::test]
async fn four_hundred_rows_by_thirty_columns_are_there_at_once() {
    let Some((mut browser, address)) = open("large", sample::large(400, 30), "").await else { return };
    let mut best = u128::MAX;
    for _ in 0..3 {
        best = best.min(browser.open(&address).await);
    }
    let filled = "document.querySelectorAll('#matrix tr[data-row] td').length";
    let at_first = browser.eval(filled).await.as_u64().expect("a number");
    assert!(at_first < 3_000, "rows are filled when they come near, {at_first} cells are there at once");
    // Scrolls through the whole page; how smoothly is told to people, for time says little on a busy machine.
    let slowest = browser
        .eval(
            "(async () => { const frame = () => new Promise(requestAnimationFrame); let last = await frame(); const gaps = [];
              for (let at = 0; at < document.documentElement.scrollHeight; at += 400) { scrollTo(0, at); const now = await frame(); gaps.push(now - last); last = now; }
              gaps.sort((a, b) => a - b); return [gaps.length, gaps[Math.floor(gaps.length * 0.95)], gaps.at(-1)]; })()",
        )
        .await;
    let last = "document.querySelectorAll('#matrix tr[data-row=\"399\"] td').length";
    browser.until(&format!("{last} === 30")).await;
    browser.eval("scrollTo(0, 0)").await;
    browser.picture(&folder().join("large-1280.png")).await;
    browser.eval("document.getElementById('matrix-title').scrollIntoView()").await;
    browser.picture(&folder().join("large-matrix-1280.png")).await;
    println!(
        "ready after {best} ms; frames while scrolling: number, 95th percentile and slowest in ms {slowest}"
    );
    assert_eq!(browser.eval("matrix.rows.length > 400").await, Value::Bool(true));
    all_is_well(&browser);
}
