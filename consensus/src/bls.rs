//! BLS12-381 signatures, variant min_sig: public key in G2, signature in G1.
//!
//! Suite `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_` of draft-irtf-cfrg-bls-signature-05 (proof of possession), with
//! the roles of G1 and G2 swapped as that draft allows.
//!
//! Two things blst permits are refused here whatever the caller does: the point at infinity, as a key or as a
//! signature (an infinity signature under an infinity key "verifies"), and points outside the prime-order subgroup.
//! A [`PublicKey`] or [`Signature`] that exists has passed both checks; sums of valid points may still be infinity, so
//! verification looks again.
//!
//! The simulator's build (cargo feature `simulation`, absent from every shipped program) can put a cheap scheme with the
//! same algebra in the place of the curve at run time.

#[cfg_attr(
    feature = "simulation",
    allow(unreachable_pub, clippy::wrong_self_convention, reason = "reached through the stand-in's enums")
)]
mod curve;
#[cfg(feature = "simulation")]
pub mod simulated;

use thiserror::Error;

#[cfg(not(feature = "simulation"))]
pub use curve::{PublicKey, SecretKey, Signature, aggregate_keys, aggregate_signatures, verify_same_message};
#[cfg(feature = "simulation")]
pub use simulated::{PublicKey, SecretKey, Signature, aggregate_keys, aggregate_signatures, verify_same_message};

/// Domain separation tag of everything keepers sign about tasks.
pub const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Domain separation tag of the proof that the holder of a key knows its secret.
pub const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Bytes of a compressed signature, as it travels between keepers.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of a compressed public key, as keystores hold it.
pub const PUBLIC_KEY_BYTES: usize = 96;

const COORDINATE: usize = 48;

/// Why bytes are not a key or a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlsError {
    /// Wrong length, a coordinate not below the field's modulus, or not on the curve.
    #[error("not a canonical encoding of a curve point")]
    Encoding,
    /// The point is not in the prime-order subgroup.
    #[error("the point is outside the prime-order subgroup")]
    Subgroup,
    /// The point at infinity.
    #[error("the point at infinity is refused")]
    Infinity,
    /// The secret is zero or not below the group order.
    #[error("the secret key is zero or not below the group order")]
    Secret,
}

#[cfg(test)]
mod tests;
