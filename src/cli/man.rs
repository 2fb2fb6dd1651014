//! `gatecrash man`: writes manual pages.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;

/// Write manual pages, one for each command.
///
/// Without a folder, the page of gatecrash itself is printed: `gatecrash man | man -l -`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The folder for all pages, such as ~/.local/share/man/man1; it is created if necessary
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context, command: Command) -> Result<Exit, Failure> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page).map_err(Failure::broke)?;
        context.print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Fine);
    };
    let failed =
        |error: std::io::Error| Failure::broke(error).context(format!("cannot write {}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)?;
    let count = std::fs::read_dir(folder).map_err(failed)?.count();
    context.print(&format!("{count} pages in {}\n", folder.display()))?;
    Ok(Exit::Fine)
}
