//! Other releases on the same home, and what is changed in it between them.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::step::CaseContext;
use super::super::step_error::StepError;
use crate::gateway::{BootError, Ended, RunningGatewayError, Stopping};
use crate::scenario::{Destination, EditState, Ready, Upgrade};
use crate::verdict::Outcome;

impl CaseContext<'_> {
    /// Stops the gateway and boots another release on its home. A release that refuses the home is an
    /// outcome to judge; the gateway is stopped then.
    pub(in super::super) async fn upgrade(&self, step: &Upgrade) -> Result<Outcome, StepError> {
        let prepared = self.lane.prepared();
        let broken = |reason: String| StepError::Broken(reason);
        let (launch, release) = match step.to.value {
            Destination::Target => (prepared.launch(), prepared.release()),
            Destination::Release(release) => {
                let launch = prepared.launch_of(release, Arc::new(|_| {})).await;
                (Some(launch.map_err(|error| broken(error.to_string()))?), Some(release))
            }
        };
        let launch = launch.ok_or_else(|| StepError::Untestable("the target runs already".to_owned()))?;
        let config = step.config.as_ref().map(|config| self.bindings().fill(config)).transpose()?;
        let mut host = self.lane.host_alone().await;
        let booted = host.restart_as(launch, step.fork_home, config.as_ref(), step.ready).await;
        drop(host);
        match booted {
            Ok(Some(ended)) if ended.killed => Err(broken(had_to_be_killed(&ended))),
            Ok(_) => {
                self.lane.now_runs(release);
                let release = release.map(|release| release.to_string());
                Ok(Outcome::Ok { payload: json!({"release": release}) })
            }
            // A machine that is too busy is no fault of the release.
            Err(RunningGatewayError::Restart(error)) if error.is_of_a_starved_machine() => {
                Err(broken("the gateway gave up at boot because the machine is too slow".to_owned()))
            }
            Err(RunningGatewayError::Restart(BootError::Died { exit, tail })) => {
                Ok(super::program::ended_with(exit, String::new(), tail.join("\n")))
            }
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// Stops the gateway and patches a file of its state directory.
    pub(in super::super) async fn edit_state(&self, step: &EditState) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let operations: Vec<Value> = step
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
        let mut host = self.lane.host_alone().await;
        if let Some(ended) = host.halt(Stopping::default()).await
            && ended.killed
        {
            return Err(StepError::Broken(had_to_be_killed(&ended)));
        }
        let home =
            host.home().ok_or_else(|| StepError::Untestable("its files are out of reach".to_owned()))?;
        let file = inside(&home.state(), &step.file.value).ok_or_else(|| {
            StepError::Broken(format!("{} leads out of the state directory", step.file.value))
        })?;
        patch(&file, Value::Array(operations))?;
        Ok(Outcome::Done)
    }

    /// Starts a gateway that a step has stopped.
    pub(in super::super) async fn wake(&self) -> Result<(), StepError> {
        if !self.scenario.is_alone(self.lane.release().as_ref()) || !self.lane.host().await.is_halted() {
            return Ok(());
        }
        let mut host = self.lane.host_alone().await;
        let restarted = host.restart(None, Stopping::default(), Ready::Answers).await;
        restarted.map(drop).map_err(|error| StepError::Broken(error.to_string()))
    }
}

/// What this step needs is a gateway that ends when asked; one that does not is the prepared of `stop` and `restart`.
fn had_to_be_killed(ended: &Ended) -> String {
    format!("the gateway did not end within {} ms of SIGTERM and was killed", ended.stop_ms)
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
