//! BLS12-381 signatures, variant min_sig: public key in G2, signature in G1.
//!
//! Suite `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_` of draft-irtf-cfrg-bls-signature-05 (proof of possession), with
//! the roles of G1 and G2 swapped as that draft allows.
//!
//! Two things blst permits are refused here whatever the caller does: the point at infinity, as a key or as a
//! signature (an infinity signature under an infinity key "verifies"), and points outside the prime-order subgroup.
//! A [`PublicKey`] or [`Signature`] that exists has passed both checks; sums of valid points may still be infinity, so
//! verification looks again. A [`Point`] has passed the first one only: it can be added to others, and nothing else.
//!
//! Beside it stand the plain ed25519 signatures of peer keys ([`sign`], [`is_signed_by`]): whoever stands in for the one
//! scheme stands in for both. The simulator's build (cargo feature `simulation`, absent from every shipped program) has
//! a cheap scheme with the same algebra, which can take the place of both at run time.

#[allow(unreachable_pub, clippy::wrong_self_convention, reason = "reached through the stand-in's enums in its build")]
mod curve;
mod encoding;
#[allow(unreachable_pub, reason = "reached through the stand-in in its build")]
mod peer;
#[cfg(feature = "simulation")]
pub mod simulated;

pub use encoding::{BlsError, POSSESSION_DST, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, SIGNATURE_DST};

#[cfg(feature = "simulation")]
pub use simulated::{
    Point, PublicKey, SecretKey, Signature, aggregate_keys, aggregate_signatures, is_signed_by, sign, sum_points,
    verify_same_message,
};
#[cfg(not(feature = "simulation"))]
pub use {
    curve::{
        Point, PublicKey, SecretKey, Signature, aggregate_keys, aggregate_signatures, sum_points, verify_same_message,
    },
    peer::{is_signed_by, sign},
};

#[cfg(test)]
mod tests;
