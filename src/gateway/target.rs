//! Targets: what `--gateway` can name.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::{MUTANTS, Mutant, mutant_named};
use crate::release::{ParseReleaseError, Release};
use crate::suggest::did_you_mean;

/// A gateway to test, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `2026.3.31`: a published release.
    Release(Release),
    /// `latest`: the newest stable release.
    Latest,
    /// `npm:SPEC`: the release that the registry has under a tag or version, such as `npm:beta`.
    Npm(String),
    /// `tgz:FILE`: a package as `npm pack` makes it.
    Tarball(PathBuf),
    /// `path:DIR`: a checkout or an unpacked package.
    Path(PathBuf),
    /// `cmd:COMMAND`: any shell command, with `{port}` and the home in its environment.
    Command(String),
    /// `ws://HOST:PORT`: a gateway that is already running.
    Attach(GatewayAddress),
    /// `embedded`, `embedded:2026.3.31` or `embedded:2026.3.31+FAULT`: the model of the newest release or of that one, with a
    /// planted fault if one is named.
    Embedded(EmbeddedTarget),
}

/// The model, as the user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EmbeddedTarget {
    /// The release whose rules apply; the newest known one if none is named.
    pub release: Option<Release>,
    /// A fault that is planted in it.
    pub mutant: Option<&'static Mutant>,
}

/// The address that a running gateway listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GatewayAddress {
    /// Host name or IP address; an IPv6 address has no brackets here.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Whether a target may be on another machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// Only loopback addresses are accepted.
    #[default]
    Refused,
    /// The user said `--allow-remote`.
    Allowed,
}

/// Why a text does not name a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTargetError {
    /// Nothing was given.
    #[error("no gateway is named: give a release such as 2026.3.31, or {FORMS}")]
    Empty,
    /// An unknown word, or an unknown word before a colon.
    #[error("`{word}` names no gateway{}: give a release such as 2026.3.31, or {FORMS}", suggested(.suggestion.as_deref()))]
    Unknown {
        /// The word as it was given.
        word: String,
        /// A similar word that is known.
        suggestion: Option<String>,
    },
    /// The text looks like a release but is not one.
    #[error(transparent)]
    Release(#[from] ParseReleaseError),
    /// `path:`, `tgz:`, `npm:`, `cmd:` or `embedded:` with nothing after the colon.
    #[error("`{0}` needs something after the colon")]
    Incomplete(String),
    /// The model has no such fault.
    #[error("the model has no fault `{word}`{}; `gatecrash mutants --list` names them", suggested(.suggestion.as_deref()))]
    Fault {
        /// The word as it was given.
        word: String,
        /// A fault with a similar name.
        suggestion: Option<String>,
    },
    /// The address cannot be read.
    #[error("`{text}` is not a gateway address: {reason}, such as ws://127.0.0.1:18789")]
    Address {
        /// The text as it was given.
        text: String,
        /// What is missing or wrong.
        reason: &'static str,
    },
    /// The address is on another machine.
    #[error(
        "`{0}` is not a loopback address: tests send broken handshakes, give --allow-remote if you mean it"
    )]
    NotLoopback(String),
}

const FORMS: &str =
    "latest, npm:TAG, tgz:FILE, path:DIR, cmd:COMMAND, ws://127.0.0.1:PORT, embedded or embedded:RELEASE";
const WORDS: [&str; 8] = ["latest", "embedded", "npm:", "tgz:", "path:", "cmd:", "embedded:", "ws://"];

fn suggested(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default()
}

