mod foreign;
mod vectors;

use std::os::unix::fs::PermissionsExt;

use super::*;

fn fresh() -> (tempfile::TempDir, Keystore) {
    let directory = tempfile::tempdir().unwrap();
    let keystore = Keystore::at(&directory.path().join("keystores"));
    (directory, keystore)
}

fn secret_password() -> Password {
    Password::new("correct horse")
}

#[test]
fn keys_are_made_once_and_open_with_their_password() {
    let (_directory, keystore) = fresh();
    assert!(keystore.create(&secret_password(), Strength::Light).unwrap());
    let public = keystore.public().unwrap();
    let keys = keystore.open(&secret_password()).unwrap();
    assert_eq!(keys.wallet.address(), public.operator);
    assert_eq!(keys.bls.public_key().to_bytes(), public.bls.to_bytes());
    assert!(!keystore.create(&secret_password(), Strength::Light).unwrap());
    assert_eq!(keystore.public().unwrap(), public);
}

#[test]
fn a_secret_goes_into_no_file_that_was_there_before() {
    let directory = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (directory.path().join("key"), directory.path().join("elsewhere"));
    std::fs::write(&elsewhere, "theirs").unwrap();
    std::os::unix::fs::symlink(&elsewhere, path.with_extension("tmp")).unwrap();
    write_private(&path, b"secret").unwrap();
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"theirs");
    assert_eq!(std::fs::read(&path).unwrap(), b"secret");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// `journal export FILE.json` writes where its user keeps other things.
#[test]
fn files_beside_the_one_that_is_written_are_let_be() {
    let directory = tempfile::tempdir().unwrap();
    let (path, unrelated) = (directory.path().join("history.json"), directory.path().join("history.tmp"));
    std::fs::write(&unrelated, "theirs").unwrap();
    write_private(&path, b"secret").unwrap();
    assert_eq!(std::fs::read(&unrelated).unwrap(), b"theirs");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "and nothing else is left behind");
    std::fs::create_dir(directory.path().join("taken.json")).unwrap();
    write_private(&directory.path().join("taken.json"), b"secret").unwrap_err();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3, "nor by one that failed");
}

#[test]
fn a_wrong_password_is_told_with_the_file() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    for outcome in [
        keystore.open(&Password::new("wrong")).map(|_| ()),
        keystore.create(&Password::new("wrong"), Strength::Light).map(|_| ()),
    ] {
        let error = outcome.unwrap_err();
        assert!(matches!(&error, Error::WrongPassword { path } if *path == public.bls_path), "{error}");
        assert!(error.to_string().contains("--password-file"));
    }
    let error = keystore.open_wallet(&Password::new("wrong")).unwrap_err();
    assert!(matches!(error, Error::WrongPassword { path } if path == public.wallet_path));
}

#[test]
fn an_interrupted_creation_is_completed() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let before = keystore.public().unwrap();
    std::fs::remove_file(&before.wallet_path).unwrap();
    assert!(matches!(keystore.public(), Err(Error::Missing { kind: "ECDSA", .. })));
    assert!(keystore.create(&secret_password(), Strength::Light).unwrap());
    let after = keystore.public().unwrap();
    assert_eq!(after.bls, before.bls);
    assert_ne!(after.operator, before.operator);
}

/// As cast and geth leave them: under a name of their own, without an address, and as editors save them again.
#[test]
fn foreign_wallet_files_are_read_or_refused_with_a_reason() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let before = keystore.public().unwrap();
    let text = std::fs::read_to_string(&before.wallet_path).unwrap();
    std::fs::remove_file(&before.wallet_path).unwrap();
    let mut nameless: serde_json::Value = serde_json::from_str(&text).unwrap();
    nameless.as_object_mut().unwrap().remove("address");
    nameless.as_object_mut().unwrap().remove("id");
    let address = alloy::hex::encode(before.operator);
    let utc = format!("UTC--2026-11-28T10-00-00.000000000Z--{address}");
    let utf16 = |text: &str| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut empty: serde_json::Value = serde_json::from_str(&text).unwrap();
    (empty["address"], empty["id"]) = (serde_json::json!(""), serde_json::Value::Null);
    let files: [(&str, Vec<u8>); 6] = [
        (&utc, empty.to_string().into_bytes()),
        (&utc, text.clone().into_bytes()),
        (&utc, nameless.to_string().into_bytes()),
        (&format!("ecdsa-{address}.json"), nameless.to_string().into_bytes()),
        (&utc, format!("\u{feff}{text}").into_bytes()),
        (&utc, utf16(&text)),
    ];
    let folder = directory.path().join("keystores");
    for (name, bytes) in files {
        write_private(&folder.join(name), &bytes).unwrap();
        assert_eq!(keystore.public().unwrap().operator, before.operator, "{name}");
        assert_eq!(keystore.open(&secret_password()).unwrap().wallet.address(), before.operator, "{name}");
        assert!(!keystore.create(&secret_password(), Strength::Light).unwrap(), "no second wallet beside {name}");
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    write_private(&folder.join("ecdsa-mine.json"), nameless.to_string().as_bytes()).unwrap();
    assert_eq!(keystore.open(&secret_password()).unwrap().wallet.address(), before.operator, "it can run all the same");
    let error = keystore.public().unwrap_err().to_string();
    assert!(error.contains("cast wallet address"), "{error}");
    std::fs::write(folder.join("ecdsa-mine.json"), [0x80, 0x81, 0x82]).unwrap();
    assert!(keystore.open(&secret_password()).unwrap_err().to_string().contains("save it as UTF-8"));
}

