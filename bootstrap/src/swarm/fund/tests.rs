use std::path::{Path, PathBuf};

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use contracts::network::{Contracts, Network};

use super::{fund, is_taken};
use crate::process::Spawner;
use crate::swarm::anvil::{Anvil, transfer_all};
use crate::swarm::network::operator_coins;

/// A chain and a network file that names it.
async fn chain(folder: &Path) -> (Spawner, Anvil, PathBuf) {
    let spawner = Spawner::new().unwrap();
    let anvil = Anvil::start(&spawner, folder, crate::swarm::anvil::BLOCK_TIME, None).await.unwrap();
    let file = folder.join("network.toml");
    // Nobody looks at these.
    let none = Address::repeat_byte(9);
    let contracts = Contracts {
        keeper_registry: none,
        job_manager: none,
        task_manager: none,
        service_manager: none,
        challenger: none,
        allocation_manager: none,
        strategy: none,
    };
    let network = Network {
        chain_id: 31337,
        rpc_urls: vec![anvil.url().to_owned()],
        deploy_block: 0,
        bootnodes: Vec::new(),
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 10,
        contracts,
    };
    network.save(&file).unwrap();
    (spawner, anvil, file)
}

/// Funds all accounts at once, each as a process of its own would.
async fn fund_at_once(accounts: &[Address], file: &Path) {
    let mut runs = tokio::task::JoinSet::new();
    for &account in accounts {
        let file = file.to_owned();
        runs.spawn(async move { fund(account, &file).await });
    }
    for run in runs.join_all().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn two_and_four_runs_at_once_all_give_their_coins() {
    let folder = tempfile::tempdir().unwrap();
    let (_spawner, anvil, file) = chain(folder.path()).await;
    let accounts: Vec<Address> = (1..=4).map(Address::repeat_byte).collect();
    fund_at_once(&accounts[..2], &file).await;
    fund_at_once(&accounts, &file).await;
    for (account, times) in accounts.iter().zip([2_u64, 2, 1, 1]) {
        let balance = anvil.provider().get_balance(*account).await.unwrap();
        assert_eq!(balance, operator_coins() * U256::from(times), "{account}");
    }
}

/// Their transactions are the same to the byte but for the nonce.
#[tokio::test]
async fn one_account_funded_four_times_at_once_gets_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_spawner, anvil, file) = chain(folder.path()).await;
    let account = Address::repeat_byte(7);
    fund_at_once(&[account; 4], &file).await;
    assert_eq!(anvil.provider().get_balance(account).await.unwrap(), operator_coins() * U256::from(4));
}

/// The swarm counts its account's nonces by itself: nobody else may send from it.
#[tokio::test]
async fn the_swarms_own_transactions_go_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (_spawner, anvil, file) = chain(folder.path()).await;
    let own = Address::repeat_byte(1);
    for _ in 0..2 {
        transfer_all(anvil.provider(), anvil.faucet(), [own], U256::ONE).await.unwrap();
        fund(Address::repeat_byte(2), &file).await.unwrap();
    }
    transfer_all(anvil.provider(), anvil.faucet(), [own], U256::ONE).await.unwrap();
    assert_eq!(anvil.provider().get_balance(own).await.unwrap(), U256::from(3));
}

#[tokio::test]
async fn a_chain_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (spawner, anvil, file) = chain(folder.path()).await;
    let url = anvil.url().to_owned();
    drop((anvil, spawner));
    let failure = format!("{:#}", fund(Address::repeat_byte(1), &file).await.unwrap_err());
    assert!(failure.contains(&url), "{failure}");
}

#[test]
fn a_taken_nonce_is_told_from_other_refusals() {
    for words in [
        "nonce too low",
        "replacement transaction underpriced",
        "transaction already imported",
        "Transaction Already Imported",
        "already known",
    ] {
        assert!(is_taken(words), "{words}");
    }
    for words in ["insufficient funds for gas * price + value", "execution reverted", ""] {
        assert!(!is_taken(words), "{words}");
    }
}
