use super::*;

const BOOTNODE: &str = "/ip4/203.0.113.7/tcp/7419/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";

/// Reads `text` as a config file.
fn load(text: &str) -> Result<Settings, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Settings::load(&path, true)
}

#[test]
fn every_key_of_the_template_is_known() {
    assert_eq!(load(TEMPLATE).unwrap(), Settings::default(), "the template must change nothing");
    let uncommented: String = TEMPLATE
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.contains(" = "))
        .map(|line| format!("{}\n", line.replace("12D3KooW...", &BOOTNODE[BOOTNODE.find("12D3").unwrap()..])))
        .collect();
    assert_eq!(uncommented.lines().count(), 17, "as many as Settings has fields");
    let settings = load(&uncommented).unwrap();
    assert_eq!(settings.bootnodes.len(), 1);
    assert!(BOOTNODE.ends_with(&settings.sentries[0].0.to_string()));
    assert_eq!(settings.max_peers, Some(p2p::DEFAULT_MAX_PEERS));
    assert_eq!(settings.api_addr.unwrap().port(), API_PORT);
    assert_eq!(settings.metrics_addr.unwrap().port(), METRICS_PORT);
    assert_eq!(settings.listen, p2p::Config::default().listen);
}

#[test]
fn unknown_keys_are_errors_with_file_and_key() {
    let message = load("bootnode = []\n").unwrap_err().to_string();
    assert!(message.contains("config.toml") && message.contains("bootnode") && message.contains("line 1"), "{message}");
}

#[test]
fn wrong_values_are_errors_with_file_and_key() {
    for text in [
        "max_peers = -1",
        "api_addr = \"localhost\"",
        "bootnodes = [\"/ip4/1.2.3\"]",
        "sentries = [\"/ip4/1.2.3.4/tcp/1\"]",
        "log_format = \"xml\"",
        "= 3",
    ] {
        let message = load(text).unwrap_err().to_string();
        assert!(message.contains("config.toml") && message.contains("line 1"), "{text}: {message}");
    }
}

#[test]
fn a_missing_file_is_fine_unless_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    assert_eq!(Settings::load(&path, false).unwrap(), Settings::default());
    assert!(matches!(Settings::load(&path, true), Err(Error::Io { path: named, .. }) if named == path));
}

#[test]
fn a_huge_file_is_refused() {
    assert!(matches!(load(&"#".repeat(300_000)), Err(Error::Io { .. })));
}

#[test]
fn relative_paths_start_at_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    std::fs::write(&path, "network = \"net.toml\"\npassword_file = \"/etc/pw\"\n").unwrap();
    let settings = Settings::load(&path, true).unwrap();
    assert_eq!(settings.network.unwrap(), directory.path().join("net.toml"));
    assert_eq!(settings.password_file.unwrap(), Path::new("/etc/pw"));
}

#[test]
fn the_first_source_wins_key_by_key() {
    let flags = Settings { max_peers: Some(3), bootnodes: vec![BOOTNODE.parse().unwrap()], ..Settings::default() };
    let file = load("max_peers = 9\nnetwork = \"/n.toml\"\napi_addr = \"127.0.0.1:9\"\n").unwrap();
    let config = Config::merge(flags.or(file), Path::new("/c.toml"), Path::new("/cache")).unwrap();
    assert_eq!((config.max_peers, config.network.as_path()), (3, Path::new("/n.toml")));
    assert_eq!((config.api_addr.port(), config.metrics_addr.port()), (9, METRICS_PORT));
    assert_eq!(config.bootnodes.len(), 1);
    assert_eq!(config.cache_dir, Path::new("/cache"));
    assert_eq!(config.listen, p2p::Config::default().listen);
}

#[test]
fn without_a_network_file_the_error_says_where_to_name_one() {
    let error = Config::merge(Settings::default(), Path::new("/c.toml"), Path::new("/cache")).unwrap_err();
    let message = error.to_string();
    for part in ["--network", "KEEPER_NETWORK", "/c.toml"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn urls_are_not_repeated_in_errors() {
    for text in [
        "\nrpc_urls = [\"https://node/secret\", \"::secret://::\"]\n",
        "\nrpc_urls = \"https://node/secret\"\n",
        "\nrpc_urls = [\"https://node/secret]\n",
        "\nrpc_url = [\"https://node/secret\"]\n",
    ] {
        let message = load(text).unwrap_err().to_string();
        assert!(
            message.contains("config.toml") && message.contains("line 2") && !message.contains("secret"),
            "{message}"
        );
    }
}
