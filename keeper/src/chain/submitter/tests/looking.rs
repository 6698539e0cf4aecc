//! Looks at jobs on a real anvil: what a run may cost goes with the base fee, and with that whether a job can pay.

use super::submitter;
use crate::chain::real_node::{Anvil, config};
use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use contracts::JobManager;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const GWEI: u64 = 1_000_000_000;

async fn base_fee(anvil: &Anvil, gwei: u64) {
    anvil.ask::<Value>("anvil_setNextBlockBaseFeePerGas", json!([U256::from(gwei * GWEI)])).await;
    anvil.mine(1).await;
}

/// Nodes try a call that names no price at a base fee of zero, at which every job can pay.
#[tokio::test]
async fn a_job_that_can_pay_no_more_loses_its_mark_and_has_it_back_when_it_can() {
    let anvil = Anvil::start(0, &[]).await;
    let deployment = anvil.deploy().await;
    anvil.create_job(&deployment, B256::repeat_byte(7)).await;
    let config = config(&deployment, &[&anvil.url]);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = submitter(&anvil, &config, folder.path(), &stop).await;
    let manager = JobManager::new(config.network.contracts.job_manager, anvil.provider.clone());
    let sent = async || anvil.provider.get_transaction_count(submitter.account()).await.expect("anvil answers");
    let can_pay = async || manager.canPay(1).call().await.expect("anvil answers");
    submitter.look_again(1).await;
    assert_eq!((can_pay().await, sent().await), (true, 0), "there is nothing to say");
    base_fee(&anvil, 1_000).await;
    submitter.look_again(1).await;
    assert_eq!((can_pay().await, sent().await), (false, 1), "what it has is too little now");
    submitter.look_again(1).await;
    assert_eq!(sent().await, 1, "that is known");
    base_fee(&anvil, 1).await;
    submitter.look_again(1).await;
    assert_eq!((can_pay().await, sent().await), (true, 2), "enough again");
    stop.cancel();
}
