//! Tags, sizes, and what is wrong with bytes that are no key or signature.

use thiserror::Error;

/// Domain separation tag of everything keepers sign about tasks.
pub const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Domain separation tag of the proof that the holder of a key knows its secret.
pub const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Bytes of a compressed signature, as it travels between keepers.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of a compressed public key, as keystores hold it.
pub const PUBLIC_KEY_BYTES: usize = 96;

/// Bytes of one coordinate of a point.
pub(super) const COORDINATE: usize = 48;

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
