//! The curve. The only user of blst.

use std::fmt;

use blst::BLST_ERROR::BLST_SUCCESS;
use blst::MultiPoint;
use blst::min_sig as suite;
use zeroize::Zeroizing;

use super::encoding::{BlsError, COORDINATE, POSSESSION_DST, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, SIGNATURE_DST};

/// Bits of the random coefficients of [`verify_same_message`]: a forgery passes with probability 2^-64 at most.
const COEFFICIENT_BITS: usize = 64;

/// A secret key: a scalar below the group order. Never shown by `Debug`; wiped when dropped (blst does that).
#[derive(Clone)]
pub struct SecretKey {
    secret: suite::SecretKey,
    /// Kept, because the engine asks for it at every turn and computing it costs a multiplication on G2.
    public: PublicKey,
}

/// A public key: a point of G2, in the subgroup, not infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(suite::PublicKey);

/// A signature: a point of G1, in the subgroup, not infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(suite::Signature);

impl SecretKey {
    /// Derives a key from 32 bytes of secret entropy (KeyGen of the BLS draft, section 2.3).
    pub fn generate(entropy: &[u8; 32]) -> Self {
        #[expect(clippy::expect_used, reason = "KeyGen fails only for less than 32 bytes of entropy")]
        Self::new(suite::SecretKey::key_gen(entropy, &[]).expect("32 bytes of entropy"))
    }

    fn new(secret: suite::SecretKey) -> Self {
        let public = PublicKey(secret.sk_to_pk());
        Self { secret, public }
    }

    /// Reads 32 bytes, big-endian.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        suite::SecretKey::from_bytes(bytes).map(Self::new).map_err(|_| BlsError::Secret)
    }

    /// 32 bytes, big-endian, wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// The public key of this secret.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs `message` for the mesh ([`SIGNATURE_DST`]).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.secret.sign(message, SIGNATURE_DST, &[]))
    }

    /// Signs `message` as a proof of possession ([`POSSESSION_DST`]).
    pub fn prove_possession(&self, message: &[u8]) -> Signature {
        Signature(self.secret.sign(message, POSSESSION_DST, &[]))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl PublicKey {
    /// Reads a compressed key of [`PUBLIC_KEY_BYTES`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        if bytes.len() != PUBLIC_KEY_BYTES {
            return Err(BlsError::Encoding);
        }
        Self::checked(suite::PublicKey::uncompress(bytes))
    }

    /// Compressed, [`PUBLIC_KEY_BYTES`] bytes.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.0.compress()
    }

    /// Reads the chain's form: 192 bytes, x.c0, x.c1, y.c0, y.c1 (EIP-2537 order without its padding).
    pub fn from_chain_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        let bytes: &[u8; 4 * COORDINATE] = bytes.try_into().map_err(|_| BlsError::Encoding)?;
        // blst reads the flags of compression and infinity from the top bits; coordinates never have them set.
        let serialised = swap_halves(bytes);
        if serialised[0] & 0xe0 != 0 {
            return Err(BlsError::Encoding);
        }
        Self::checked(suite::PublicKey::deserialize(&serialised))
    }

    /// The chain's form: 192 bytes, x.c0, x.c1, y.c0, y.c1.
    pub fn to_chain_bytes(&self) -> [u8; 4 * COORDINATE] {
        swap_halves(&self.0.serialize())
    }

    /// Checks a proof of possession of this key over `message`.
    pub fn verify_possession(&self, message: &[u8], proof: &Signature) -> bool {
        proof.0.verify(false, message, POSSESSION_DST, &[], &self.0, false) == BLST_SUCCESS
    }

    fn checked(read: Result<suite::PublicKey, blst::BLST_ERROR>) -> Result<Self, BlsError> {
        let key = read.map_err(|_| BlsError::Encoding)?;
        match key.validate() {
            Ok(()) => Ok(Self(key)),
            Err(blst::BLST_ERROR::BLST_PK_IS_INFINITY) => Err(BlsError::Infinity),
            Err(_) => Err(BlsError::Subgroup),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", alloy_primitives::hex::encode(&self.to_bytes()[..8]))
    }
}

/// A point of G1, not infinity, that is a signature if it is in the subgroup: nobody has looked. That look costs three times what
/// reading it does, and of a sum of many it is taken once ([`sum_points`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point(suite::Signature);

impl Point {
    /// Reads a compressed point of [`SIGNATURE_BYTES`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        if bytes.len() != SIGNATURE_BYTES {
            return Err(BlsError::Encoding);
        }
        let point = suite::Signature::uncompress(bytes).map_err(|_| BlsError::Encoding)?;
        if is_infinity(&point) { Err(BlsError::Infinity) } else { Ok(Self(point)) }
    }

    /// The signature that it is, if it is in the subgroup.
    pub fn check(&self) -> Result<Signature, BlsError> {
        if self.0.subgroup_check() { Ok(Signature(self.0)) } else { Err(BlsError::Subgroup) }
    }
}

