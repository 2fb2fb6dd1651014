//! Changing a file of the state directory while the gateway is stopped.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use super::ending::had_to_be_killed;
use super::perform::Perform;
use crate::gateway::Stopping;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{EditState, Expectation};
use crate::verdict::Outcome;

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
        let mut gateway = context.lane.host_alone().await;
        if let Some(ended) = gateway.halt(Stopping::default()).await
            && ended.killed
        {
            return Err(StepError::Broken(had_to_be_killed(&ended)));
        }
        let home =
            gateway.home().ok_or_else(|| StepError::Untestable("its files are out of reach".to_owned()))?;
        let file = inside(&home.state(), &self.file.value).ok_or_else(|| {
            StepError::Broken(format!("{} leads out of the state directory", self.file.value))
        })?;
        patch(&file, Value::Array(operations))?;
        Ok(Outcome::Done)
    }
}

fn inside(state: &Path, file: &str) -> Option<PathBuf> {
    let file = Path::new(file);
    file.components().all(|part| matches!(part, Component::Normal(_))).then(|| state.join(file))
}

/// Patches a stored file. One that is not there is made if the patch begins with the whole document.
fn patch(file: &Path, operations: Value) -> Result<(), StepError> {
    let broken = |reason: String| StepError::Broken(format!("{}: {reason}", file.display()));
    let is_whole = operations[0]["op"] == "add" && operations[0]["path"] == "";
    let bytes = match fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_whole => b"{}".to_vec(),
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(StepError::Untestable(format!("this release stores no {name}")));
        }
        Err(error) => return Err(broken(error.to_string())),
    };
    let mut document: Value = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    let operations: json_patch::Patch =
        serde_json::from_value(operations).map_err(|error| broken(error.to_string()))?;
    json_patch::patch(&mut document, &operations).map_err(|error| broken(error.to_string()))?;
    let text = serde_json::to_vec_pretty(&document).map_err(|error| broken(error.to_string()))?;
    let placed = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(file, text));
    placed.map_err(|error| broken(error.to_string()))
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
        assert!(matches!(nowhere, Err(StepError::Broken(_))));
        let missing = patch(&dir.path().join("pending.json"), json!([]));
        assert!(matches!(missing, Err(StepError::Untestable(_))));
    }

    #[test]
    fn a_patch_that_begins_with_the_whole_document_makes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = inside(dir.path(), "devices/paired.json").unwrap();
        let operations =
            json!([{"op": "add", "path": "", "value": {}}, {"op": "add", "path": "/d1", "value": 1}]);
        patch(&file, operations).unwrap();
        let made: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(made, json!({"d1": 1}));
    }

    #[test]
    fn no_edit_leaves_the_state_directory() {
        for place in ["../config.json", "/etc/passwd", "devices/../../x"] {
            assert!(inside(Path::new("/state"), place).is_none(), "{place}");
        }
    }
}
