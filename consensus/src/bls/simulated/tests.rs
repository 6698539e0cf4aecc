use super::*;

fn key(seed: u8) -> SecretKey {
    SecretKey::generate(&[seed; 32])
}

#[test]
fn the_stand_in_has_the_curves_algebra() {
    switch(true);
    let (a, b) = (key(1), key(2));
    let (sa, sb) = (a.sign(b"m"), b.sign(b"m"));
    assert!(sa.verify(b"m", &a.public_key()) && !sa.verify(b"n", &a.public_key()));
    assert!(!sa.verify(b"m", &b.public_key()));
    assert!(!a.public_key().verify_possession(b"m", &sa));
    assert!(a.public_key().verify_possession(b"m", &a.prove_possession(b"m")));
    let sum = aggregate_signatures(&[sa, sb]).unwrap();
    let keys = aggregate_keys(&[a.public_key(), b.public_key()]).unwrap();
    assert!(sum.verify(b"m", &keys) && !sum.verify(b"m", &a.public_key()));
    let signed = [(a.public_key(), sa), (b.public_key(), sb)];
    assert!(verify_same_message(b"m", &signed, &[3, 5]));
    // Errors that cancel out in the plain sum do not under weights.
    let shift = key(9).sign(b"m").number().unwrap();
    let (plus, minus) = (plus(sa.number().unwrap(), shift), plus(sb.number().unwrap(), ORDER - shift));
    let forged = [(a.public_key(), Signature::Number(plus)), (b.public_key(), Signature::Number(minus))];
    assert!(!verify_same_message(b"m", &forged, &[3, 5]));
    assert!(verify_same_message(b"m", &forged, &[4, 4]), "the weights must differ to matter");
}

#[test]
fn the_stand_in_refuses_what_the_curve_refuses() {
    switch(true);
    let signature = key(1).sign(b"m");
    let bytes = signature.to_bytes();
    assert_eq!(Signature::from_bytes(&bytes), Ok(signature));
    assert_eq!(Signature::from_bytes(&bytes[1..]), Err(BlsError::Encoding));
    assert_eq!(Signature::from_bytes(&write::<48>(0)), Err(BlsError::Infinity));
    assert_eq!(Signature::from_bytes(&write::<48>(ORDER)), Err(BlsError::Encoding));
    assert_eq!(Signature::from_bytes(&[0; 48]), Err(BlsError::Encoding));
    let public = key(1).public_key();
    assert_eq!(PublicKey::from_bytes(&public.to_bytes()), Ok(public));
    assert_eq!(PublicKey::from_chain_bytes(&public.to_chain_bytes()), Ok(public));
    assert_eq!(*SecretKey::from_bytes(&key(1).to_bytes()[..]).unwrap().to_bytes(), *key(1).to_bytes());
    assert!(aggregate_signatures(&[]).is_none() && aggregate_keys(&[]).is_none());
}
