//! Jobs as the contract keeps them, hundreds in one question: a node runs the code of [`JobReader`], which is never deployed.
//!
//! Nodes differ in how much gas a call may take and whether they run code at all that is nowhere. So fewer are asked for after a
//! refusal, and in the end one by one.

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolConstructor, SolError, SolValue};
use contracts::IJobManager::Job;
use contracts::{JobManager, JobReader};
use tokio::task::JoinSet;

use super::rpc::ChainProvider;
use super::{ChainError, latest};

/// Jobs read at once, at the most: they take 8 million gas and 200 KB, and most nodes give a call 25 million or more.
const AT_ONCE: u64 = 250;
/// With fewer than these at once a node is not worth asking so.
const LEAST_AT_ONCE: u64 = 15;
/// Jobs asked for one by one at the same time.
const PARALLEL: usize = 16;

/// Jobs at one block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// The block's time, unix seconds.
    pub(crate) now: u64,
    /// How many jobs there are.
    pub(crate) count: u64,
    /// Those asked for that there are, by number.
    pub(crate) jobs: Vec<(u64, Job)>,
}

/// The newest `most` jobs, or those up to number `last`.
///
/// # Errors
/// The nodes give no answer, or one that does not decode.
pub(crate) async fn jobs(
    provider: &ChainProvider,
    manager: Address,
    last: Option<u64>,
    most: u64,
) -> Result<Listing, ChainError> {
    let head = latest(provider).await?.head;
    let reader = Reader { provider, manager, block: BlockId::number(head.number) };
    let mut at_once = AT_ONCE;
    let mut found = Listing { now: head.timestamp, ..Listing::default() };
    // What is still to be read: up to this number, and so many.
    let (mut to, mut left) = (last.unwrap_or(u64::MAX), most);
    let mut is_first = true;
    while is_first || left > 0 {
        if at_once < LEAST_AT_ONCE {
            return reader.one_by_one(found, to, left).await;
        }
        match reader.page(to, left.min(at_once)).await {
            Ok((count, jobs)) => {
                // What there is shows in the first answer.
                (found.count, to) = (count, to.min(count));
                left = left.min(to);
                is_first = false;
                let read = jobs.len() as u64;
                (to, left) = (to.saturating_sub(read), left.saturating_sub(read));
                found.jobs.splice(0..0, jobs);
            }
            Err(error) => {
                tracing::debug!(%error, at_once, "the node does not read so many jobs at once");
                at_once /= 4;
            }
        }
    }
    Ok(found)
}

struct Reader<'a> {
    provider: &'a ChainProvider,
    manager: Address,
    block: BlockId,
}

impl Reader<'_> {
    /// Up to `most` jobs up to number `last`, in one question.
    async fn page(&self, last: u64, most: u64) -> Result<(u64, Vec<(u64, Job)>), ChainError> {
        let arguments = JobReader::constructorCall { manager: self.manager, last, most }.abi_encode();
        let code = [JobReader::BYTECODE.as_ref(), &arguments].concat();
        let request = TransactionRequest::default().with_deploy_code(code);
        let none = |why: &str| ChainError::unbelievable("undecodable_answer", format!("the reader of jobs {why}"));
        let Err(error) = self.provider.call(request).block(self.block).await else { return Err(none("went through")) };
        let data = error.as_error_resp().and_then(|error| error.as_revert_data());
        let Some(data) = data else { return Err(error.into()) };
        let (count, jobs) = decode(&data).ok_or_else(|| none("was answered with something else"))?;
        let end = last.min(count);
        let expected = most.min(end);
        if jobs.len() as u64 != expected {
            return Err(none(&format!("was answered with {} jobs in place of {expected}", jobs.len())));
        }
        Ok((count, (end - expected + 1..).zip(jobs).collect()))
    }

    /// The rest of them, without the reader.
    async fn one_by_one(&self, mut found: Listing, mut to: u64, most: u64) -> Result<Listing, ChainError> {
        let manager = JobManager::new(self.manager, self.provider.clone());
        found.count = manager.jobCount().block(self.block).call().await?;
        to = to.min(found.count);
        let mut jobs = Vec::new();
        let wanted: Vec<u64> = (to.saturating_sub(most) + 1..=to).collect();
        for part in wanted.chunks(PARALLEL) {
            let mut asked = JoinSet::new();
            for &id in part {
                let (manager, block) = (manager.clone(), self.block);
                asked.spawn(async move { manager.job(id).block(block).call().await.map(|job| (id, job)) });
            }
            for answer in asked.join_all().await {
                jobs.push(answer?);
            }
        }
        jobs.sort_unstable_by_key(|(id, _)| *id);
        found.jobs.splice(0..0, jobs);
        Ok(found)
    }
}

/// What the reader says: how many jobs there are, and those it read.
pub(super) fn decode(data: &Bytes) -> Option<(u64, Vec<Job>)> {
    let answer = data.strip_prefix(JobReader::Jobs::SELECTOR.as_slice())?;
    <(u64, Vec<Job>)>::abi_decode_params(answer).ok()
}

#[cfg(test)]
mod tests;
