//! The other end of a connection: whether it is local, and what its headers say about proxies and origins.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::config::HandshakeConfig;
use super::mutants::Fault;
use super::rulebook::{Forwarding, Rule};
use super::rules::Rules;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// The address of its socket.
    pub addr: IpAddr,
    /// The headers of the upgrade request, with names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Peer {
    /// A peer on 127.0.0.1 that sends only the `Host` header.
    pub fn loopback() -> Self {
        Self::with([("host", "127.0.0.1:18789")])
    }

    /// A peer on 127.0.0.1 with these headers.
    pub fn with<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let headers =
            headers.into_iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { addr: IpAddr::from([127, 0, 0, 1]), headers }
    }

    /// The value of a header, unless it is empty.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The `Origin` header, unless it is blank.
    pub(super) fn origin(&self) -> Option<&str> {
        self.header("origin").filter(|origin| !origin.trim().is_empty())
    }

    /// Whether the socket comes from the gateway's host.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(self.addr)
    }

    /// Whether this peer is local: it connects from the gateway's host without a proxy in between.
    pub(super) fn is_local(&self, rules: &Rules, settings: &HandshakeConfig) -> bool {
        match rules.profile.forwarding {
            Forwarding::ForgivesTrustedProxies => {
                let forwarded = ["x-forwarded-for", "x-real-ip", "x-forwarded-host"]
                    .into_iter()
                    .any(|name| self.counts(rules, name));
                let client = self.client_ip(settings);
                let host_ok = !rules.has(Rule::HostMustBeLocal) || is_local_host(self.header("host"));
                client.is_some_and(is_loopback) && host_ok && (!forwarded || self.is_trusted(settings))
            }
            Forwarding::KnownHeaders | Forwarding::AnyForwardedHeader => {
                self.is_loopback() && !self.is_forwarded(rules)
            }
        }
    }

    /// Whether any forwarding header was sent.
    pub(super) fn is_forwarded(&self, rules: &Rules) -> bool {
        let any = rules.profile.forwarding == Forwarding::AnyForwardedHeader;
        self.headers.keys().any(|name| {
            let known = matches!(
                name.as_str(),
                "forwarded" | "x-real-ip" | "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host"
            );
            (known || any && name.starts_with("x-forwarded-")) && self.counts(rules, name)
        })
    }

    /// Whether a forwarding header was sent that counts for pairing.
    pub(super) fn has_proxy_headers(&self, rules: &Rules) -> bool {
        if rules.has(Rule::EveryProxyHeaderCounts) {
            return self.is_forwarded(rules);
        }
        self.counts(rules, "x-forwarded-for") || self.counts(rules, "x-real-ip")
    }

    fn counts(&self, rules: &Rules, name: &str) -> bool {
        let ignored = match name {
            "x-forwarded-for" => rules.has_fault(Fault::ForwardedForIgnored),
            "x-real-ip" => rules.has_fault(Fault::RealIpIgnored),
            _ => false,
        };
        let there = if rules.has(Rule::EmptyHeadersCount) {
            self.headers.contains_key(name)
        } else {
            self.header(name).is_some()
        };
        there && !ignored
    }

    /// Whether the socket belongs to a trusted proxy.
    pub(super) fn is_trusted(&self, settings: &HandshakeConfig) -> bool {
        is_trusted(self.addr, settings)
    }

    /// The address of the client behind all trusted proxies; `None` if the proxies do not tell it.
    pub(super) fn client_ip(&self, settings: &HandshakeConfig) -> Option<IpAddr> {
        if !self.is_trusted(settings) {
            return Some(plain(self.addr));
        }
        let hops = self.header("x-forwarded-for").unwrap_or_default();
        hops.split(',')
            .rev()
            .filter_map(literal)
            .find(|hop| !is_loopback(*hop) && !is_trusted(*hop, settings))
            .or_else(|| {
                settings.real_ip_fallback.then(|| self.header("x-real-ip").and_then(literal)).flatten()
            })
    }

    /// Whether the upgrade is refused because the request came through a proxy that is not trusted.
    pub(super) fn needs_attribution(&self, rules: &Rules, settings: &HandshakeConfig) -> bool {
        if !rules.has(Rule::ProxyAttribution) || rules.has_fault(Fault::ProxyNotAttributed) {
            return false;
        }
        let tailscale = self.headers.keys().any(|name| name.starts_with("tailscale-"));
        let shaped = self.is_forwarded(rules) || tailscale;
        if self.is_loopback() && !shaped {
            return false;
        }
        if self.is_trusted(settings) {
            return self.client_ip(settings).is_none_or(is_loopback);
        }
        shaped
    }

    /// The address that is recorded for the device; `None` for local peers and those behind untrusted proxies.
    pub(super) fn reported_ip(&self, rules: &Rules, settings: &HandshakeConfig) -> Option<String> {
        let hidden = self.has_proxy_headers(rules) && !self.is_trusted(settings);
        if self.is_local(rules, settings) || hidden {
            return None;
        }
        self.client_ip(settings).filter(|ip| !is_loopback(*ip)).map(|ip| ip.to_string())
    }
}

