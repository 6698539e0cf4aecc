//! What a run may use.

use std::time::Duration;

/// Bytes of WebAssembly stack. A setting of the engine: where a stack ends depends on the compiler, so it is never signed.
pub(crate) const STACK_BYTES: usize = 512 << 10;

/// Bounds of one run. The defaults are the protocol's; tests shrink or stretch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// WebAssembly fuel, host calls included. Decides: every keeper runs out at the same point.
    pub fuel: u64,
    /// Longest a run may take. Only a watchdog: what it stops is never signed.
    pub wall_clock: Duration,
    /// Bytes of all linear memories together.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 1_000_000_000, wall_clock: Duration::from_secs(5), memory_bytes: 64 << 20 }
    }
}
