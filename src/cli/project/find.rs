//! Finds and reads the project file of a working directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::settings::{Setting, settings};
use crate::cli::failure::Failure;

/// The name of the project file.
pub(super) const NAME: &str = "gatecrash.toml";

/// A project file with its settings.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Project {
    /// The file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// Its settings; paths in them are relative to the file's folder, and absolute here.
    pub(super) settings: Vec<Setting>,
}

/// Reads the nearest `gatecrash.toml` in a folder or above it.
pub(in crate::cli) fn find(working_dir: &Path) -> Result<Project, Failure> {
    for folder in working_dir.ancestors() {
        let path = folder.join(NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => return read(&path, folder, &text),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(Failure::usage(error).context(format!("cannot read {}", path.display())));
            }
        }
    }
    Ok(Project::default())
}

fn read(path: &Path, folder: &Path, text: &str) -> Result<Project, Failure> {
    let mut settings = settings(text).map_err(|error| {
        let advice = error.advice().to_owned();
        Failure::usage(error).context(format!("{} has a mistake", path.display())).hint(advice)
    })?;
    for one in &mut settings {
        if one.key.name == "folder" || one.key.name == "cache-dir" {
            for value in &mut one.values {
                *value = folder.join(&*value).display().to_string();
            }
        }
    }
    Ok(Project { path: Some(path.to_owned()), settings })
}

impl Project {
    /// The setting of a key.
    pub(super) fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|one| one.key.name == name)
    }

    /// The number of runs to keep, if the environment or the file says so.
    pub(in crate::cli) fn keep_runs(&self, variable: Option<&str>) -> Result<Option<usize>, Failure> {
        let said = variable.filter(|text| !text.is_empty());
        if let Some(text) = said {
            return text.parse().map(Some).map_err(|error: std::num::ParseIntError| {
                Failure::usage(error).context(format!("GATECRASH_KEEP_RUNS is `{text}`"))
            });
        }
        Ok(self.setting("keep-runs").and_then(|one| one.values.first()?.parse().ok()))
    }
}
