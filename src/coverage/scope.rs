//! The scope of code coverage: which of upstream's source files the suite has to cover.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

/// The scope of this version, for a gatecrash that does not run in its repository.
pub const BUILT_IN: &str = include_str!("../../coverage/scope.yaml");

/// The source files that the suite has to cover, without the parts that are left out for a reason.
#[derive(Debug)]
pub struct Scope {
    areas: Vec<(String, GlobSet)>,
    left_out: Vec<LeftOutRule>,
    unnamed: Vec<(GlobSet, String)>,
    only_logged: Vec<String>,
}

/// Why a scope cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The text is not a scope.
    #[error("the scope cannot be read")]
    Shape(#[source] serde_saphyr::Error),
    /// A file pattern is invalid.
    #[error("the scope cannot be read: `{pattern}` is not a file pattern")]
    Pattern {
        /// The pattern as it is written; empty where the patterns are too many together.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// Something is left out without a reason.
    #[error("the scope cannot be read: {0} is left out without a reason")]
    NoReason(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeFile {
    scope: Vec<AreaEntry>,
    #[serde(default)]
    left_out: Vec<LeftOutEntry>,
    #[serde(default)]
    unnamed: Vec<Unnamed>,
    #[serde(default)]
    only_logged: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unnamed {
    chunk: String,
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaEntry {
    area: String,
    sources: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOutEntry {
    sources: Vec<String>,
    #[serde(default)]
    functions: Vec<String>,
    #[serde(default)]
    places: Vec<String>,
    reason: String,
}

#[derive(Debug)]
struct LeftOutRule {
    sources: GlobSet,
    functions: Vec<String>,
    /// Labels of branches. If there are any, only these branches are left out.
    places: Vec<String>,
    reason: String,
}

impl Scope {
    /// Reads a scope from YAML.
    ///
    /// # Errors
    /// Fails if the text is not a scope, or if something is left out without a reason.
    pub fn read(text: &str) -> Result<Self, ScopeError> {
        let written: ScopeFile = serde_saphyr::from_str(text).map_err(ScopeError::Shape)?;
        let areas = written.scope.into_iter().map(|one| Ok((one.area, globs(&one.sources)?)));
        let left_out = written.left_out.into_iter().map(|one| {
            if one.reason.trim().is_empty() {
                return Err(ScopeError::NoReason(one.sources.join(", ")));
            }
            let sources = globs(&one.sources)?;
            Ok(LeftOutRule {
                sources,
                functions: one.functions,
                places: one.places,
                reason: one.reason.trim().to_owned(),
            })
        });
        let unnamed = written.unnamed.into_iter().map(|one| Ok((globs(&[one.chunk])?, one.source)));
        Ok(Self {
            areas: areas.collect::<Result<_, _>>()?,
            left_out: left_out.collect::<Result<_, _>>()?,
            unnamed: unnamed.collect::<Result<_, _>>()?,
            only_logged: written.only_logged,
        })
    }

    /// The source file of a region without a name, by the path of the bundled file.
    pub fn unnamed(&self, chunk: &str) -> Option<&str> {
        self.unnamed.iter().find(|(chunks, _)| chunks.is_match(chunk)).map(|(_, source)| &**source)
    }

    /// Functions that only write to the log, so that nobody on the wire can notice their calls.
    pub fn only_logged(&self) -> &[String] {
        &self.only_logged
    }

    /// The area that a source file belongs to; `None` if it is out of scope.
    pub fn area(&self, source: &str) -> Option<&str> {
        self.areas.iter().find(|(_, sources)| sources.is_match(source)).map(|(area, _)| &**area)
    }

    /// Why a whole file is left out, if it is.
    pub fn file_left_out(&self, source: &str) -> Option<&str> {
        let whole = |one: &&LeftOutRule| {
            one.functions.is_empty() && one.places.is_empty() && one.sources.is_match(source)
        };
        self.left_out.iter().find(whole).map(|one| &*one.reason)
    }

    /// Why a function is left out, if it is. It is named together with the functions around it, such as `outer/inner`.
    pub fn function_left_out(&self, source: &str, function: &str) -> Option<&str> {
        let names = |one: &&LeftOutRule| {
            one.places.is_empty() && is_among(&one.functions, function) && one.sources.is_match(source)
        };
        self.left_out.iter().find(names).map(|one| &*one.reason)
    }

    /// Why a branch is left out, if it is, by its function and its label. An entry without functions applies to all of them.
    pub fn place_left_out(&self, source: &str, function: &str, said: &str) -> Option<&str> {
        let names = |one: &&LeftOutRule| {
            one.places.iter().any(|place| place == said)
                && (one.functions.is_empty() || is_among(&one.functions, function))
                && one.sources.is_match(source)
        };
        self.left_out.iter().find(names).map(|one| &*one.reason)
    }
}

/// Whether a list names a function, alone or together with the functions around it.
fn is_among(names: &[String], function: &str) -> bool {
    let own = function.rsplit('/').next().unwrap_or(function);
    names.iter().any(|name| name == own || name == function)
}

fn globs(patterns: &[String]) -> Result<GlobSet, ScopeError> {
    let wrong = |pattern: &str, source| ScopeError::Pattern { pattern: pattern.to_owned(), source };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
        let glob: Glob = glob.map_err(|error| wrong(pattern, error))?;
        set.add(glob);
    }
    set.build().map_err(|error| wrong("", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
scope:
  - area: pairing
    sources: ['src/infra/device-*.ts']
  - area: connect
    sources: ['src/gateway/**/*.ts']
left_out:
  - sources: ['src/infra/device-identity.ts']
    reason: it is the client's
  - sources: ['src/gateway/auth.ts']
    functions: [tailnet, 'outer/inner']
    reason: needs a tailnet
unnamed:
  - {chunk: 'dist/auth-*.js', source: src/gateway/auth.ts}
";

    #[test]
    fn a_file_belongs_to_the_first_area_that_names_it() {
        let scope = Scope::read(TEXT).unwrap();
        assert_eq!(scope.area("src/infra/device-pairing.ts"), Some("pairing"));
        assert_eq!(scope.area("src/gateway/server/ws.ts"), Some("connect"));
        assert_eq!(scope.area("src/gateway/auth.ts"), Some("connect"));
        assert_eq!(scope.area("src/infra/net/device-x.ts"), None, "`*` stays in its folder");
        assert_eq!(scope.area("src/infra/device-pairing.test.js"), None);
    }

    #[test]
    fn whatever_is_left_out_needs_a_reason() {
        let scope = Scope::read(TEXT).unwrap();
        assert_eq!(scope.file_left_out("src/infra/device-identity.ts"), Some("it is the client's"));
        assert_eq!(scope.file_left_out("src/gateway/auth.ts"), None, "only two functions of it are");
        let reason = Some("needs a tailnet");
        assert_eq!(scope.function_left_out("src/gateway/auth.ts", "tailnet"), reason);
        assert_eq!(scope.function_left_out("src/gateway/auth.ts", "any/tailnet"), reason);
        assert_eq!(scope.function_left_out("src/gateway/auth.ts", "outer/inner"), reason);
        assert_eq!(scope.function_left_out("src/gateway/auth.ts", "inner"), None);
        assert_eq!(scope.function_left_out("src/gateway/other.ts", "tailnet"), None);
        let silent = TEXT.replace("needs a tailnet", "''");
        assert!(matches!(Scope::read(&silent), Err(ScopeError::NoReason(_))));
    }

    #[test]
    fn a_branch_is_left_out_by_its_label() {
        let text = TEXT.replace(
            "unnamed:",
            "  - sources: ['src/gateway/auth.ts']
    functions: [name]
    places: ['?? \"\"', 'if return null;']
    reason: the caller has looked
  - {sources: ['src/gateway/*.ts'], places: ['?? process.env'], reason: it is for tests}
unnamed:",
        );
        let scope = Scope::read(&text).unwrap();
        let reason = |source, function, said| scope.place_left_out(source, function, said);
        assert_eq!(reason("src/gateway/auth.ts", "outer/name", "?? \"\""), Some("the caller has looked"));
        assert_eq!(reason("src/gateway/auth.ts", "name", "?? null"), None);
        assert_eq!(reason("src/gateway/auth.ts", "other", "?? \"\""), None);
        assert_eq!(reason("src/gateway/net.ts", "any", "?? process.env"), Some("it is for tests"));
        assert_eq!(scope.function_left_out("src/gateway/auth.ts", "name"), None, "only places of it are");
        assert_eq!(scope.file_left_out("src/gateway/net.ts"), None);
    }

    #[test]
    fn a_lost_name_is_known_by_the_bundled_file() {
        let scope = Scope::read(TEXT).unwrap();
        assert_eq!(scope.unnamed("dist/auth-x1.js"), Some("src/gateway/auth.ts"));
        assert_eq!(scope.unnamed("dist/other-x1.js"), None);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(matches!(Scope::read("scope: 3"), Err(ScopeError::Shape(_))));
        let wrong = TEXT.replace("src/infra/device-*.ts", "src/[");
        assert!(matches!(Scope::read(&wrong), Err(ScopeError::Pattern { .. })));
    }

    #[test]
    fn the_built_in_scope_can_be_read() {
        let scope = Scope::read(BUILT_IN).unwrap();
        assert!(scope.area("src/gateway/server/ws-connection/message-handler.ts").is_some());
        assert!(scope.area("src/infra/device-pairing.ts").is_some());
        assert_eq!(scope.area("src/agents/bootstrap-files.ts"), None);
    }
}
