//! `keeper job`: list jobs on chain, look at them, and end them.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use contracts::{IJobManager, JobManager};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::chain::{Chain, money, parse_amount};
use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::chain::ChainError;
use crate::keystore::{Keystore, Password};

mod life;
mod spell;

pub(super) use life::{FundArgs, WithdrawArgs, cancel, fund, pause, resume, withdraw};

/// Jobs that `job list` shows at most; the newest.
const MAX_LISTED: u64 = 1000;
/// Largest file read for code or parameters.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Flags of `keeper job create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// How often it runs: 2s, 5m, 1h, 1d
    #[arg(long, value_parser = spell::parse_interval)]
    every: u32,
    /// First run: unix seconds, or now+10s by the chain's clock
    #[arg(long, default_value = "now+10s", value_parser = spell::parse_start)]
    start: spell::Start,
    /// Where keepers fetch the code: https, ipfs, or for local use http, file, data
    #[arg(long)]
    code_url: Url,
    #[command(flatten)]
    code: CodeArgs,
    /// Contract that receives the outcome
    #[arg(long, value_name = "ADDRESS")]
    target: Address,
    /// Bytes handed to the code: 0x-hex, or @FILE
    #[arg(long, default_value = "0x")]
    params: String,
    /// Gas the target's callback may use
    #[arg(long, default_value_t = 200_000)]
    callback_gas: u32,
    /// What one run costs: 0.001ether, 20gwei, or wei
    #[arg(long, value_parser = parse_amount)]
    fee: U256,
    /// What is set aside for runs now: 0.1ether
    #[arg(long, value_parser = parse_amount)]
    fund: U256,
    /// Share of stake that must agree, in hundredths of a percent
    #[arg(long, default_value_t = 6667)]
    quorum_bps: u16,
    /// A run settled later than this many seconds after it was due costs half; 0: lateness is free
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    punctual: u16,
}

/// How the code is pinned.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct CodeArgs {
    /// The code itself, to compute its hash
    #[arg(long, value_name = "FILE")]
    code: Option<PathBuf>,
    /// SHA-256 of the code
    #[arg(long, value_name = "HASH")]
    code_hash: Option<B256>,
}

impl CodeArgs {
    fn hash(&self) -> Result<B256> {
        match (&self.code, self.code_hash) {
            (_, Some(hash)) => Ok(hash),
            (Some(path), None) => Ok(B256::from_slice(&Sha256::digest(read_file(path, "--code")?))),
            (None, None) => bail!("pass --code FILE or --code-hash HASH"),
        }
    }
}

pub(super) async fn create(global: &Global, args: CreateArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let code_hash = args.code.hash()?;
    let params = read_params(&args.params)?;
    let fee = alloy::primitives::aliases::U96::checked_from_limbs_slice(args.fee.as_limbs());
    let fee = fee.context("--fee does not fit 96 bits").exit(Exit::Usage)?;
    let password = Password::obtain(settings.password_file.as_deref(), false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let start = args.start.at(chain.now().await?);
    let sender = chain.sender(wallet).await?;
    let job = IJobManager::JobParams {
        trigger: 0,
        triggerData: alloy::sol_types::SolValue::abi_encode_params(&(U256::from(start), U256::from(args.every))).into(),
        action: 0,
        codeUrl: args.code_url.to_string(),
        codeHash: code_hash,
        params,
        target: args.target,
        callbackGas: args.callback_gas,
        token: Address::ZERO,
        fee,
        quorumBps: args.quorum_bps,
        punctualSeconds: args.punctual,
    };
    let manager = chain.network.contracts.job_manager;
    let call = JobManager::createJobCall { params: job, funding: args.fund };
    let receipt = sender.send("create the job", manager, &call, args.fund).await?;
    let created = receipt.logs().iter().filter(|log| log.address() == manager);
    let created = created.filter_map(|log| log.log_decode::<JobManager::JobCreated>().ok()).next();
    let event = created.context("the transaction succeeded but announced no job").exit(Exit::Chain)?.inner.data;
    let document = json!({
        "id": event.jobId,
        "owner": event.owner,
        "forwarder": event.forwarder,
        "start": start,
        "interval": args.every,
        "code_hash": code_hash,
        "fee_wei": args.fee.to_string(),
        "escrow_wei": args.fund.to_string(),
        "transaction": receipt.transaction_hash,
        "gas_used": receipt.gas_used,
    });
    let text = format!(
        "job {} runs every {} s from {start}; calls to the target come from {}\n",
        event.jobId, args.every, event.forwarder
    );
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) async fn list(global: &Global) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    let mut jobs = Vec::new();
    let mut text = String::new();
    for id in (count.saturating_sub(MAX_LISTED) + 1)..=count {
        let job = manager.job(id).call().await.map_err(ChainError::from)?;
        text.push_str(&spell::job_line(id, &job));
        jobs.push(spell::job_document(id, &job));
    }
    if jobs.is_empty() {
        text.push_str("no jobs yet: create one with `keeper job create`\n");
    }
    answer(global, json!({"jobs": jobs, "count": count}), &text);
    Ok(Exit::Success)
}