/// The reason why an origin is refused; `None` if it is allowed.
pub(super) fn refused_origin(
    rules: &Rules,
    settings: &HandshakeConfig,
    peer: &Peer,
    local: bool,
) -> Option<&'static str> {
    let Some(origin) = peer.origin().and_then(|text| Origin::parse(rules, text)) else {
        let missing = peer.origin().is_none() && rules.has_fault(Fault::MissingOriginAccepted);
        return (!missing).then_some("origin missing or invalid");
    };
    let listed = settings.allowed_origins.iter().any(|allowed| allowed == "*" || *allowed == origin.text);
    let host = peer.header("host").unwrap_or_default().trim().to_lowercase();
    let same_host = !host.is_empty() && origin.host == host;
    let fallback = settings.host_origin && same_host;
    let private = rules.has(Rule::SameHostOrigin) && same_host && is_private_site(&host, local);
    let loopback = local && is_loopback_name(&origin.name);
    let fine = listed || fallback || private || loopback || rules.has_fault(Fault::OriginNotChecked);
    (!fine).then_some("origin not allowed")
}

/// Whether the page was served by the host that it connects to.
pub(super) fn is_gateway_page(rules: &Rules, peer: &Peer) -> bool {
    let host = peer.header("host").unwrap_or_default().trim().to_lowercase();
    peer.origin().and_then(|text| Origin::parse(rules, text)).is_some_and(|origin| origin.host == host)
}

struct Origin {
    /// `scheme://host:port`, or `null` for schemes without a host.
    text: String,
    /// The host with its port.
    host: String,
    /// The host without its port.
    name: String,
}

impl Origin {
    /// The origin of a page that has no host.
    fn opaque() -> Self {
        Self { text: "null".to_owned(), host: String::new(), name: String::new() }
    }

    fn parse(rules: &Rules, text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':')?;
        let scheme = scheme.to_lowercase();
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c)) {
            return None;
        }
        let strict = rules.has(Rule::OpaqueOrigins);
        let web = matches!(scheme.as_str(), "http" | "https" | "ws" | "wss");
        let Some(rest) = rest.strip_prefix("//") else {
            // Such as `data:`. Before origins of applications were compared, any URL counted as an origin.
            return (!web && !strict).then(Self::opaque);
        };
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().to_lowercase();
        if host.is_empty() && !web && !strict {
            return Some(Self::opaque());
        }
        if host.is_empty() || host.contains(char::is_whitespace) {
            return None;
        }
        if strict && (authority.contains('@') || rest.trim_end_matches('/') != authority) {
            return None;
        }
        let host = match (scheme.as_str(), host.rsplit_once(':')) {
            ("http" | "ws", Some((name, "80"))) | ("https" | "wss", Some((name, "443"))) => name.to_owned(),
            _ => host,
        };
        let origin = if web || strict { format!("{scheme}://{host}") } else { "null".to_owned() };
        Some(Self { text: origin, name: host_name(&host).to_owned(), host })
    }
}

/// The host name in a `Host` header, without port and brackets.
pub(super) fn host_name(host: &str) -> &str {
    let host = host.trim();
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    if host.parse::<IpAddr>().is_ok() {
        return host;
    }
    host.split(':').next().unwrap_or_default()
}

/// Whether a `Host` header names the gateway's host or an address of a private network.
pub(super) fn is_private_host(host: Option<&str>) -> bool {
    let name = host.map(|host| host_name(host).to_lowercase()).unwrap_or_default();
    is_loopback_name(&name) || name.parse::<IpAddr>().is_ok_and(is_private)
}

fn is_local_host(host: Option<&str>) -> bool {
    let name = host.map(|host| host_name(host).to_lowercase()).unwrap_or_default();
    is_loopback_name(&name) || name.ends_with(".ts.net")
}

fn is_private_site(host: &str, local: bool) -> bool {
    let name = host_name(host).to_lowercase();
    if is_loopback_name(&name) {
        return local;
    }
    match name.parse::<IpAddr>() {
        Ok(ip) => is_private(ip),
        Err(_) => [".local", ".ts.net"].into_iter().any(|site| name.ends_with(site)),
    }
}

fn is_loopback_name(name: &str) -> bool {
    name.trim_end_matches('.') == "localhost" || name.parse::<IpAddr>().is_ok_and(is_loopback)
}

fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    plain(ip).is_loopback()
}

fn is_private(ip: IpAddr) -> bool {
    match plain(ip) {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn literal(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| {
        let (address, _) = bare.rsplit_once(':')?;
        address.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4)
    });
    parsed.map(plain)
}

fn is_trusted(ip: IpAddr, settings: &HandshakeConfig) -> bool {
    settings.trusted_proxies.iter().any(|network| contains(network.trim(), plain(ip)))
}

