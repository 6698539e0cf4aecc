//! Keys that other programs made.

use super::*;

/// As gnark prints a point of BN254, in the file that eigenlayer-cli writes for a BLS key.
const EIGENLAYER_BLS: &str = r#"{"pubKey": "E([498211989701534593628498974128726712526336918939770789545660245177948853517,19434346619705907282579203143605058653932187676054178921788041096426532277474])", "crypto": {"cipher": "aes-128-ctr", "ciphertext": "00", "cipherparams": {"iv": "00"}, "kdf": "scrypt", "kdfparams": {}, "mac": "00"}}"#;
/// The first of the keys that anvil prints.
const ANVIL: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    write_private(&path, text.as_bytes()).unwrap();
    path
}

/// geth's file with its address, cast's without: under whatever name, and with a password of its own.
#[test]
fn wallets_of_other_programs_are_taken_and_put_under_one_password() {
    let vector = include_str!("web3-scrypt.json");
    for (name, text) in [("x.ecdsa.key.json", vector), ("mine", vector), ("UTC--now", vector)] {
        let (directory, keystore) = fresh();
        let file = written(directory.path(), name, text);
        let foreign = ForeignKey::read(&file).unwrap();
        assert!(foreign.is_encrypted());
        assert!(matches!(foreign.open(Some(&Password::new("no"))), Err(Error::WrongPassword { path }) if path == file));
        assert!(matches!(foreign.open(None), Err(Error::NoPassword(_))));
        assert!(keystore.list().unwrap().is_empty(), "nothing is kept that was not opened");
        let key = foreign.open(Some(&Password::new("testpassword"))).unwrap();
        let path = keystore.take(&key, &secret_password(), Strength::Light).unwrap();
        let wallet = keystore.open_wallet(&secret_password()).unwrap();
        assert!(path.ends_with(format!("ecdsa-{}.json", alloy::hex::encode(wallet.address()))));
        assert_eq!(keystore.wallet_address().unwrap(), wallet.address());
        assert!(matches!(keystore.take(&key, &secret_password(), Strength::Light), Err(Error::Exists { .. })));
    }
}

#[test]
fn one_password_opens_both_or_the_second_is_not_taken() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    std::fs::remove_file(keystore.public().unwrap().wallet_path).unwrap();
    let file = written(directory.path(), "plain", &format!("0x{ANVIL}\n"));
    let key = ForeignKey::read(&file).unwrap().open(None).unwrap();
    let error = keystore.take(&key, &Password::new("other"), Strength::Light).unwrap_err();
    assert!(matches!(error, Error::WrongPassword { .. }), "{error}");
    keystore.take(&key, &secret_password(), Strength::Light).unwrap();
    let account = keystore.public().unwrap().operator;
    assert!(is_published(account), "{account} is anvil's first");
    assert!(refuse_published(account, 31337).is_ok() && refuse_published(account, 1337).is_ok());
    let error = refuse_published(account, 1).unwrap_err().to_string();
    assert!(error.contains("anvil") && error.contains("keeper keys new"), "{error}");
    assert!(refuse_published(Address::repeat_byte(1), 1).is_ok());
}

