//! Takes the relevant files of a state directory out of a backup archive.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::source::{CONFIG, COPIED, SourceError};

/// The most that is unpacked, in bytes: an archive is not trusted with our disk.
const LARGEST: u64 = 512 << 20;

/// Kinds of archives, by the end of the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArchiveKind {
    Tar,
    TarGz,
    Zip,
}

impl ArchiveKind {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let ends = |end: &str| name.ends_with(end);
        if ends(".tar.gz") || ends(".tgz") {
            Some(Self::TarGz)
        } else if ends(".tar") {
            Some(Self::Tar)
        } else {
            ends(".zip").then_some(Self::Zip)
        }
    }
}

/// Whether a file is an archive that [`unpack`] reads, by its name.
pub fn is_archive(path: &Path) -> bool {
    path.is_file() && ArchiveKind::of(path).is_some()
}

/// Unpacks the files of the state directory in an archive into `into`, wherever in the archive it is. Links, and whatever
/// does not decide about devices, are left out.
///
/// # Errors
///
/// When the archive cannot be read, is too large, or holds no state directory.
pub fn unpack(archive: &Path, into: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Copy { path: archive.to_owned(), source };
    let kind = ArchiveKind::of(archive).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let mut names = Vec::new();
    each_file(archive, kind, &mut |path, _| {
        names.push(path.to_owned());
        Ok(())
    })
    .map_err(failed)?;
    let root = root_of(&names).ok_or(SourceError::NoState {
        path: archive.to_owned(),
        reason: "no folder in it has devices/ or state/, as the state of a gateway has",
    })?;
    let mut room = LARGEST;
    each_file(archive, kind, &mut |path, content| {
        let Ok(below) = path.strip_prefix(&root) else { return Ok(()) };
        if !is_relevant(below) {
            return Ok(());
        }
        let place = into.join(below);
        fs::create_dir_all(place.parent().unwrap_or(into))?;
        let copied = io::copy(&mut content.take(room + 1), &mut File::create(&place)?)?;
        room = room
            .checked_sub(copied)
            .ok_or_else(|| io::Error::other(format!("it holds more than {} MB of state", LARGEST >> 20)))?;
        Ok(())
    })
    .map_err(failed)
}

/// Whether a file below the state directory decides about devices.
fn is_relevant(below: &Path) -> bool {
    let first = below.components().next().map(|one| one.as_os_str().to_string_lossy().into_owned());
    first.is_some_and(|first| COPIED.contains(&first.as_str()) || below == Path::new(CONFIG))
}

/// The folder that is a state directory: the one nearest to the root of the archive.
fn root_of(names: &[PathBuf]) -> Option<PathBuf> {
    let stores = |name: &str| name == "devices" || name == "state";
    let root = |path: &PathBuf| {
        let folders: Vec<Component<'_>> = path.parent()?.components().collect();
        let at = folders.iter().position(|one| one.as_os_str().to_str().is_some_and(stores))?;
        Some(folders[..at].iter().collect::<PathBuf>())
    };
    names.iter().filter_map(root).min_by_key(|root| (root.components().count(), root.clone()))
}

/// A path of an archive, unless it leads out of it.
fn safe(path: &Path) -> Option<PathBuf> {
    let parts = path.components().filter(|one| !matches!(one, Component::CurDir));
    parts.map(|one| if let Component::Normal(name) = one { Some(name) } else { None }).collect()
}

type Visit<'a> = &'a mut dyn FnMut(&Path, &mut dyn Read) -> io::Result<()>;

/// Shows every regular file of an archive with its path in it.
fn each_file(archive: &Path, kind: ArchiveKind, visit: Visit<'_>) -> io::Result<()> {
    let file = io::BufReader::new(File::open(archive)?);
    match kind {
        ArchiveKind::Tar => each_of_tar(file, visit),
        ArchiveKind::TarGz => each_of_tar(MultiGzDecoder::new(file), visit),
        ArchiveKind::Zip => each_of_zip(file, visit),
    }
}

fn each_of_tar(reader: impl Read, visit: Visit<'_>) -> io::Result<()> {
    for entry in tar::Archive::new(reader).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file()
            && let Some(path) = safe(&entry.path()?)
        {
            visit(&path, &mut entry)?;
        }
    }
    Ok(())
}

fn each_of_zip(reader: impl Read + Seek, visit: Visit<'_>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(reader)?;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        if entry.is_file()
            && let Some(path) = entry.enclosed_name()
        {
            visit(&path, &mut entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rstest::rstest;

    use super::*;

    const FILES: [(&str, &str); 5] = [
        ("backup/.openclaw/devices/paired.json", "{}"),
        ("backup/.openclaw/openclaw.json", "{\"meta\":{}}"),
        ("backup/.openclaw/credentials/telegram/creds.json", "secret"),
        ("backup/.openclaw/workspace/deep/devices/paired.json", "other"),
        ("backup/readme", "x"),
    ];

    fn tar(into: impl io::Write) {
        let mut builder = tar::Builder::new(into);
        for (path, text) in FILES {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
    }

    fn archive(path: &Path) {
        let file = File::create(path).unwrap();
        match ArchiveKind::of(path).unwrap() {
            ArchiveKind::Tar => tar(file),
            ArchiveKind::TarGz => tar(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
            ArchiveKind::Zip => {
                let mut zip = zip::ZipWriter::new(file);
                for (path, text) in FILES {
                    zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
                    zip.write_all(text.as_bytes()).unwrap();
                }
                zip.finish().unwrap();
            }
        }
    }

    #[rstest]
    #[case("a.tar")]
    #[case("a.TAR.GZ")]
    #[case("a.tgz")]
    #[case("a.zip")]
    fn only_what_decides_about_devices_is_unpacked(#[case] name: &str) {
        let folder = tempfile::tempdir().unwrap();
        let (path, into) = (folder.path().join(name), folder.path().join("into"));
        archive(&path);
        assert!(is_archive(&path));
        unpack(&path, &into).unwrap();
        let files = walkdir::WalkDir::new(&into).sort_by_file_name().into_iter().flatten();
        let files: Vec<String> = files
            .filter(|one| one.file_type().is_file())
            .map(|one| one.path().strip_prefix(&into).unwrap().display().to_string())
            .collect();
        assert_eq!(files, ["devices/paired.json", "openclaw.json"]);
        assert_eq!(fs::read_to_string(into.join("devices/paired.json")).unwrap(), "{}");
    }

    #[test]
    fn no_path_leads_out_of_the_archive() {
        assert_eq!(safe(Path::new("./a/b")), Some("a/b".into()));
        for path in ["../a", "a/../../b", "/etc/passwd"] {
            assert_eq!(safe(Path::new(path)), None, "{path}");
        }
    }

    #[rstest]
    #[case("broken.zip", "not an archive")]
    #[case("broken.tgz", "not an archive")]
    #[case("empty.tar", "")]
    fn what_is_no_archive_of_a_state_is_refused(#[case] name: &str, #[case] text: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        assert!(unpack(&path, &folder.path().join("into")).is_err());
    }
}