#[test]
fn files_are_private() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("keystores")), 0o700);
    assert_eq!(mode(&public.bls_path), 0o600);
    assert_eq!(mode(&public.wallet_path), 0o600);
}

#[test]
fn secrets_do_not_show() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let keys = keystore.open(&secret_password()).unwrap();
    let shown = format!("{keys:?} {:?}", secret_password());
    let bls = alloy::hex::encode(*keys.bls.to_bytes());
    let wallet = alloy::hex::encode(keys.wallet.key().to_bytes());
    assert!(!shown.contains(&bls) && !shown.contains(&wallet) && !shown.contains("horse"), "{shown}");
    let public = keystore.public().unwrap();
    for path in [public.bls_path, public.wallet_path] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains(&bls) && !text.contains(&wallet));
    }
}

#[test]
fn several_keystores_of_a_kind_are_not_guessed_between() {
    let (directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    std::fs::copy(&public.bls_path, directory.path().join("keystores/bls-copy.json")).unwrap();
    assert!(matches!(keystore.public(), Err(Error::Ambiguous { kind: "BLS", count: 2, .. })));
}

#[test]
fn a_keystore_under_the_name_of_another_key_is_refused() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let public = keystore.public().unwrap();
    let other = SecretKey::generate(&[3; 32]).public_key();
    for (path, own, others) in [
        (&public.bls_path, alloy::hex::encode(public.bls.to_bytes()), alloy::hex::encode(other.to_bytes())),
        (&public.wallet_path, alloy::hex::encode(public.operator), "11".repeat(20)),
    ] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&own));
        std::fs::write(path, text.replace(&own, &others)).unwrap();
    }
    assert!(matches!(keystore.open(&secret_password()), Err(Error::Mismatch { .. })));
    assert!(matches!(keystore.open_wallet(&secret_password()), Err(Error::Mismatch { .. })));
}

#[test]
fn nonsense_in_a_file_is_an_error_that_names_it() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let path = keystore.public().unwrap().bls_path;
    let good = std::fs::read_to_string(&path).unwrap();
    let huge = format!("\"{}\"", "a".repeat(100_000));
    let cases = [
        String::new(),
        "{}".to_owned(),
        huge,
        good.replace("\"version\": 4", "\"version\": 3"),
        good.replace("\"n\": 4096", "\"n\": 4294967295"),
        good.replace("\"n\": 4096", "\"n\": 1073741824"),
        good.replace("\"n\": 4096", "\"n\": 0"),
        good.replace("\"r\": 8", "\"r\": 4000000000"),
        good.replace("\"p\": 6", "\"p\": 4000000000"),
        good.replace("\"dklen\": 32", "\"dklen\": 4000000000"),
        good.replace("aes-128-ctr", "rot13"),
        good.replace("\"iv\": \"", "\"iv\": \"zz"),
    ];
    for case in cases {
        assert_ne!(case, good, "a replacement found nothing to replace");
        std::fs::write(&path, &case).unwrap();
        let error = keystore.open(&secret_password()).unwrap_err();
        assert!(matches!(&error, Error::Malformed { path: named, .. } if *named == path), "{error}");
    }
}

#[test]
fn password_files_give_their_first_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    for content in ["correct horse", "correct horse\n", "correct horse\r\nsecond line\n"] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(Password::from_file(&path).unwrap().raw(), b"correct horse");
    }
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(Password::from_file(&path), Err(Error::NoPassword(why)) if why.contains("empty")));
    let missing = Password::from_file(&directory.path().join("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
}

#[test]
fn alloy_opens_our_wallets() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let path = keystore.public().unwrap().wallet_path;
    let theirs = PrivateKeySigner::decrypt_keystore(path, "correct horse").unwrap();
    assert_eq!(theirs.address(), keystore.public().unwrap().operator);
}

/// EIP-2335 leaves its texts optional, and hex is written in more ways than one.
#[test]
fn foreign_bls_files_are_read_or_refused_with_a_reason() {
    let (_directory, keystore) = fresh();
    keystore.create(&secret_password(), Strength::Light).unwrap();
    let before = keystore.public().unwrap();
    let path = before.bls_path.clone();
    let text = std::fs::read_to_string(&path).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let named = file["pubkey"].as_str().unwrap().to_owned();
    for pubkey in [format!("0x{named}"), named.to_uppercase(), String::new()] {
        let mut other = file.clone();
        for optional in ["description", "path", "uuid"] {
            other[optional] = serde_json::Value::Null;
        }
        other["pubkey"] = serde_json::json!(pubkey);
        std::fs::write(&path, other.to_string()).unwrap();
        keystore.open(&secret_password()).unwrap();
        match keystore.public() {
            Ok(public) => assert_eq!(public.bls, before.bls, "{pubkey}"),
            Err(error) => assert!(pubkey.is_empty() && error.to_string().contains("names no pubkey"), "{error}"),
        }
    }
}
