//! The root of a suite: the folder that scenario ids are relative to.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::bounded_read;
use crate::cli::failure::Failure;

/// The default folder of a suite.
pub(super) const FOLDER: &str = "scenarios";

/// The schema that editors check scenarios by. The folder that holds it is the root of a suite.
const SCHEMA: &str = "scenario.schema.json";

/// A folder beside `scenarios` that may hold the schema instead, together with others.
const SCHEMAS: &str = "schemas";

/// The place that the ids of a suite are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// The suite built into this program.
    BuiltIn,
    /// A folder, as an absolute path.
    Folder(PathBuf),
}

/// Where the schema of a suite is, counted from its root: `../schemas/scenario.schema.json` where a folder
/// `scenarios` has it there, else in the root itself.
pub(in crate::cli) fn schema_of(root: &Path) -> PathBuf {
    let beside = Path::new(SCHEMAS).join(SCHEMA);
    let is_beside = is_called(root, FOLDER)
        && !root.join(SCHEMA).is_file()
        && root.parent().is_some_and(|parent| parent.join(&beside).is_file());
    if is_beside { Path::new("..").join(beside) } else { PathBuf::from(SCHEMA) }
}

/// Whether a folder is the root of a suite because it has a schema. A folder of schemas is none.
fn has_schema(dir: &Path) -> bool {
    !is_called(dir, SCHEMAS) && dir.join(schema_of(dir)).is_file()
}

fn is_called(dir: &Path, name: &str) -> bool {
    dir.file_name().is_some_and(|own| own == name)
}

/// The innermost folder above a place, or the place itself, that is the root of a suite by its name or by its
/// schema.
pub(super) fn suite_above(place: &Path) -> Option<&Path> {
    place.ancestors().find(|dir| has_schema(dir) || (is_called(dir, FOLDER) && dir.is_dir()))
}

/// Whether a folder contains scenarios: a schema, or a file that looks like a scenario, however broken. Other tools have
/// folders called `scenarios`, too.
pub(super) fn is_suite_folder(dir: &Path) -> bool {
    let holds_one = |entry: &DirEntry| {
        is_scenario_name(entry.path())
            && bounded_read::read_to_string(entry.path(), LARGEST)
                .is_ok_and(|text| looks_like_a_scenario(&text))
    };
    dir.is_dir() && (has_schema(dir) || entries_below(dir).filter_map(Result::ok).any(|one| holds_one(&one)))
}

/// The default suite of a working directory: its folder `scenarios`, or the suite that contains it. None if that is the
/// built-in one.
pub(super) fn found_from(working_dir: &Path) -> Option<PathBuf> {
    let folder = working_dir.join(FOLDER);
    if is_suite_folder(&folder) {
        return Some(folder);
    }
    working_dir.ancestors().find(|dir| has_schema(dir)).map(Path::to_owned)
}

/// The folder of the suite whose ids have no prefix, if it is not the built-in one.
pub(in crate::cli) fn default_folder(working_dir: &Path, named: Option<&Path>) -> Option<PathBuf> {
    named.map(|folder| absolute(working_dir, folder)).or_else(|| found_from(working_dir))
}

/// Where a new scenario is written: the default suite, or the folder that becomes it.
pub(in crate::cli) fn own_root(working_dir: &Path) -> PathBuf {
    found_from(working_dir).unwrap_or_else(|| working_dir.join(FOLDER))
}

/// Whether a suite is the default one.
pub(in crate::cli) fn is_found(working_dir: &Path, root: &Path) -> bool {
    found_from(working_dir).is_some_and(|found| found == absolute(working_dir, root))
}

fn looks_like_a_scenario(text: &str) -> bool {
    let key = |line: &str| ["title:", "why:", "steps:", "{title:"].iter().any(|key| line.starts_with(key));
    text.contains(SCHEMA) || text.trim_start_matches('\u{feff}').lines().any(key)
}

/// Whether the name of a file is that of a scenario.
pub(in crate::cli) fn is_scenario_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        && !is_defaults_name(path)
}

/// Whether the name of a file is that of a folder's defaults.
pub(super) fn is_defaults_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == DEFAULTS_NAME)
}

/// Whether a file is one that a suite is read from.
pub(in crate::cli) fn is_read(path: &Path) -> bool {
    is_scenario_name(path) || is_defaults_name(path)
}

/// The file with the defaults for the scenarios of its folder and below.
pub(super) const DEFAULTS_NAME: &str = "_defaults.yaml";

/// The largest scenario file that is read, in bytes; the loader accepts less.
pub(super) const LARGEST: u64 = 4 << 20;

/// The most files and folders of a suite.
const MOST_ENTRIES: usize = 100_000;

/// The deepest folder of a suite.
const DEEPEST: usize = 64;

fn entries_below(dir: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    // With links, a folder can be reached in very many ways; only the first one counts.
    let mut seen = HashSet::new();
    let is_wanted = move |entry: &DirEntry| {
        let is_hidden =
            entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| name.starts_with('.'));
        let is_seen = entry.file_type().is_dir()
            && entry.metadata().is_ok_and(|about| !seen.insert((about.dev(), about.ino())));
        !is_hidden && !is_seen
    };
    WalkDir::new(dir)
        .follow_links(true)
        .max_depth(DEEPEST)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_wanted)
        .take(MOST_ENTRIES)
}

