//! Actions over a node.

use alloy::primitives::{Bytes, U256};
use alloy::providers::Provider;
use consensus::task::{AnchorRule, InstanceKey, JobId, Task};
use contracts::terms::{Limits, ResolverTerms, Terms, TriggerTerms, UpkeepTerms};
use tempfile::TempDir;

use super::*;
use crate::chain::{ChainConfig, Rpc};
use crate::executor::{ExecutorConfig, RpcReader, WorkerProgram};

pub(super) const TARGET: Address = Address::repeat_byte(0x77);

pub(super) struct Bench {
    actions: Actions,
    _cache: TempDir,
}

impl Bench {
    /// Reads go the way they go in a keeper.
    pub(super) fn over(chain: &ChainConfig) -> Self {
        let rpc = Rpc::new(chain).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let reader = RpcReader::over(rpc.provider().erased(), Arc::new(rpc.clone()));
        let config = ExecutorConfig {
            cache_dir: cache.path().to_owned(),
            allow_private_targets: true,
            max_concurrent: 1,
            worker: WorkerProgram::this(),
        };
        let executor = Arc::new(Executor::new(config, Arc::new(reader)).unwrap());
        let (chain_id, job_manager) = (chain.network.chain_id, chain.network.contracts.job_manager);
        Self { actions: Actions { chain_id, job_manager, provider: rpc.provider(), executor }, _cache: cache }
    }

    pub(super) async fn run(&self, work: &Work) -> Finding {
        self.actions.run(work).await
    }

    pub(super) async fn run_at(&self, action: ActionTerms, anchor: BlockRef) -> Finding {
        self.run(&work(action, anchor)).await
    }
}

/// A run of a job at a block.
pub(super) fn work(action: ActionTerms, anchor: BlockRef) -> Work {
    work_on(TARGET, action, anchor)
}

/// The same, of a job with another target.
pub(super) fn work_on(target: Address, action: ActionTerms, anchor: BlockRef) -> Work {
    let terms = Terms {
        trigger: TriggerTerms::Once { moment: 5 },
        action,
        target,
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: U256::from(1).to(),
        quorum_bps: 6667,
        punctual_seconds: 0,
        limits: Limits::default(),
    };
    let task = Task { job: JobId(3), version: 1, instance: InstanceKey::from_run(0) };
    let due = DueTask {
        task,
        due: 5,
        deadline: 100,
        anchor: AnchorRule::ByTime,
        rank: 0,
        code_hash: B256::ZERO,
        quorum_bps: 6667,
        callback_gas: 100_000,
        observes: false,
    };
    Work {
        due,
        anchor,
        plan: Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap(),
        sighting: None,
        ask: false,
        is_late: false,
        part: Part::Run,
    }
}

pub(super) fn upkeep() -> ActionTerms {
    ActionTerms::Upkeep(UpkeepTerms { check_data: Bytes::from_static(&[7, 8]) })
}

/// A resolver in the place of the target.
pub(super) fn resolver() -> ActionTerms {
    ActionTerms::Resolver(ResolverTerms { resolver: TARGET, calldata: Bytes::from_static(&[0xcf, 0x53, 0x03, 0xcf]) })
}

/// What a finding comes to: status, and data as text where it is a reason.
pub(super) fn said(finding: &Finding) -> (Status, String) {
    let outcome = finding.result.as_ref().unwrap_or_else(|why| panic!("{why:?}: {}", finding.reason));
    let data = match outcome.status {
        Status::Call => outcome.data.to_string(),
        _ => String::from_utf8(outcome.data.to_vec()).unwrap(),
    };
    (outcome.status, data)
}
