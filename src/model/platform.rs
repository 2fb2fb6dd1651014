//! Whether the platform that a device claims when it connects again fits its pairing record.

use super::connect::ClientInfo;
use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;
use super::state::PairedDevice;

/// How the claimed platform compares with the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlatformMatch {
    /// It is the same, or no platform is recorded.
    Same,
    /// It is a newer version of the same platform, which replaces the one in the record.
    Newer(String),
    /// It is a different platform.
    Other,
}

fn normal(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_ascii_lowercase()
}

fn desktop(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "darwin" | "macos" => Some(("macos", "Mac")),
        "win32" | "windows" => Some(("windows", "Windows")),
        "linux" => Some(("linux", "Linux")),
        _ => None,
    }
}

fn alias(name: &str) -> &str {
    match name {
        "darwin" | "macos" => "macos",
        "win32" | "windows" => "windows",
        other => other,
    }
}

fn is_macos_version(name: &str) -> bool {
    name.strip_prefix("macos ").is_some_and(|version| {
        let parts: Vec<&str> = version.split('.').collect();
        parts.len() <= 3
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn begins(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn family_of(rules: &Rules, client: &str, name: &str) -> Option<&'static str> {
    match client {
        "openclaw-ios" if begins(name, "ios") || begins(name, "ipados") => Some("ios"),
        "openclaw-android" if begins(name, "android") => Some("android"),
        "openclaw-macos" if rules.has(Rule::MacPlatformVersions) && is_macos_version(name) => Some("macos"),
        _ => None,
    }
}

/// Replaces the platform of a node host by the canonical name and family of its desktop platform.
pub(super) fn canonical(rules: &Rules, client: &mut ClientInfo) {
    if !rules.has(Rule::CanonicalNodeHost) || !client.is_node_host() {
        return;
    }
    let Some((platform, family)) = desktop(&client.platform) else { return };
    let own = client.family.as_deref().map(str::trim).filter(|own| !own.is_empty());
    if own.is_some_and(|own| !own.eq_ignore_ascii_case(family)) {
        return;
    }
    platform.clone_into(&mut client.platform);
    client.family = Some(own.unwrap_or(family).to_owned());
}

/// Compares the platform that a client claims with the one in its record.
pub(super) fn compare(rules: &Rules, client: &ClientInfo, paired: &PairedDevice) -> PlatformMatch {
    let (claimed, pinned) = (normal(Some(&client.platform)), normal(paired.platform.as_deref()));
    let (claimed_family, pinned_family) =
        (normal(client.family.as_deref()), normal(paired.device_family.as_deref()));
    let other_family = !pinned_family.is_empty() && claimed_family != pinned_family;
    if other_family && !rules.has_fault(Fault::FamilyChangeUnnoticed) {
        return PlatformMatch::Other;
    }
    if pinned.is_empty() || claimed == pinned || rules.has_fault(Fault::PlatformChangeUnnoticed) {
        return PlatformMatch::Same;
    }
    let node_alias = rules.has(Rule::NodeHostPlatformAliases)
        && client.is_node_host()
        && !claimed.is_empty()
        && alias(&claimed) == alias(&pinned);
    let mac_app = rules.has(Rule::MacPlatformVersions)
        && client.is_node_host()
        && matches!(claimed.as_str(), "darwin" | "macos")
        && is_macos_version(&pinned);
    let runtime_alias = rules.has(Rule::RuntimePlatformAliases)
        && pinned_family.is_empty()
        && desktop(&pinned).is_some_and(|(platform, family)| {
            platform != pinned && claimed == platform && claimed_family == family.to_ascii_lowercase()
        });
    if node_alias || mac_app || runtime_alias {
        return PlatformMatch::Same;
    }
    let (ours, theirs) = (family_of(rules, &client.id, &claimed), family_of(rules, &client.id, &pinned));
    let mac = client.id == "openclaw-macos"
        && ours == Some("macos")
        && matches!(pinned.as_str(), "darwin" | "macos");
    if rules.has(Rule::MobilePlatformVersions) && (ours.is_some() && ours == theirs || mac) {
        return PlatformMatch::Newer(client.platform.clone());
    }
    PlatformMatch::Other
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::profile::Profile;

    fn client(id: &str, platform: &str, family: Option<&str>) -> ClientInfo {
        let mode = if id == "node-host" { "node" } else { "cli" };
        ClientInfo {
            id: id.into(),
            mode: mode.into(),
            platform: platform.into(),
            family: family.map(str::to_owned),
            ..Default::default()
        }
    }

    fn pin(release: &str, client: &ClientInfo, platform: &str) -> PlatformMatch {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        compare(&rules, client, &PairedDevice { platform: Some(platform.into()), ..Default::default() })
    }

    #[rstest]
    #[case("2026.3.31", "cli", "LINUX ", "linux", PlatformMatch::Same)]
    #[case("2026.9.6", "cli", "darwin", "linux", PlatformMatch::Other)]
    #[case("2026.5.12", "node-host", "darwin", "macos", PlatformMatch::Other)]
    #[case("2026.5.18", "node-host", "darwin", "macos", PlatformMatch::Same)]
    #[case("2026.5.18", "openclaw-ios", "iOS 19", "iOS 18", PlatformMatch::Other)]
    #[case("2026.5.20", "openclaw-ios", "iOS 19", "iOS 18", PlatformMatch::Newer("iOS 19".into()))]
    #[case("2026.7.1", "openclaw-macos", "macOS 27.0", "macOS 26.1", PlatformMatch::Other)]
    #[case("2026.8.1", "openclaw-macos", "macOS 27.0", "macOS 26.1", PlatformMatch::Newer("macOS 27.0".into()))]
    fn a_platform_is_compared_with_the_record(
        #[case] release: &str,
        #[case] id: &str,
        #[case] claimed: &str,
        #[case] pinned: &str,
        #[case] verdict: PlatformMatch,
    ) {
        assert_eq!(pin(release, &client(id, claimed, None), pinned), verdict);
    }

    #[test]
    fn a_node_host_gets_a_family_since_8_1() {
        let mut old = client("node-host", "linux", None);
        canonical(&Rules::plain(Profile::of("2026.7.1".parse().unwrap())), &mut old);
        assert_eq!(old.family, None);
        canonical(&Rules::plain(Profile::newest()), &mut old);
        assert_eq!(old.family.as_deref(), Some("Linux"));
    }
}
