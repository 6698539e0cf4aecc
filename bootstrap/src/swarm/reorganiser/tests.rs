use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use contracts::network::Contracts;
use serde_json::json;
use tokio::sync::Mutex;

use super::{Anvil, Calming, Chain, Miner, Reorganisations, State};
use crate::process::Spawner;
use crate::wait::until;

const PATIENCE: Duration = Duration::from_secs(30);
const TASK_MANAGER: Address = Address::repeat_byte(0x71);
const SOMEBODY: Address = Address::repeat_byte(0x72);

struct Stage {
    _folder: tempfile::TempDir,
    _spawner: Spawner,
    anvil: Anvil,
    chain: Chain,
    state: State,
}

impl Stage {
    /// A chain that does not grow, with two payments in its newest block: to the TaskManager, and to somebody.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spawner = Spawner::new().unwrap();
        let anvil = Anvil::start(&spawner, folder.path(), crate::swarm::anvil::BLOCK_TIME, None).await.unwrap();
        let none = Address::ZERO;
        let contracts = Contracts {
            keeper_registry: none,
            job_manager: none,
            task_manager: TASK_MANAGER,
            service_manager: none,
            challenger: none,
            allocation_manager: none,
            strategy: none,
        };
        let chain = Chain { provider: anvil.provider().clone(), contracts };
        chain.ask("evm_setIntervalMining", json!([0])).await.unwrap();
        chain.ask("anvil_mine", json!(["0xa"])).await.unwrap();
        let state = State { floor: 3, done: Reorganisations::default() };
        let mut stage = Self { _folder: folder, _spawner: spawner, anvil, chain, state };
        stage.pay().await;
        stage
    }

    async fn pay(&mut self) {
        let from = self.anvil.provider().get_accounts().await.unwrap();
        for (from, to) in from.iter().zip([TASK_MANAGER, SOMEBODY]) {
            let payment = TransactionRequest::default().from(*from).to(to).value(U256::ONE).gas_limit(21_000);
            let _pending = self.anvil.provider().send_transaction(payment).await.unwrap();
        }
        self.chain.ask("evm_mine", json!([])).await.unwrap();
        assert_eq!(self.paid().await, [1, 1]);
    }

    async fn paid(&self) -> [u64; 2] {
        let mut paid = [0; 2];
        for (paid, to) in paid.iter_mut().zip([TASK_MANAGER, SOMEBODY]) {
            *paid = self.anvil.provider().get_balance(to).await.unwrap().to();
        }
        paid
    }

    async fn grows_past(&self, height: u64) {
        until("the chain to grow", PATIENCE, || async {
            let newest = self.newest().await.0;
            if newest > height { Ok(()) } else { Err(format!("block {newest}")) }
        })
        .await
        .unwrap();
    }

    async fn newest(&self) -> (u64, u64, alloy::primitives::B256) {
        let header = self.anvil.provider().get_block(alloy::eips::BlockId::latest()).await.unwrap().unwrap().header;
        (header.number, header.timestamp, header.hash)
    }
}

#[tokio::test]
async fn what_keepers_sent_is_dropped_and_what_others_sent_comes_back() {
    let stage = Stage::new().await;
    let before = stage.newest().await;
    stage.chain.replace(4, false, 0).await.unwrap();
    let after = stage.newest().await;
    assert_eq!((before.0, before.1), (after.0, after.1), "the same height and time");
    assert_ne!(before.2, after.2, "another block");
    assert_eq!(stage.paid().await, [0, 1]);
}

#[tokio::test]
async fn what_keepers_sent_comes_back() {
    let stage = Stage::new().await;
    assert_eq!(stage.chain.replace(2, true, 0).await.unwrap(), (1, 0));
    assert_eq!(stage.paid().await, [1, 1]);
}

#[tokio::test]
async fn blocks_up_to_the_floor_stay_and_the_chain_grows_again() {
    let mut stage = Stage::new().await;
    let (height, ..) = stage.newest().await;
    let floor = stage.anvil.provider().get_block_by_number(3.into()).await.unwrap().unwrap().header.hash;
    // The first block of a miner comes at once: the second one is far away.
    let miner = Miner::start(stage.anvil.provider().clone(), PATIENCE).await.unwrap();
    stage.grows_past(height).await;
    let height = height + 1;
    stage.chain.reorganise(&miner, &mut stage.state, 64, false).await.unwrap();
    assert_eq!(stage.state.done, Reorganisations { count: 1, deepest: height - 3, orphaned: 1, dropped: 1 });
    let now = stage.anvil.provider().get_block_by_number(3.into()).await.unwrap().unwrap().header.hash;
    assert_eq!(floor, now);
    stage.state.floor = u64::MAX;
    let said = stage.chain.reorganise(&miner, &mut stage.state, 1, false).await.unwrap();
    assert!(said.starts_with("no reorganisation") && stage.state.done.count == 1, "{said}");
}

/// However fast blocks come: a number without a block would stop everybody who follows the chain.
#[tokio::test]
async fn every_number_has_a_block_while_the_chain_grows() {
    let mut stage = Stage::new().await;
    let miner = Miner::start(stage.anvil.provider().clone(), Duration::from_millis(5)).await.unwrap();
    for depth in 1..=20 {
        stage.chain.reorganise(&miner, &mut stage.state, depth % 10 + 1, depth % 2 == 0).await.unwrap();
        stage.grows_past(stage.newest().await.0).await;
    }
    assert_eq!(stage.state.done.count, 20);
    let mut parent = None;
    for number in 0..=stage.newest().await.0 {
        let block = stage.anvil.provider().get_block_by_number(number.into()).await.unwrap();
        let header = block.unwrap_or_else(|| panic!("no block {number}")).header;
        assert!(parent.is_none_or(|parent| parent == header.parent_hash), "block {number}");
        parent = Some(header.hash);
    }
}

/// The swarm's own account sends while blocks are taken back, too: what is lost there would hold up all that it sends later.
#[tokio::test]
async fn who_sends_in_calm_never_waits_behind_a_gap() {
    let stage = Stage::new().await;
    let provider = stage.anvil.provider().clone();
    let from = provider.get_accounts().await.unwrap()[1];
    let miner = Miner::start(provider.clone(), Duration::from_millis(50)).await.unwrap();
    let state = Arc::new(Mutex::new(State { ..stage.state }));
    let calming = Calming(Some(Arc::clone(&state)));
    let sending = tokio::spawn(async move {
        loop {
            let payment = TransactionRequest::default().from(from).to(SOMEBODY).value(U256::ONE).gas_limit(21_000);
            let calm = calming.calm().await;
            let _pending = provider.send_transaction(payment).await.unwrap();
            drop(calm);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    for depth in 1..=10 {
        let mut state = state.lock().await;
        stage.chain.reorganise(&miner, &mut state, depth, depth % 2 == 0).await.unwrap();
        drop(state);
        stage.grows_past(stage.newest().await.0 + 2).await;
    }
    assert!(!sending.is_finished(), "nothing was refused");
    sending.abort();
    until("nothing to wait behind a gap", PATIENCE, || async {
        let waiting = stage.chain.ask("txpool_status", json!([])).await.unwrap();
        if waiting["queued"] == "0x0" { Ok(()) } else { Err(waiting.to_string()) }
    })
    .await
    .unwrap();
    assert!(stage.paid().await[1] > 20, "{:?}", stage.paid().await);
}
