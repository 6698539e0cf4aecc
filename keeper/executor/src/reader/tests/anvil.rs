//! The same against a real node. Needs the `anvil` of contracts/node_modules or of PATH.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    fn start() -> Self {
        let modules = Path::new("../../contracts/node_modules/@foundry-rs");
        let local = ["anvil-linux-amd64", "anvil-linux-arm64", "anvil-darwin-arm64"]
            .map(|name| modules.join(name).join("bin/anvil"))
            .into_iter()
            .find(|path| path.exists());
        let program = local.unwrap_or_else(|| "anvil".into());
        let mut process = Command::new(&program)
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; install it with contracts/tools", program.display()));
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let address =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        Self { process, url: format!("http://{}", address.expect("anvil says where it listens")) }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Called with a word, it stores the word and emits a log with topic 7. Called with nothing, it returns the stored word, or
/// reverts with 0xdeadbeef while that is zero. The first line is the constructor.
const CONTRACT: &str = concat!(
    "0x603080600b6000396000f3",
    "366021576000548060185763deadbeef6000526004601cfd5b60005260206000f3",
    "5b6000356000556007600060",
    "00a100"
);

async fn latest(provider: &impl Provider) -> BlockReference {
    let block = provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await.expect("up").expect("there");
    let header = block.header;
    BlockReference { chain_id: 31337, number: header.number, hash: header.hash.0, timestamp: header.timestamp }
}

#[tokio::test]
#[ignore = "needs anvil: run `npm ci` in contracts, then cargo test -p keeper --lib -- --ignored anvil"]
async fn a_real_node_answers_at_the_anchor_whatever_happens_later() {
    let anvil = Anvil::start();
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(anvil.url.parse().expect("a URL"));
    let reader = reader(&anvil.url);
    let sender = provider.get_accounts().await.expect("up")[0];
    let send = async |to: Option<Address>, input: Bytes| {
        let transaction = json!({"from": sender, "to": to, "input": input});
        let hash: B256 = provider.raw_request("eth_sendTransaction".into(), (transaction,)).await.expect("sent");
        let mined = async {
            loop {
                match provider.get_transaction_receipt(hash).await.expect("up") {
                    Some(receipt) => return receipt,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        let receipt = tokio::time::timeout(Duration::from_secs(60), mined).await.expect("mined");
        assert!(receipt.status());
        receipt.contract_address
    };
    let contract = send(None, CONTRACT.parse().expect("hexadecimal")).await.expect("created");
    let reverts = latest(&provider).await;
    send(Some(contract), B256::with_last_byte(7).into()).await;
    let seven = latest(&provider).await;
    send(Some(contract), B256::with_last_byte(8).into()).await;
    let eight = latest(&provider).await;

    let call = ChainRequest::Call { to: contract, data: vec![].into() };
    let slot = ChainRequest::StorageAt { account: contract, slot: B256::ZERO };
    let reverted = ChainAnswer::Reverted(vec![0xde, 0xad, 0xbe, 0xef].into());
    assert_eq!(reader.read(&reverts, &call).await, Ok(reverted));
    for (reference, value) in [(&seven, 7), (&eight, 8)] {
        assert_eq!(reader.read(reference, &call).await, Ok(ChainAnswer::word(U256::from(value))));
        assert_eq!(reader.read(reference, &slot).await, Ok(ChainAnswer::word(U256::from(value))));
    }
    let code_hash = ChainRequest::CodeHash(contract);
    let runtime: Bytes = CONTRACT.parse().expect("hexadecimal");
    assert_eq!(reader.read(&seven, &code_hash).await, Ok(ChainAnswer::Data(keccak256(&runtime[11..]).into())));
    let logs = |to_block| ChainRequest::Logs {
        address: contract,
        topics: vec![Some(B256::with_last_byte(7))],
        from_block: reverts.number,
        to_block,
    };
    let Ok(ChainAnswer::Logs(entries)) = reader.read(&eight, &logs(eight.number)).await else { panic!("logs") };
    let blocks: Vec<_> = entries.iter().map(|entry| (entry.block_number, entry.block_hash.0)).collect();
    assert_eq!(blocks, [(seven.number, seven.hash), (eight.number, eight.hash)]);

    let elsewhere = BlockReference { hash: [1; 32], ..seven };
    for request in [call, slot, code_hash, logs(eight.number)] {
        assert!(reader.read(&elsewhere, &request).await.is_err(), "{request:?} at an unknown block");
    }
}
