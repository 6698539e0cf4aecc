use alloy::primitives::{Bytes, LogData, hex};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use serde_json::json;

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};

const REGISTRY: Address = Address::repeat_byte(1);
const TARGET: Address = Address::repeat_byte(2);

/// Has a node answer calls by their selectors; `None` reverts.
pub(super) fn answers(node: &FakeNode, known: Vec<([u8; 4], Option<Vec<u8>>)>) {
    node.lie(move |method, params, answer| {
        if method != "eth_call" {
            return;
        }
        let input = params[0]["input"].as_str().or_else(|| params[0]["data"].as_str()).unwrap_or_default();
        let input = hex::decode(input).unwrap();
        *answer = match known.iter().find(|(selector, _)| input.starts_with(selector)) {
            Some((_, Some(bytes))) => json!({"result": Bytes::from(bytes.clone())}),
            _ => json!({"error": {"code": 3, "message": "execution reverted", "data": "0x"}}),
        };
    });
}

fn upkeep() -> chainlink::UpkeepInfo {
    chainlink::UpkeepInfo {
        target: TARGET,
        performGas: 300_000,
        checkData: Bytes::new(),
        balance: Default::default(),
        admin: Address::ZERO,
        maxValidBlocknumber: u64::from(u32::MAX),
        lastPerformedBlockNumber: 0,
        amountSpent: Default::default(),
        paused: false,
        offchainConfig: Bytes::new(),
    }
}

/// What a registry answers that knows an upkeep.
fn registry(version: &str, info: Vec<u8>) -> Vec<([u8; 4], Option<Vec<u8>>)> {
    use chainlink::{Registry, Upkeep};
    vec![
        (Registry::typeAndVersionCall::SELECTOR, Some(version.to_owned().abi_encode())),
        (Registry::getUpkeepCall::SELECTOR, Some(info)),
        (Registry::getTriggerTypeCall::SELECTOR, Some(U256::ZERO.abi_encode())),
        (Registry::getUpkeepTriggerConfigCall::SELECTOR, Some(Bytes::new().abi_encode())),
        (Registry::getForwarderCall::SELECTOR, Some(REGISTRY.abi_encode())),
        (Upkeep::checkUpkeepCall::SELECTOR, Some((true, Bytes::new()).abi_encode_params())),
    ]
}

async fn import(node: &FakeNode) -> Result<Proposal, Refusal> {
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let reader = Reader::new(rpc.provider()).await?;
    chainlink::read(&reader, REGISTRY, U256::from(7), Wish::default()).await
}

async fn refused(node: &FakeNode, name: &str) {
    let error = import(node).await.unwrap_err().to_string();
    assert!(error.contains(&format!("({name})")), "{error}");
}

#[tokio::test]
async fn an_upkeep_is_read_from_every_version_that_is_known() {
    let node = FakeNode::start(3).await;
    for version in
        ["KeeperRegistry 2.0.2", "KeeperRegistry 2.1.0", "AutomationRegistry 2.2.0", "AutomationRegistry 2.3.0"]
    {
        let mut known = registry(version, upkeep().abi_encode());
        if version.contains(" 2.0.") {
            known.retain(|(selector, _)| {
                [chainlink::Registry::typeAndVersionCall::SELECTOR, chainlink::Registry::getUpkeepCall::SELECTOR]
                    .contains(selector)
            });
        }
        answers(&node, known);
        let proposal = import(&node).await.unwrap();
        assert_eq!(proposal.target, TARGET);
        let says = proposal.notes.join("; ");
        assert!(says.contains(if version.contains(" 2.0.") { "fails" } else { "says that it is due" }), "{says}");
    }
}

#[tokio::test]
async fn registries_that_lie_are_refused_by_name() {
    let node = FakeNode::start(3).await;
    answers(&node, Vec::new());
    refused(&node, "NoRegistry").await;
    for version in ["KeeperRegistry 1.3.0", "AutomationRegistry 3.0.0", "", &"x".repeat(100_000)] {
        answers(&node, registry(version, upkeep().abi_encode()));
        refused(&node, "OtherVersion").await;
    }
    let version = "AutomationRegistry 2.3.0";
    let nobody = chainlink::UpkeepInfo { target: Address::ZERO, ..upkeep() };
    answers(&node, registry(version, nobody.abi_encode()));
    refused(&node, "NoSuchUpkeep").await;
    // Nothing, a word, an offset past the end, and bytes that are said to be longer than there are.
    let mut long = upkeep().abi_encode();
    long[32 * 11..32 * 12].fill(0xff);
    for wrong in [Vec::new(), vec![1; 32], vec![0xff; 400], long] {
        answers(&node, registry(version, wrong));
        refused(&node, "Undecodable").await;
    }
    let mut silent = registry(version, upkeep().abi_encode());
    silent[2].1 = None;
    answers(&node, silent);
    refused(&node, "RegistryRefuses").await;
    node.chain().code = false;
    answers(&node, registry(version, upkeep().abi_encode()));
    refused(&node, "NoRegistry").await;
}

#[tokio::test]
async fn a_task_is_found_by_its_log_and_others_logs_are_not_taken_for_it() {
    let task = B256::repeat_byte(7);
    let created = |task_id: B256| gelato::TaskCreated {
        taskCreator: Address::repeat_byte(3),
        execAddress: TARGET,
        execDataOrSelector: Bytes::from(vec![1, 2, 3, 4]),
        moduleData: gelato::ModuleData { modules: vec![2], args: vec![Bytes::new()] },
        feeToken: Address::ZERO,
        taskId: task_id,
    };
    let node = FakeNode::start(9).await;
    let log = |block, emitter, data: LogData| node.chain().log(block, emitter, data);
    log(2, REGISTRY, created(task).encode_log_data());
    // This node shows them whatever is asked for.
    log(3, TARGET, created(task).encode_log_data());
    log(4, REGISTRY, created(B256::ZERO).encode_log_data());
    log(5, REGISTRY, LogData::new_unchecked(created(task).encode_log_data().topics().to_vec(), vec![1; 40].into()));
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let filter = gelato::filter(REGISTRY, task);
    let found = newest_log(&rpc, 0, &filter, |log| gelato::created(log, REGISTRY, task)).await.unwrap().unwrap();
    assert_eq!((found.taskId, found.execAddress), (task, TARGET));
    let reader = Reader::new(rpc.provider()).await.unwrap();
    let tasks = |tasks: Vec<B256>| vec![(gelato::Automate::getTaskIdsByUserCall::SELECTOR, Some(tasks.abi_encode()))];
    answers(&node, tasks(vec![B256::ZERO, task]));
    let proposal = gelato::read(&reader, REGISTRY, found.clone(), Wish::default()).await.unwrap();
    assert_eq!(proposal.target, TARGET);
    answers(&node, tasks(Vec::new()));
    let ended = gelato::read(&reader, REGISTRY, found, Wish::default()).await.unwrap_err().to_string();
    assert!(ended.contains("(TaskEnded)"), "{ended}");
    let gone = newest_log(&rpc, 3, &filter, |log| gelato::created(log, REGISTRY, task)).await.unwrap();
    assert!(gone.is_none(), "before the block since which it is looked for");
}
