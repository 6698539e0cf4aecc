//! `keeper config set` and networks by name, by the real binary.

use crate::keeper_process::Home;
use crate::local_verbs::NETWORK;

#[test]
fn a_setting_is_set_shown_and_taken_back() {
    let home = Home::new();
    home.keeper(&["config", "set", "max_peers", "12"]).succeeded();
    let file = home.data().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nmax_peers = 12\n") && text.contains("# max_peers = 64"), "{text}");
    let shown = home.keeper(&["config", "show", "--json"]).succeeded().json();
    let setting = &shown["settings"]["max_peers"];
    assert_eq!((&setting["value"], &setting["origin"][0]["source"]), (&12.into(), &"config".into()), "{shown}");
    let listen = ["config", "set", "listen", "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"];
    home.keeper(&listen).succeeded();
    let shown = home.keeper(&["config", "show", "--json"]).succeeded().json();
    assert_eq!(shown["settings"]["listen"]["value"].as_array().unwrap().len(), 2, "{shown}");
    let said = home.keeper(&["config", "set", "max_peers", "13", "--json"]).succeeded().json();
    assert_eq!((&said["key"], &said["what"]), (&"max_peers".into(), &"is set".into()));
    home.keeper(&["config", "unset", "max_peers"]).succeeded();
    let shown = home.keeper(&["config", "show", "--json"]).succeeded().json();
    assert_eq!(shown["settings"]["max_peers"]["origin"][0]["source"], "default", "{shown}");
    assert!(home.keeper(&["config", "unset", "max_peers"]).succeeded().stdout.contains("was not set"));
}

#[test]
fn what_no_keeper_could_read_is_not_written() {
    let home = Home::new();
    home.keeper(&["config", "set", "max_peers", "12"]).succeeded();
    let file = home.data().join("config.toml");
    let before = std::fs::read(&file).unwrap();
    home.keeper(&["config", "set", "max_peer", "1"]).failed(2, &["no key `max_peer`", "did you mean `max_peers`?"]);
    home.keeper(&["config", "set", "max_peers", "many"]).failed(2, &["nothing was changed", "max_peers"]);
    home.keeper(&["config", "set", "region", "eu", "central"]).failed(2, &["one value"]);
    home.keeper(&["config", "set", "api_addr", "localhost"]).failed(2, &["nothing was changed"]);
    let said = home.keeper(&["config", "set", "rpc_urls", "http://user:s3cret@[node"]);
    said.failed(2, &["nothing was changed"]);
    assert!(!said.stderr.contains("s3cret"), "{said:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    home.write("data/config.toml", "bootnode = []\n");
    home.keeper(&["config", "set", "max_peers", "1"]).failed(2, &["line 1", "did you mean `bootnodes`?"]);
}

#[test]
fn a_network_has_a_name() {
    let home = Home::new();
    home.keeper(&["config", "set", "network", "mine"]).succeeded();
    home.keeper(&["config", "check"]).failed(2, &["K-CFG-04", "no network called \"mine\"", "networks", "mine.toml"]);
    let file = home.write("data/networks/mine.toml", NETWORK);
    let checked = home.keeper(&["config", "check", "--json"]).succeeded().json();
    assert_eq!((&checked["network"], &checked["chain_id"]), (&file.to_str().unwrap().into(), &31_337.into()));
    let shown = home.keeper(&["config", "show", "--origin"]).succeeded().stdout;
    let nodes = shown.lines().find(|line| line.starts_with("rpc_urls")).unwrap();
    assert!(nodes.contains("http://127.0.0.1:1") && nodes.contains("networks/mine.toml:3"), "{shown}");
    home.keeper(&["config", "check", "--network", "other"]).failed(2, &["\"other\"", "there are mine"]);
    // A path is one from where it is typed.
    let typed = home.write("elsewhere.toml", NETWORK);
    home.keeper(&["config", "set", "network", typed.to_str().unwrap()]).succeeded();
    assert_eq!(home.keeper(&["config", "check", "--json"]).succeeded().json()["network"], typed.to_str().unwrap());
}
