//! Code coverage in the format of LCOV, which many tools read.

use std::fmt::Write as _;
use std::path::Path;

use crate::coverage::{CodeCoverage, PlaceCounts, PlaceKind};

/// The coverage as an LCOV trace. It counts gateways (or scenarios) instead of calls, and its files are the bundled files of
/// the package. Code that is left out is not included.
pub fn lcov(coverage: &CodeCoverage, package: &Path) -> String {
    let mut text = String::new();
    for file in coverage.files.iter().filter(|file| file.left_out.is_none()) {
        let _ = writeln!(text, "TN:\nSF:{}", package.join(&file.chunk).display());
        let marks = || file.marks.iter().filter(|mark| !mark.left_out);
        for mark in marks() {
            if let PlaceKind::Function(name) = &mark.kind {
                // Names are only unique together with their line.
                let name = format!("{}:{}:{name}", file.source, mark.line);
                let _ = writeln!(text, "FN:{},{name}\nFNDA:{},{name}", mark.line, mark.groups.len());
            }
        }
        let PlaceCounts { lines, lines_run, branches, branches_run, functions, functions_run } = file.counts;
        let _ = writeln!(text, "FNF:{functions}\nFNH:{functions_run}");
        let called = |line: usize| {
            marks().any(|mark| mark.kind == PlaceKind::Line && mark.line == line && !mark.groups.is_empty())
        };
        for (number, mark) in marks().filter(|mark| matches!(mark.kind, PlaceKind::Branch(_))).enumerate() {
            let taken = match mark.groups.len() {
                // `-` means that the condition was not reached.
                0 if !called(mark.line) => "-".to_owned(),
                count => count.to_string(),
            };
            let _ = writeln!(text, "BRDA:{},0,{number},{taken}", mark.line);
        }
        let _ = writeln!(text, "BRF:{branches}\nBRH:{branches_run}");
        for mark in marks().filter(|mark| mark.kind == PlaceKind::Line) {
            let _ = writeln!(text, "DA:{},{}", mark.line, mark.groups.len());
        }
        let _ = writeln!(text, "LF:{lines}\nLH:{lines_run}\nend_of_record");
    }
    text
}
