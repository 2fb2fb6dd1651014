//! Finds which part of a bundled file came from which source file.
//!
//! Bundles keep the names: a line `//#region src/gateway/auth.ts` begins the code of that file, and `//#endregion` ends it.
//! In some builds, the first of these marks is missing; the region then has no name.

/// The part of a bundled file that came from one source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Upstream's name of the source file; empty if the mark with the name is missing.
    pub source: String,
    /// The first line after the mark, from 1.
    pub first_line: usize,
    /// The last line before the end mark.
    pub last_line: usize,
    /// Its bytes in the bundled file.
    pub bytes: std::ops::Range<usize>,
}

const BEGIN: &str = "//#region ";
const END: &str = "//#endregion";

/// All regions of a bundled file that came from source files.
///
/// Source files may contain regions of their own, with other names. These belong to the source file around them.
pub fn regions(text: &str) -> Vec<Region> {
    let mut found = Vec::new();
    let mut open: Option<Region> = None;
    let mut behind_imports = (1, 0);
    let mut begun = false;
    let mut inner = 0_usize;
    let mut at = 0;
    let mut close = |open: &mut Option<Region>, line: usize, at: usize| {
        if let Some(mut region) = open.take() {
            region.last_line = line;
            region.bytes.end = at;
            found.push(region);
        }
    };
    let mut lines = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        lines = index + 1;
        if let Some(name) = line.strip_prefix(BEGIN).map(str::trim).filter(|name| is_source(name)) {
            close(&mut open, index, at);
            inner = 0;
            begun = true;
            open = Some(Region {
                source: name.to_owned(),
                first_line: index + 2,
                last_line: 0,
                bytes: at + line.len()..0,
            });
        } else if line.trim_start().starts_with(BEGIN.trim_end()) {
            inner += 1;
        } else if line.trim_start().starts_with(END) && inner > 0 {
            inner -= 1;
        } else if line.starts_with(END) {
            if !begun {
                let (first_line, start) = behind_imports;
                open = Some(Region { source: String::new(), first_line, last_line: 0, bytes: start..0 });
                begun = true;
            }
            close(&mut open, index, at);
        }
        at += line.len();
        if line.starts_with("import ") && !begun {
            behind_imports = (index + 2, at);
        }
    }
    close(&mut open, lines, at);
    found
}

/// Whether a region's name is that of a source file: a path with an extension.
fn is_source(name: &str) -> bool {
    let extension = name.rsplit_once('/').and_then(|(_, file)| file.rsplit_once('.'));
    !name.contains(char::is_whitespace) && extension.is_some_and(|(_, extension)| !extension.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none("const a = 1;\n", &[])]
    #[case::one("import x;\n//#region src/a.ts\nlet a;\n//#endregion\nexport {};\n", &[("src/a.ts", 3, 3, "let a;\n")])]
    #[case::two(
        "//#region src/a.ts\na\n//#endregion\n//#region src/b.ts\nb\nc\n//#endregion\n",
        &[("src/a.ts", 2, 2, "a\n"), ("src/b.ts", 5, 6, "b\nc\n")]
    )]
    #[case::one_of_the_source_inside(
        "//#region src/a.ts\na\n//#region helpers\nb\n//#endregion\nc\n//#endregion\nd\n",
        &[("src/a.ts", 2, 6, "a\n//#region helpers\nb\n//#endregion\nc\n")]
    )]
    #[case::without_an_end("//#region src/a.ts\na", &[("src/a.ts", 2, 2, "a")])]
    #[case::empty("//#region src/a.ts\n//#endregion\n", &[("src/a.ts", 2, 1, "")])]
    #[case::lost_its_name("import x;\nimport y;\na\nb\n//#endregion\nexport {};\n", &[("", 3, 4, "a\nb\n")])]
    #[case::an_end_too_many("//#region src/a.ts\na\n//#endregion\nb\n//#endregion\n", &[("src/a.ts", 2, 2, "a\n")])]
    #[case::no_file("//#region helpers\na\n//#endregion\n", &[])]
    fn regions_are_found(#[case] text: &str, #[case] expected: &[(&str, usize, usize, &str)]) {
        let found = regions(text);
        let found: Vec<(&str, usize, usize, &str)> = found
            .iter()
            .map(|one| (&*one.source, one.first_line, one.last_line, &text[one.bytes.clone()]))
            .collect();
        assert_eq!(found, expected);
    }
}
