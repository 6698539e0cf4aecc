use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use alloy::primitives::{Address, address, b256};

use super::{Contracts, Network, NetworkError};

fn network() -> Network {
    let of = Address::repeat_byte;
    Network {
        chain_id: 31337,
        rpc_urls: vec!["http://127.0.0.1:8545".to_owned()],
        deploy_block: 1,
        bootnodes: vec![],
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 10,
        contracts: Contracts {
            keeper_registry: of(0x22),
            job_manager: of(0x33),
            task_manager: address!("1111111111111111111111111111111111111111"),
            service_manager: of(0x44),
            challenger: of(0x77),
            allocation_manager: of(0x55),
            strategy: of(0x66),
        },
    }
}

#[test]
fn what_is_saved_is_loaded() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("network.toml");
    network().save(&path)?;
    assert_eq!(Network::load(&path)?, network());
    assert_eq!(fs::read_dir(directory.path())?.count(), 1, "no temporary file is left behind");
    Ok(())
}

/// The separator that tests/vectors/certificate.json has for this chain and TaskManager.
#[test]
fn domain_is_the_one_that_is_signed() {
    let expected = b256!("5539cbfe5540b79a5a7a225662e7da92b101ce8f0122fc0db553e91f30113dcb");
    assert_eq!(network().domain_separator(), expected);
    assert_eq!(network().domain8(), "5539cbfe5540b79a");
}

#[test]
fn windows_are_never_shorter_than_two_seconds() {
    let mut slow = network();
    assert_eq!(slow.window_seconds(), 2);
    slow.block_seconds = 12;
    assert_eq!(slow.window_seconds(), 12);
}

#[test]
fn blocks_may_be_shorter_than_a_second() -> Result<(), Box<dyn Error>> {
    let (mut short, mut slow) = (network(), network());
    short.block_milliseconds = Some(250);
    slow.block_seconds = 12;
    assert_eq!([network().blocks_in(60), short.blocks_in(60), slow.blocks_in(60)], [60, 240, 5]);
    assert_eq!(short.block_time(), Duration::from_millis(250));
    assert_eq!(short.window_seconds(), 2);
    assert!(!toml::to_string(&network())?.contains("milliseconds"), "left out where it says nothing");
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("network.toml");
    short.save(&path)?;
    assert_eq!(Network::load(&path)?, short);
    Ok(())
}

fn refused(text: &str) -> Result<String, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("network.toml");
    fs::write(&path, text)?;
    match Network::load(&path) {
        Ok(network) => Err(format!("accepted: {network:?}").into()),
        Err(error) => Ok(error.to_string()),
    }
}

#[test]
fn bad_files_are_named_with_key_and_reason() -> Result<(), Box<dyn Error>> {
    let good = toml::to_string(&network())?;
    for (from, to, expected) in [
        ("chain_id = 31337", "chain_id = 0", "chain_id is 0"),
        ("chain_id = 31337", "chain_id = \"x\"", "chain_id"),
        ("block_seconds = 1", "block_seconds = 0", "block_seconds is 0"),
        ("block_seconds = 1", "block_seconds = 9223372036854775807", "block_seconds is more than a day"),
        ("block_seconds = 1", "block_seconds = 1\nblock_milliseconds = 0", "block_milliseconds is for"),
        ("block_seconds = 1", "block_seconds = 2\nblock_milliseconds = 250", "block_milliseconds is for"),
        ("epoch_seconds = 10", "epoch_seconds = 0", "epoch_seconds is 0"),
        ("epoch_seconds = 10", "epoch_secs = 10", "epoch_secs"),
        ("[\"http://127.0.0.1:8545\"]", "[]", "rpc_urls is empty"),
        ("0x3333333333333333333333333333333333333333", "0x33", "job_manager"),
        (
            "0x3333333333333333333333333333333333333333",
            "0x0000000000000000000000000000000000000000",
            "contracts.job_manager is the zero address",
        ),
    ] {
        assert!(good.contains(from), "{from} is in the file");
        let message = refused(&good.replace(from, to))?;
        assert!(message.contains(expected), "{message:?} names {expected:?}");
        assert!(message.contains("network.toml"), "{message:?} names the file");
    }
    let message = refused(&" ".repeat(70_000))?;
    assert!(message.contains("70000 bytes"), "{message}");
    Ok(())
}

#[test]
fn a_missing_file_is_named() {
    let error = Network::load("no/such/network.toml").err();
    assert!(matches!(error, Some(NetworkError::Read { path, .. }) if path == "no/such/network.toml"));
}

#[test]
fn urls_are_not_repeated_in_errors() -> Result<(), Box<dyn Error>> {
    for text in [
        "chain_id = 1\nrpc_urls = [\"https://node/secret]\n",
        "chain_id = 1\nrpc_urls = \"https://node/secret\"\n",
        "chain_id = 1\nrpc_urls = \"node.example/secret\"\n",
        "chain_id = 1\nrpc_url = \"node.example/secret\"\n",
        "chain_id = 1\nrpc_urls = [\"node.example/secret]\n",
        "chain_id = 1\nrpc_urls = [\"a\", node.example/secret]\n",
    ] {
        let message = refused(text)?;
        assert!(message.contains("line 2") && !message.contains("secret"), "{message}");
    }
    Ok(())
}

/// As some editors and shells save it.
#[test]
fn byte_order_marks_and_utf16_are_read() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("network.toml");
    let text = format!("\u{feff}{}", toml::to_string(&network())?);
    let units = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [text.clone().into_bytes(), units] {
        fs::write(&path, bytes)?;
        assert_eq!(Network::load(&path)?, network());
    }
    fs::write(&path, [0x80, 0x81])?;
    let error = Network::load(&path).err().ok_or("read what is no text")?.to_string();
    assert!(error.contains("network.toml") && error.contains("UTF-8"), "{error}");
    Ok(())
}

#[test]
fn a_file_with_a_key_is_its_owners_alone() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("network.toml");
    let mode = || fs::metadata(&path).map(|there| there.permissions().mode() & 0o777);
    let with = |url: &str| Network { rpc_urls: vec![url.to_owned()], ..network() };
    with("http://127.0.0.1:8545").save(&path)?;
    assert_eq!(mode()? & 0o600, 0o600, "as everything else of the user's");
    for url in
        ["https://node.example/v3/0123456789abcdef", "https://name:word@node.example", "https://node.example/?k=v"]
    {
        with("http://127.0.0.1:8545").save(&path)?;
        with(url).save(&path)?;
        assert_eq!(mode()?, 0o600, "{url}");
        assert_eq!(Network::load(&path)?.rpc_urls, [url], "it is of use all the same");
    }
    Ok(())
}

#[test]
fn whether_a_file_can_be_written_is_known_before_it_is() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let there = directory.path().join("network.toml");
    fs::write(&there, "theirs")?;
    for path in [&there, &directory.path().join("new.toml")] {
        Network::check_writable(path)?;
    }
    assert_eq!(fs::read(&there)?, b"theirs");
    assert_eq!(fs::read_dir(directory.path())?.count(), 1, "nothing is left behind");
    for path in [directory.path().join("none/network.toml"), directory.path().to_owned(), there.join("network.toml")] {
        let error = Network::check_writable(&path).err().ok_or("it can be written")?;
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    Ok(())
}
