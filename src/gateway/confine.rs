//! Confines a program that is about to start: it can write to its own places only, where the kernel can enforce that.

use std::io;
use std::path::PathBuf;

/// From here on this process and its children can only write below `places`, and to a few devices. Reading stays free. On a
/// kernel without Landlock nothing changes.
///
/// # Errors
/// Fails if the kernel refuses although it has Landlock.
#[cfg(target_os = "linux")]
pub(super) fn writes_to(places: &[PathBuf]) -> io::Result<()> {
    use landlock::{
        ABI, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _,
    };
    /// Devices that programs write to.
    const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"];
    let abi = ABI::V5;
    // A device that takes `ioctl` is no file of anybody.
    let writes = AccessFs::from_write(abi) & !AccessFs::IoctlDev;
    let confine = || {
        let mut rules =
            Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(writes)?.create()?;
        let all = places.iter().cloned().chain(DEVICES.into_iter().map(PathBuf::from));
        for place in all {
            let Ok(beneath) = PathFd::new(&place) else { continue };
            let allowed = if place.is_dir() { writes } else { writes & AccessFs::from_file(abi) };
            rules = rules.add_rule(PathBeneath::new(beneath, allowed))?;
        }
        rules.restrict_self()
    };
    confine().map(|_| ()).map_err(|error: landlock::RulesetError| io::Error::other(error))
}

/// Other systems have nothing of the kind.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub(super) fn writes_to(_: &[PathBuf]) -> io::Result<()> {
    Ok(())
}
