//! Tests from bundled files and profiles to the measured coverage.

use std::collections::BTreeMap;
use std::path::Path;

use rstest::rstest;

use super::*;

const SCOPE: &str = "
scope:
  - {area: auth, sources: ['src/auth/*.ts']}
left_out:
  - {sources: ['src/auth/a.ts'], functions: [tailnet], reason: needs a tailnet}
  - {sources: ['src/auth/ssh.ts'], reason: needs a server for SSH}
";

/// A bundled file with one source file in it.
fn bundle(source: &str, code: &str) -> String {
    format!("import \"./x.js\";\n//#region {source}\n{code}\n//#endregion\nexport {{ a }};\n")
}

fn chunk(path: &str, text: String) -> Option<Chunk> {
    Chunk::read(path, text, &Scope::read(SCOPE).unwrap()).unwrap()
}

/// The counts of a function as V8 reports them, by the texts of its ranges.
fn counted(text: &str, ranges: &[(&str, u64)]) -> Function {
    let range = |(part, count): &(&str, u64)| {
        let at = text.find(part).unwrap();
        let start_offset = text[..at].encode_utf16().count();
        Counted { start_offset, end_offset: start_offset + part.encode_utf16().count(), count: *count }
    };
    Function { ranges: ranges.iter().map(range).collect(), is_block_coverage: true }
}

fn whole(text: &str) -> Function {
    counted(text, &[(text, 1)])
}

fn trace(label: &str, executed: &[(&Chunk, &[Function])]) -> Trace {
    let group = ScenarioGroup { label: label.to_owned(), gateway: 0, scenarios: vec![label.to_owned()] };
    let executed = executed
        .iter()
        .map(|(chunk, functions)| (chunk.path.clone(), Executed::of(functions, chunk.units.length())));
    Trace { group, executed: executed.collect() }
}

fn figures(file: &FileCoverage) -> [(usize, usize); 3] {
    let counts = &file.counts;
    [
        (counts.lines_run, counts.lines),
        (counts.branches_run, counts.branches),
        (counts.functions_run, counts.functions),
    ]
}

const CODE: &str = "const sign = \"🦀🦀🦀🦀🦀🦀\";
function a(b) {
\tif (b) return 1;
\treturn 2;
}
function never() {
\treturn sign;
}";

#[test]
fn offsets_count_utf_16_units() {
    let text = bundle("src/auth/a.ts", CODE);
    let one = chunk("dist/a.js", text.clone()).unwrap();
    let a = "function a(b) {\n\tif (b) return 1;\n\treturn 2;\n}";
    let never = counted(&text, &[("function never() {\n\treturn sign;\n}", 0)]);
    let first = [whole(&text), counted(&text, &[(a, 3), ("return 1;", 0)]), never.clone()];
    let measured = measure("t", std::slice::from_ref(&one), &[trace("x", &[(&one, &first)])], Vec::new());
    assert_eq!(figures(&measured.files[0]), [(4, 6), (1, 2), (1, 2)]);
    assert_eq!(
        measured.files[0].never,
        [
            Never::Branch { kind: Branch::Then, line: 5, function: "a".into(), text: "return 1;".into() },
            Never::Function { name: "never".into(), line: 8 },
        ]
    );
    // Another process took the other way.
    let second = [whole(&text), counted(&text, &[(a, 1), ("\n\treturn 2;\n", 0)]), never];
    let both = [trace("x", &[(&one, &first)]), trace("y", &[(&one, &second)])];
    let measured = measure("t", &[one], &both, Vec::new());
    assert_eq!(figures(&measured.files[0]), [(4, 6), (2, 2), (1, 2)]);
    let by = |first, last, groups: &[usize]| RunBy { first, last, groups: groups.to_vec() };
    assert_eq!(measured.files[0].run_by, [by(3, 5, &[0, 1]), by(6, 6, &[0])]);
    assert_eq!(measured.total, measured.files[0].counts);
}

#[test]
fn a_left_out_function_is_not_counted_with_everything_in_it() {
    let code = "function a() {\n\treturn 1;\n}\nfunction tailnet(b) {\n\treturn b ? () => 1 : 2;\n}";
    let text = bundle("src/auth/a.ts", code);
    let one = chunk("dist/a.js", text.clone()).unwrap();
    let measured =
        measure("t", std::slice::from_ref(&one), &[trace("x", &[(&one, &[whole(&text)])])], Vec::new());
    assert_eq!(figures(&measured.files[0]), [(2, 2), (0, 0), (1, 1)]);
    let left_out = LeftOutFunction { function: "tailnet".into(), reason: "needs a tailnet".into() };
    assert_eq!(measured.files[0].functions_left_out, [left_out]);
}

