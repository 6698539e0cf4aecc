//! Whole-crate tests of the protocol.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod vectors;
