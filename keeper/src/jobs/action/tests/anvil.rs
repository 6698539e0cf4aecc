//! Checks of real contracts, honest and hostile, at a real node.

mod examples;

use alloy::primitives::{Bytes, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use consensus::task::{AnchorRule, InstanceKey};
use contracts::terms::{CallTerms, ConditionTerms, TriggerTerms};
use serde_json::{Value, json};

use super::super::before::{HOLDS_NO_MORE, NEVER_HELD};
use super::bench::{Bench, TARGET, resolver, said, upkeep, work_on};
use super::*;
use crate::chain::fake_node;
use crate::chain::real_node;

struct Node {
    anvil: real_node::Anvil,
    bench: Bench,
}

impl Node {
    async fn start() -> Self {
        let anvil = real_node::Anvil::start(0, &[]).await;
        let bench = Bench::over(&fake_node::config(&[&anvil.url], 0));
        Self { anvil, bench }
    }

    /// A block in which the target has this code.
    async fn with_code(&self, code: &[u8]) -> BlockRef {
        self.anvil.ask::<Value>("anvil_setCode", json!([TARGET, Bytes::copy_from_slice(code)])).await;
        self.mined().await
    }

    async fn mined(&self) -> BlockRef {
        self.anvil.mine(1).await;
        let block = self.anvil.provider.get_block_by_number(Default::default()).await.unwrap().unwrap();
        BlockRef { number: block.header.number, hash: block.header.hash, timestamp: block.header.timestamp }
    }

    /// What an upkeep of a target with this code comes to.
    async fn says(&self, code: &[u8]) -> (Status, String) {
        let anchor = self.with_code(code).await;
        said(&self.bench.run_at(upkeep(), anchor).await)
    }
}

/// What a resolver of this code comes to.
async fn resolves(node: &Node, code: &[u8]) -> (Status, String) {
    let anchor = node.with_code(code).await;
    said(&node.bench.run_at(resolver(), anchor).await)
}

/// Code that goes on after `before` to return these bytes: PUSH2 length, DUP1, PUSH1 where they stand behind the code, PUSH1 0,
/// CODECOPY, PUSH1 0, RETURN.
fn returning(before: &[u8], bytes: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let behind = u8::try_from(before.len() + 12).unwrap();
    [before, &[0x61, high, low, 0x80, 0x60, behind, 0x60, 0, 0x39, 0x60, 0, 0xf3], bytes].concat()
}

fn answer(is_needed: bool, bytes: &[u8]) -> Vec<u8> {
    (is_needed, Bytes::copy_from_slice(bytes)).abi_encode_params()
}

/// With blanks where they help.
fn code(hexadecimal: &str) -> Vec<u8> {
    hexadecimal.replace(' ', "").parse::<Bytes>().unwrap().to_vec()
}

const PERFORM: &str = "0x4585e33b0000000000000000000000000000000000000000000000000000000000000020";

#[tokio::test]
async fn a_target_is_performed_when_it_says_so() {
    let node = Node::start().await;
    let (status, call) = node.says(&returning(&[], &answer(true, &[0xab; 32]))).await;
    assert_eq!((status, call), (Status::Call, format!("{PERFORM}{:064x}{}", 32, "ab".repeat(32))));
    let (status, call) = node.says(&returning(&[], &answer(true, &[]))).await;
    assert_eq!((status, call), (Status::Call, format!("{PERFORM}{:064x}", 0)), "also with nothing");
    assert_eq!(node.says(&returning(&[], &answer(false, b"no"))).await, (Status::Skip, "not needed".to_owned()));
}

/// It is asked `checker()`, or else returns nothing: PUSH1 0, CALLDATALOAD, PUSH1 224, SHR, PUSH4 selector, EQ, PUSH1 16, JUMPI, STOP,
/// JUMPDEST.
#[tokio::test]
async fn a_resolver_says_what_the_target_is_called_with_or_why_not() {
    let node = Node::start().await;
    let checker = code("0x6000 35 60e0 1c 63cf5303cf 14 6010 57 00 5b");
    let payload = [0xd0, 0x9d, 0xe0, 0x8a];
    let asked = |is_yes, bytes: &[u8]| returning(&checker, &answer(is_yes, bytes));
    assert_eq!(resolves(&node, &asked(true, &payload)).await, (Status::Call, "0xd09de08a".to_owned()));
    assert_eq!(resolves(&node, &asked(false, b"not yet")).await, (Status::Skip, "not yet".to_owned()));
    let (status, reason) = resolves(&node, &asked(true, &[])).await;
    assert_eq!((status, reason.contains("execPayload")), (Status::JobError, true), "{reason}");
    assert_eq!(node.says(&asked(true, &payload)).await.0, Status::JobError, "an upkeep asks something else");
    let (status, reason) = resolves(&node, &code("0x60006000fd")).await;
    assert_eq!((status, reason.contains("the check failed")), (Status::Skip, true), "{reason}");
}

/// `require(tx.origin == address(0))`: ORIGIN, ISZERO, PUSH1 10, JUMPI, PUSH1 0, PUSH1 0, REVERT, JUMPDEST.
#[tokio::test]
async fn a_target_that_is_for_simulation_only_is_simulated() {
    let node = Node::start().await;
    let cannot_execute = code("0x32 15 600a 57 6000 6000 fd 5b");
    let (status, _) = node.says(&returning(&cannot_execute, &answer(true, &[1]))).await;
    assert_eq!(status, Status::Call);
    let other = json!([{"from": Address::repeat_byte(1), "to": TARGET}, "latest"]);
    let refused = node.anvil.provider.raw_request::<_, Bytes>("eth_call".into(), other).await;
    assert!(refused.unwrap_err().to_string().contains("reverted"));
}

/// Returns (slot 0, ""): PUSH1 0, SLOAD, PUSH1 0, MSTORE, PUSH1 64, PUSH1 32, MSTORE, PUSH1 96, PUSH1 0, RETURN.
#[tokio::test]
async fn a_target_that_changes_its_mind_is_held_to_the_anchor() {
    let node = Node::start().await;
    let not_yet = node.with_code(&code("0x6000 54 6000 52 6040 6020 52 6060 6000 f3")).await;
    // Anvil writes into the newest block, whatever its hash is by then.
    node.mined().await;
    let yes = B256::from(U256::from(1));
    node.anvil.ask::<Value>("anvil_setStorageAt", json!([TARGET, B256::ZERO, yes])).await;
    let now = node.mined().await;
    for _ in 0..2 {
        assert_eq!(said(&node.bench.run_at(upkeep(), not_yet).await).0, Status::Skip);
        assert_eq!(said(&node.bench.run_at(upkeep(), now).await).0, Status::Call);
    }
    let orphaned = BlockRef { hash: B256::repeat_byte(9), ..now };
    let nothing = node.bench.run_at(upkeep(), orphaned).await;
    assert_eq!(nothing.result, Err(Abstention::ChainReadFailed), "{}", nothing.reason);
}

/// A run of a condition that was seen to hold at one block, tried at the same or at a later one.
fn condition(seen: BlockRef, anchor: BlockRef) -> Work {
    let mut work =
        work_on(Address::repeat_byte(0x66), ActionTerms::Call(CallTerms { calldata: vec![7].into() }), anchor);
    let trigger = ConditionTerms { target: TARGET, call: vec![1].into(), cooldown: 1 };
    let terms = Terms { trigger: TriggerTerms::Condition(trigger), ..Terms::clone(&work.plan.terms) };
    work.plan = Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap();
    (work.due.task.instance, work.due.anchor) = (InstanceKey(seen.hash), AnchorRule::AtBlock(seen.number));
    work
}

/// Whoever says that a condition held is not believed, and what holds no more is a skip that a quorum can certify.
#[tokio::test]
async fn a_condition_is_looked_at_where_it_was_seen_and_where_it_is_tried() {
    let node = Node::start().await;
    let answers = |number: u8| returning(&[], &[vec![0; 31], vec![number]].concat());
    let yes = node.with_code(&answers(1)).await;
    // Anvil writes code into the newest block, whatever its hash is by then.
    node.mined().await;
    let no = node.with_code(&answers(0)).await;
    node.mined().await;
    let again = node.with_code(&answers(2)).await;
    let at = async |seen, anchor| node.bench.run(&condition(seen, anchor)).await;
    for anchor in [yes, again] {
        assert_eq!(said(&at(yes, anchor).await), (Status::Call, "0x07".to_owned()), "it holds at {anchor:?}");
    }
    let over = at(yes, no).await;
    assert_eq!(said(&over), (Status::Skip, HOLDS_NO_MORE.to_owned()));
    assert_ne!(over.result.clone().unwrap().transcript, B256::ZERO, "what it goes by can be held against it");
    assert_eq!(over.result.unwrap(), at(yes, no).await.result.unwrap(), "one outcome for all");
    for anchor in [no, again] {
        let none = at(no, anchor).await;
        assert_eq!((none.result, none.reason.as_str()), (Err(Abstention::UnknownTask), NEVER_HELD), "at {anchor:?}");
    }
}

#[tokio::test]
async fn a_check_that_fails_in_any_way_is_a_skip() {
    let node = Node::start().await;
    for (name, hexadecimal) in [
        ("reverts", "0x60006000fd"),
        ("reverts with an error of its own", "0x63deadbeef6000526004601cfd"),
        ("burns all gas: JUMPDEST, PUSH1 0, JUMP", "0x5b600056"),
        ("INVALID", "0xfe"),
        ("no such instruction", "0x0c"),
        ("ADD of nothing", "0x01"),
        ("jumps nowhere", "0x600356"),
        ("fills the stack", "0x5b6001600056"),
        ("copies what was not returned", "0x6001600060003e"),
        ("memory without end", "0x640100000000510000"),
        ("reverts with 1 MB", "0x621000006000fd"),
        ("reverts with all that gas pays for, and a client that tells it twice", "0x622200006000fd"),
    ] {
        let (status, reason) = node.says(&code(hexadecimal)).await;
        assert_eq!((status, reason.contains("the check failed")), (Status::Skip, true), "{name}: {reason}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_the_jobs_error() {
    let node = Node::start().await;
    let words = |words: [U256; 3]| words.map(|word| word.to_be_bytes::<32>()).concat();
    let [one, two, head] = [1, 2, 64].map(U256::from);
    for (name, code, wanted) in [
        ("no contract", Vec::new(), "returned nothing"),
        ("STOP", vec![0], "returned nothing"),
        ("1 MB, of which the first word is false", code("0x621000006000f3"), "returned too much"),
        ("an offset beyond all", returning(&[], &words([one, U256::MAX, one])), "(bool, bytes)"),
        ("a length beyond all", returning(&[], &words([one, head, U256::MAX])), "(bool, bytes)"),
        ("neither true nor false", returning(&[], &words([two, head, U256::ZERO])), "(bool, bytes)"),
        ("a bool alone", returning(&[], &one.to_be_bytes::<32>()), "(bool, bytes)"),
        // (true, 65,536 bytes), for which memory is enough that was never written
        ("more than an outcome", code("0x6001 6000 52 6040 6020 52 62010000 6040 52 62010060 6000 f3"), "performData"),
    ] {
        let (status, reason) = node.says(&code).await;
        assert_eq!((status, reason.contains(wanted)), (Status::JobError, true), "{name}: {reason}");
    }
}
