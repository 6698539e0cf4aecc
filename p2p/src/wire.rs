//! Versions of the wire: what nodes of one network call themselves when they meet, and who stays.
//!
//! ```text
//!   /kpr/<domain8>/<version>     of this version, or of one next to it   ──► stays
//!                                further away, or of another network     ──► is sent away
//! ```
//!
//! So that a network upgrades one keeper after the other, two versions that are neighbours must work in one mesh. What a
//! message's bytes are is named apart: by the letter of its topic, and by the number in its request protocol. Those of the
//! version before are carried on by the next one, and go with the one after (docs/upgrade.md).

/// The version of this release.
pub const WIRE: u16 = 1;

/// What a node of the network `domain8` that speaks version `wire` calls itself.
pub(crate) fn name(domain8: &str, wire: u16) -> String {
    format!("/kpr/{domain8}/{wire}")
}

/// What a node is to another that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Of the same version.
    Same,
    /// Of the version before or after.
    Neighbour(u16),
    /// Of the same network, but too many versions away.
    TooFar(u16),
    /// Of another network, or something else.
    Foreign,
}

/// What the node that calls itself `theirs` is to one of the network `domain8` that speaks version `ours`.
pub(crate) fn meet(theirs: &str, domain8: &str, ours: u16) -> Meeting {
    let version = theirs.strip_prefix("/kpr/").and_then(|rest| rest.strip_prefix(domain8));
    let version = version.and_then(|rest| rest.strip_prefix('/')).and_then(|number| number.parse::<u16>().ok());
    match version {
        // One name for each: `+1` and `01` are numbers too.
        Some(version) if name(domain8, version) != theirs => Meeting::Foreign,
        Some(version) if version == ours => Meeting::Same,
        Some(version) if version.abs_diff(ours) == 1 => Meeting::Neighbour(version),
        Some(version) => Meeting::TooFar(version),
        None => Meeting::Foreign,
    }
}

#[cfg(test)]
mod tests;
