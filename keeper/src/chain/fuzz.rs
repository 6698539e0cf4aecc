//! What nodes say of the chain, for fuzz targets (`tests/fuzz`): logs, listings, calldata, reverts, and what is kept of it.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, Bytes, LogData, U256, aliases::U96};
use alloy::rpc::types::Log;
use alloy::sol_types::{Revert, SolCall, SolError, SolEvent, SolValue};
use consensus::bls::SecretKey;
use consensus::committee::KeeperIndex;
use consensus::message::BatchKey;
use consensus::report::{Anchor, Report};
use consensus::task::{InstanceKey, JobId, Outcome, Status, Task};
use contracts::IJobManager::{Job, JobParams};
use contracts::network::Network;
use contracts::{Challenger, JobManager, JobReader, KeeperRegistry, SettledTask, TaskManager, settled_tasks};

use super::{ChainConfig, Contracts, certificates, certified, convert, digest as kept, listing as jobs, logs, receipt};

const WORD: usize = 32;

/// The network of all targets.
pub(crate) fn config() -> ChainConfig {
    let address = Address::repeat_byte;
    let network = Network {
        chain_id: 31337,
        rpc_urls: vec!["http://127.0.0.1:8545".to_owned()],
        deploy_block: 1,
        bootnodes: Vec::new(),
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 10,
        contracts: Contracts {
            keeper_registry: address(1),
            job_manager: address(2),
            task_manager: address(3),
            service_manager: address(4),
            challenger: address(5),
            allocation_manager: address(6),
            strategy: address(7),
        },
    };
    ChainConfig { network, network_file: PathBuf::from("network.toml") }
}

/// A log: which contract (a byte), how many topics (a byte), these, and the data.
pub fn log(bytes: &[u8]) {
    let contracts = config().network.contracts;
    let Some(log) = read(bytes) else { return };
    match logs::decode(&log, &contracts) {
        Ok(ours) => {
            assert!(ours.iter().all(|our| our.block == log.block_number.unwrap_or_default()), "of its own block");
            let kept = ours.iter().filter_map(|our| our.kept.as_ref());
            kept.for_each(|kept| assert_eq!(kept.log().inner, log.inner, "what is remembered is what was logged"));
        }
        Err(error) => assert!(error.to_string().contains("does not decode"), "{error}"),
    }
    let _ = settled_tasks(&log.inner.data);
}

fn read(bytes: &[u8]) -> Option<Log> {
    let ([contract, count], rest) = bytes.split_first_chunk::<2>()?;
    let (topics, data) = rest.split_at_checked(WORD * usize::from(*count % 5))?;
    let topics = topics.chunks_exact(WORD).map(B256::from_slice).collect();
    let data = LogData::new_unchecked(topics, Bytes::copy_from_slice(data));
    Some(placed(Address::repeat_byte(*contract % 8), data, 9))
}

fn placed(address: Address, data: LogData, block: u64) -> Log {
    Log {
        inner: alloy::primitives::Log { address, data },
        block_number: Some(block),
        block_hash: Some(B256::repeat_byte(9)),
        block_timestamp: Some(7),
        log_index: Some(block),
        ..Log::default()
    }
}

fn params() -> JobParams {
    JobParams {
        trigger: 0,
        triggerData: (1_000_u64, 60_u32).abi_encode_params().into(),
        action: 3,
        codeUrl: String::new(),
        codeHash: B256::ZERO,
        params: Bytes::from_static(&[1, 2, 3, 4]),
        target: Address::repeat_byte(8),
        callbackGas: 100_000,
        token: Address::ZERO,
        fee: U96::from(7),
        quorumBps: 6667,
        punctualSeconds: 0,
        until: 0,
        mostRuns: 0,
        mostGasPrice: 0,
        missed: 0,
    }
}

/// A log of every kind that keepers read.
pub(crate) fn our_logs() -> Vec<Log> {
    let Contracts { keeper_registry, job_manager, task_manager, challenger, .. } = config().network.contracts;
    let (operator, word) = (Address::repeat_byte(0xaa), B256::repeat_byte(3));
    let (owner, forwarder) = (operator, Address::repeat_byte(0xbb));
    let (version, submitter) = (2, operator);
    let total = U96::from(400);
    let all = [
        (
            job_manager,
            JobManager::JobCreated { jobId: 7, owner, forwarder, activeFrom: 0, params: params() }.encode_log_data(),
        ),
        (job_manager, JobManager::JobCovered { jobId: 7, covered: true }.encode_log_data()),
        (job_manager, JobManager::JobPaused { jobId: 7, inactiveFrom: 5 }.encode_log_data()),
        (job_manager, JobManager::JobResumed { jobId: 7, version, activeFrom: 5 }.encode_log_data()),
        (job_manager, JobManager::JobCancelled { jobId: 7, inactiveFrom: 5 }.encode_log_data()),
        (keeper_registry, KeeperRegistry::OperatorDeregistered { operator, index: 3 }.encode_log_data()),
        (
            keeper_registry,
            KeeperRegistry::EpochSnapshot { epoch: 1, activeFrom: 5, size: 4, totalStake: total, tableRoot: word }
                .encode_log_data(),
        ),
        (
            task_manager,
            TaskManager::TaskSettled {
                jobId: 7,
                submitter,
                fact: U256::from(7) << 192 | U256::from(1),
                instanceKey: word,
                outcomeHash: word,
            }
            .encode_log_data(),
        ),
        (task_manager, TaskManager::TasksSkipped { submitter, words: vec![word; 6] }.encode_log_data()),
        (challenger, Challenger::DisputeExpired { disputeId: 7 }.encode_log_data()),
    ];
    (1..).zip(all).map(|(block, (address, data))| placed(address, data, block)).collect()
}

