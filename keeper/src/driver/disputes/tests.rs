//! Disputed tasks run again at nodes that serve a small chain: what is an answer, and what says nothing.

use alloy::primitives::{Address, B256, Bytes, LogData, keccak256};
use alloy::providers::Provider;
use alloy::sol_types::{SolEvent, SolValue};
use consensus::report::Anchor;
use consensus::task::{InstanceKey, JobId, Status, Task};
use consensus::time::Pace;
use contracts::IJobManager::Job;
use contracts::JobManager::JobCreated;
use contracts::terms::{ActionTerms, CallTerms, ConditionTerms, Limits, LogTerms, ObservingTerms, WasmTerms};
use contracts::terms::{Terms, TriggerTerms};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

use super::*;
use crate::chain::Rpc;
use crate::chain::error::TOO_MUCH;
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::executor::{Executor, ExecutorConfig, RpcReader, WorkerProgram};

const JOB: u64 = 7;
const ANCHOR: u64 = 30;
const EMITTER: Address = Address::repeat_byte(0xe0);
const ASKED: Address = Address::repeat_byte(0xc0);
const YES: [u8; 32] = [1; 32];
const NO: [u8; 32] = [0; 32];

/// Some nodes of one chain, on which a job is listed.
struct Court {
    nodes: Vec<FakeNode>,
    past: Past,
    actions: Actions,
    _cache: TempDir,
}

fn terms(trigger: TriggerTerms) -> Terms {
    Terms {
        trigger,
        action: ActionTerms::Call(CallTerms { calldata: Bytes::from(vec![1]) }),
        target: Address::repeat_byte(3),
        callback_gas: 50_000,
        token: Address::ZERO,
        fee: alloy::primitives::Uint::from(1),
        quorum_bps: 6_667,
        punctual_seconds: 0,
        limits: Limits::default(),
    }
}

impl Court {
    async fn over(count: usize, terms: &Terms) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(FakeNode::start(40).await);
        }
        let chain = config(&nodes.iter().map(|node| node.url.as_str()).collect::<Vec<_>>(), 0);
        let rpc = Rpc::new(&chain).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let reader = RpcReader::over(rpc.provider().erased(), Arc::new(rpc.clone()));
        let settings = ExecutorConfig {
            cache_dir: cache.path().to_owned(),
            allow_private_targets: true,
            max_concurrent: 1,
            worker: WorkerProgram::this(),
        };
        let executor = Arc::new(Executor::new(settings, Arc::new(reader)).unwrap());
        let job_manager = contracts().job_manager;
        let actions = Actions { chain_id: chain.network.chain_id, job_manager, provider: rpc.provider(), executor };
        let past = Past::new(rpc, job_manager, 1, Pace::of(Duration::from_secs(1), 0));
        let (owner, forwarder) = (Address::repeat_byte(4), Address::repeat_byte(5));
        let active_from = if let TriggerTerms::Blocks { first, .. } = terms.trigger { first } else { 0 };
        let listed = JobCreated { jobId: JOB, owner, forwarder, activeFrom: active_from, params: terms.params() }
            .encode_log_data();
        let court = Self { nodes, past, actions, _cache: cache };
        court.each(|node| node.chain().log(1, job_manager, listed.clone()));
        court.asked(&YES);
        court
    }

    fn each(&self, does: impl Fn(&FakeNode)) {
        self.nodes.iter().for_each(does);
    }

    /// The condition's contract answers this at every block.
    fn asked(&self, answer: &[u8]) {
        let (answer, job) = (Bytes::copy_from_slice(answer), Bytes::from(Job::default().abi_encode()));
        self.lie(move |method, params, said| {
            if method == "eth_call" {
                *said = json!({"result": if params[0]["to"] == json!(ASKED) { &answer } else { &job }});
            }
        });
    }

    fn lie(&self, lie: impl FnMut(&str, &Value, &mut Value) + Clone + Send + 'static) {
        self.each(|node| node.lie(lie.clone()));
    }

    fn hash(&self, number: u64) -> B256 {
        self.nodes[0].chain().hash(number)
    }

    /// A report of a run that came to one call, which is pinned to the anchor.
    fn report(&self, instance: B256) -> Report {
        let task = Task { job: JobId(JOB), version: 1, instance: InstanceKey(instance) };
        let anchor = Anchor { number: ANCHOR, hash: self.hash(ANCHOR) };
        let outcome_hash = B256::repeat_byte(9);
        Report { task, anchor, input_set: B256::ZERO, status: Status::Call, outcome_hash }
    }

    async fn rerun(&self, report: &Report) -> Result<(Answer, String), (Abstention, String)> {
        let bench = Bench { provider: &self.actions.provider, past: &self.past, actions: &self.actions };
        rerun(&bench, report, None).await
    }

    /// The report is of nothing that was to be run, and it is said why.
    async fn denies(&self, report: &Report, why: &str) {
        let (answer, words) = self.rerun(report).await.unwrap();
        assert_eq!(answer, report.not_due(), "{words}");
        assert!(words.contains(why), "{words}");
    }

    async fn runs(&self, report: &Report) {
        let (answer, words) = self.rerun(report).await.unwrap();
        assert_eq!((answer.status, words.as_str()), (Status::Call, ""));
        assert_ne!(answer, report.not_due());
    }

    async fn abstains(&self, report: &Report, why: Abstention) {
        let (found, words) = self.rerun(report).await.unwrap_err();
        assert_eq!(found, why, "{words}");
    }
}

