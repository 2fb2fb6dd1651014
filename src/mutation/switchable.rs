//! Writes one build that contains all mutants, which can be switched on and off.
//!
//! A bundled file is written once with every mutant beside the original code: `a && b` becomes
//! `($gatecrash(7)?((a) || (b)):a && b)`. Mutants are switched while the gateway runs, so that a mutant needs neither its own
//! copy of the package nor its own boot.

use std::fmt::Write as _;

use super::operators::{CodeMutant, Shape};
use crate::coverage::{Unreadable, places};

/// The function that tells whether a mutant is active. It is defined before a gateway loads its first file.
pub const DECIDES: &str = "$gatecrash";

/// Returns the text of a bundled file with mutants in it. Each mutant comes with its number.
///
/// # Errors
/// Fails if the result is not valid JavaScript.
pub fn switchable(text: &str, mutants: &[(usize, &CodeMutant)]) -> Result<String, Unreadable> {
    let mut sorted: Vec<(usize, &CodeMutant)> = mutants.to_vec();
    // Outer mutants come first. Of two that replace the same bytes, the statement is around the expression.
    sorted.sort_by_key(|(number, one)| {
        (one.bytes.start, std::cmp::Reverse(one.bytes.end), std::cmp::Reverse(one.shape), *number)
    });
    let mut out = String::with_capacity(text.len() * 2);
    // In a program that was started without the switch, no mutant is active.
    if !mutants.is_empty() {
        let _ = write!(out, "globalThis.{DECIDES} ??= () => false;");
    }
    write_mutants(text, 0, text.len(), &sorted, &mut out);
    places(&out, &[])?;
    Ok(out)
}

/// Writes a range of the text with the mutants in it.
fn write_mutants(text: &str, from: usize, to: usize, mutants: &[(usize, &CodeMutant)], out: &mut String) {
    let mut at = from;
    let mut rest = mutants;
    while let Some((_, first)) = rest.first() {
        let bytes = first.bytes.clone();
        let here = rest.iter().take_while(|(_, one)| one.bytes == bytes && one.shape == first.shape).count();
        let within = rest.iter().take_while(|(_, one)| one.bytes.start < bytes.end).count();
        out.push_str(text.get(at..bytes.start).unwrap_or_default());
        let (same, inner) = rest[..within].split_at(here);
        replace(text, first.shape, bytes.clone(), same, inner, out);
        at = bytes.end;
        rest = &rest[within..];
    }
    out.push_str(text.get(at..to).unwrap_or_default());
}

fn replace(
    text: &str,
    shape: Shape,
    bytes: std::ops::Range<usize>,
    same: &[(usize, &CodeMutant)],
    inner: &[(usize, &CodeMutant)],
    out: &mut String,
) {
    match shape {
        Shape::Expression => {
            out.push('(');
            for (number, mutant) in same {
                let _ = write!(out, "{DECIDES}({number})?({}):", mutant.after);
            }
            write_mutants(text, bytes.start, bytes.end, inner, out);
            out.push(')');
        }
        Shape::Statement => {
            let active: Vec<String> = same.iter().map(|(number, _)| format!("{DECIDES}({number})")).collect();
            let _ = write!(out, "{{if(!({}))", active.join("||"));
            write_mutants(text, bytes.start, bytes.end, inner, out);
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::operators::mutants_of;
    use crate::mutation::test_support::{SAMPLE, chunk};

    fn made(code: &str) -> String {
        let chunk = chunk(code);
        let mutants = mutants_of(&chunk, &[]);
        let numbered: Vec<(usize, &CodeMutant)> = mutants.iter().enumerate().collect();
        let text = switchable(&chunk.text, &numbered).unwrap();
        text.lines().nth(2).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_mutant_stands_beside_the_original() {
        assert_eq!(made("a = !b;"), "a = ($gatecrash(0)?(b):!b);");
        assert_eq!(made("a();"), "{if(!($gatecrash(0)))a();}");
    }

    #[test]
    fn mutants_inside_of_others_are_kept() {
        assert_eq!(made("a = b && !c;"), "a = ($gatecrash(0)?((b) || (!c)):b && ($gatecrash(1)?(c):!c));");
        assert_eq!(
            made("function f() { if (!a) return 1; }"),
            "function f() { {if(!($gatecrash(0)))if (($gatecrash(1)?(true):$gatecrash(2)?(a):!a)) return ($gatecrash(3)?(1 + 1):1);} }"
        );
    }

    #[test]
    fn a_whole_file_stays_javascript_with_each_mutant_once() {
        let chunk = chunk(SAMPLE);
        let mutants = mutants_of(&chunk, &[]);
        let numbered: Vec<(usize, &CodeMutant)> = mutants.iter().enumerate().collect();
        let text = switchable(&chunk.text, &numbered).unwrap();
        for (number, mutant) in mutants.iter().enumerate() {
            assert_eq!(text.matches(&format!("{DECIDES}({number})")).count(), 1, "{mutant:?}");
        }
    }

    #[test]
    fn without_mutants_nothing_changes() {
        assert_eq!(switchable("a = !b;\n", &[]).unwrap(), "a = !b;\n");
    }
}
