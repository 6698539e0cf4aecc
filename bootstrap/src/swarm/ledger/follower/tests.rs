use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use alloy::primitives::Address;
use alloy::providers::Provider;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Follower, Watched};
use crate::process::Spawner;
use crate::swarm::anvil::Anvil;
use crate::wait::until;

/// Whether the next block is there without waiting.
fn has_next(follower: &mut Follower) -> bool {
    pin!(follower.next_block()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[tokio::test]
async fn each_block_is_waited_for() {
    let (tell, news) = watch::channel(0);
    let mut follower = Follower { read: Arc::default(), news, task: tokio::spawn(async {}) };
    assert!(!has_next(&mut follower), "there is no block yet");
    for block in 1..=3 {
        tell.send(block).unwrap();
        assert!(has_next(&mut follower), "block {block}");
        assert!(!has_next(&mut follower), "block {block} is waited for once");
    }
    tell.send(4).unwrap();
    tell.send(5).unwrap();
    assert!(has_next(&mut follower) && !has_next(&mut follower), "what came meanwhile counts as one");
    drop(tell);
    assert!(!has_next(&mut follower), "without a chain to follow there is nothing to do, again and again");
}

#[tokio::test]
async fn a_chain_that_takes_blocks_back_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    let anvil = Anvil::start(&spawner, folder.path(), crate::swarm::anvil::BLOCK_TIME, None).await.unwrap();
    let ask = |method: &'static str, params: Value| {
        let provider = anvil.provider().clone();
        async move { provider.raw_request::<_, Value>(method.into(), params).await.unwrap() }
    };
    ask("evm_setIntervalMining", json!([0])).await;
    ask("anvil_mine", json!(["0x14"])).await;
    let watched = Watched { task_manager: Address::repeat_byte(1), stirred: None };
    let follower = Follower::start(anvil.provider().clone(), watched, 1);
    let reads = async |what: &str, block: u64, hash: Value| {
        until(what, std::time::Duration::from_secs(20), || {
            let (read, newest) = (follower.look(|ledger| ledger.block), follower.newest());
            let hash = hash.clone();
            async move {
                if read == block && json!(newest) == hash { Ok(()) } else { Err(format!("block {read}, {newest:?}")) }
            }
        })
        .await
        .unwrap();
    };
    let head = || async { ask("eth_getBlockByNumber", json!(["latest", false])).await };
    let old = head().await;
    let height = u64::from_str_radix(old["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    reads("the chain", height, old["hash"].clone()).await;
    for (depth, more) in [(1, 1), (5, 5), (4, 2), (3, 6)] {
        let before = follower.look(|ledger| ledger.block);
        ask("anvil_rollback", json!([depth])).await;
        ask("anvil_setCoinbase", json!([Address::repeat_byte(depth)])).await;
        ask("anvil_mine", json!([format!("0x{more:x}")])).await;
        let what = format!("{depth} blocks replaced by {more}");
        reads(&what, before - u64::from(depth) + more, head().await["hash"].clone()).await;
    }
}
