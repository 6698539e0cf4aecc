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

/// Contracts that somebody's jobs look at to do harm, as code that runs on chain.
pub mod contracts {
    use alloy::primitives::{Bytes, hex};

    /// Burns all the gas it is given.
    pub const BURNS: &str = "5b5f56";
    /// Answers with a mebibyte, whose first word says yes.
    pub const BOMBS: &str = "60015f52621000005ff3";
    /// Refuses every call.
    pub const REVERTS: &str = "5f5ffd";
    /// Says yes in every second block.
    pub const FLIPS: &str = "436001165f5260205ff3";
    /// Emits a thousand logs without a topic.
    pub const FLOODS: &str = "6103e85b600190035f5fa08060035700";

    /// The code that puts such a contract on chain.
    ///
    /// # Panics
    /// When it is no hex, or longer than 255 bytes.
    #[must_use]
    pub fn creation(code: &str) -> Bytes {
        let code = hex::decode(code).expect("a contract above is written in hex");
        let length = u8::try_from(code.len()).expect("a contract above is short");
        // copies what comes after these nine bytes, and returns it
        [&[0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3], &code[..]].concat().into()
    }
}
