//! The example contracts, which are as people write them in Solidity.

use alloy::sol_types::SolCall;
use contracts::terms::{ResolverTerms, UpkeepTerms};
use contracts::{Resolved, Upkept};

use super::*;
use crate::executor::LogEntry;

fn call_of(finding: Finding) -> Bytes {
    let outcome = finding.result.unwrap_or_else(|why| panic!("{why:?}: {}", finding.reason));
    assert_eq!(outcome.status, Status::Call, "{}", finding.reason);
    outcome.data
}

#[tokio::test]
async fn an_upkeep_by_time_is_performed_and_then_not_needed_for_a_while() {
    let node = Node::start().await;
    let target = Upkept::deploy_builder(&node.anvil.provider).from(node.anvil.accounts[0]).deploy().await.unwrap();
    let hour = U256::from(3600).abi_encode();
    let action = ActionTerms::Upkeep(UpkeepTerms { check_data: hour.into() });
    let anchor = node.mined().await;
    let run = async |anchor| node.bench.run(&work_on(target, action.clone(), anchor)).await;
    let call = Upkept::performUpkeepCall::abi_decode(&call_of(run(anchor).await)).unwrap();
    assert_eq!(call.performData, U256::from(anchor.number).abi_encode(), "it looked at the anchor");
    node.anvil.send(target, &call, 0).await;
    assert_eq!(said(&run(node.mined().await).await), (Status::Skip, "not needed".to_owned()));
    assert_eq!(run(anchor).await.result.unwrap().status, Status::Call, "at the anchor it is as it was");
}

#[tokio::test]
async fn an_upkeep_by_log_is_handed_the_log() {
    let node = Node::start().await;
    let target = Upkept::deploy_builder(&node.anvil.provider).from(node.anvil.accounts[0]).deploy().await.unwrap();
    let anchor = node.mined().await;
    let log = |number: u64| {
        let entry = LogEntry {
            address: Address::repeat_byte(3),
            topics: vec![B256::repeat_byte(4), U256::from(number).into()],
            data: vec![5; 40].into(),
            block_number: anchor.number,
            block_hash: anchor.hash,
            transaction_hash: B256::repeat_byte(6),
            log_index: 7,
        };
        Some(Sighting::Log(SeenLog { entry, timestamp: anchor.timestamp }.into()))
    };
    let run = async |number| {
        let work = Work { sighting: log(number), ..work_on(target, upkeep(), anchor) };
        node.bench.run(&work).await
    };
    let call = Upkept::performUpkeepCall::abi_decode(&call_of(run(2).await)).unwrap();
    let topics = vec![B256::repeat_byte(4), B256::with_last_byte(2)];
    assert_eq!(call.performData, (topics, B256::repeat_byte(6), U256::from(7)).abi_encode_params());
    assert_eq!(said(&run(3).await), (Status::Skip, "not needed".to_owned()));
}

#[tokio::test]
async fn a_resolver_is_asked_and_its_reason_told() {
    let node = Node::start().await;
    let contract = Resolved::deploy_builder(&node.anvil.provider).from(node.anvil.accounts[0]).deploy().await.unwrap();
    let calldata = Resolved::checkerCall {}.abi_encode().into();
    let action = ActionTerms::Resolver(ResolverTerms { resolver: contract, calldata });
    let run = async |anchor| node.bench.run(&work_on(contract, action.clone(), anchor)).await;
    let call = call_of(run(node.mined().await).await);
    let call = Resolved::execCall::abi_decode(&call).unwrap();
    assert_eq!(call.number, U256::from(1));
    node.anvil.send(contract, &call, 0).await;
    assert_eq!(said(&run(node.mined().await).await), (Status::Skip, "too early".to_owned()));
}