impl Target {
    /// Reads a target; `remote` says whether an address may be on another machine.
    pub fn parse(text: &str, remote: Remote) -> Result<Self, ParseTargetError> {
        let text = text.trim();
        let behind = |prefix: &str| text.strip_prefix(prefix).map(str::trim);
        let whole = |rest: &str, prefix: &str| match rest {
            "" => Err(ParseTargetError::Incomplete(prefix.to_owned())),
            rest => Ok(rest.to_owned()),
        };
        match text {
            "" => return Err(ParseTargetError::Empty),
            "latest" => return Ok(Self::Latest),
            "embedded" => return Ok(Self::Embedded(EmbeddedTarget::default())),
            _ => {}
        }
        if let Some(rest) = behind("path:") {
            return Ok(Self::Path(whole(rest, "path:")?.into()));
        }
        if let Some(rest) = behind("tgz:") {
            return Ok(Self::Tarball(whole(rest, "tgz:")?.into()));
        }
        if let Some(rest) = behind("npm:") {
            let spec = rest.strip_prefix("openclaw@").unwrap_or(rest);
            return Ok(Self::Npm(whole(spec, "npm:")?));
        }
        if let Some(rest) = behind("cmd:") {
            return Ok(Self::Command(whole(rest, "cmd:")?));
        }
        if let Some(rest) = behind("embedded:") {
            return embedded(&whole(rest, "embedded:")?);
        }
        if let Some(rest) = behind("ws://") {
            return Ok(Self::Attach(address(text, rest, remote)?));
        }
        if text.strip_prefix('v').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Self::Release(text.parse()?));
        }
        Err(unknown(text))
    }
}

/// Reads what follows `embedded:`, a release and possibly a fault.
fn embedded(text: &str) -> Result<Target, ParseTargetError> {
    let (release, fault) =
        text.split_once('+').map_or((text, None), |(release, fault)| (release, Some(fault)));
    let release = if release.is_empty() { None } else { Some(release.trim().parse()?) };
    let mutant = fault.map(|word| mutant_named(word).ok_or_else(|| unknown_fault(word))).transpose()?;
    Ok(Target::Embedded(EmbeddedTarget { release, mutant }))
}

fn unknown_fault(word: &str) -> ParseTargetError {
    let suggestion = did_you_mean(word, MUTANTS.iter().map(|one| one.name)).map(str::to_owned);
    ParseTargetError::Fault { word: word.to_owned(), suggestion }
}

fn unknown(text: &str) -> ParseTargetError {
    let word = match text.find(':') {
        Some(colon) if text[colon..].starts_with("://") => &text[..colon + 3],
        Some(colon) => &text[..=colon],
        None => text,
    };
    let suggestion = did_you_mean(word, WORDS).map(str::to_owned);
    ParseTargetError::Unknown { word: word.to_owned(), suggestion }
}

fn address(text: &str, rest: &str, remote: Remote) -> Result<GatewayAddress, ParseTargetError> {
    let wrong = |reason| ParseTargetError::Address { text: text.to_owned(), reason };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':').ok_or_else(|| wrong("a port is missing"))?;
    if host.contains('[') != host.contains(']') {
        return Err(wrong("a port is missing or the brackets do not match"));
    }
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    if host.contains(':') && bare.is_none() {
        return Err(wrong("an IPv6 address stands in brackets"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(plain) || (bare.is_some() && host.parse::<IpAddr>().is_err()) {
        return Err(wrong("write ws://, a host and a port, and nothing else"));
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0);
    let port = port.ok_or_else(|| wrong("the port is a number from 1 to 65535"))?;
    let address = GatewayAddress { host: host.to_owned(), port };
    if remote == Remote::Refused && !address.is_loopback() {
        return Err(ParseTargetError::NotLoopback(text.to_owned()));
    }
    Ok(address)
}

impl GatewayAddress {
    /// Whether this is the local machine. Of names only `localhost` counts: any other may resolve to anything.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "ws://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "ws://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => write!(f, "{release}"),
            Self::Latest => f.write_str("latest"),
            Self::Npm(spec) => write!(f, "npm:{spec}"),
            Self::Tarball(file) => write!(f, "tgz:{}", file.display()),
            Self::Path(path) => write!(f, "path:{}", path.display()),
            Self::Command(command) => write!(f, "cmd:{command}"),
            Self::Attach(address) => write!(f, "{address}"),
            Self::Embedded(EmbeddedTarget { release: None, mutant: None }) => f.write_str("embedded"),
            Self::Embedded(EmbeddedTarget { release, mutant }) => {
                f.write_str("embedded:")?;
                release.map_or(Ok(()), |release| write!(f, "{release}"))?;
                mutant.map_or(Ok(()), |mutant| write!(f, "+{}", mutant.name))
            }
        }
    }
}