fn contains(network: &str, ip: IpAddr) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let (Some(base), Some(bits)) = (literal(base), bits) else { return false };
    let (base, ip, width) = match (base, ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => (u128::from(u32::from(base)), u128::from(u32::from(ip)), 32),
        (IpAddr::V6(base), IpAddr::V6(ip)) => (u128::from(base), u128::from(ip), 128),
        _ => return false,
    };
    let kept = width - bits.min(width);
    base.checked_shr(kept).unwrap_or(0) == ip.checked_shr(kept).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::model::profile::Profile;

    fn rules(release: &str) -> Rules {
        Rules::plain(Profile::of(release.parse().unwrap()))
    }

    fn local(release: &str, trusted: &[&str], headers: &[(&str, &str)]) -> bool {
        let settings = HandshakeConfig::read(&json!({"gateway": {"trustedProxies": trusted}}));
        Peer::with(headers.iter().copied()).is_local(&rules(release), &settings)
    }

    #[rstest]
    #[case("2026.3.28", &[("host", "localhost:1")], true)]
    #[case("2026.3.28", &[("host", "gw.example:1")], false)]
    #[case("2026.3.31", &[("host", "gw.example:1")], true)]
    #[case("2026.3.28", &[("host", "localhost"), ("forwarded", "for=1.2.3.4")], true)]
    #[case("2026.3.31", &[("host", "localhost"), ("forwarded", "for=1.2.3.4")], false)]
    #[case("2026.3.31", &[("host", "localhost"), ("x-forwarded-prefix", "/a")], true)]
    #[case("2026.5.18", &[("host", "localhost"), ("x-forwarded-prefix", "/a")], false)]
    #[case("2026.3.28", &[("host", "localhost"), ("x-real-ip", "1.2.3.4")], false)]
    #[case("2026.5.12", &[("host", "localhost"), ("x-forwarded-for", "")], true)]
    #[case("2026.5.28", &[("host", "localhost"), ("x-forwarded-for", "")], false)]
    fn forwarding_headers_make_a_peer_remote(
        #[case] release: &str,
        #[case] headers: &[(&str, &str)],
        #[case] is_local: bool,
    ) {
        assert_eq!(local(release, &[], headers), is_local);
    }

    #[test]
    fn a_trusted_proxy_does_not_make_a_remote_client_local() {
        let headers = [("host", "localhost"), ("x-forwarded-for", "127.0.0.1, 198.51.100.7")];
        assert!(!local("2026.3.28", &["127.0.0.1"], &headers));
        assert!(!local(
            "2026.3.28",
            &["127.0.0.0/8"],
            &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")]
        ));
    }

    #[rstest]
    #[case(&[], &[("x-forwarded-for", "203.0.113.9")], true)]
    #[case(&["127.0.0.1"], &[("x-forwarded-for", "203.0.113.9")], false)]
    #[case(&["127.0.0.1"], &[("x-forwarded-for", "127.0.0.1")], true)]
    #[case(&[], &[("host", "x")], false)]
    fn an_untrusted_proxy_is_refused_since_8_1(
        #[case] trusted: &[&str],
        #[case] headers: &[(&str, &str)],
        #[case] refused: bool,
    ) {
        let settings = HandshakeConfig::read(&json!({"gateway": {"trustedProxies": trusted}}));
        let peer = Peer::with(headers.iter().copied());
        assert_eq!(peer.needs_attribution(&rules("2026.8.1"), &settings), refused);
        assert!(!peer.needs_attribution(&rules("2026.7.1"), &settings));
    }

    #[rstest]
    #[case("http://127.0.0.1:5", &[], true)]
    #[case("http://[::1]:5", &[], true)]
    #[case("https://evil.example", &[], false)]
    #[case("https://evil.example", &["*"], true)]
    #[case("https://ok.example", &["https://OK.example"], true)]
    #[case("null", &["*"], false)]
    #[case("not a url", &["*"], false)]
    fn origins_are_checked(#[case] origin: &str, #[case] allowed: &[&str], #[case] fine: bool) {
        let settings = HandshakeConfig::read(&json!({"gateway": {"controlUi": {"allowedOrigins": allowed}}}));
        let peer = Peer::with([("host", "127.0.0.1:1"), ("origin", origin)]);
        assert_eq!(refused_origin(&rules("2026.3.31"), &settings, &peer, true).is_none(), fine);
    }

    #[rstest]
    #[case("2026.7.1", false)]
    #[case("2026.8.1", true)]
    fn origins_of_applications_are_compared_since_8_1(#[case] release: &str, #[case] fine: bool) {
        let settings = HandshakeConfig::read(
            &json!({"gateway": {"controlUi": {"allowedOrigins": ["tauri://localhost"]}}}),
        );
        let peer = Peer::with([("host", "127.0.0.1:1"), ("origin", "tauri://localhost")]);
        assert_eq!(refused_origin(&rules(release), &settings, &peer, false).is_none(), fine);
    }
}
