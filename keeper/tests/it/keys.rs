//! Keys, backups and settings as people type them.

use std::os::unix::fs::PermissionsExt;

use crate::keeper_process::Home;
use crate::local_verbs::NETWORK;

const ANVIL: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// A file that is its owner's alone.
fn private(home: &Home, name: &str, text: &str) -> String {
    let path = home.write(name, text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_wallet_is_imported_listed_exported_and_put_under_another_password() {
    let home = Home::new();
    let key = private(&home, "key", ANVIL);
    let said = home.keeper(&["keys", "import", &key, "--light-scrypt", "--json"]).succeeded();
    let document = said.json();
    assert_eq!(document["imported"][0]["kind"], "ECDSA");
    assert!(document["notes"][0].as_str().unwrap().contains("anvil"), "{document}");
    home.keeper(&["keys", "new", "--light-scrypt"]).succeeded();
    let listed = home.keeper(&["keys", "list", "--json"]).succeeded().json();
    let kinds: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| key["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["BLS", "ECDSA", "peer"]);
    assert!(listed["keys"].as_array().unwrap().iter().all(|key| key["state"] == "fine"), "{listed}");

    let new = home.write("new", "battery staple\n");
    let (new, out) = (new.to_str().unwrap(), home.path("out.json"));
    let out = out.to_str().unwrap();
    let export = ["keys", "export", "ecdsa", out, "--new-password-file", new, "--light-scrypt"];
    home.keeper(&export).failed(2, &["no terminal", "--yes"]);
    assert!(!home.path("out.json").exists());
    home.keeper(&[&export[..], &["--yes"]].concat()).succeeded();
    let other = Home::new();
    other.keeper(&["keys", "import", out, "--light-scrypt"]).failed(5, &["K-KEY-01", "wrong password", "out.json"]);
    assert!(other.keeper(&["keys", "list"]).succeeded().stdout.contains("no keys"), "nothing unopened is kept");
    other.keeper(&["keys", "import", out, "--from-password-file", new, "--light-scrypt"]).succeeded();

    home.keeper(&["keys", "passwd", "--new-password-file", new, "--light-scrypt"]).succeeded();
    home.keeper(&["keys", "new"]).failed(5, &["wrong password"]);
    home.keeper_with(&["keys", "new"], &home.path("new")).succeeded();
}

#[test]
fn public_test_keys_are_refused_where_something_is_at_stake() {
    let home = Home::new();
    let key = private(&home, "key", ANVIL);
    let network = home.write("network.toml", &NETWORK.replace("chain_id = 31337", "chain_id = 1"));
    let network = network.to_str().unwrap();
    home.keeper(&["keys", "import", &key, "--light-scrypt", "--network", network]).failed(5, &["K-KEY-10", "chain 1"]);
    home.keeper(&["keys", "import", &key, "--light-scrypt"]).succeeded();
    home.keeper(&["keys", "new", "--light-scrypt"]).succeeded();
    home.keeper(&["join", "--network", network]).failed(5, &["K-KEY-10", "anvil"]);
}

#[test]
fn a_backup_is_made_verified_and_restored_in_an_empty_directory_alone() {
    let home = Home::with_keys();
    let shown = home.keeper(&["keys", "show", "--json"]).succeeded().json();
    let file = home.path("backup");
    let file = file.to_str().unwrap();
    let made = home.keeper(&["backup", "create", file, "--light-scrypt", "--json"]).succeeded().json();
    assert_eq!(made["operator"], shown["operator"]);
    home.keeper(&["backup", "create", file]).failed(2, &["exists already"]);
    home.keeper(&["backup", "verify", file]).succeeded();
    let wrong = home.write("wrong", "battery staple\n");
    home.keeper_with(&["backup", "verify", file], &wrong).failed(8, &["K-BAK-01", "password"]);
    home.keeper(&["backup", "verify", "/nowhere"]).failed(4, &["/nowhere"]);
    let new = Home::new();
    new.keeper(&["backup", "restore", file]).succeeded();
    let moved = new.keeper(&["keys", "show", "--json"]).succeeded().json();
    assert_eq!((&moved["operator"], &moved["peer_id"]), (&shown["operator"], &shown["peer_id"]));
    Home::with_keys().keeper(&["backup", "restore", file]).failed(8, &["K-BAK-03", "empty --datadir"]);
    let _lock = keeper::paths::Paths::resolve(Some(&home.data())).unwrap().lock().unwrap();
    home.keeper(&["backup", "create", &format!("{file}2")]).failed(8, &["K-DATA-01", "in use"]);
    home.keeper(&["backup", "restore", file]).failed(8, &["K-DATA-01", "in use"]);
}

#[test]
fn settings_are_shown_with_their_places_and_checked() {
    let home = Home::new();
    home.write("data/network.toml", NETWORK);
    home.write("data/config.toml", "# mine\nnetwork = \"network.toml\"\nmax_peers = 7\n");
    let text = home.keeper(&["config", "show", "--origin"]).succeeded().stdout;
    for part in ["config.toml:3)", "network.toml:3)", "flag --password-file", "(default)"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let document = home.keeper(&["config", "show", "--json", "--max-peers", "3"]).succeeded().json();
    assert_eq!(document["settings"]["max_peers"]["value"], 3);
    assert_eq!(document["settings"]["max_peers"]["origin"][0]["name"], "--max-peers");
    home.keeper(&["config", "check"]).succeeded();
    let both = ["config", "check", "--api-addr", "127.0.0.1:7421"];
    home.keeper(&both).failed(2, &["api_addr", "metrics_addr", "127.0.0.1:7421"]);
    assert_eq!(
        home.keeper(&["config", "path"]).succeeded().stdout.trim(),
        home.data().join("config.toml").to_str().unwrap()
    );
    let template = home.keeper(&["config", "default"]).succeeded().stdout;
    home.write("data/config.toml", &template);
    home.keeper(&["init"]).succeeded();
    home.keeper(&["config", "check"]).failed(2, &["K-CFG-03", "--network"]);
}

#[test]
fn codes_completions_pages_and_versions_are_printed() {
    let home = Home::new();
    assert!(home.keeper(&["explain", "k-key-09"]).succeeded().stdout.contains("BN254"));
    home.keeper(&["explain", "K-KEY-9"]).failed(4, &["did you mean K-KEY-"]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(home.keeper(&["completions", shell]).succeeded().stdout.contains("keeper"), "{shell}");
    }
    assert!(home.keeper(&["man"]).succeeded().stdout.contains(".TH"));
    let pages = home.path("man");
    home.keeper(&["man", "--out", pages.to_str().unwrap()]).succeeded();
    assert!(pages.join("keeper-join.1").exists() && pages.join("keeper-keys-import.1").exists());
    assert_eq!(home.keeper(&["version", "--json"]).succeeded().json()["version"], env!("CARGO_PKG_VERSION"));
}

/// A data directory that cannot be written: no path below a file.
#[test]
fn a_data_directory_that_cannot_be_is_named() {
    let home = Home::new();
    let file = home.write("data", "a file\n");
    home.keeper(&["init"]).failed(8, &["K-DATA-03", file.to_str().unwrap()]);
}