#[test]
fn a_plain_key_that_others_can_read_is_refused_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plain");
    std::fs::write(&file, ANVIL).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = ForeignKey::read(&file).unwrap_err();
    assert!(matches!(error, Error::Permissions { mode: 0o644, .. }) && error.to_string().contains("chmod 600"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let foreign = ForeignKey::read(&file).unwrap();
    let shown = format!("{foreign:?} {:?}", foreign.open(None).unwrap());
    assert!(!shown.contains(&ANVIL[..16]), "{shown}");
    // Zero is no key, nor is a number above the curve's order.
    for digits in ["0".repeat(64), "f".repeat(64)] {
        let file = written(directory.path(), "none", &digits);
        assert!(matches!(ForeignKey::read(&file).unwrap().open(None), Err(Error::Malformed { .. })));
    }
}

#[test]
fn bls_keys_of_other_schemes_are_told_apart_in_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let validator = include_str!("eip2335-pbkdf2.json");
    let curve = |change: fn(&mut serde_json::Value)| {
        let mut file: serde_json::Value = serde_json::from_str(validator).unwrap();
        change(&mut file);
        file.to_string()
    };
    let cases = [
        (EIGENLAYER_BLS.to_owned(), "BN254"),
        (curve(|file| file["pubkey"] = "ab".repeat(32).into()), "BN254"),
        (curve(|file| file["pubkey"] = "ab".repeat(64).into()), "BN254"),
        (curve(|file| file["curve_type"] = "bn254".into()), "BN254"),
        (validator.to_owned(), "validators"),
    ];
    for (text, named) in cases {
        let file = written(directory.path(), "x.bls.key.json", &text);
        let error = ForeignKey::read(&file).unwrap_err();
        assert!(matches!(error, Error::WrongCurve { .. }), "{error}");
        let words = error.to_string();
        for part in [named, "x.bls.key.json", "keeper keys new"] {
            assert!(words.contains(part) && words.lines().count() == 1, "{words}");
        }
    }
}

#[test]
fn nonsense_is_no_key() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "{}", "[]", "{\"version\": 5}", "hello", &"a".repeat(100_000), "{\"version\": 3}"] {
        let file = written(directory.path(), "key", text);
        let read = ForeignKey::read(&file).and_then(|foreign| foreign.open(Some(&secret_password())));
        assert!(matches!(read, Err(Error::Malformed { .. })), "{read:?}");
    }
}

#[test]
fn an_exported_key_comes_back_under_another_password() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    let new = Password::new("battery staple");
    let other = Keystore::at(&directory.path().join("other"));
    for kind in [KeyKind::Bls, KeyKind::Ecdsa] {
        let file = directory.path().join(format!("{kind:?}"));
        keystore.export(kind, (&secret_password(), &new), Strength::Light, &file).unwrap();
        assert_eq!(others_may_read(&file), None);
        let again = keystore.export(kind, (&secret_password(), &new), Strength::Light, &file);
        assert!(matches!(again, Err(Error::Exists { .. })), "nothing is overwritten");
        let foreign = ForeignKey::read(&file).unwrap();
        other.take(&foreign.open(Some(&new)).unwrap(), &secret_password(), Strength::Light).unwrap();
    }
    let moved = other.public().unwrap();
    assert_eq!((moved.operator, moved.bls), (public.operator, public.bls));
}

#[test]
fn a_password_is_changed_for_both_keys_or_for_none() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    let new = Password::new("battery staple");
    let wrong = keystore.change_password(&Password::new("wrong"), &new, Strength::Light);
    assert!(matches!(wrong, Err(Error::WrongPassword { .. })));
    keystore.open(&secret_password()).unwrap();
    keystore.change_password(&secret_password(), &new, Strength::Light).unwrap();
    assert!(matches!(keystore.open(&secret_password()), Err(Error::WrongPassword { .. })));
    keystore.open(&new).unwrap();
    assert_eq!(keystore.public().unwrap(), public, "the same keys in the same files");
    assert_eq!(keystore.list().unwrap().len(), 2, "and nothing is left beside them");
}

/// As a crash between the two files leaves them.
#[test]
fn a_change_of_password_that_was_interrupted_is_ended() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    let before = std::fs::read(&public.wallet_path).unwrap();
    let new = Password::new("battery staple");
    keystore.change_password(&secret_password(), &new, Strength::Light).unwrap();
    write_private(&public.wallet_path, &before).unwrap();
    write_private(&directory.path().join("keystores/bls-00.json.tmp"), b"half").unwrap();
    keystore.change_password(&secret_password(), &new, Strength::Light).unwrap();
    keystore.open(&new).unwrap();
}
