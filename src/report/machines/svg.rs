//! Learnt machines as a picture: each state is a box with a row for each input, from which an arrow leads to the next state.

use std::fmt::Write as _;

use super::graph::{CHANGED, is_changed};
use crate::learn::{Input, State, Study};

const ROW: usize = 18;
const HEAD: usize = 24;
/// Width of a character of the font, in tenths of a unit.
const CHARACTER: usize = 70;
const BETWEEN_COLUMNS: usize = 90;
const BETWEEN_BOXES: usize = 26;
const MARGIN: usize = 20;

/// A state as it is drawn.
struct StateBox {
    x: usize,
    y: usize,
    width: usize,
    title: String,
    rows: Vec<Row>,
    column: usize,
}

/// The row of an input.
struct Row {
    text: String,
    target: State,
    changed: bool,
}

/// The machines below each other. Edges that differ from those of the target before are red.
pub fn svg(study: &Study) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (0, MARGIN);
    for (at, target) in study.targets.iter().enumerate() {
        y += HEAD;
        // Writing to a text cannot fail.
        let _ = writeln!(
            body,
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"target\">{}</text>",
            escaped(&target.target)
        );
        let boxes = placed(study, at, y + HEAD / 2);
        arrows(&mut body, &boxes);
        for one in &boxes {
            draw(&mut body, one);
        }
        width = boxes.iter().map(|one| one.x + one.width).max().unwrap_or(0).max(width);
        y = boxes.iter().map(|one| one.y + height(one)).max().unwrap_or(y) + 2 * BETWEEN_BOXES;
    }
    let (width, height) = (width + BETWEEN_COLUMNS, y + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n{STYLE}<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

const STYLE: &str = "<style>text{font-family:monospace;font-size:11px;fill:#222}.target{font-family:sans-serif;font-size:15px;font-weight:bold}.title{font-family:sans-serif;font-size:12px;font-weight:bold}.changed{fill:#c0392b;font-weight:bold}</style>
<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#7f8c8d\"/></marker>
<marker id=\"end-changed\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#c0392b\"/></marker></defs>\n";

/// The states of a machine in columns: the length of the shortest word to a state is its column.
fn placed(study: &Study, at: usize, top: usize) -> Vec<StateBox> {
    let Some(target) = study.targets.get(at) else { return Vec::new() };
    let machine = &target.learnt.machine;
    let inputs = study.alphabet.input_names();
    let longest = inputs.iter().map(String::len).max().unwrap_or(0);
    let columns: Vec<usize> = machine.access_words().iter().map(Vec::len).collect();
    let names = study.state_names(at);
    let row = |state: State, input: Input| {
        let edge = machine.edge(state, input);
        let next = if edge.target == state { String::new() } else { format!("  → {}", edge.target) };
        let name = inputs.get(input).map_or("", String::as_str);
        let text = format!("{name:longest$}  {}{next}", edge.output);
        Row { text, target: edge.target, changed: is_changed(study, at, state, input) }
    };
    let mut boxes: Vec<StateBox> = (0..machine.len())
        .map(|state| {
            let rows: Vec<Row> = (0..machine.inputs()).map(|input| row(state, input)).collect();
            let title = format!("{state}: {}", names.get(state).map_or("", String::as_str));
            let characters = rows
                .iter()
                .map(|one| one.text.chars().count())
                .chain([title.chars().count()])
                .max()
                .unwrap_or(0);
            StateBox {
                x: 0,
                y: 0,
                width: characters * CHARACTER / 10 + 16,
                title,
                rows,
                column: columns[state],
            }
        })
        .collect();
    let mut x = MARGIN;
    for column in 0..=columns.iter().copied().max().unwrap_or(0) {
        let mut y = top;
        let mut widest = 0;
        for one in boxes.iter_mut().filter(|one| one.column == column) {
            (one.x, one.y) = (x, y);
            y += height(one) + BETWEEN_BOXES;
            widest = widest.max(one.width);
        }
        x += widest + BETWEEN_COLUMNS;
    }
    boxes
}

fn height(one: &StateBox) -> usize {
    HEAD + one.rows.len() * ROW + 6
}

fn draw(body: &mut String, one: &StateBox) {
    let (x, y) = (one.x, one.y);
    let _ = writeln!(
        body,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"#fdfefe\" stroke=\"#34495e\"/><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{HEAD}\" rx=\"5\" fill=\"#d6eaf8\" stroke=\"#34495e\"/><text x=\"{}\" y=\"{}\" class=\"title\">{}</text>",
        one.width,
        height(one),
        one.width,
        x + 8,
        y + 16,
        escaped(&one.title)
    );
    for (at, row) in one.rows.iter().enumerate() {
        let class = if row.changed { " class=\"changed\"" } else { "" };
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{}\" xml:space=\"preserve\"{class}>{}</text>",
            x + 8,
            y + HEAD + at * ROW + 14,
            escaped(&row.text)
        );
    }
}

/// An arrow from each row that leads to another state to the head of its box.
fn arrows(body: &mut String, boxes: &[StateBox]) {
    for (state, one) in boxes.iter().enumerate() {
        for (at, row) in one.rows.iter().enumerate().filter(|(_, row)| row.target != state) {
            let Some(target) = boxes.get(row.target) else { continue };
            let (x1, y1) = (one.x + one.width, one.y + HEAD + at * ROW + 10);
            let forward = target.column > one.column;
            // An arrow back ends at the right side of its box, so that it crosses no other box of its column.
            let (x2, y2) = (if forward { target.x } else { target.x + target.width }, target.y + HEAD / 2);
            let bend = BETWEEN_COLUMNS * 2 / 3;
            let before = if forward { x2.saturating_sub(bend) } else { x2 + bend };
            let (colour, end) = if row.changed { (CHANGED, "end-changed") } else { ("#7f8c8d", "end") };
            let opacity = if row.changed { "1" } else { "0.55" };
            let _ = writeln!(
                body,
                "<path d=\"M{x1} {y1} C{} {y1} {before} {y2} {x2} {y2}\" fill=\"none\" stroke=\"{colour}\" stroke-opacity=\"{opacity}\" marker-end=\"url(#{end})\"/>",
                x1 + bend
            );
        }
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
