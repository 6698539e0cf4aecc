//! The proxy in front of a real anvil.

use std::time::{Duration, Instant};

use alloy::eips::Encodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, U256, hex};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use bootstrap::process::Spawner;
use bootstrap::swarm::anvil::Anvil;
use bootstrap::wait::until;
use rough::{Does, Proxy, RangeWords, Rule, Script, SendWords};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
/// The key of anvil's first account, which everybody knows.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

struct Stage {
    _folder: tempfile::TempDir,
    _spawner: Spawner,
    anvil: Anvil,
    proxy: Proxy,
    client: reqwest::Client,
}

/// A chain with five blocks at least, and a proxy in front of it.
async fn stage(script: Script) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    let anvil = Anvil::start(&spawner, folder.path(), Duration::from_secs(1), None).await.unwrap();
    anvil.provider().raw_request::<_, Value>("anvil_mine".into(), ("0x14",)).await.unwrap();
    let proxy = Proxy::start(anvil.url(), script, 1).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Stage { _folder: folder, _spawner: spawner, anvil, proxy, client }
}

fn script(rules: &[Rule]) -> Script {
    Script { rules: rules.to_vec(), ..Script::default() }
}

fn call(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

impl Stage {
    async fn post(&self, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.client.post(self.proxy.url()).json(body).send().await
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        self.post(&call(7, method, params)).await.unwrap().json().await.unwrap()
    }

    async fn head(&self) -> u64 {
        self.anvil.provider().get_block_number().await.unwrap()
    }

    /// A signed transfer of 1 wei by anvil's first account.
    async fn transfer(&self) -> (String, Value) {
        let signer: PrivateKeySigner = KEY.parse().unwrap();
        let nonce = self.anvil.provider().get_transaction_count(signer.address()).await.unwrap();
        let request = TransactionRequest::default()
            .with_to(Address::repeat_byte(1))
            .with_value(U256::ONE)
            .with_nonce(nonce)
            .with_chain_id(31337)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(10_000_000_000)
            .with_max_priority_fee_per_gas(1);
        let signed = request.build(&EthereumWallet::from(signer)).await.unwrap();
        (signed.tx_hash().to_string(), json!([hex::encode_prefixed(signed.encoded_2718())]))
    }
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
async fn a_good_node_passes_everything_on() {
    let stage = stage(Script::default()).await;
    let batch = json!([call(1, "eth_chainId", json!([])), call(2, "eth_getBlockByNumber", json!(["0x1", false]))]);
    let answers: Value = stage.post(&batch).await.unwrap().json().await.unwrap();
    assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!(1), &json!("0x7a69")));
    assert_eq!((&answers[1]["id"], &answers[1]["result"]["number"]), (&json!(2), &json!("0x1")));
    assert!(stage.ask("eth_nonsense", json!([])).await["error"]["code"].is_i64());
    let provider = ProviderBuilder::new().connect_http(stage.proxy.url().parse().unwrap());
    let (hash, raw) = stage.transfer().await;
    assert_eq!(stage.ask("eth_sendRawTransaction", raw).await["result"], hash);
    until("the transfer", PATIENCE, || async {
        match provider.get_transaction_receipt(hash.parse().unwrap()).await {
            Ok(Some(receipt)) if receipt.status() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
    .unwrap();
    assert_eq!(stage.proxy.counts()["eth_chainId"], 1);
}

#[tokio::test]
async fn a_node_that_lags_knows_nothing_of_the_newest_blocks() {
    let stage = stage(Script { lag: 3, ..Script::default() }).await;
    let (before, seen, after) =
        (stage.head().await, number(&stage.ask("eth_blockNumber", json!([])).await["result"]), stage.head().await);
    assert!((before - 3..=after - 3).contains(&seen), "{seen} while the head went from {before} to {after}");
    let newest = stage.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    assert!(number(&newest["result"]["number"]) <= stage.head().await - 3);
    let head = stage.anvil.provider().get_block(alloy::eips::BlockId::latest()).await.unwrap().unwrap();
    let by_hash = stage.ask("eth_getBlockByHash", json!([head.header.hash, false])).await;
    assert!(by_hash["result"].is_null(), "{by_hash}");
    let pinned = stage.ask("eth_call", json!([{"to": head.header.beneficiary}, {"blockHash": head.header.hash}])).await;
    assert_eq!(pinned["error"]["message"], "header not found");
    let old = stage.anvil.provider().get_block(alloy::eips::BlockId::number(1)).await.unwrap().unwrap().header.hash;
    let pinned = stage.ask("eth_call", json!([{"to": head.header.beneficiary}, {"blockHash": old}])).await;
    assert_eq!(pinned["result"], "0x");
}

#[tokio::test]
async fn bodies_that_are_none() {
    let stage = stage(script(&[Rule::one_in(1, Does::TooManyRequests { retry_after: 7 })])).await;
    let block = call(1, "eth_getBlockByNumber", json!(["0x1", false]));
    let refused = stage.post(&block).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "7");

    stage.proxy.set_script(script(&[Rule::one_in(1, Does::Html)]));
    let page = stage.post(&block).await.unwrap();
    assert!(page.status() == 502 && page.text().await.unwrap().starts_with("<!DOCTYPE html>"));

    stage.proxy.set_script(script(&[Rule::one_in(1, Does::Truncated)]));
    let cut = stage.post(&block).await.unwrap();
    assert!(cut.status().is_success() && cut.bytes().await.is_err(), "an answer that ends in the middle");

    stage.proxy.set_script(script(&[Rule::one_in(1, Does::Hangup)]));
    assert!(stage.post(&block).await.is_err(), "not even headers");

    stage.proxy.set_script(script(&[Rule::one_in(1, Does::Endless)]));
    let mut endless = stage.post(&block).await.unwrap();
    let mut read = 0;
    while read < 8 * 1024 * 1024 {
        read += endless.chunk().await.unwrap().expect("it does not end").len();
    }

    stage.proxy.set_script(script(&[Rule::one_in(1, Does::Silence)]));
    let asked = stage.client.post(stage.proxy.url()).json(&block).timeout(Duration::from_millis(300)).send().await;
    assert!(asked.unwrap_err().is_timeout());

    // It has no bad memory.
    stage.proxy.set_script(Script::default());
    assert_eq!(stage.ask("eth_getBlockByNumber", json!(["0x1", false])).await["result"]["number"], "0x1");
}

#[tokio::test]
async fn logs_are_capped_and_the_caller_is_told() {
    let cap = Does::CapRange { blocks: 10, words: RangeWords::Alchemy };
    let stage = stage(script(&[Rule::to("eth_getLogs", cap)])).await;
    let logs = |first: &str, last: &str| json!([{"fromBlock": first, "toBlock": last}]);
    assert!(stage.ask("eth_getLogs", logs("0x1", "0xa")).await["result"].is_array());
    let wide = stage.ask("eth_getLogs", logs("0x1", "0xb")).await;
    assert!(wide["error"]["message"].as_str().unwrap().ends_with("[0x1, 0xa]"), "{wide}");
    assert!(stage.ask("eth_getLogs", logs("0x1", "latest")).await["error"].is_object(), "more than 20 blocks");
    assert_eq!(stage.proxy.counts()["cap_range"], 2);
}

#[tokio::test]
async fn a_swallowed_transaction_never_comes_and_a_refused_one_is_told() {
    let stage = stage(script(&[Rule::one_in(1, Does::Swallow).times(1)])).await;
    let (hash, raw) = stage.transfer().await;
    assert_eq!(stage.ask("eth_sendRawTransaction", raw.clone()).await["result"], hash);
    let known = stage.ask("eth_getTransactionByHash", json!([hash])).await;
    assert!(known["result"].is_null(), "{known}");
    for words in SendWords::ALL {
        stage.proxy.set_script(script(&[Rule::one_in(1, Does::Refuse(words))]));
        let refused = stage.ask("eth_sendRawTransaction", raw.clone()).await;
        assert_eq!(refused["error"]["code"], -32000, "{words:?}: {refused}");
    }
    stage.proxy.set_script(Script::default());
    assert_eq!(stage.ask("eth_sendRawTransaction", raw).await["result"], hash, "the node had never seen it");
}

#[tokio::test]
async fn answers_come_late_and_the_script_is_replaced_from_outside() {
    let stage = stage(Script { delay_ms: [120, 200], ..Script::default() }).await;
    let began = Instant::now();
    stage.ask("eth_chainId", json!([])).await;
    assert!(began.elapsed() >= Duration::from_millis(120), "{:?}", began.elapsed());
    let address = format!("{}/script", stage.proxy.url());
    let new = json!({"rules": [{"method": "eth_chainId", "times": 1, "does": "null"}]});
    let put = stage.client.put(&address).json(&new).send().await.unwrap();
    assert_eq!(put.status(), 204);
    let script: Script = stage.client.get(&address).send().await.unwrap().json().await.unwrap();
    assert_eq!(script, Script { rules: vec![Rule::to("eth_chainId", Does::Null).times(1)], ..Script::default() });
    assert!(stage.ask("eth_chainId", json!([])).await["result"].is_null());
    assert_eq!(stage.ask("eth_chainId", json!([])).await["result"], "0x7a69");
    let counts: Value =
        stage.client.get(format!("{}/counts", stage.proxy.url())).send().await.unwrap().json().await.unwrap();
    assert_eq!((&counts["null"], &counts["eth_chainId"]), (&json!(1), &json!(3)));
    let wrong = stage.client.put(&address).json(&json!({"dealy_ms": 1})).send().await.unwrap();
    assert!(wrong.status().is_client_error(), "{}", wrong.status());
}

#[tokio::test]
async fn the_rough_world_refuses_now_and_then() {
    let stage = stage(Script::rough(2)).await;
    let block = call(1, "eth_blockNumber", json!([]));
    let answers = futures_util::future::join_all((0..200).map(|_| stage.post(&block))).await;
    let refused = answers.iter().filter(|answer| answer.as_ref().unwrap().status() == 429).count();
    assert!((1..40).contains(&refused), "{refused} of 200");
    assert_eq!(stage.proxy.counts()["too_many_requests"], refused as u64);
}
