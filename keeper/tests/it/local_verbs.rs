//! Verbs that need neither chain nor mesh, and what goes wrong before either is reached.

use keeper::paths::Paths;

use crate::keeper_process::Home;

#[test]
fn init_and_keys_answer_and_can_be_repeated() {
    let home = Home::new();
    let first = home.keeper(&["init", "--json"]).succeeded().json();
    assert_eq!(home.keeper(&["init", "--json"]).succeeded().json(), first);
    let made = home.keeper(&["keys", "new", "--light-scrypt", "--json"]).succeeded().json();
    assert_eq!(made["created"], true);
    assert_eq!(made["peer_id"], first["peer_id"]);
    assert_eq!(made["operator"].as_str().unwrap().len(), 42);
    assert_eq!(made["bls_public_key"].as_str().unwrap().len(), 2 + 2 * 96);
    let again = home.keeper(&["keys", "new", "--json"]).succeeded().json();
    assert_eq!((&again["created"], &again["operator"]), (&false.into(), &made["operator"]));
    let shown = home.keeper(&["keys", "show", "--json"]).succeeded().json();
    assert_eq!(shown["bls_public_key"], made["bls_public_key"]);
    let text = home.keeper(&["keys", "show"]).succeeded();
    assert!(text.stdout.contains(made["peer_id"].as_str().unwrap()), "{text:?}");
}

#[test]
fn a_wrong_password_names_the_keystore() {
    let home = Home::with_keys();
    let wrong = home.write("wrong", "battery staple\n");
    for verb in [&["keys", "new", "--json"][..], &["operator", "register", "--json"]] {
        let said = home.keeper_with(verb, &wrong);
        said.failed(5, &["wrong password", "keystores/bls-", "--password-file"]);
        let error = &said.json()["error"];
        assert_eq!((&error["code"], &error["exit"]), (&"K-KEY-01".into(), &5.into()));
        assert!(error["help"].as_str().unwrap().contains("password file") && error["causes"].is_array(), "{error}");
        assert_eq!(error["url"], "docs/errors.md#k-key-01");
        assert!(!said.stderr.contains("battery"), "a password was shown: {said:?}");
    }
}

#[test]
fn missing_files_are_named() {
    let home = Home::with_keys();
    home.keeper_with(&["keys", "new"], &home.path("nowhere")).failed(5, &["nowhere", "password file"]);
    let network = home.path("nowhere.toml");
    home.keeper(&["job", "list", "--network", network.to_str().unwrap()]).failed(2, &["nowhere.toml"]);
    home.keeper(&["job", "list"]).failed(2, &["--network", "KEEPER_NETWORK", "config.toml"]);
    let empty = Home::new();
    empty.keeper(&["keys", "show"]).failed(5, &["keeper keys new", "keystores"]);
}

#[test]
fn without_password_and_terminal_it_says_how_to_pass_one() {
    let home = Home::new();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(["keys", "new", "--datadir"])
        .arg(home.data())
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--password-file"));
}

#[test]
fn a_data_directory_in_use_is_named_with_its_process() {
    let home = Home::with_keys();
    let _lock = Paths::resolve(Some(&home.data())).unwrap().lock().unwrap();
    let process = std::process::id().to_string();
    let data = home.data();
    for verb in [&["init"][..], &["keys", "new"]] {
        home.keeper(verb).failed(8, &["in use", data.to_str().unwrap(), &process]);
    }
    let network = home.write("network.toml", NETWORK);
    let join = ["join", "--network", network.to_str().unwrap(), "--bootnode", BOOTNODE];
    home.keeper(&join).failed(8, &["in use", data.to_str().unwrap(), &process]);
    // Looking is always allowed.
    home.keeper(&["keys", "show"]).succeeded();
}

