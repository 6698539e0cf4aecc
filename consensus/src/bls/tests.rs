use proptest::prelude::*;

use super::encoding::COORDINATE;
use super::*;

fn key(seed: u8) -> SecretKey {
    SecretKey::generate(&[seed; 32])
}

fn signed(message: &[u8], seeds: std::ops::Range<u8>) -> Vec<(PublicKey, Signature)> {
    seeds.map(|seed| (key(seed).public_key(), key(seed).sign(message))).collect()
}

#[test]
fn every_encoding_reads_back() {
    let secret = key(1);
    let public = secret.public_key();
    let signature = secret.sign(b"m");
    assert_eq!(PublicKey::from_bytes(&public.to_bytes()), Ok(public));
    assert_eq!(PublicKey::from_chain_bytes(&public.to_chain_bytes()), Ok(public));
    assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
    assert_eq!(*SecretKey::from_bytes(&secret.to_bytes()[..]).unwrap().to_bytes(), *secret.to_bytes());
}

#[test]
fn a_signature_is_bound_to_message_key_and_tag() {
    let secret = key(1);
    let signature = secret.sign(b"m");
    assert!(signature.verify(b"m", &secret.public_key()));
    assert!(!signature.verify(b"n", &secret.public_key()));
    assert!(!signature.verify(b"m", &key(2).public_key()));
    assert!(!secret.public_key().verify_possession(b"m", &signature));
    assert!(secret.public_key().verify_possession(b"m", &secret.prove_possession(b"m")));
}

#[test]
fn infinity_is_refused_as_key_and_as_signature() {
    let mut compressed = [0u8; 96];
    compressed[0] = 0xc0;
    assert_eq!(PublicKey::from_bytes(&compressed), Err(BlsError::Infinity));
    assert_eq!(Signature::from_bytes(&compressed[..48]), Err(BlsError::Infinity));
    assert_eq!(PublicKey::from_chain_bytes(&[0; 192]), Err(BlsError::Encoding));
}

#[test]
fn points_outside_the_subgroup_are_refused() {
    // Small x coordinates: where they lie on the curve, the chance of being in the subgroup is the inverse of the
    // cofactor (2^-125 for G1), so every one that decodes must be named for what it is.
    let mut outside = 0;
    for x in 0..64u8 {
        let mut bytes = [0u8; 48];
        bytes[0] = 0x80;
        bytes[47] = x;
        match Signature::from_bytes(&bytes) {
            Err(BlsError::Subgroup) => outside += 1,
            Err(BlsError::Encoding) => {}
            other => panic!("x = {x}: {other:?}"),
        }
        let mut bytes = [0u8; 96];
        bytes[0] = 0x80;
        bytes[95] = x;
        assert!(matches!(PublicKey::from_bytes(&bytes), Err(BlsError::Subgroup | BlsError::Encoding)));
    }
    assert!(outside > 10, "only {outside} of 64 candidates lay on the curve");
}

#[test]
fn wrong_lengths_and_flags_are_refused() {
    let signature = key(1).sign(b"m").to_bytes();
    assert_eq!(Signature::from_bytes(&signature[..47]), Err(BlsError::Encoding));
    assert_eq!(Signature::from_bytes(&[&signature[..], &[0]].concat()), Err(BlsError::Encoding));
    let mut uncompressed_flag = signature;
    uncompressed_flag[0] &= 0x7f;
    assert_eq!(Signature::from_bytes(&uncompressed_flag), Err(BlsError::Encoding));
    let mut flagged = key(1).public_key().to_chain_bytes();
    flagged[COORDINATE] |= 0x80;
    assert_eq!(PublicKey::from_chain_bytes(&flagged), Err(BlsError::Encoding));
}

#[test]
fn secrets_out_of_range_are_refused() {
    assert_eq!(SecretKey::from_bytes(&[0; 32]).unwrap_err(), BlsError::Secret);
    assert_eq!(SecretKey::from_bytes(&[0xff; 32]).unwrap_err(), BlsError::Secret);
    assert_eq!(SecretKey::from_bytes(&[1; 31]).unwrap_err(), BlsError::Secret);
}

#[test]
fn sums_verify_under_the_sum_of_the_keys() {
    let signed = signed(b"m", 1..8);
    let keys: Vec<_> = signed.iter().map(|(key, _)| *key).collect();
    let signatures: Vec<_> = signed.iter().map(|(_, signature)| *signature).collect();
    let sum = aggregate_signatures(&signatures).unwrap();
    assert!(sum.verify(b"m", &aggregate_keys(&keys).unwrap()));
    assert!(!sum.verify(b"m", &aggregate_keys(&keys[1..]).unwrap()));
    assert!(aggregate_signatures(&[]).is_none() && aggregate_keys(&[]).is_none());
}

#[test]
fn cancelling_errors_do_not_pass_the_weighted_check() {
    // Two colluders shift their signatures by +d and -d: the plain sum is right, neither signature is.
    let honest = signed(b"m", 1..3);
    let shift = key(9).sign(b"m");
    let plus = aggregate_signatures(&[honest[0].1, shift]).unwrap();
    let mut raw = shift.to_bytes();
    raw[0] ^= 0x20;
    let minus = aggregate_signatures(&[honest[1].1, Signature::from_bytes(&raw).unwrap()]).unwrap();
    let forged = [(honest[0].0, plus), (honest[1].0, minus)];
    let sum = aggregate_signatures(&[plus, minus]).unwrap();
    assert!(sum.verify(b"m", &aggregate_keys(&[honest[0].0, honest[1].0]).unwrap()));
    assert!(!verify_same_message(b"m", &forged, &[3, 5]));
    assert!(verify_same_message(b"m", &honest, &[3, 5]));
}

#[test]
fn one_bad_signature_fails_the_batch() {
    let mut batch = signed(b"m", 1..6);
    assert!(verify_same_message(b"m", &batch, &[1, 2, 3, 4, 5]));
    assert!(!verify_same_message(b"m", &batch, &[1, 2, 3, 4]));
    batch[3].1 = key(4).sign(b"n");
    assert!(!verify_same_message(b"m", &batch, &[1, 2, 3, 4, 5]));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Signature::from_bytes(&bytes);
        let _ = PublicKey::from_bytes(&bytes);
        let _ = PublicKey::from_chain_bytes(&bytes);
        let _ = SecretKey::from_bytes(&bytes);
    }
}
