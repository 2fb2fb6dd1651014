//! Reads the files of a package and what its gateways have left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::chunk::{Chunk, names_sources};
use super::measure::{ScenarioGroup, Trace};
use super::profile::{Executed, V8Profile};
use super::scope::Scope;
use super::surface::{Bundled, holds_tables};
use crate::gateway::Left;

/// Why the code of a package cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It cannot be read.
    #[error("cannot read {place}")]
    Read {
        /// What.
        place: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its files tell nothing of source files.
    #[error("the bundled files in {0} do not name the source files that they came from")]
    NoNames(PathBuf),
    /// It has none of the files in scope.
    #[error("none of the source files in {0} is in scope")]
    NothingInScope(PathBuf),
}

/// The bundled files of a package with code in scope, and what could not be read.
#[derive(Debug)]
pub struct Collected {
    /// Bundled files.
    pub chunks: Vec<Chunk>,
    /// Files that are no JavaScript.
    pub unreadable: Vec<String>,
}

/// Reads the bundled files of a package, which lie in `dist`.
pub fn chunks_of(package: &Path, scope: &Scope) -> Result<Collected, CollectError> {
    let dist = package.join("dist");
    let mut files = Vec::new();
    below(&dist, &mut files)?;
    files.sort();
    let (mut chunks, mut unreadable, mut named) = (Vec::new(), Vec::new(), false);
    for file in files {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => continue,
            Err(source) => return Err(CollectError::Read { place: file, source }),
        };
        named |= names_sources(&text);
        let path = file.strip_prefix(package).unwrap_or(&file).to_string_lossy().into_owned();
        match Chunk::read(&path, text, scope) {
            Ok(chunk) => chunks.extend(chunk),
            Err(error) => unreadable.push(format!("{path} cannot be measured: {error}")),
        }
    }
    match (named, chunks.is_empty()) {
        (false, _) => Err(CollectError::NoNames(dist)),
        (true, true) if unreadable.is_empty() => Err(CollectError::NothingInScope(dist)),
        _ => Ok(Collected { chunks, unreadable }),
    }
}

/// Reads the bundled files of a package that may hold a part of its tables.
pub fn bundled_of(package: &Path, scope: &Scope) -> Result<Vec<Bundled>, CollectError> {
    let dist = package.join("dist");
    let mut files = Vec::new();
    below(&dist, &mut files)?;
    files.sort();
    let (mut found, mut named) = (Vec::new(), false);
    for file in files {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => continue,
            Err(source) => return Err(CollectError::Read { place: file, source }),
        };
        named |= names_sources(&text);
        if holds_tables(&text, scope) {
            let path = file.strip_prefix(package).unwrap_or(&file).to_string_lossy().into_owned();
            found.push(Bundled { path, text });
        }
    }
    match (named, found.is_empty()) {
        (false, _) => Err(CollectError::NoNames(dist)),
        (true, true) => Err(CollectError::NothingInScope(dist)),
        _ => Ok(found),
    }
}

fn below(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), CollectError> {
    let unreadable = |source| CollectError::Read { place: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "node_modules") {
                below(&path, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "js" || extension == "mjs") {
            into.push(path);
        }
    }
    Ok(())
}

/// Where the bundled files of a package really lie, as Node names them, and their paths below the package.
pub fn real_paths(package: &Path, chunks: &[Chunk]) -> BTreeMap<PathBuf, String> {
    let real = fs::canonicalize(package).unwrap_or_else(|_| package.to_owned());
    chunks.iter().map(|chunk| (real.join(&chunk.path), chunk.path.clone())).collect()
}