#[test]
fn a_branch_that_is_left_out_or_only_affects_the_log_is_not_counted() {
    let code =
        "function a(b) {\n\tlog.warn(b ?? 1);\n\tif (b) {\n\t\tb.c = b.d || 2;\n\t}\n\treturn b ?? 3;\n}";
    let text = bundle("src/auth/a.ts", code);
    let scope = SCOPE.replace(
        "  - {sources: ['src/auth/ssh.ts']",
        "  - {sources: ['src/auth/a.ts'], functions: [a], places: ['if { b.c = b.d || 2; }', '?? 3'], reason: b is set}
  - {sources: ['src/auth/ssh.ts']",
    );
    let one = Chunk::read("dist/a.js", text.clone(), &Scope::read(&scope).unwrap()).unwrap().unwrap();
    let body = "{\n\t\tb.c = b.d || 2;\n\t}";
    let ran = [whole(&text), counted(&text, &[(code, 1), (body, 0)])];
    let measured = measure("t", std::slice::from_ref(&one), &[trace("x", &[(&one, &ran)])], Vec::new());
    let file = &measured.files[0];
    // The line in the branch is left out with it, and so is what is in it; the call of the logger counts as a line.
    assert_eq!(figures(file), [(4, 4), (0, 0), (1, 1)]);
    assert_eq!(file.never, []);
    let left_out: Vec<(&str, usize, bool)> =
        file.places_left_out.iter().map(|one| (&*one.place, one.line, one.executed)).collect();
    assert_eq!(left_out, [("if { b.c = b.d || 2; }", 5, false), ("?? 3", 8, true)]);
    assert!(file.places_left_out.iter().all(|one| one.function == "a" && one.reason == "b is set"));
}

#[test]
fn a_left_out_file_is_shown_but_not_counted() {
    let one = chunk("dist/a.js", bundle("src/auth/a.ts", "const a = 1;")).unwrap();
    let other = chunk("dist/b.js", bundle("src/auth/ssh.ts", "const b = 1;")).unwrap();
    let measured = measure("t", &[one, other], &[], Vec::new());
    let left_out: Vec<Option<&str>> = measured.files.iter().map(|file| file.left_out.as_deref()).collect();
    assert_eq!(left_out, [None, Some("needs a server for SSH")]);
    assert_eq!((measured.total.lines, measured.total.lines_run), (1, 0));
}

const SAME: &str = "function a(b) {\n\treturn b ? 1 : 2;\n}";
const RENAMED: &str = "function a$1(b) {\n\treturn b ? 1 : 2;\n}";

#[rstest]
#[case::the_first_of_two_alike_where_none_is_loaded(SAME, false, false, &[("dist/a.js", [(0, 2), (0, 2), (0, 1)])])]
#[case::the_one_that_is_loaded(SAME, false, true, &[("dist/b.js", [(2, 2), (1, 2), (1, 1)])])]
#[case::both_where_they_are_alike(SAME, true, true, &[("dist/a.js", [(2, 2), (2, 2), (1, 1)])])]
#[case::both_though_the_bundler_renamed_one(RENAMED, true, true, &[("dist/a.js", [(2, 2), (2, 2), (1, 1)])])]
#[case::what_stands_outside_of_functions_in_the_larger_one(
    "function a(b) {\n\treturn b ? 1 : 2;\n}\na();",
    true,
    true,
    &[("dist/b.js", [(3, 3), (2, 2), (1, 1)])]
)]
#[case::the_larger_one_where_it_has_another_function(
    "function a(b) {\n\treturn b ? 1 : 2;\n}\nfunction c() {\n\treturn 1;\n}",
    true,
    true,
    &[("dist/b.js", [(4, 4), (2, 2), (2, 2)])]
)]
fn a_source_file_in_two_bundled_files_counts_once(
    #[case] second: &str,
    #[case] first_is_loaded: bool,
    #[case] second_is_loaded: bool,
    #[case] expected: &[(&str, [(usize, usize); 3])],
) {
    let texts = [bundle("src/auth/a.ts", SAME), bundle("src/auth/a.ts", second)];
    let one = chunk("dist/a.js", texts[0].clone()).unwrap();
    let other = chunk("dist/b.js", texts[1].clone()).unwrap();
    let yes = [whole(&texts[0]), counted(&texts[0], &[(SAME, 1), (": 2", 0)])];
    let called = if second == RENAMED { RENAMED } else { SAME };
    let no = [whole(&texts[1]), counted(&texts[1], &[(called, 1), ("? 1 ", 0)])];
    let mut executed: Vec<(&Chunk, &[Function])> = Vec::new();
    if first_is_loaded {
        executed.push((&one, &yes));
    }
    if second_is_loaded {
        executed.push((&other, &no));
    }
    let traces = [trace("x", &executed)];
    let measured = measure("t", &[one.clone(), other.clone()], &traces, Vec::new());
    let found: Vec<_> = measured.files.iter().map(|file| (&*file.chunk, figures(file))).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_function_that_only_the_smaller_file_has_is_counted_there() {
    let alike = "function a() {\n\treturn 1;\n}\n";
    let more = "function c(x) {\n\treturn x ? 1 : 2;\n}\nfunction d() {\n\treturn 1;\n}";
    let differs = "function c(x) {\n\treturn x;\n}\nfunction e() {\n\treturn 3;\n}";
    let texts = [more, differs].map(|rest| bundle("src/auth/a.ts", &format!("{alike}{rest}")));
    let one = chunk("dist/a.js", texts[0].clone()).unwrap();
    let other = chunk("dist/b.js", texts[1].clone()).unwrap();
    let executed = [[whole(&texts[0])], [whole(&texts[1])]];
    let traces = [trace("x", &[(&one, &executed[0]), (&other, &executed[1])])];
    let measured = measure("t", &[one, other], &traces, Vec::new());
    let found: Vec<_> = measured.files.iter().map(|file| (&*file.chunk, figures(file))).collect();
    assert_eq!(found, [("dist/a.js", [(6, 6), (2, 2), (3, 3)]), ("dist/b.js", [(4, 4), (0, 0), (2, 2)])]);
}

#[test]
fn a_bundled_file_without_code_in_scope_is_dropped() {
    assert!(chunk("dist/a.js", bundle("src/other/a.ts", "const a = 1;")).is_none());
    assert!(chunk("dist/a.js", "const a = 1;\n".to_owned()).is_none());
}

#[test]
fn a_package_is_read_recursively_and_invalid_javascript_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let scope = Scope::read(SCOPE).unwrap();
    std::fs::create_dir_all(dir.path().join("dist/below")).unwrap();
    let write = |path: &str, text: &str| std::fs::write(dir.path().join("dist").join(path), text).unwrap();
    write("plain.js", "const a = 1;\n");
    assert!(matches!(chunks_of(dir.path(), &scope), Err(CollectError::NoNames(_))));
    write("other.js", &bundle("src/other/a.ts", "const a = 1;"));
    assert!(matches!(chunks_of(dir.path(), &scope), Err(CollectError::NothingInScope(_))));
    write("below/a.mjs", &bundle("src/auth/a.ts", "const a = 1;"));
    write("broken.js", &bundle("src/auth/b.ts", "const const = 1;"));
    let found = chunks_of(dir.path(), &scope).unwrap();
    let paths: Vec<&str> = found.chunks.iter().map(|one| &*one.path).collect();
    assert_eq!(paths, ["dist/below/a.mjs"]);
    assert!(found.unreadable[0].starts_with("dist/broken.js cannot be measured"), "{:?}", found.unreadable);
    assert!(matches!(chunks_of(&dir.path().join("none"), &scope), Err(CollectError::Read { .. })));
}

