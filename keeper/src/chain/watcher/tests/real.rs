//! Against anvil and the real contracts.

use super::{Watched, job_events};
use crate::chain::real_node::{Anvil, config};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::B256;
use alloy::providers::Provider;
use contracts::JobManager;
use serde_json::json;

#[tokio::test]
async fn jobs_are_told_in_order_and_again_after_a_restart() {
    let anvil = Anvil::start(0, &[]).await;
    let deployment = anvil.deploy().await;
    let config = config(&deployment, &[&anvil.url]);
    let mut watched = Watched::start(config.clone());
    let created = anvil.create_job(&deployment, B256::repeat_byte(7)).await;
    let pause = JobManager::pauseCall { jobId: 1 };
    let paused = anvil.send(deployment.network.contracts.job_manager, &pause, 0).await;
    let end = paused.block_number.expect("it is mined");
    let told = watched.until_head(end).await;
    let events = job_events(&told);
    let found = events.iter().find_map(|(block, event)| match event {
        JobEvent::Created { job_id: 1, owner, params, .. } => Some((*block, *owner, params.codeHash)),
        _ => None,
    });
    assert_eq!(found, Some((created.block_number.expect("mined"), anvil.accounts[0], B256::repeat_byte(7))));
    assert!(matches!(events.last(), Some((_, JobEvent::Paused { job_id: 1, .. }))), "{events:?}");
    let place = |wanted: fn(&ChainEvent) -> bool| told.iter().position(wanted);
    let paused = place(|event| matches!(event, ChainEvent::Job { event: JobEvent::Paused { .. }, .. }));
    let newest = told.iter().rposition(|event| matches!(event, ChainEvent::Head(_)));
    assert!(paused < newest, "before the head of its block");
    watched.finish().await;

    anvil.mine(700).await;
    let mut again = Watched::start(config);
    let told = again.until_head(end + 700).await;
    assert_eq!(job_events(&told), events, "the replay tells the same");
    assert_eq!(again.heads.len(), 300);
    again.finish().await;
}

#[tokio::test]
async fn an_orphaned_job_is_taken_back_and_its_successor_told() {
    let anvil = Anvil::start(0, &[]).await;
    let deployment = anvil.deploy().await;
    let mut watched = Watched::start(config(&deployment, &[&anvil.url]));
    anvil.mine(5).await;
    let fork = anvil.provider.get_block_number().await.expect("anvil answers");
    watched.until_head(fork).await;
    let snapshot: String = anvil.ask("evm_snapshot", json!([])).await;
    let orphan = anvil.create_job(&deployment, B256::repeat_byte(1)).await.block_number.expect("mined");
    let told = watched.until_head(orphan).await;
    assert!(!job_events(&told).is_empty());
    assert!(anvil.ask::<bool>("evm_revert", json!([snapshot])).await);
    anvil.ask::<serde_json::Value>("evm_increaseTime", json!([17])).await;
    let successor = anvil.create_job(&deployment, B256::repeat_byte(2)).await.block_number.expect("mined");
    assert_eq!(orphan, successor, "the same height");
    assert_eq!(watched.until_rewound().await, fork);
    let told = watched.until_head(successor).await;
    let created = job_events(&told).into_iter().filter_map(|(_, event)| match event {
        JobEvent::Created { params, .. } => Some(params.codeHash),
        _ => None,
    });
    assert_eq!(created.collect::<Vec<_>>(), [B256::repeat_byte(2)]);
    watched.finish().await;
}

#[tokio::test]
async fn a_node_that_starts_late_is_followed() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = probe.local_addr().expect("it has an address").port();
    drop(probe);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json").display().to_string();
    let anvil = Anvil::start(port, &["--state", &state]).await;
    let deployment = anvil.deploy().await;
    let config = config(&deployment, &[&anvil.url]);
    let end = anvil.provider.get_block_number().await.expect("anvil answers");
    anvil.interrupt().await;

    let mut watched = Watched::start(config);
    let (ok, why) = watched.until_connection().await;
    assert!(!ok && why.contains("no answer"), "{why}");
    let anvil = Anvil::start(port, &["--state", &state]).await;
    assert_eq!(watched.until_connection().await, (true, String::new()));
    anvil.mine(2).await;
    watched.until_head(end + 2).await;
    watched.finish().await;
}
