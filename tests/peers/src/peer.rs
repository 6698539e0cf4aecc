//! The peer's side: EigenLayer's Rust aggregator, whole and unchanged, over the registry its own tests use.

use std::collections::HashMap;
use std::time::Duration;

use alloy::primitives::{FixedBytes, U256};
use anyhow::{Context, Result, ensure};
use eigen_crypto_bls::{BlsKeyPair, Signature};
use eigen_services_avsregistry::fake_avs_registry_service::FakeAvsRegistryService;
use eigen_services_blsaggregation::bls_agg::{
    AggregateReceiver, BlsAggregatorService, ServiceHandle, TaskMetadata, TaskSignature,
};
use eigen_types::test::TestOperator;
use tokio::runtime::Runtime;

use crate::cpu_nanoseconds;

/// The one quorum all operators are in.
const QUORUM_NUMBER: u8 = 0;
/// Share of stake it asks for, in percent: the same number of signers as 6,667 of 10,000.
const QUORUM_PERCENT: u8 = 67;
const BLOCK: u64 = 1;

/// Its aggregator with a set of operators of equal stake.
pub(crate) struct Peer {
    runtime: Runtime,
    operators: Vec<TestOperator>,
    handle: ServiceHandle,
    responses: AggregateReceiver,
}

impl Peer {
    /// Starts the aggregator with `operators` operators.
    pub(crate) fn new(operators: usize) -> Result<Self> {
        let operators: Vec<TestOperator> = (1..=operators as u64).map(operator).collect::<Result<_>>()?;
        // One thread, so that the CPU clock of the process sees the aggregator and nothing beside it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let registry = FakeAvsRegistryService::new(BLOCK, operators.clone());
        let (handle, responses) = runtime.block_on(async { BlsAggregatorService::new(registry).start() });
        Ok(Self { runtime, operators, handle, responses })
    }

    /// Opens a task and hands in the signatures of `quorum` operators. Returns the nanoseconds of CPU from the first of
    /// these to the aggregated response.
    pub(crate) fn aggregate(&mut self, task: u64, quorum: usize) -> Result<u64> {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&task.to_be_bytes());
        let signers = &self.operators[..quorum];
        let signed: Vec<(FixedBytes<32>, Signature)> =
            signers.iter().map(|operator| (operator.operator_id, operator.bls_keypair.sign_message(&digest))).collect();
        let task = u32::try_from(task)?;
        let lifetime = Duration::from_secs(3_600);
        let metadata = TaskMetadata::new(task, BLOCK, vec![QUORUM_NUMBER], vec![QUORUM_PERCENT], lifetime);
        self.runtime.block_on(async {
            self.handle.initialize_task(metadata).await?;
            // The task's own loop reads the registry before it takes signatures: that is not counted.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            let start = cpu_nanoseconds()?;
            for (operator, signature) in signed {
                self.handle.process_signature(TaskSignature::new(task, digest.into(), signature, operator)).await?;
            }
            let response = self.responses.receive_aggregated_response().await?;
            let spent = cpu_nanoseconds()? - start;
            ensure!(response.task_index == task, "an answer about task {} instead of {task}", response.task_index);
            let absent = self.operators.len() - quorum;
            ensure!(response.non_signers_pub_keys_g1.len() == absent, "the answer lists other signers");
            Ok(spent)
        })
    }
}

fn operator(number: u64) -> Result<TestOperator> {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let secret = (1_000_003 * (number + 16)).to_string();
    let bls_keypair = BlsKeyPair::new(secret).ok().context("a small number is a valid secret key")?;
    let stake_per_quorum = HashMap::from([(QUORUM_NUMBER, U256::from(100))]);
    Ok(TestOperator { operator_id: id.into(), stake_per_quorum, bls_keypair })
}