#[test]
fn profiles_are_combined_by_gateway_and_by_scenario() {
    let dir = tempfile::tempdir().unwrap();
    let text = bundle("src/auth/a.ts", CODE);
    let one = chunk("dist/a.js", text.clone()).unwrap();
    let known = BTreeMap::from([("/p/dist/a.js".into(), "dist/a.js".to_owned())]);
    let length = one.units.length();
    let profile = |count: u64, blocks: bool| {
        serde_json::json!({"result": [
            {"url": "node:fs", "functions": []},
            {"url": "file:///p/dist/a.js", "functions": [
                {"ranges": [{"startOffset": 0, "endOffset": length, "count": count}], "isBlockCoverage": blocks}
            ]}
        ]})
    };
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("0/started-7-0", "/p/openclaw.mjs gateway run");
    write("0/coverage-7-1-0.json", &profile(1, true).to_string());
    write("0/started-8-0", "/p/openclaw.mjs gateway run");
    // Other programs are ignored.
    write("0/started-12-0", "/usr/bin/npm root -g");
    write("1/started-9-0", "/p/openclaw.mjs gateway run");
    write("1/coverage-9-1-0.json", &profile(0, true).to_string());
    write("1/name-0", "auth/x");
    write("1/part-0-9-0.json", &profile(1, true).to_string());
    write("1/name-1", "");
    write("1/part-1-9-0.json", &profile(0, true).to_string());
    write("2/coverage-10-1-0.json", "{\"resu");
    write("3/coverage-11-1-0.json", &profile(1, false).to_string());
    let group = |gateway: usize| ScenarioGroup {
        label: format!("lane {gateway}"),
        gateway,
        scenarios: vec![format!("auth/{gateway}")],
    };
    let gateways: Vec<_> =
        (0..5).map(|number| (group(number), dir.path().join(number.to_string()))).collect();
    let (traces, lost) = collect(&gateways, Path::new("/p"), std::slice::from_ref(&one), &known).unwrap();
    let told: Vec<(&str, usize, Option<bool>)> = traces
        .iter()
        .map(|one| {
            (&*one.group.label, one.group.scenarios.len(), one.executed.get("dist/a.js").map(|one| one.at(0)))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("lane 0", 1, Some(true)),
            ("auth/x", 1, Some(true)),
            ("lane 1: its start and end", 0, Some(false)),
            ("lane 2", 1, None),
            ("lane 3", 1, Some(true)),
            ("lane 4", 1, None),
        ]
    );
    let expected = [
        "a profile of lane 2 cannot be read",
        "dist/a.js: the blocks of the function at 0 to",
        "gateway 0 (lane 0): process 8 ended without a profile: /p/openclaw.mjs gateway run",
        "gateway 4 (lane 4) left nothing at all",
    ];
    assert_eq!(lost.len(), expected.len(), "{lost:?}");
    for (line, begin) in lost.iter().zip(expected) {
        assert!(line.starts_with(begin), "{line}");
    }
}
