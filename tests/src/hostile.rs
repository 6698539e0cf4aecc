//! Jobs that somebody lists to do harm: small components of the world `keeper:job/job`.

/// The component whose `run` has this body, in WebAssembly text; see the fixture for what a body may use.
///
/// # Panics
/// When the body is no valid WebAssembly.
#[must_use]
pub fn component(body: &str) -> Vec<u8> {
    let text = include_str!("../../keeper/tests/fixtures/job.wat").replace("(; body ;)", body);
    wat::parse_str(text).expect("the body is WebAssembly text")
}

/// Traps at once.
pub const TRAP: &str = "unreachable";
/// Never ends.
pub const ENDLESS: &str = "(loop $again (br $again)) unreachable";
