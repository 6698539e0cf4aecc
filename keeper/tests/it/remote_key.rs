//! An operator whose wallet's key another program has: anvil, which signs for its own accounts as Web3Signer does.

use alloy::providers::Provider;

use crate::keeper_process::Home;
use crate::on_chain::{Anvil, document};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_registers_with_a_key_that_it_does_not_have() {
    let anvil = Anvil::start().await;
    let home = Home::new();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let (network, url) = (file.to_str().unwrap(), anvil.deployment.network.rpc_urls[0].clone());
    let account = anvil.provider.get_accounts().await.unwrap()[3].to_string();
    let remote = ["keys", "remote", "web3signer", &url];

    home.keeper(&["keys", "remote", "web3signer", "http://127.0.0.1:1/s3cret"])
        .failed(5, &["does not answer", "start it"]);
    home.keeper(&remote).failed(2, &["10 accounts", "--address", &account]);
    let nobody = "0x00000000000000000000000000000000000000ff";
    home.keeper(&[&remote[..], &["--address", nobody]].concat()).failed(4, &["no key of", nobody]);
    let made = home.keeper(&[&remote[..], &["--address", &account, "--json"]].concat()).succeeded().json();
    assert_eq!(made["operator"], account.to_lowercase());
    home.keeper(&[&remote[..], &["--address", &account]].concat()).failed(5, &["K-KEY-", "already"]);

    let keys = home.keeper(&["keys", "new", "--light-scrypt", "--json"]).succeeded().json();
    assert_eq!((&keys["operator"], &keys["created"]), (&made["operator"], &true.into()), "the BLS key was missing");
    let registered = document(&home, network, &["operator", "register"]);
    assert_eq!((&registered["already_registered"], &registered["index"]), (&false.into(), &0.into()));
    assert_eq!(document(&home, network, &["operator", "status"])["registered"], true);
    // A backup takes along who has the key.
    let backup = home.path("backup");
    home.keeper(&["backup", "create", backup.to_str().unwrap(), "--light-scrypt"]).succeeded();
    let doctor = home.keeper(&["doctor", "--json", "--network", network]).json();
    let checks = doctor["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["check"] == "signer" && check["level"] == "ok"), "{doctor}");
    drop(anvil);
    let doctor = home.keeper(&["doctor", "--json", "--network", network]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let gone = checks.iter().find(|check| check["check"] == "signer").unwrap();
    assert!(gone["level"] == "fail" && gone["found"].to_string().contains("does not answer"), "{gone}");
}
