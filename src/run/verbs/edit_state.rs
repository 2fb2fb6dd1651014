//! Changes a file of the state directory while the gateway is stopped.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};

use super::ending::had_to_be_killed;
use super::perform::Perform;
use crate::bounded_read;
use crate::gateway::Stopping;
use crate::run::context::CaseContext;
use crate::run::step_error::{EditError, StepError};
use crate::scenario::{EditState, Expectation};
use crate::verdict::Outcome;

/// The largest file that is edited, in bytes.
const LARGEST: u64 = 16 << 20;

impl Perform for EditState {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let operations: Vec<Value> = self
            .patch
            .value
            .iter()
            .map(|one| {
                let mut operation = json!({"op": one.op.word(), "path": bindings.fill_text(&one.path)?});
                if let Some(value) = &one.value {
                    operation["value"] = bindings.fill(value)?;
                }
                if let Some(from) = &one.from {
                    operation["from"] = bindings.fill_text(from)?.into();
                }
                Ok(operation)
            })
            .collect::<Result<_, StepError>>()?;
        let mut gateway = context.lane.exclusive_gateway().await;
        if let Some(ended) = gateway.halt(Stopping::default()).await
            && ended.killed
        {
            return Err(StepError::Broken(had_to_be_killed(&ended)));
        }
        let home =
            gateway.home().ok_or_else(|| StepError::Untestable("its files cannot be accessed".to_owned()))?;
        let file = inside(&home.state(), &self.file.value).ok_or_else(|| {
            StepError::Broken(format!("{} is outside of the state directory", self.file.value))
        })?;
        match fs::symlink_metadata(&file) {
            Ok(about) if !about.is_file() => {
                return Err(StepError::Broken(format!("{} is no file", self.file.value)));
            }
            _ => {}
        }
        // The folder of a file that is not there yet is made below its nearest one that is.
        let nearest = file.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(home.path());
        home.safe(&nearest.join("file"))
            .map_err(|source| StepError::Edit { file: file.clone(), source: EditError::Io(source) })?;
        patch(&file, Value::Array(operations))?;
        Ok(Outcome::Done)
    }
}

fn inside(state: &Path, file: &str) -> Option<PathBuf> {
    let file = Path::new(file);
    file.components().all(|part| matches!(part, Component::Normal(_))).then(|| state.join(file))
}

/// Patches a stored file. A missing file is created if the patch begins by adding the whole document.
///
/// # Errors
/// Fails if the file is missing, cannot be read or written, or if the patch does not apply.
fn patch(file: &Path, operations: Value) -> Result<(), StepError> {
    let adds_document = operations[0]["op"] == "add" && operations[0]["path"] == "";
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let bytes = match bounded_read::read(file, LARGEST) {
        Err(error) if is_missing(&error) && adds_document => Ok(b"{}".to_vec()),
        Err(error) if is_missing(&error) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(StepError::Untestable(format!("this release does not store {name}")));
        }
        read => read.map_err(EditError::Io),
    };
    let edited = bytes.and_then(|bytes| rewrite(file, &bytes, operations));
    edited.map_err(|source| StepError::Edit { file: file.to_owned(), source })
}

/// Applies a patch to the content of a file, and writes the result back.
fn rewrite(file: &Path, bytes: &[u8], operations: Value) -> Result<(), EditError> {
    let mut document: Value = serde_json::from_slice(bytes)?;
    let operations: json_patch::Patch = serde_json::from_value(operations)?;
    json_patch::patch(&mut document, &operations)?;
    let text = serde_json::to_vec_pretty(&document)?;
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(fs::write(file, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = inside(dir.path(), "paired.json").unwrap();
        fs::write(&file, r#"{"d1":{"tokens":{"node":{}},"role":"node"}}"#).unwrap();
        patch(&file, json!([{"op": "replace", "path": "/d1/tokens", "value": {}}])).unwrap();
        let left: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(left, json!({"d1": {"tokens": {}, "role": "node"}}));
        let nowhere = patch(&file, json!([{"op": "replace", "path": "/d2/tokens", "value": {}}]));
        assert!(matches!(nowhere, Err(StepError::Edit { .. })));
        let missing = patch(&dir.path().join("pending.json"), json!([]));
        assert!(matches!(missing, Err(StepError::Untestable(_))));
    }

    #[test]
    fn a_patch_that_adds_the_whole_document_creates_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = inside(dir.path(), "devices/paired.json").unwrap();
        let operations =
            json!([{"op": "add", "path": "", "value": {}}, {"op": "add", "path": "/d1", "value": 1}]);
        patch(&file, operations).unwrap();
        let made: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(made, json!({"d1": 1}));
    }

    #[test]
    fn paths_outside_the_state_directory_are_rejected() {
        for place in ["../config.json", "/etc/passwd", "devices/../../x"] {
            assert!(inside(Path::new("/state"), place).is_none(), "{place}");
        }
    }
}
