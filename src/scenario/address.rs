//! Loopback addresses, the only addresses that a scenario may name.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A loopback address, or `localhost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The name `localhost`.
    Localhost,
    /// An address in 127.0.0.0/8, or `::1`.
    Ip(IpAddr),
}

/// A text is not a loopback address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a loopback address: use an address in 127.0.0.0/8 such as `127.0.0.1`, `::1`, or `localhost`"
)]
pub struct ParseAddressError(String);

impl Address {
    /// The IPv4 loopback address, `127.0.0.1`.
    pub const V4: Self = Self::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    /// The IPv6 loopback address, `::1`.
    pub const V6: Self = Self::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST));

    /// The IP address; `None` for the name `localhost`.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Localhost => None,
            Self::Ip(ip) => Some(ip),
        }
    }

    /// Whether this is an IPv6 address.
    pub fn is_ipv6(self) -> bool {
        self.ip().is_some_and(|ip| ip.is_ipv6())
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::V4
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "localhost" {
            return Ok(Self::Localhost);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let ip: Option<IpAddr> = bare.parse().ok();
        ip.filter(IpAddr::is_loopback).map(Self::Ip).ok_or_else(|| ParseAddressError(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str("localhost"),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
                        "description": "A loopback address, or `localhost`.",
            "type": "string",
            "pattern": r"^(localhost|\[?::1\]?|127\.\d+\.\d+\.\d+)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1", Some("127.0.0.1"))]
    #[case("127.1.2.3", Some("127.1.2.3"))]
    #[case("::1", Some("::1"))]
    #[case("[::1]", Some("::1"))]
    #[case("localhost", Some("localhost"))]
    #[case("192.168.0.1", None)]
    #[case("0.0.0.0", None)]
    #[case("::", None)]
    #[case("::ffff:127.0.0.1", None)]
    #[case("localhost.example", None)]
    #[case("127.0.0.1:80", None)]
    fn only_loopback_addresses_are_accepted(#[case] text: &str, #[case] printed: Option<&str>) {
        assert_eq!(text.parse::<Address>().ok().map(|one| one.to_string()).as_deref(), printed);
    }
}
