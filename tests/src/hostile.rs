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
/// Has nothing to do in its even runs, and never ends in the odd ones.
pub const FLICKERING: &str = "(if (i32.wrap_i64 (i64.and (i64.load offset=16 (local.get $context)) (i64.const 1)))
      (then (loop $again (br $again))))
      (call $skip (i32.const 4096) (i32.const 13))";
/// Calls the target's `increment()` with 64 KiB of calldata: the longest outcome there is.
pub const LARGE: &str = "(i32.store (i32.const 131072) (i32.const 0x8ae09dd0))
      (memory.fill (i32.const 131076) (i32.const 0xab) (i32.const 65532))
      (call $call (i32.const 131072) (i32.const 65536))";
/// Calls the target's `increment()`.
pub const INCREMENT: &str =
    "(i32.store (i32.const 131072) (i32.const 0x8ae09dd0)) (call $call (i32.const 131072) (i32.const 4))";