fn run(number: u64) -> B256 {
    InstanceKey::from_run(number).0
}

#[tokio::test]
async fn a_minute_that_the_pattern_does_not_name_was_not_due() {
    let court = Court::over(1, &terms(TriggerTerms::Cron { pattern: "0 9 * * *".to_owned() })).await;
    let nine = 9 * 60;
    court.runs(&court.report(run(nine))).await;
    court.denies(&court.report(run(nine + 1)), "no such moment").await;
    court.denies(&court.report(B256::repeat_byte(1)), "no such moment").await;
}

#[tokio::test]
async fn a_block_that_comes_after_the_anchor_made_nothing_due_there() {
    let court = Court::over(1, &terms(TriggerTerms::Blocks { first: 10, every: 5 })).await;
    court.runs(&court.report(run(4))).await;
    court.denies(&court.report(run(5)), "after its anchor").await;
    court.denies(&court.report(B256::repeat_byte(1)), "no such block").await;
}

fn logs(most_per_block: u16) -> Terms {
    let topics = [B256::ZERO; 4];
    terms(TriggerTerms::Log(LogTerms { emitter: EMITTER, filter: 0, topics, confirmations: 0, most_per_block }))
}

/// The key of the log with this index in a block; `FakeNode` counts the listing's as the first.
fn key(court: &Court, block: u64, index: u32) -> B256 {
    let (hash, transaction) = (court.hash(block), B256::with_last_byte(7));
    keccak256([hash.as_slice(), transaction.as_slice(), &index.to_be_bytes()].concat())
}

fn emit(court: &Court, block: u64) {
    let log = LogData::new_unchecked(vec![B256::repeat_byte(1)], Bytes::new());
    court.each(|node| node.chain().log(block, EMITTER, log.clone()));
}

#[tokio::test]
async fn a_log_that_two_nodes_lack_never_was() {
    let court = Court::over(2, &logs(9)).await;
    emit(&court, 20);
    emit(&court, 35);
    court.runs(&court.report(key(&court, 20, 1))).await;
    court.denies(&court.report(B256::repeat_byte(1)), "no such log").await;
    court.denies(&court.report(key(&court, 35, 2)), "no such log").await;
}

#[tokio::test]
async fn a_log_that_never_was_is_denied_among_more_than_is_taken_at_once() {
    let court = Court::over(2, &logs(9)).await;
    emit(&court, 20);
    let report = court.report(B256::repeat_byte(1));
    court.past.plan_of((JOB, 1)).await.unwrap();
    court.lie(|method, params, said| {
        let number = |key: &str| u64::from_str_radix(params[0][key].as_str().unwrap().trim_start_matches("0x"), 16);
        if method == "eth_getLogs" && number("toBlock").unwrap() - number("fromBlock").unwrap() > 4 {
            *said = json!({"error": {"code": TOO_MUCH, "message": "more than is taken at once"}});
        }
    });
    court.denies(&report, "no such log").await;
}

#[tokio::test]
async fn a_log_that_one_node_shows_was_there_whatever_others_keep_to_themselves() {
    let court = Court::over(2, &logs(9)).await;
    emit(&court, 20);
    for silent in 0..2 {
        court.each(|node| node.chain().hidden.clear());
        court.nodes[silent].chain().hidden = vec![20];
        court.runs(&court.report(key(&court, 20, 1))).await;
    }
}