impl From<Signature> for Point {
    fn from(signature: Signature) -> Self {
        Self(signature.0)
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Point({})", alloy_primitives::hex::encode(&self.0.compress()[..8]))
    }
}

impl Signature {
    /// Reads a compressed signature of [`SIGNATURE_BYTES`] bytes. One signature has one encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        Point::from_bytes(bytes)?.check()
    }

    /// Compressed, [`SIGNATURE_BYTES`] bytes.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        self.0.compress()
    }

    /// The chain's form: 96 bytes, x, y.
    pub fn to_chain_bytes(&self) -> [u8; 2 * COORDINATE] {
        self.0.serialize()
    }

    /// Verifies this signature of one key over `message`. Two pairings.
    pub fn verify(&self, message: &[u8], key: &PublicKey) -> bool {
        self.0.verify(false, message, SIGNATURE_DST, &[], &key.0, false) == BLST_SUCCESS
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", alloy_primitives::hex::encode(&self.to_bytes()[..8]))
    }
}

/// Sums signatures; `None` for none at all, or if the sum is the point at infinity.
pub fn aggregate_signatures(signatures: &[Signature]) -> Option<Signature> {
    let points: Vec<suite::Signature> = signatures.iter().map(|signature| signature.0).collect();
    if points.is_empty() {
        return None;
    }
    let sum = points.add().to_signature();
    (!is_infinity(&sum)).then_some(Signature(sum))
}

/// Sums points; `None` for none at all, or if the sum is no signature. That it is one says nothing of any of them alone.
pub fn sum_points(points: &[Point]) -> Option<Signature> {
    let points: Vec<suite::Signature> = points.iter().map(|point| point.0).collect();
    if points.is_empty() {
        return None;
    }
    let sum = points.add().to_signature();
    (!is_infinity(&sum) && sum.subgroup_check()).then_some(Signature(sum))
}

/// Sums keys; `None` for none at all, or if the sum is the point at infinity.
pub fn aggregate_keys(keys: &[PublicKey]) -> Option<PublicKey> {
    let points: Vec<suite::PublicKey> = keys.iter().map(|key| key.0).collect();
    if points.is_empty() {
        return None;
    }
    let sum = points.add().to_public_key();
    sum.validate().is_ok().then_some(PublicKey(sum))
}

/// Verifies many signatures over one message with two pairings in all: e(sum r_i s_i, g2) = e(H(m), sum r_i pk_i).
///
/// `coefficients` gives each pair its r_i; they must be unknown to the signers, or colluders can cancel each other's
/// errors (s1 + d, s2 - d). Zero counts as one. Bellare, Garay, Rabin: Fast batch verification, 1998.
pub fn verify_same_message(message: &[u8], signed: &[(PublicKey, Signature)], coefficients: &[u64]) -> bool {
    match signed {
        [] => return true,
        [(key, signature)] => return signature.verify(message, key),
        _ => {}
    }
    if coefficients.len() != signed.len() {
        return false;
    }
    let scalars: Vec<u8> = coefficients.iter().flat_map(|&r| r.max(1).to_le_bytes()).collect();
    let keys: Vec<suite::PublicKey> = signed.iter().map(|(key, _)| key.0).collect();
    let signatures: Vec<suite::Signature> = signed.iter().map(|(_, signature)| signature.0).collect();
    let key = keys.mult(&scalars, COEFFICIENT_BITS).to_public_key();
    let signature = signatures.mult(&scalars, COEFFICIENT_BITS).to_signature();
    if is_infinity(&signature) || key.validate().is_err() {
        return false;
    }
    signature.verify(false, message, SIGNATURE_DST, &[], &key, false) == BLST_SUCCESS
}

fn is_infinity(signature: &suite::Signature) -> bool {
    // Compressed encoding of infinity: 0xc0 and zeros (ZCash serialisation, appendix C of the BLS draft).
    signature.compress()[0] & 0x40 != 0
}

/// Swaps c1|c0 and c0|c1 in both coordinates: blst serialises the higher coefficient first, EIP-2537 the lower one.
fn swap_halves(bytes: &[u8; 4 * COORDINATE]) -> [u8; 4 * COORDINATE] {
    let mut out = [0; 4 * COORDINATE];
    for (position, source) in [1, 0, 3, 2].into_iter().enumerate() {
        out[position * COORDINATE..][..COORDINATE].copy_from_slice(&bytes[source * COORDINATE..][..COORDINATE]);
    }
    out
}
