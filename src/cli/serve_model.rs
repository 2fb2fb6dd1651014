//! `gatecrash __model`: the model as a gateway process of its own, started as a release is started. Test
//! repositories build their gateways from it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::gateway::{Remote, Target};
use crate::model::{GatewayState, NEWEST, Profile, ServeOptions, serve_on};

/// Serve the model on a port, with the configuration and the state that the environment names.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The port
    #[arg(long)]
    port: u16,
    /// Which model, such as embedded:2026.4.2 or embedded:2026.4.2+read-is-free
    #[arg(long)]
    model: String,
}

/// How long a change may go unwritten. Checks of the stored state wait longer.
const WRITE_EVERY: Duration = Duration::from_millis(20);

/// Serves until it is told to end.
pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Target::Embedded(model) = Target::parse(&args.model, Remote::Refused).map_err(Failure::usage)? else {
        return Err(Failure::usage(format!("`{}` is no model", args.model)));
    };
    let named = |name: &str| context.environment.iter().find(|(one, _)| one == name).map(|(_, value)| value);
    let read = |path: &Path| -> Value {
        let text = std::fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or(Value::Null)
    };
    let config = named("OPENCLAW_CONFIG_PATH").map_or(Value::Null, |path| read(Path::new(path)));
    let state_dir = named("OPENCLAW_STATE_DIR").map_or(Path::new(""), Path::new);
    let files =
        ["devices/paired.json", "devices/pending.json"].map(|path| (path, read(&state_dir.join(path))));
    let options = ServeOptions {
        profile: Profile::of(model.release.unwrap_or(NEWEST)),
        config,
        state: GatewayState::from_files(files.iter().map(|(path, value)| (*path, value))),
        seed: context.entropy,
        fault: model.mutant.map(|mutant| mutant.fault),
        state_dir: state_dir.display().to_string(),
        clock: Arc::clone(&context.now_ms),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::broke)?;
    runtime.block_on(async {
        let mut end = signal(SignalKind::terminate()).map_err(Failure::broke)?;
        let served = serve_on(args.port, options).await.map_err(Failure::broke)?;
        let mut stored = served.state();
        while tokio::time::timeout(WRITE_EVERY, end.recv()).await.is_err() {
            let state = served.state();
            if state != stored {
                write(state_dir, &state).map_err(Failure::broke)?;
                stored = state;
            }
        }
        write(state_dir, &served.stop().await).map_err(Failure::broke)?;
        Ok(Exit::Fine)
    })
}

/// Writes what a gateway remembers where a released one keeps it. Readers never see half a file.
fn write(state_dir: &Path, state: &GatewayState) -> std::io::Result<()> {
    for (path, records) in state.files() {
        let path = state_dir.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let next = path.with_extension("next");
        std::fs::write(&next, serde_json::to_vec(&records)?)?;
        std::fs::rename(next, path)?;
    }
    Ok(())
}
