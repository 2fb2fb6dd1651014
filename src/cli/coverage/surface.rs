//! What a release offers on its wire, and what of it the suite asks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::code;
use super::command::Format;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gateways::{GatewayOptions, workshop};
use crate::cli::suite::{self, Selection, SuiteOptions};
use crate::coverage::{self, BUILT_IN_EXCEPTIONS, Exceptions, SurfaceReport};
use crate::gateway::Launch;

/// Options about the surface.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub(super) struct Options {
    /// Read the tables of a release from its bundle, and tell what of them the suite asks
    #[arg(long, requires = "gateway", conflicts_with = "code", group = "of_a_release")]
    pub(super) surface: bool,
    /// Exit with 1 if something is neither asked nor has a reason in coverage/surface.yaml
    #[arg(long, requires = "surface")]
    all_asked: bool,
}

pub(super) fn run(
    args: &Options,
    of_release: &code::Options,
    suite: &SuiteOptions,
    format: Format,
    context: &Context,
) -> Result<Exit, Failure> {
    if !matches!(format, Format::Text | Format::Json) {
        return Err(Failure::usage("the surface is printed as text or json"));
    }
    let scope = code::scope(context)?;
    let exceptions = exceptions(context)?;
    let every = ["**".to_owned()];
    let selection = Selection { folder: suite.folder.as_deref(), names: &every, tags: &[] };
    let scenarios = suite::scenarios(context, &selection)?;
    let gateways =
        GatewayOptions { jobs: None, assume_release: of_release.assume_release, allow_remote: false };
    let workshop = workshop(context, &gateways)?;
    let target = code::target(of_release, &gateways, &workshop)?;
    let subject = code::prepare(&workshop, &target)?;
    let Some(Launch::Node(build)) = subject.launch() else { return Err(code::no_code(&target)) };
    let package = build.entry.parent().unwrap_or(Path::new("/")).to_owned();
    let release = subject
        .release()
        .ok_or_else(|| Failure::usage("nobody says which release this is").hint("say --assume-release"))?;
    let files = coverage::bundled_of(&package, &scope).map_err(code::unnamed)?;
    let surface = coverage::surface(&files, &scope).map_err(|error| Failure::nothing(error.to_string()))?;
    let asked = coverage::asked(&scenarios, &release);
    let report = coverage::compare(&target.to_string(), surface, &asked, &release, &exceptions);
    context.print(&match format {
        Format::Json => {
            let mut text = serde_json::to_string_pretty(&report).map_err(Failure::broke)?;
            text.push('\n');
            text
        }
        _ => told(&report),
    })?;
    let open = report.tables.iter().any(|table| table.open().next().is_some());
    Ok(if args.all_asked && open { Exit::Bad } else { Exit::Fine })
}

/// The exceptions: those of the working directory, or else the built-in ones.
fn exceptions(context: &Context) -> Result<Exceptions, Failure> {
    let place = context.working_dir.join("coverage/surface.yaml");
    if !place.is_file() {
        return Exceptions::read(BUILT_IN_EXCEPTIONS).map_err(Failure::broke);
    }
    let text = fs::read_to_string(&place)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", place.display())))?;
    Exceptions::read(&text).map_err(|error| Failure::usage(format!("{}: {error}", place.display())))
}

fn told(report: &SurfaceReport) -> String {
    let mut text = String::new();
    for table in &report.tables {
        let (asked, argued, all) = table.share();
        let _ = writeln!(text, "{}: {asked} of {all} asked, {argued} argued", table.table);
        for one in table.open() {
            let _ = writeln!(text, "  not asked: {} {}", one.name, one.question);
        }
    }
    text
}
