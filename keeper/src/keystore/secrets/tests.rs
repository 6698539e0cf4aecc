use executor::Secrets as _;

use super::*;

fn named(name: &str, host: &str, job: Option<u64>) -> SecretName {
    SecretName { name: name.to_owned(), host: host.to_owned(), job }
}

#[test]
fn secrets_come_back_under_the_password_and_under_no_other() {
    let home = tempfile::tempdir().unwrap();
    let keystore = Keystore::at(&home.path().join("keystores"));
    let password = Password::new("correct horse battery");
    assert!(keystore.secrets(&password).unwrap().names().is_empty());
    let mut secrets = Secrets::default();
    assert_eq!(secrets.set(named("KEY", "api.example", None), "first"), Ok(false));
    assert_eq!(secrets.set(named("KEY", "api.example", None), "hunter2"), Ok(true));
    let path = keystore.store_secrets(&secrets, &password, Strength::Light).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("api.example"), "{text}");
    let back = keystore.secrets(&password).unwrap();
    assert_eq!(back.names(), [named("KEY", "api.example", None)]);
    assert_eq!(back.secret("KEY", "api.example", 7).as_deref(), Some("hunter2"));
    assert_eq!(format!("{back:?}"), "Secrets(1)");
    let (next, _) = (Password::new("another one, as good"), keystore.create(&password, Strength::Light).unwrap());
    for _ in 0..2 {
        keystore.change_password(&password, &next, Strength::Light).unwrap();
        assert_eq!(keystore.secrets(&next).unwrap().names().len(), 1, "with the keys, and again after an interruption");
    }
    keystore.store_secrets(&secrets, &password, Strength::Light).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let wrong = keystore.secrets(&Password::new("incorrect horse")).unwrap_err();
    assert!(matches!(wrong, Error::WrongPassword { .. }), "{wrong}");
    let spoilt = text.replacen("\"message\": \"", "\"message\": \"00", 1);
    std::fs::write(&path, spoilt).unwrap();
    assert!(matches!(keystore.secrets(&password).unwrap_err(), Error::WrongPassword { .. }));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(keystore.secrets(&password).unwrap_err(), Error::Malformed { .. }));
}

#[test]
fn a_secret_is_for_its_host_and_its_job() {
    let mut secrets = Secrets::default();
    secrets.set(named("KEY", "a.example", None), "any").unwrap();
    secrets.set(named("KEY", "a.example", Some(7)), "own").unwrap();
    secrets.set(named("KEY", "b.example", Some(7)), "b").unwrap();
    let secret = |host: &str, job: u64| secrets.secret("KEY", host, job);
    assert_eq!((secret("a.example", 7).as_deref(), secret("a.example", 8).as_deref()), (Some("own"), Some("any")));
    assert_eq!((secret("b.example", 7).as_deref(), secret("b.example", 8)), (Some("b"), None));
    assert_eq!((secret("c.example", 7), secrets.secret("OTHER", "a.example", 7)), (None, None));
    assert!(
        secrets.remove(&named("KEY", "a.example", Some(7))) && !secrets.remove(&named("KEY", "a.example", Some(7)))
    );
    for (name, host, value) in [
        ("", "a.example", "x"),
        ("a b", "a.example", "x"),
        ("KEY", "https://a.example", "x"),
        ("KEY", "a.example", ""),
        ("KEY", "a.example", "two\nlines"),
        ("KEY", "a.example", "é"),
    ] {
        assert!(secrets.set(named(name, host, None), value).is_err(), "{name:?} {host:?} {value:?}");
    }
    assert!(secrets.set(named("KEY", "a.example", None), &"x".repeat(513)).is_err());
    for number in 0..62 {
        secrets.set(named(&format!("N{number}"), "a.example", None), "x").unwrap();
    }
    assert!(secrets.set(named("LAST", "a.example", None), "x").unwrap_err().contains("there are 64"));
}
