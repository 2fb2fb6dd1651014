//! Reads the bundled files of a package, and the profiles that its gateways have left.

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
    /// A file or folder cannot be read.
    #[error("cannot read {place}")]
    Read {
        /// The file or folder.
        place: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The bundled files do not name source files.
    #[error("the bundled files in {0} do not name the source files that they came from")]
    NoNames(PathBuf),
    /// The package has none of the files in scope.
    #[error("none of the source files in {0} is in scope")]
    NothingInScope(PathBuf),
}

/// The bundled files of a package with code in scope, and those that could not be parsed.
#[derive(Debug)]
pub struct Collected {
    /// The bundled files with code in scope.
    pub chunks: Vec<Chunk>,
    /// Messages about files that are not valid JavaScript.
    pub unreadable: Vec<String>,
}

/// Reads the bundled files of a package, which are in its folder `dist`.
///
/// # Errors
/// Fails if a file cannot be read, or if no file has code in scope.
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

/// Reads the bundled files of a package that may contain tables of its surface.
///
/// # Errors
/// Fails if a file cannot be read, or if no file can contain a table.
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

/// The real paths of bundled files, as Node reports them, with their paths below the package.
pub fn real_paths(package: &Path, chunks: &[Chunk]) -> BTreeMap<PathBuf, String> {
    let real = fs::canonicalize(package).unwrap_or_else(|_| package.to_owned());
    chunks.iter().map(|chunk| (real.join(&chunk.path), chunk.path.clone())).collect()
}

/// The path of the file that a URL names.
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

/// Reads the profiles of the gateways of a run. Each group comes with the folder of its gateway. Returns the trace of each
/// group, and messages about what is missing.
///
/// If scenarios were measured separately, each is a group of its own, and so is what a gateway executes at its start and end.
///
/// # Errors
/// Fails if a profile cannot be read from the disk.
pub fn collect(
    gateways: &[(ScenarioGroup, PathBuf)],
    package: &Path,
    chunks: &[Chunk],
    known: &BTreeMap<PathBuf, String>,
) -> Result<(Vec<Trace>, Vec<String>), CollectError> {
    let lengths: BTreeMap<&str, usize> =
        chunks.iter().map(|chunk| (&*chunk.path, chunk.units.length())).collect();
    let real = fs::canonicalize(package).unwrap_or_else(|_| package.to_owned());
    // The gateway may start other programs, which have no code in scope.
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
        // The profile from before the first scenario has an empty name.
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
            // A process that was killed while writing leaves an incomplete profile.
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
    fn a_url_names_a_file(#[case] url: &str, #[case] file: Option<&str>) {
        assert_eq!(file_of(url), file.map(PathBuf::from));
    }
}
