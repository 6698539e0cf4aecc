use std::fs;
use std::os::unix::fs::PermissionsExt;

use libp2p::PeerId;
use libp2p::identity::{Keypair, ed25519};
use tempfile::tempdir;

use super::{Identity, peer_id_from_public_key, public_key_of};
use crate::error::IdentityError;

#[test]
fn made_once_then_read_again() {
    let directory = tempdir().expect("temporary directory");
    let path = directory.path().join("p2p.key");
    let made = Identity::load_or_create(&path).expect("made");
    let read = Identity::load_or_create(&path).expect("read");
    assert_eq!(made.peer_id(), read.peer_id());
    assert_eq!(made.public_key(), read.public_key());
    assert_eq!(*made.secret_seed(), *read.secret_seed());
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1, "no temporary file stays behind");
}

#[test]
fn a_leftover_temporary_file_is_no_hindrance() {
    let directory = tempdir().expect("temporary directory");
    fs::write(directory.path().join("p2p.tmp"), b"torn").expect("write");
    Identity::load_or_create(&directory.path().join("p2p.key")).expect("made");
}

#[test]
fn the_seed_is_the_one_behind_the_public_key() {
    let identity = Identity::generate();
    let mut seed = *identity.secret_seed();
    let secret = ed25519::SecretKey::try_from_bytes(&mut seed).expect("32 bytes");
    assert_eq!(ed25519::Keypair::from(secret).public().to_bytes(), identity.public_key());
}

#[test]
fn peer_id_and_public_key_lead_to_each_other() {
    let identity = Identity::generate();
    assert_eq!(peer_id_from_public_key(&identity.public_key()), identity.peer_id());
    assert_eq!(public_key_of(&identity.peer_id()), Some(identity.public_key()));
    assert_eq!(public_key_of(&peer_id_from_public_key(&[0xff; 32])), Some([0xff; 32]), "no point, no panic");
    // A random peer id is a multihash of random bytes: it carries no key.
    assert_eq!(public_key_of(&PeerId::random()), None);
}

#[test]
fn corrupt_files_are_refused_and_kept() {
    let directory = tempdir().expect("temporary directory");
    let path = directory.path().join("p2p.key");
    let good = Keypair::generate_ed25519().to_protobuf_encoding().expect("encodes");
    let mut mismatch = good.clone();
    mismatch[67] ^= 1;
    let cases: [&[u8]; 5] = [b"", b"not a key", &good[..67], &mismatch, &[0; 5000]];
    for content in cases {
        fs::write(&path, content).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        let error = Identity::load_or_create(&path).expect_err("must be refused");
        assert!(matches!(error, IdentityError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("p2p.key"), "{error}");
        assert_eq!(fs::read(&path).expect("read"), content, "the file must stay as it was");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let directory = tempdir().expect("temporary directory");
    let path = directory.path().join("p2p.key");
    Identity::load_or_create(&path).expect("made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode");
    let error = Identity::load(&path).expect_err("group can read");
    assert!(matches!(error, IdentityError::Permissions { mode: 0o640, .. }), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_missing_file_or_directory_is_named() {
    let directory = tempdir().expect("temporary directory");
    let path = directory.path().join("absent").join("p2p.key");
    assert!(matches!(Identity::load(&path), Err(IdentityError::File { action: "read", .. })));
    let error = Identity::load_or_create(&path).expect_err("no directory");
    assert!(matches!(error, IdentityError::File { action: "write", .. }), "{error}");
}

#[test]
fn debug_output_hides_the_secret() {
    let identity = Identity::generate();
    let text = format!("{identity:?}");
    assert!(text.contains(&identity.peer_id().to_string()));
    assert!(text.len() < 120, "{text}");
}
