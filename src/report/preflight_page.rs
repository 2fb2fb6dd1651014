//! A preflight as one HTML page without dependencies.

use askama::Template;

use super::preflight::{advice, causes, exec};
use crate::preflight::{Preflight, ReconnectAnswer, UpgradeEffect};

const STYLE: &str = concat!(include_str!("html/page.css"), include_str!("html/preflight.css"));

#[derive(Template)]
#[template(path = "preflight.html")]
struct PreflightPage {
    style: &'static str,
    upgrades: Vec<UpgradeSection>,
}

struct UpgradeSection {
    title: String,
    before: String,
    after: String,
    headline: String,
    rows: Vec<DeviceRow>,
    exec: String,
    advice: Vec<String>,
    causes: Vec<String>,
    notes: Vec<String>,
}

struct DeviceRow {
    name: String,
    id: String,
    role: String,
    credential: &'static str,
    before: String,
    after: String,
    class: &'static str,
    effect: &'static str,
}

/// The page of one or several upgrades. No token is shown.
pub fn html(found: &[Preflight]) -> String {
    let page = PreflightPage { style: STYLE, upgrades: found.iter().map(section).collect() };
    // Writing to memory cannot fail.
    page.render().unwrap_or_default()
}

fn section(found: &Preflight) -> UpgradeSection {
    let from = found.from.as_ref().map(|from| from.target.as_str());
    let to = found.to.target.as_str();
    let broken = found.rows.iter().filter(|row| row.effect == UpgradeEffect::Breaks).count();
    let rows = found.rows.iter().map(|row| DeviceRow {
        name: row.device.name.clone().unwrap_or_else(|| "a device without a name".to_owned()),
        id: row.device.device.clone(),
        role: row.device.role.clone(),
        credential: row.credential.word(),
        before: row.before.as_ref().map_or_else(|| "?".to_owned(), ReconnectAnswer::to_string),
        after: row.after.to_string(),
        class: class(row.effect),
        effect: row.effect.word(),
    });
    UpgradeSection {
        title: format!("Upgrade from {} to {to}", from.unwrap_or("an unknown release")),
        before: from.unwrap_or("before").to_owned(),
        after: to.to_owned(),
        headline: match broken {
            0 => "No device breaks".to_owned(),
            1 => "1 reconnect breaks".to_owned(),
            more => format!("{more} reconnects break"),
        },
        rows: rows.collect(),
        exec: exec(found),
        advice: found.rows.iter().filter_map(|row| advice(row, from, to)).collect(),
        causes: causes(found),
        notes: found.notes.clone(),
    }
}

/// The style of an effect.
const fn class(effect: UpgradeEffect) -> &'static str {
    match effect {
        UpgradeEffect::Keeps | UpgradeEffect::Heals => "good",
        UpgradeEffect::StaysOut | UpgradeEffect::StaysRefused => "same",
        UpgradeEffect::GoesOut => "note",
        UpgradeEffect::ComesBack | UpgradeEffect::Breaks => "bad",
    }
}
