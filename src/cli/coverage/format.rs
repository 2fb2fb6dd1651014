//! The formats of coverage.

/// How the coverage is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum CoverageFormat {
    /// Shares, and what is missing
    Text,
    /// For programs
    Json,
    /// The document in the repository (known cases only)
    Markdown,
    /// A page for a browser (with --code)
    Html,
    /// LCOV for other tools (with --code)
    Lcov,
}
