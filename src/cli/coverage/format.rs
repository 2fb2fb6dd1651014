//! How the coverage is printed.

/// How the coverage is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Shares, and what is missing.
    Text,
    /// For programs.
    Json,
    /// The document that the repository keeps (known cases only).
    Markdown,
    /// A page for a browser (with --code).
    Html,
    /// For other tools (with --code).
    Lcov,
}