/// All scenario files below a folder in order of their names, without hidden ones. Those that cannot be read are among
/// them, so that each can be reported.
pub(super) fn scenario_files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for (at, entry) in entries_below(dir).enumerate() {
        if at + 1 == MOST_ENTRIES {
            let message = format!("there are more than {MOST_ENTRIES} files below {}", dir.display());
            return Err(Failure::usage(message).hint("name the folder of the scenarios"));
        }
        match entry {
            Ok(entry) if !entry.file_type().is_dir() && is_scenario_name(entry.path()) => {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            // A link to a folder above itself adds nothing.
            Err(error) if error.loop_ancestor().is_some() => {}
            // A link that leads nowhere.
            Err(error) if error.depth() > 0 && error.path().is_some_and(is_scenario_name) => {
                files.extend(error.path().map(Path::to_owned));
            }
            Err(error) if error.depth() > 0 && error.path().is_some_and(Path::is_symlink) => {}
            Err(error) => return Err(Failure::usage(error).context(format!("cannot read {}", dir.display()))),
        }
    }
    Ok(files)
}

/// An absolute path without `.` and `..`. The last part is not resolved if it is a link, since ids are made of names.
pub(super) fn absolute(working_dir: &Path, path: &Path) -> PathBuf {
    let joined: PathBuf = working_dir.join(path).components().collect();
    if !joined.components().any(|part| part == Component::ParentDir) {
        return joined;
    }
    let ends_in_name = matches!(joined.components().next_back(), Some(Component::Normal(_)));
    let (folder, name) = match (joined.parent(), joined.file_name()) {
        (Some(parent), Some(name)) if ends_in_name => (parent, Some(name)),
        _ => (joined.as_path(), None),
    };
    match (folder.canonicalize(), name) {
        (Ok(folder), Some(name)) => folder.join(name),
        (Ok(folder), None) => folder,
        (Err(_), _) => joined,
    }
}

/// A path for display: relative if it is below the working directory, else absolute.
pub(in crate::cli) fn shown(working_dir: &Path, place: &Path) -> PathBuf {
    match place.strip_prefix(working_dir) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => place.to_owned(),
    }
}

/// Whether commands without a name take another suite than the built-in one.
pub(in crate::cli) fn is_of_ones_own(here: &Path) -> bool {
    found_from(here).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[rstest]
    #[case::scenario("scenarios/a/x.yaml", "title: T\nwhy: W\nsteps: []\n", true)]
    #[case::broken("scenarios/x.yml", "titel: T\nsteps: [\n", true)]
    #[case::only_the_schema_line("scenarios/x.yaml", "# $schema=../scenario.schema.json\n- 1\n", true)]
    #[case::schema("scenarios/scenario.schema.json", "{}", true)]
    #[case::of_another_tool("scenarios/load.yaml", "config:\n  target: http://x\n  title: T\n", false)]
    #[case::no_yaml("scenarios/login.feature", "title: T\n", false)]
    #[case::hidden("scenarios/.github/x.yaml", "steps: []\n", false)]
    fn a_folder_of_scenarios_is_known_by_what_is_in_it(
        #[case] path: &str,
        #[case] text: &str,
        #[case] is_one: bool,
    ) {
        let folder = folder(&[(path, text)]);
        assert_eq!(is_suite_folder(&folder.path().join("scenarios")), is_one);
    }

    #[test]
    fn the_root_is_the_innermost_folder_with_a_name_or_a_schema() {
        let folder = folder(&[("scenarios/a/x.yaml", ""), ("scenarios/own/scenario.schema.json", "{}")]);
        let at = |path: &str| folder.path().join(path);
        assert_eq!(suite_above(&at("scenarios/a/x.yaml")), Some(at("scenarios").as_path()));
        assert_eq!(suite_above(&at("scenarios/own/b/x.yaml")), Some(at("scenarios/own").as_path()));
        assert_eq!(suite_above(&at("elsewhere/x.yaml")), None);
    }

    #[test]
    fn a_folder_of_scenarios_may_have_its_schema_in_a_folder_beside_it() {
        let folder = folder(&[("scenarios/a/x.yaml", ""), ("schemas/scenario.schema.json", "{}")]);
        let at = |path: &str| folder.path().join(path);
        assert_eq!(schema_of(&at("scenarios")), Path::new("../schemas/scenario.schema.json"));
        assert_eq!(schema_of(&at("elsewhere")), Path::new("scenario.schema.json"));
        assert_eq!(found_from(&at("scenarios/a")), Some(at("scenarios")));
        assert_eq!(found_from(&at("schemas")), None);
    }

    #[test]
    fn a_path_keeps_its_name_and_loses_its_detours() {
        let folder = folder(&[("a/x.yaml", ""), ("b/y.yaml", "")]);
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(absolute(&real.join("a"), Path::new("../b/./y.yaml")), real.join("b/y.yaml"));
        assert_eq!(absolute(&real.join("a"), Path::new("..")), real);
        assert_eq!(shown(&real, &real.join("a/x.yaml")), Path::new("a/x.yaml"));
        assert_eq!(shown(&real, &real), Path::new("."));
        assert_eq!(shown(&real.join("a"), &real.join("b")), real.join("b"));
    }

    #[test]
    fn links_between_folders_add_nothing_and_do_not_multiply() {
        let folder = folder(&[("scenarios/a/x.yaml", ""), ("scenarios/b/y.yaml", "")]);
        let at = |path: &str| folder.path().join(path);
        for (from, to) in
            [("a/1", "b"), ("a/2", "b"), ("b/1", "a"), ("b/2", "a"), ("a/top", "."), ("b/top", ".")]
        {
            symlink(at("scenarios").join(to), at("scenarios").join(from)).unwrap();
        }
        symlink("nowhere", at("scenarios/a/dangling.yaml")).unwrap();
        symlink("nowhere", at("scenarios/a/dangling")).unwrap();
        let files = scenario_files(&at("scenarios")).unwrap();
        let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        for name in ["x.yaml", "y.yaml", "dangling.yaml"] {
            assert!(names.contains(&name), "{names:?}");
        }
    }
}
