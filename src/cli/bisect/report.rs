//! Reports of a bisect: `--report json=FILE` and `--report markdown=FILE`.

use std::str::FromStr;

use camino::Utf8PathBuf;

use crate::bisect::{Answer, Entry, markdown};
use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Markdown,
}

/// A report that is wanted, such as `json=bisect.json`; `-` is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    kind: Kind,
    to: Utf8PathBuf,
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, to) = text
            .split_once('=')
            .filter(|(_, to)| !to.is_empty())
            .ok_or_else(|| format!("`{text}` names no report: write json=FILE or markdown=FILE"))?;
        let kind = match kind {
            "json" => Kind::Json,
            "markdown" | "md" => Kind::Markdown,
            other => return Err(format!("there is no report `{other}` of a bisect: write json or markdown")),
        };
        Ok(Self { kind, to: to.into() })
    }
}

impl Report {
    /// Whether it takes the place of the text on standard output.
    pub(super) fn is_to_stdout(&self) -> bool {
        self.to == "-"
    }

    /// Writes it.
    pub(super) fn write(
        &self,
        context: &Context,
        entries: &[Entry],
        reproduce: Option<&str>,
    ) -> Result<(), Failure> {
        let text = match self.kind {
            Kind::Json => {
                let text = serde_json::to_string_pretty(&Answer::of(entries)).map_err(Failure::broke)?;
                format!("{text}\n")
            }
            Kind::Markdown => markdown(entries, reproduce),
        };
        if self.is_to_stdout() {
            return context.print(&text);
        }
        std::fs::write(context.working_dir.join(self.to.as_std_path()), text)
            .map_err(|error| Failure::broke(format!("the report {} cannot be written: {error}", self.to)))
    }
}
