//! What ARCHITECTURE.md says of the modules, as the source files show it: a lower floor never imports a higher one, and no
//! file imports one that imports it, by however many others.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex_lite::Regex;
use walkdir::WalkDir;

type Module = Vec<String>;

/// A source file: its text without comments and tests, and whether it is a `mod.rs` or the root.
struct File {
    text: String,
    joins: bool,
}

fn files() -> BTreeMap<Module, File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let comments = Regex::new("//[^\n]*").unwrap();
    let paths = WalkDir::new(&root).into_iter().map(|entry| entry.unwrap().into_path());
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .map(|path| {
            let place = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module = place.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let joins = module.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str()));
            if joins {
                module.pop();
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            (module, File { text: comments.replace_all(text, "").into_owned(), joins })
        })
        .collect()
}

/// The paths that a `use` names, written out.
fn expand(tree: &str) -> Vec<Module> {
    let tree = tree.trim();
    let parts = |text: &str| -> Module {
        text.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let Some(open) = tree.find('{') else {
        return vec![parts(tree.split(" as ").next().unwrap_or_default())];
    };
    let head = parts(&tree[..open]);
    let (mut depth, mut start, mut found) = (0, open + 1, Vec::new());
    for (at, c) in tree.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || (c == '}' && depth == 0) {
            let inner = tree[start..at].trim();
            start = at + 1;
            if !inner.is_empty() {
                found.extend(expand(inner).into_iter().map(|rest| [head.clone(), rest].concat()));
            }
        }
    }
    found
}

struct House {
    files: BTreeMap<Module, File>,
    /// Of each `mod.rs`, where the names come from that it hands on.
    handed_on: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl House {
    fn read() -> Self {
        let mut house = Self { files: files(), handed_on: BTreeMap::new() };
        let exports = Regex::new(r"pub(?:\([^)]*\))?\s+use\s+([^;]+);").unwrap();
        for (module, file) in house.files.iter().filter(|(_, file)| file.joins) {
            let mut names = BTreeMap::new();
            for path in exports.captures_iter(&file.text).flat_map(|found| expand(&found[1])) {
                let name = path.last().cloned().unwrap_or_default();
                if let Some((from, _)) = house.resolve(module, &path) {
                    names.insert(name, from);
                }
            }
            house.handed_on.insert(module.clone(), names);
        }
        house
    }

    /// The module that a path leads to, and what is left of the path there; none for other crates.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                (from[..from.len().saturating_sub(ups)].to_vec(), &path[ups..])
            }
            name => {
                self.files.contains_key(&[from.clone(), vec![name.to_owned()]].concat()).then_some(())?;
                (from.clone(), path)
            }
        };
        while let Some(next) = rest.first() {
            let below = [at.clone(), vec![next.clone()]].concat();
            if !self.files.contains_key(&below) {
                break;
            }
            at = below;
            rest = &rest[1..];
        }
        Some((at, rest.to_vec()))
    }

    /// The files that a file imports something of.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let text = &self.files[module].text;
        let uses = Regex::new(r"\buse\s+([^;]+);").unwrap();
        let inline = Regex::new(r"\b(?:crate|super|self)(?:::\w+)+").unwrap();
        let named = uses.captures_iter(text).flat_map(|found| expand(&found[1]));
        let body = uses.replace_all(text, "");
        let written = inline.find_iter(&body).flat_map(|found| expand(found.as_str())).collect::<Vec<_>>();
        named
            .chain(written)
            .filter_map(|path| {
                let (mut at, rest) = self.resolve(module, &path)?;
                // A name that a folder hands on comes from the file that has it.
                while let Some(from) = rest.first().and_then(|name| self.handed_on.get(&at)?.get(name)) {
                    if *from == at {
                        break;
                    }
                    at.clone_from(from);
                }
                (at != *module && !self.files.get(&at)?.joins).then_some(at)
            })
            .collect()
    }
}

/// A way from a file back to it; none where there is no such way.
fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> Option<Vec<Module>> {
    let mut ways = vec![vec![from.clone()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in imports.get(way.last()?).into_iter().flatten() {
            if next == from {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push([way.clone(), vec![next.clone()]].concat());
            }
        }
    }
    None
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let house = House::read();
    let modules: Vec<&Module> =
        house.files.iter().filter(|(_, file)| !file.joins).map(|(name, _)| name).collect();
    let imports: BTreeMap<Module, BTreeSet<Module>> =
        modules.iter().map(|module| ((*module).clone(), house.imports(module))).collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 500, "the imports are not read");
    let circles: BTreeSet<String> = modules
        .iter()
        .filter_map(|module| circle(&imports, module))
        .map(|way| way.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" → "))
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// The modules of each floor, the lowest first, as ARCHITECTURE.md lists them.
fn floors() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let row = Regex::new(r"(?m)^\| (\d) \| ([^|]+) \|").unwrap();
    let name = Regex::new("`([a-z]+)`").unwrap();
    row.captures_iter(&text)
        .flat_map(|row| {
            let floor = row[1].parse().unwrap();
            let names: Vec<String> = name.captures_iter(&row[2]).map(|name| name[1].to_owned()).collect();
            names.into_iter().map(move |name| (name, floor))
        })
        .collect()
}

#[test]
fn no_floor_imports_a_higher_one() {
    let house = House::read();
    let floors = floors();
    let mut wrong = BTreeSet::new();
    for (module, file) in house.files.iter().filter(|(module, _)| !module.is_empty()) {
        let own = floors.get(&module[0]);
        assert!(
            own.is_some() || module.len() == 1,
            "ARCHITECTURE.md does not say where `{}` stands",
            module[0]
        );
        if file.joins {
            continue;
        }
        for import in house.imports(module) {
            if floors.get(&import[0]) > own && own.is_some() {
                wrong.insert(format!("{} → {}", module.join("::"), import.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_use_names_is_written_out() {
    let paths = |tree: &str| expand(tree).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(
        paths("super::a::{self, B as C, d::{E, F}}"),
        ["super::a::self", "super::a::B", "super::a::d::E", "super::a::d::F"]
    );
    assert_eq!(paths("crate::run::Cell"), ["crate::run::Cell"]);
}