/// One node alone may have lost it; so may one of two, where the other says nothing.
#[tokio::test]
async fn the_silence_of_one_node_is_no_answer() {
    let court = Court::over(1, &logs(9)).await;
    court.abstains(&court.report(B256::repeat_byte(1)), Abstention::UnknownTask).await;
    let court = Court::over(2, &logs(9)).await;
    court.nodes[1].chain().status = Some(axum::http::StatusCode::BAD_GATEWAY);
    court.abstains(&court.report(B256::repeat_byte(1)), Abstention::UnknownTask).await;
}

#[tokio::test]
async fn of_more_logs_than_the_job_takes_of_a_block_the_last_made_nothing_due() {
    let court = Court::over(2, &logs(1)).await;
    emit(&court, 20);
    emit(&court, 20);
    court.runs(&court.report(key(&court, 20, 1))).await;
    court.denies(&court.report(key(&court, 20, 2)), "no such log").await;
}

fn condition() -> Terms {
    let call = Bytes::from_static(b"now?");
    terms(TriggerTerms::Condition(ConditionTerms { target: ASKED, call, cooldown: 5 }))
}

#[tokio::test]
async fn a_condition_that_did_not_hold_at_its_block_made_nothing_due() {
    let court = Court::over(1, &condition()).await;
    let [first, later] = [ANCHOR, ANCHOR - 5].map(|block| court.report(court.hash(block)));
    court.runs(&first).await;
    court.runs(&later).await;
    court.asked(&NO);
    court.denies(&first, "did not hold").await;
    court.denies(&later, "did not hold").await;
    court.lie(|method, params, said| {
        if method == "eth_call" && params[0]["to"] == json!(ASKED) {
            *said = json!({"error": {"code": -32_000, "message": "missing trie node"}});
        }
    });
    court.abstains(&first, Abstention::ChainReadFailed).await;
}

#[tokio::test]
async fn a_condition_is_of_a_block_on_the_way_to_the_anchor() {
    let court = Court::over(2, &condition()).await;
    court.denies(&court.report(court.hash(ANCHOR + 1)), "after its anchor").await;
    court.denies(&court.report(B256::repeat_byte(1)), "no such block").await;
    let alone = Court::over(1, &condition()).await;
    alone.abstains(&alone.report(B256::repeat_byte(1)), Abstention::UnknownTask).await;
}

#[tokio::test]
async fn where_gas_was_dearer_than_the_job_pays_nothing_was_to_be_run() {
    let within = |most_gas_price| Terms {
        limits: Limits { most_gas_price, ..Limits::default() },
        ..terms(TriggerTerms::Once { moment: 5 })
    };
    let court = Court::over(1, &within(1)).await;
    court.runs(&court.report(run(0))).await;
    let job = Bytes::from(Job::default().abi_encode());
    court.lie(move |method, _, said| match method {
        "eth_getBlockByHash" => said["result"]["baseFeePerGas"] = json!("0x2"),
        "eth_call" => *said = json!({"result": job}),
        _ => {}
    });
    court.denies(&court.report(run(0)), "2 wei").await;
    court.lie(|method, _, said| {
        if method == "eth_getBlockByHash" {
            *said = json!({"error": {"code": -32_000, "message": "header not found"}});
        }
    });
    court.abstains(&court.report(run(0)), Abstention::ChainReadFailed).await;
}

/// The contract takes disputes of reports that rest on nothing seen; no honest keeper makes one of such a job.
#[tokio::test]
async fn a_job_that_looks_outside_decides_on_nothing_less() {
    let code = WasmTerms {
        code_url: "https://example.org/a.wasm".to_owned(),
        code_hash: B256::repeat_byte(1),
        params: Bytes::new(),
    };
    let action = ActionTerms::Observing(ObservingTerms { code, hosts: vec!["prices.example".to_owned()] });
    let court = Court::over(1, &Terms { action, ..terms(TriggerTerms::Once { moment: 5 }) }).await;
    let report = court.report(run(0));
    court.denies(&report, "saw outside").await;
    court.abstains(&Report { input_set: B256::repeat_byte(2), ..report }, Abstention::NothingSeen).await;
}
