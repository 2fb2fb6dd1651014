//! Confines a program that is about to start to its own places and to loopback, as far as the kernel can enforce that.
//!
//! Landlock limits what is written and which TCP ports are connected to, wherever they are; it knows no addresses. So only
//! ports that the gateway itself serves or that its configuration names on loopback are allowed. A system call filter
//! leaves no other way out: no sockets but those of TCP, of this machine and of the kernel's own tables.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a program may do; everything else is denied where the kernel can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    /// The only places that it may write to. Reading stays free.
    pub(super) writable: Vec<PathBuf>,
    /// The only TCP ports that it may connect to.
    pub(super) ports: Vec<u16>,
}

/// The ports that a text names together with a loopback address, as in `http://127.0.0.1:9/path`.
pub(super) fn loopback_ports(text: &str) -> impl Iterator<Item = u16> {
    let is_of_an_address = |c: char| c.is_ascii_alphanumeric() || ".:[]".contains(c);
    text.split(move |c: char| !is_of_an_address(c)).filter_map(|word| {
        let (host, port) = word.rsplit_once(':')?;
        let is_here = host == "localhost"
            || host == "[::1]"
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        port.parse().ok().filter(|_| is_here)
    })
}

/// The ports that the texts of a configuration name together with a loopback address.
pub(super) fn ports_of(value: &Value) -> Vec<u16> {
    match value {
        Value::String(text) => loopback_ports(text).collect(),
        Value::Array(items) => items.iter().flat_map(ports_of).collect(),
        Value::Object(entries) => entries.values().flat_map(ports_of).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::apply;
#[cfg(target_os = "linux")]
pub use linux::not_enforced;

/// Other systems enforce nothing.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub(super) fn apply(_: &Limits) -> io::Result<()> {
    Ok(())
}

/// What this system cannot keep a build from; none if it can keep it from everything.
#[cfg(not(target_os = "linux"))]
pub fn not_enforced() -> Option<&'static str> {
    Some("from writing outside of its home or connecting to other machines")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::path::Path;

    use landlock::{
        ABI, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr as _, RulesetError, Scope,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };

    use super::{Limits, PathBuf, io};

    /// The newest features that are asked for; an older kernel enforces those that it knows.
    const FEATURES: ABI = ABI::V6;

    /// Devices that programs write to.
    const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"];

    /// From here on this process and its children are held to their limits, as far as the kernel can do that.
    ///
    /// # Errors
    /// Fails if the kernel refuses something that it is able to do.
    pub(crate) fn apply(limits: &Limits) -> io::Result<()> {
        confine(limits).map_err(io::Error::other)?;
        match socket_filter() {
            Some(filter) => seccompiler::apply_filter(&filter).or_else(|error| match error {
                // A kernel without filters.
                seccompiler::Error::Prctl(_) | seccompiler::Error::Seccomp(_) => Ok(()),
                other => Err(io::Error::other(other)),
            }),
            None => Ok(()),
        }
    }

    /// What this kernel cannot keep a build from; none if it can keep it from everything.
    pub fn not_enforced() -> Option<&'static str> {
        let strict = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let can = |ruleset: Result<Ruleset, RulesetError>| ruleset.and_then(Ruleset::create).is_ok();
        if !can(strict().handle_access(AccessFs::from_write(ABI::V1))) {
            Some("from writing outside of its home or connecting to other machines")
        } else if !can(strict().handle_access(AccessNet::ConnectTcp)) || socket_filter().is_none() {
            Some("from connecting to other machines, except in its own process")
        } else {
            None
        }
    }

    fn confine(limits: &Limits) -> Result<(), RulesetError> {
        // A device that takes `ioctl` is no file of anybody.
        let writes = AccessFs::from_write(FEATURES) & !AccessFs::IoctlDev;
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(writes)?
            .handle_access(AccessNet::ConnectTcp)?
            .scope(Scope::AbstractUnixSocket)?
            .create()?;
        for place in limits.writable.iter().map(PathBuf::as_path).chain(DEVICES.map(Path::new)) {
            let Ok(beneath) = PathFd::new(place) else { continue };
            let allowed = if place.is_dir() { writes } else { writes & AccessFs::from_file(FEATURES) };
            rules = rules.add_rule(PathBeneath::new(beneath, allowed))?;
        }
        for port in &limits.ports {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        rules.restrict_self().map(|_| ())
    }

    /// Refuses sockets that lead out without TCP, and the ways around the check of a connect; none for a processor that the
    /// filter is not made for.
    fn socket_filter() -> Option<BpfProgram> {
        let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let families = [libc::AF_INET, libc::AF_INET6].map(number);
        let known = [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6].map(number);
        let mut sockets = vec![rule(&[
            (0, SeccompCmpOp::Ne, known[0]),
            (0, SeccompCmpOp::Ne, known[1]),
            (0, SeccompCmpOp::Ne, known[2]),
            (0, SeccompCmpOp::Ne, known[3]),
        ])?];
        for family in families {
            for kind in
                [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_RDM, libc::SOCK_SEQPACKET, libc::SOCK_DCCP]
            {
                let of_kind = (1, SeccompCmpOp::MaskedEq(0xf), number(kind));
                sockets.push(rule(&[(0, SeccompCmpOp::Eq, family), of_kind])?);
            }
            // Not Landlock's business: TCP over several paths, SCTP and their like.
            let is_tcp = number(libc::IPPROTO_TCP);
            let other = [(2, SeccompCmpOp::Ne, 0), (2, SeccompCmpOp::Ne, is_tcp)];
            sockets.push(rule(&[(0, SeccompCmpOp::Eq, family), other[0].clone(), other[1].clone()])?);
        }
        // A first packet with data connects without a connect.
        let fast = number(libc::MSG_FASTOPEN);
        let opens_fast = |argument: u8| rule(&[(argument, SeccompCmpOp::MaskedEq(fast), fast)]);
        let rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([
            (libc::SYS_socket, sockets),
            (libc::SYS_sendto, vec![opens_fast(3)?]),
            (libc::SYS_sendmsg, vec![opens_fast(2)?]),
            (libc::SYS_sendmmsg, vec![opens_fast(3)?]),
            // Its requests pass no filter.
            (libc::SYS_io_uring_setup, Vec::new()),
        ]);
        let refused = SeccompAction::Errno(number(libc::EACCES).try_into().ok()?);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).ok()?;
        filter.try_into().ok()
    }

    fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Option<SeccompRule> {
        let conditions = conditions.iter().map(|(argument, operator, value)| {
            SeccompCondition::new(*argument, Dword, operator.clone(), *value).ok()
        });
        SeccompRule::new(conditions.collect::<Option<Vec<_>>>()?).ok()
    }

    /// A constant of the system's headers as an argument of a system call; none of them is negative.
    fn number(constant: i32) -> u64 {
        u64::from(constant.unsigned_abs())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_filter_can_be_made() {
            assert!(socket_filter().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::url("http://127.0.0.1:9/a", &[9])]
    #[case::ipv6("ws://[::1]:18789", &[18789])]
    #[case::name("http://user@localhost:80?x=localhost:81", &[80, 81])]
    #[case::another_loopback_address("127.0.0.2:7", &[7])]
    #[case::another_machine("https://192.0.2.1:443 example.org:443", &[])]
    #[case::name_that_only_ends_so("notlocalhost:1 xlocalhost:2", &[])]
    #[case::no_port("http://127.0.0.1/ localhost:99999 localhost:", &[])]
    fn ports_count_only_beside_a_loopback_address(#[case] text: &str, #[case] ports: &[u16]) {
        assert_eq!(loopback_ports(text).collect::<Vec<_>>(), ports);
        assert_eq!(ports_of(&json!({"a": [{"b": text}, 1]})), ports);
    }
}