/// Logs of every kind.
#[must_use]
pub fn log_seeds() -> Vec<Vec<u8>> {
    let written = |log: &Log| {
        let topics = log.topics();
        let head = [log.address()[0], u8::try_from(topics.len()).expect("at most four")];
        [&head[..], &topics.concat(), &log.inner.data.data].concat()
    };
    our_logs().iter().map(written).collect()
}

/// What is kept of the chain's history over a restart.
pub fn digest(bytes: &[u8]) {
    kept::fuzz::digest(bytes);
}

/// Such files.
#[must_use]
pub fn digest_seeds() -> Vec<Vec<u8>> {
    kept::fuzz::digest_seeds()
}

/// What the reader of jobs answers: it reverts with them.
pub fn listing(bytes: &[u8]) {
    if let Some((count, jobs)) = jobs::decode(&Bytes::copy_from_slice(bytes)) {
        let names: Vec<_> = jobs.iter().map(|job| contracts::terms::JobStatus::of(job).name()).collect();
        let _ = (count, names);
        for job in &jobs {
            let _ = contracts::terms::TriggerTerms::kept(job);
        }
    }
}

/// Answers with no job, and with two.
#[must_use]
pub fn listing_seeds() -> Vec<Vec<u8>> {
    let job = Job { owner: Address::repeat_byte(8), status: 1, start: 1_000, ..Job::default() };
    let answer = |jobs: Vec<Job>| [&JobReader::Jobs::SELECTOR[..], &(7_u64, jobs).abi_encode_params()].concat();
    vec![answer(Vec::new()), answer(vec![job.clone(), job])]
}

fn report() -> Report {
    Report {
        task: Task { job: JobId(7), version: 2, instance: InstanceKey::from_run(5) },
        anchor: Anchor { number: 100, hash: B256::repeat_byte(1) },
        input_set: B256::ZERO,
        status: Status::Call,
        outcome_hash: outcome().hash(B256::repeat_byte(0xcc)),
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: Status::Call,
        data: Bytes::from_static(b"outcome"),
        state_after: B256::ZERO,
        transcript: B256::repeat_byte(2),
    }
}

/// The calldata of a transaction that settled something.
pub fn settle_calldata(bytes: &[u8]) {
    let report = report();
    let settled = SettledTask {
        task_id: report.task.id().0,
        job_id: report.task.job.0,
        job_version: report.task.version,
        instance_key: report.task.instance.0,
        anchor_number: report.anchor.number,
        seconds_late: 0,
        status: report.status as u8,
        delivered: true,
        outcome_hash: report.outcome_hash,
        submitter: Address::ZERO,
    };
    if let Ok(found) = certified(bytes, &settled) {
        let shown = &found.statement.report;
        let anchor = Anchor { hash: shown.anchorHash, ..report.anchor };
        let leaf = Report { anchor, input_set: shown.inputHash, ..report }.leaf();
        let is_below = consensus::merkle::verify(leaf, &found.statement.proof, found.root);
        assert!(is_below, "what is shown to be certified is below the root");
    }
    let _ = certificates(bytes).count();
}

/// The calldata of a settlement as keepers send it, alone and within another call.
#[must_use]
pub fn settle_calldata_seeds() -> Vec<Vec<u8>> {
    let certificate = consensus::certificate::Certificate {
        epoch: 9,
        reports: vec![report()],
        signers: [KeeperIndex(2)].into_iter().collect(),
        signature: SecretKey::generate(&[1; 32]).sign(b"it"),
    };
    let settlement = consensus::effect::Settlement {
        key: BatchKey { assignment: B256::ZERO, batch: 0 },
        certificate,
        code_hashes: vec![B256::repeat_byte(0xcc)],
        callback_gas: vec![100_000],
        outcomes: vec![outcome()],
        committee_size: 5,
        takeover: false,
    };
    let super::Settlement { certificate, batch, .. } = convert::settlement(&settlement, Vec::new());
    let call = TaskManager::settleCall { certificate, batch }.abi_encode();
    vec![call.clone(), [&[1, 2, 3, 4][..], &[0; 64], &call, &[0; 28]].concat()]
}

/// What a call that reverted gives back.
pub fn revert(bytes: &[u8]) {
    let words = receipt::reason(bytes);
    assert!(!words.chars().any(char::is_control), "words that may be shown");
}

/// A text, a panic of the compiler's, and an error of our contracts.
#[must_use]
pub fn revert_seeds() -> Vec<Vec<u8>> {
    let panic = [&[0x4e, 0x48, 0x7b, 0x71][..], &U256::from(0x11).to_be_bytes::<32>()].concat();
    vec![Revert::from("no").abi_encode(), panic, JobReader::Jobs::SELECTOR.to_vec(), vec![1, 2, 3]]
}