/// libp2p shares its ports with whoever asks for it, so a second keeper would get half of the first one's connections.
#[tokio::test]
async fn a_port_that_another_node_listens_on_is_said_and_exits_with_7() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    let config = p2p::Config { listen: vec![listen.parse().unwrap()], ..p2p::Config::default() };
    let first = p2p::build(config, &p2p::Identity::generate(), &mut p2p::Registry::default()).unwrap();
    let home = Home::with_keys();
    let network = home.write("network.toml", NETWORK);
    let join = ["join", "--network", network.to_str().unwrap(), "--bootnode", BOOTNODE, "--listen", &listen];
    let elsewhere = ["--api-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
    home.keeper(&[&join[..], &elsewhere].concat()).failed(7, &[&listen, "in use", "choose another address"]);
    drop(first);
}

#[test]
fn unknown_configuration_keys_are_named() {
    let home = Home::new();
    home.write("data/config.toml", "max_peers = 4\nbootnode = []\n");
    let said = home.keeper(&["init", "--json"]);
    said.failed(2, &["K-CFG-02", "config.toml", "line 2", "did you mean `bootnodes`?"]);
    assert!(said.json()["error"]["message"].as_str().unwrap().contains("bootnode"));
    let elsewhere = home.write("other.toml", "colour = 1\n");
    let other = Home::new();
    other.keeper(&["init", "--config", elsewhere.to_str().unwrap()]).failed(2, &["other.toml", "colour"]);
}

#[test]
fn malformed_flags_are_usage_errors() {
    let home = Home::new();
    for (flag, value) in [("--bootnode", "/ip4/1.2.3"), ("--bootnode", "/ip4/1.2.3.4/tcp/1"), ("--listen", "7419")] {
        home.keeper(&["join", flag, value]).failed(2, &[flag, value]);
    }
    home.keeper(&["dance"]).failed(2, &["K-USE-01", "dance"]);
    let said = home.keeper(&["keys", "sho", "--json"]);
    said.failed(2, &["show"]);
    assert_eq!(said.json()["error"]["code"], "K-USE-01", "what cannot be read is told in JSON too");
    home.keeper(&["init", "--log-level", "=!"]).failed(2, &["--log-level"]);
}

#[test]
fn join_without_keys_says_how_to_make_them() {
    let home = Home::new();
    let network = home.write("network.toml", NETWORK);
    let join = ["join", "--network", network.to_str().unwrap(), "--bootnode", BOOTNODE];
    let next = format!("the next command is: keeper keys new --datadir {} --password-file", home.data().display());
    home.keeper(&join).failed(5, &["K-KEY-02", &next]);
    let wrong = home.write("wrong", "battery staple\n");
    let home = Home::with_keys();
    home.keeper_with(&join, &wrong).failed(5, &["wrong password"]);
}

const BOOTNODE: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";

/// A network nobody answers for.
pub(crate) const NETWORK: &str = r#"
chain_id = 31337
rpc_urls = ["http://127.0.0.1:1"]
deploy_block = 1
bootnodes = []
confirmations = 0
block_seconds = 1
epoch_seconds = 10

[contracts]
keeper_registry = "0x1111111111111111111111111111111111111111"
job_manager = "0x2222222222222222222222222222222222222222"
task_manager = "0x3333333333333333333333333333333333333333"
service_manager = "0x4444444444444444444444444444444444444444"
challenger = "0x7777777777777777777777777777777777777777"
allocation_manager = "0x5555555555555555555555555555555555555555"
strategy = "0x6666666666666666666666666666666666666666"
"#;

#[test]
fn an_unreachable_chain_is_an_error_of_the_chain() {
    let home = Home::with_keys();
    let network = home.write("network.toml", NETWORK);
    for verb in [&["job", "list"][..], &["job", "show", "1"], &["operator", "status"], &["operator", "register"]] {
        let said = home.keeper(&[verb, &["--json", "--network", network.to_str().unwrap()]].concat());
        said.failed(6, &["http://127.0.0.1:1", "refused"]);
        assert_eq!(said.json()["error"]["exit"], 6);
        assert_eq!(said.json()["error"]["code"], "K-CHAIN-01");
    }
}