impl FromStr for Target {
    type Err = ParseTargetError;

    /// Reads a target on this machine.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, Remote::Refused)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026.3.31", "2026.3.31")]
    #[case("v2026.3.31", "2026.3.31")]
    #[case("latest", "latest")]
    #[case("path:../openclaw", "path:../openclaw")]
    #[case("tgz:../openclaw.tgz", "tgz:../openclaw.tgz")]
    #[case("npm:beta", "npm:beta")]
    #[case("npm:openclaw@beta", "npm:beta")]
    #[case("cmd:node fake.mjs --port {port}", "cmd:node fake.mjs --port {port}")]
    #[case("ws://127.0.0.1:18789", "ws://127.0.0.1:18789")]
    #[case("ws://127.0.0.1:18789/", "ws://127.0.0.1:18789")]
    #[case("ws://[::1]:18789", "ws://[::1]:18789")]
    #[case("ws://localhost:1", "ws://localhost:1")]
    #[case("embedded", "embedded")]
    #[case("embedded:v2026.3.31", "embedded:2026.3.31")]
    fn a_target_prints_as_it_is_written(#[case] text: &str, #[case] printed: &str) {
        let target: Target = text.parse().unwrap();
        assert_eq!(target.to_string(), printed);
        assert_eq!(printed.parse(), Ok(target));
    }

    #[rstest]
    #[case("latst", "latest")]
    #[case("Latest", "latest")]
    #[case("embeded", "embedded")]
    #[case("embeded:2026.3.31", "embedded:")]
    #[case("pth:x", "path:")]
    #[case("comd:x", "cmd:")]
    #[case("wss://127.0.0.1:1", "ws://")]
    fn a_misspelt_word_gets_a_suggestion(#[case] text: &str, #[case] meant: &str) {
        let error = text.parse::<Target>().unwrap_err();
        assert!(error.to_string().contains(&format!("did you mean `{meant}`?")), "{error}");
    }

    #[rstest]
    #[case("ws://192.168.1.4:18789")]
    #[case("ws://[2001:db8::1]:18789")]
    #[case("ws://gateway.example:18789")]
    #[case("ws://localhost.example:18789")]
    #[case("ws://0.0.0.0:18789")]
    fn another_machine_is_refused_unless_allowed(#[case] text: &str) {
        assert_eq!(text.parse::<Target>(), Err(ParseTargetError::NotLoopback(text.to_owned())));
        assert_eq!(Target::parse(text, Remote::Allowed).unwrap().to_string(), text);
    }

    #[rstest]
    #[case("")]
    #[case("2026.3")]
    #[case("path:")]
    #[case("tgz:")]
    #[case("npm:openclaw@")]
    #[case("cmd: ")]
    #[case("embedded:")]
    #[case("embedded:next")]
    #[case("ws://127.0.0.1")]
    #[case("ws://[::1]")]
    #[case("ws://::1:80")]
    #[case("ws://127.0.0.1:0")]
    #[case("ws://127.0.0.1:65536")]
    #[case("ws://127.0.0.1:+80")]
    #[case("ws://user@127.0.0.1:80")]
    #[case("ws://127.0.0.1:80/path")]
    #[case("anything")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<Target>().is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_a_printed_target_parses_to_itself(text in "(ws://|cmd:|path:|embedded:)?\\PC*") {
            if let Ok(target) = Target::parse(&text, Remote::Allowed) {
                prop_assert_eq!(Target::parse(&target.to_string(), Remote::Allowed), Ok(target));
            }
        }
    }
}