/// The file that an address names.
fn file_of(url: &str) -> Option<PathBuf> {
    let escaped = url.strip_prefix("file://")?.split(['?', '#']).next()?;
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// Reads what the gateways of a run have left; each group comes with the folder of its gateway. Answers with
/// what each group has executed of the package, and with what is missing.
///
/// Where scenarios were measured by themselves, each is a group of its own, and what remains of a gateway
/// (its boot and its end) is one, too.
pub fn collect(
    gateways: &[(ScenarioGroup, PathBuf)],
    package: &Path,
    chunks: &[Chunk],
    known: &BTreeMap<PathBuf, String>,
) -> Result<(Vec<Trace>, Vec<String>), CollectError> {
    let lengths: BTreeMap<&str, usize> =
        chunks.iter().map(|chunk| (&*chunk.path, chunk.units.length())).collect();
    let real = fs::canonicalize(package).unwrap_or_else(|_| package.to_owned());
    // What the gateway starts may be somebody else's program, which has no code in scope.
    let own = |command: &str| [package, &real].iter().any(|place| Path::new(command).starts_with(place));
    let mut traces = Vec::new();
    let mut lost = BTreeSet::new();
    for (group, folder) in gateways {
        let left = Left::read(folder);
        let here = format!("gateway {} ({})", group.gateway, group.label);
        if left.profiles.is_empty() && left.parts.is_empty() {
            lost.insert(format!("{here} left nothing at all: what its scenarios execute is not counted"));
        }
        for (process, thread, command) in left.without.iter().filter(|(_, _, command)| own(command)) {
            let what = if thread == "0" { "process" } else { "a thread of process" };
            lost.insert(format!("{here}: {what} {process} ended without a profile: {command}"));
        }
        let mut parts: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
        for (name, file) in &left.parts {
            parts.entry(name).or_default().push(file);
        }
        let by_itself = !parts.is_empty();
        // What was handed out before the first scenario has no name.
        let boot = parts.remove("").unwrap_or_default();
        for (name, files) in &parts {
            let group = ScenarioGroup {
                label: (*name).to_owned(),
                gateway: group.gateway,
                scenarios: vec![(*name).to_owned()],
            };
            traces.push(trace(group, files, known, &lengths, &mut lost)?);
        }
        let rest = if by_itself {
            ScenarioGroup {
                label: format!("{}: its start and end", group.label),
                scenarios: Vec::new(),
                ..group.clone()
            }
        } else {
            group.clone()
        };
        let files: Vec<&PathBuf> = boot.into_iter().chain(&left.profiles).collect();
        traces.push(trace(rest, &files, known, &lengths, &mut lost)?);
    }
    Ok((traces, lost.into_iter().collect()))
}

fn trace(
    group: ScenarioGroup,
    files: &[&PathBuf],
    known: &BTreeMap<PathBuf, String>,
    lengths: &BTreeMap<&str, usize>,
    lost: &mut BTreeSet<String>,
) -> Result<Trace, CollectError> {
    let mut executed: BTreeMap<String, Executed> = BTreeMap::new();
    for file in files {
        let bytes = fs::read(file).map_err(|source| CollectError::Read { place: (*file).clone(), source })?;
        let profile: V8Profile = match serde_json::from_slice(&bytes) {
            Ok(profile) => profile,
            // A process that is killed while it writes leaves half a profile.
            Err(error) => {
                lost.insert(format!("a profile of {} cannot be read: {error}", group.label));
                continue;
            }
        };
        for script in &profile.result {
            let Some(path) = file_of(&script.url).and_then(|file| known.get(&file)) else { continue };
            let length = lengths.get(&**path).copied().unwrap_or_default();
            let one = Executed::of(&script.functions, length);
            for (start, end) in one.unknown() {
                lost.insert(format!(
                    "{path}: the blocks of the function at {start} to {end} were not counted"
                ));
            }
            executed.entry(path.clone()).or_insert_with(|| Executed::nothing(length)).add(&one);
        }
    }
    Ok(Trace { group, executed })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("file:///a/dist/x-1.js", Some("/a/dist/x-1.js"))]
    #[case("file:///a%20b/%C3%A9.mjs", Some("/a b/\u{e9}.mjs"))]
    #[case("file:///a.js?again=1", Some("/a.js"))]
    #[case("file:///a%2", None)]
    #[case("node:fs", None)]
    fn an_address_names_a_file(#[case] url: &str, #[case] file: Option<&str>) {
        assert_eq!(file_of(url), file.map(PathBuf::from));
    }
}
