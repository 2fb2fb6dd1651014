//! `gatecrash coverage --surface`: what a release offers on its wire, and which of it the suite exercises.

use std::fmt::Write as _;

use super::code;
use super::format::CoverageFormat;
use crate::cli::bundle::{self, Bundle};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gateways::{GatewayOptions, provider};
use crate::cli::suite::{self, Selection, SuiteOptions};
use crate::coverage::{self, BUILT_IN_EXCEPTIONS, Exceptions, SurfaceReport};

/// Options of `--surface`.
#[derive(clap::Args, Debug)]
pub(super) struct SurfaceOptions {
    /// Read the tables of a release from its bundle, and show which entries the suite exercises
    #[arg(long, requires = "gateway", conflicts_with = "code", group = "of_a_release")]
    pub(super) surface: bool,
    /// Exit with 1 if something is neither asked nor has a reason in suite-data/surface.yaml
    #[arg(long, requires = "surface")]
    all_asked: bool,
}

pub(super) fn run(
    args: &SurfaceOptions,
    of_release: &code::CodeCoverageOptions,
    suite: &SuiteOptions,
    format: CoverageFormat,
    context: &Context,
) -> Result<Exit, Failure> {
    if !matches!(format, CoverageFormat::Text | CoverageFormat::Json) {
        return Err(Failure::usage("the surface is printed as text or json"));
    }
    let scope = bundle::scope(context)?;
    let exceptions = bundle::data(context, "surface.yaml", BUILT_IN_EXCEPTIONS, Exceptions::read)?;
    let every = ["**".to_owned()];
    let selection =
        Selection { folder: suite.folder.as_deref(), names: &every, tags: &[], exclude: &[], vars: None };
    let scenarios = suite::scenarios(context, &selection)?;
    let gateways =
        GatewayOptions { jobs: None, assume_release: of_release.assume_release, allow_remote: false };
    let provider = provider(context, &gateways)?;
    let name = of_release.gateway.as_deref().unwrap_or_default();
    let Bundle { target, prepared, package } = Bundle::open(context, name, &gateways, &provider)?;
    context.progress.stage(format!("reading the code of {target}"));
    let release = prepared.release().ok_or_else(|| {
        Failure::usage("it is not known which release this is").hint("add --assume-release")
    })?;
    let files = coverage::bundled_of(&package, &scope).map_err(bundle::unnamed)?;
    let surface = coverage::surface(&files, &scope).map_err(Failure::nothing)?;
    let asked = coverage::asked(&scenarios, &release);
    let report = coverage::compare(&target.to_string(), surface, &asked, &release, &exceptions);
    context.print(&match format {
        CoverageFormat::Json => {
            let mut text = serde_json::to_string_pretty(&report).map_err(Failure::broke)?;
            text.push('\n');
            text
        }
        _ => text(&report),
    })?;
    let open = report.tables.iter().any(|table| table.open().next().is_some());
    Ok(if args.all_asked && open { Exit::Bad } else { Exit::Fine })
}

fn text(report: &SurfaceReport) -> String {
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