pub(super) async fn show(global: &Global, id: u64) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let job = existing(&chain, id).await?;
    let mut document = spell::job_document(id, &job);
    let params = creation(&chain, id).await?;
    if let (Some(params), Some(fields)) = (&params, document.as_object_mut()) {
        fields.insert("code_url".to_owned(), Value::from(params.codeUrl.clone()));
        fields.insert("params".to_owned(), json!(params.params));
    }
    let mut lines = spell::job_rows(id, &job);
    if let Some(params) = params {
        lines.push(("code URL", params.codeUrl));
        lines.push(("params", params.params.to_string()));
    }
    lines.push(("runs left", runs_left(job.escrow, job.fee.to())));
    lines.push(("escrow", money(job.token, U256::from(job.escrow))));
    answer(global, document, &rows(&lines));
    Ok(Exit::Success)
}

/// The job with this number.
async fn existing(chain: &Chain, id: u64) -> Result<IJobManager::Job> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    if id == 0 || id > count {
        return Err(anyhow!("there is no job {id}: jobs have the numbers 1 to {count}, see `keeper job list`"))
            .exit(Exit::NotFound);
    }
    Ok(manager.job(id).call().await.map_err(ChainError::from)?)
}

/// What was asked for when the job was created; only the log holds it. `None` where the node keeps no old logs.
async fn creation(chain: &Chain, id: u64) -> Result<Option<IJobManager::JobParams>> {
    let manager = chain.network.contracts.job_manager;
    let filter =
        Filter::new().address(manager).event_signature(JobManager::JobCreated::SIGNATURE_HASH).topic1(U256::from(id));
    let params = |log: &Log| {
        let event = log.log_decode::<JobManager::JobCreated>().ok().filter(|_| log.address() == manager)?;
        (event.inner.data.jobId == id).then_some(event.inner.data.params)
    };
    chain.find_log(&filter, params).await
}

fn runs_left(escrow: u128, fee: u128) -> String {
    escrow.checked_div(fee).map_or("unbounded".to_owned(), |runs| runs.to_string())
}

fn read_params(text: &str) -> Result<Bytes> {
    match text.strip_prefix('@') {
        Some(path) => Ok(read_file(&PathBuf::from(path), "--params")?.into()),
        None => {
            text.parse().with_context(|| format!("--params {text:?} is neither 0x-hex nor @FILE")).exit(Exit::Usage)
        }
    }
}

/// Reads a file that a flag names.
fn read_file(path: &PathBuf, flag: &str) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("could not read {} (named by {flag})", path.display()))
        .exit(Exit::NotFound)?;
    ensure!(bytes.len() as u64 <= MAX_FILE_BYTES, "{} is larger than {MAX_FILE_BYTES} bytes", path.display());
    Ok(bytes)
}
