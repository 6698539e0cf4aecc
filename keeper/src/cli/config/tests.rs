use super::*;
use crate::cli::start::parse;
use crate::cli::{Cli, Command};

/// What a line comes to.
fn shown(line: &[&str]) -> Vec<Row> {
    let words = ["keeper", "config", "show"].iter().chain(line).map(std::ffi::OsString::from);
    let Cli { global, command } = parse(words).unwrap();
    let Command::Config(ConfigCommand::Show(args)) = command else { panic!("not config show") };
    table(&global, &args.node).unwrap()
}

fn row<'a>(rows: &'a [Row], key: &str) -> &'a Row {
    rows.iter().find(|row| row.key == key).unwrap()
}

const NETWORK: &str = r#"chain_id = 31337
rpc_urls = ["https://node.example/secret"]
deploy_block = 1
bootnodes = ["/ip4/203.0.113.7/tcp/7419/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ"]
confirmations = 0
block_seconds = 1
epoch_seconds = 10

[contracts]
keeper_registry = "0x1111111111111111111111111111111111111111"
job_manager = "0x1111111111111111111111111111111111111111"
task_manager = "0x1111111111111111111111111111111111111111"
service_manager = "0x1111111111111111111111111111111111111111"
challenger = "0x1111111111111111111111111111111111111111"
allocation_manager = "0x1111111111111111111111111111111111111111"
strategy = "0x1111111111111111111111111111111111111111"
"#;

#[test]
fn each_value_comes_with_its_place_and_the_nearest_wins() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("network.toml"), NETWORK).unwrap();
    let text = "\nmax_peers = 9\nnetwork = \"network.toml\"\napi_addr = \"127.0.0.1:9\"\nlisten = []\n";
    std::fs::write(at("config.toml"), text).unwrap();
    let datadir = directory.path().to_str().unwrap();
    let rows = shown(&["--datadir", datadir, "--max-peers", "3", "--no-challenge", "--origin"]);
    let config = |line| vec![Origin::Config(at("config.toml"), line)];
    for (key, value, origins) in [
        ("max_peers", json!(3), vec![Origin::Flag("--max-peers")]),
        ("challenge", json!(false), vec![Origin::Flag("--no-challenge")]),
        ("api_addr", json!("127.0.0.1:9"), config(4)),
        ("network", json!(at("network.toml")), config(3)),
        ("metrics_addr", json!("127.0.0.1:7421"), vec![Origin::Default]),
        ("listen", json!(["/ip4/0.0.0.0/tcp/7419"]), vec![Origin::Default]),
        ("rpc_urls", json!(["https://node.example"]), vec![Origin::Network(at("network.toml"), 2)]),
    ] {
        let row = row(&rows, key);
        assert_eq!((&row.value, &row.origins), (&value, &origins), "{key}");
    }
    assert_eq!(rows.len(), KEYS.len());
    assert!(line(row(&rows, "api_addr"), true).ends_with("config.toml:4)"));
}

/// A node's URL in place of the network file's; a bootnode besides its.
#[test]
fn nodes_give_way_and_bootnodes_add_up() {
    let directory = tempfile::tempdir().unwrap();
    let network = directory.path().join("network.toml");
    std::fs::write(&network, NETWORK).unwrap();
    let other = "/ip4/203.0.113.8/tcp/7419/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
    let [datadir, file] = [directory.path(), &network].map(|path| path.to_str().unwrap());
    let rows = shown(&["--datadir", datadir, "--network", file, "--rpc-url", "http://a:b@node/x", "--bootnode", other]);
    let nodes = row(&rows, "rpc_urls");
    assert_eq!((&nodes.value, &nodes.origins), (&json!(["http://node"]), &vec![Origin::Flag("--rpc-url")]));
    let bootnodes = row(&rows, "bootnodes");
    assert_eq!(bootnodes.value.as_array().unwrap().len(), 2);
    assert_eq!(bootnodes.origins, [Origin::Flag("--bootnode"), Origin::Network(network.clone(), 4)]);
}

/// Without any file there is still something to show.
#[test]
fn nothing_set_is_all_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let rows = shown(&["--datadir", directory.path().to_str().unwrap()]);
    let own = rows.iter().filter(|row| !matches!(row.key, "log_level" | "password_file"));
    assert!(
        own.clone().all(|row| row.origins == [Origin::Default] || row.origins == [Origin::Environment("RUST_LOG")])
    );
    assert_eq!(row(&rows, "network").value, Value::Null);
}
