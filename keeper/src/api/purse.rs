//! What money the chain knows of: what is set aside for a job and for how many runs it is enough, and what operators have
//! earned. Asked when somebody looks, a few questions at a time, and none again for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, U256};
use contracts::JobManager;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};

use crate::chain::{ChainError, ChainProvider, market};

/// For so long an answer is good enough, and a failure is not tried again.
const FRESH: Duration = Duration::from_secs(10);
/// Answers that are remembered.
const KNOWN_MAX: usize = 256;
/// A question may take so long, and all that are asked of operators together.
const PATIENCE: Duration = Duration::from_secs(5);
/// For so long what operators have earned is good enough: a question an operator is asked for it.
const EARNED_FRESH: Duration = Duration::from_secs(30);
/// Questions of jobs, and of operators, that are asked at once.
const AT_ONCE: usize = 8;
/// Epochs up to now whose fees are counted: of older ones an operator has claimed its part, or can at any time.
const EPOCHS: u32 = 8;

/// What was found, and when; nothing before it was asked. Whoever asks meanwhile waits for this one question.
type Answer = Arc<Mutex<Option<(Instant, Option<Value>)>>>;

/// By job: when it was last looked for, and the answer.
type Known = BTreeMap<u64, (Instant, Answer)>;

/// By operator: fees and refunds in the chain's coin that are not claimed, in wei.
pub(super) type Earned = BTreeMap<Address, U256>;

/// Asks the chain about jobs' money; clones share it. Before it is opened there is no chain to ask.
#[derive(Clone, Debug)]
pub struct Purse {
    chain: Arc<OnceLock<(ChainProvider, Address)>>,
    /// Never locked while a question is out: a node that hangs over one job holds up no other.
    known: Arc<std::sync::Mutex<Known>>,
    /// Questions of jobs that may be out.
    turns: Arc<Semaphore>,
    /// What operators have earned, up to which epoch, and when that was found.
    earned: Arc<Mutex<Option<(Instant, u32, Earned)>>>,
}

impl Default for Purse {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { chain: Arc::default(), known: Arc::default(), turns, earned: Arc::default() }
    }
}

impl Purse {
    /// Gives it the chain to ask, and the `JobManager` there.
    pub fn open(&self, provider: ChainProvider, job_manager: Address) {
        // A second one would be the same chain.
        let _ = self.chain.set((provider, job_manager));
    }

    /// What is set aside for a job; none where that cannot be said now.
    pub(super) async fn of(&self, job: u64) -> Option<Value> {
        let (provider, job_manager) = self.chain.get()?;
        let answer = self.answer(job);
        let mut known = answer.lock().await;
        if let Some((at, found)) = &*known
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let asked = tokio::time::timeout(PATIENCE, async {
            // It is never closed.
            let _turn = self.turns.acquire().await;
            ask(provider, *job_manager, job).await
        });
        let found = match asked.await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::debug!(%error, job, "could not read what is set aside for a job");
                None
            }
            Err(_) => None,
        };
        *known = Some((Instant::now(), found.clone()));
        found
    }

    /// The place of a job's answer; the one that was looked for longest ago makes room.
    fn answer(&self, job: u64) -> Answer {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(&job) {
            let oldest = known.iter().min_by_key(|(_, (at, _))| *at).map(|(job, _)| *job);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let (at, answer) = known.entry(job).or_insert_with(|| (Instant::now(), Answer::default()));
        *at = Instant::now();
        Arc::clone(answer)
    }

    /// What these operators have earned and not claimed, in the newest epochs up to `epoch`; those are left out of whom it cannot be
    /// said now.
    pub(super) async fn earned(&self, operators: Vec<Address>, epoch: u32) -> Earned {
        let Some((provider, job_manager)) = self.chain.get() else { return Earned::new() };
        let mut known = self.earned.lock().await;
        if let Some((at, of, found)) = &*known
            && *of == epoch
            && at.elapsed() < EARNED_FRESH
        {
            return found.clone();
        }
        let mut found = Earned::new();
        let asked = stream::iter(operators)
            .map(|operator| async move { (operator, owed(provider, *job_manager, operator, epoch).await) })
            .buffer_unordered(AT_ONCE)
            .for_each(|(operator, answer)| {
                match answer {
                    Ok(amount) => drop(found.insert(operator, amount)),
                    Err(error) => tracing::debug!(%error, %operator, "could not read what an operator has earned"),
                }
                std::future::ready(())
            });
        // What was found by then is shown; what was not is asked for again when it is old.
        let _ = tokio::time::timeout(PATIENCE, asked).await;
        *known = Some((Instant::now(), epoch, found.clone()));
        found
    }
}

/// Fees of the newest epochs and refunds, in wei.
async fn owed(
    provider: &ChainProvider,
    job_manager: Address,
    operator: Address,
    epoch: u32,
) -> Result<U256, ChainError> {
    let manager = JobManager::new(job_manager, provider);
    let epochs: Vec<u32> = (epoch.saturating_sub(EPOCHS - 1).max(1)..=epoch).collect();
    let fees = manager.owed(operator, Address::ZERO, epochs).call().await?;
    let refunds = manager.refunds(operator).call().await?;
    Ok(fees.saturating_add(refunds))
}

/// The contract's own word on what a run may cost at the most, at what gas costs now.
async fn ask(provider: &ChainProvider, job_manager: Address, id: u64) -> Result<Value, ChainError> {
    let manager = JobManager::new(job_manager, provider);
    let job = manager.job(id).call().await?;
    let tip = manager.tip().call().await?;
    let gas_price = U256::from(market(provider).await?.base_fee).saturating_add(tip);
    let most = manager.mostCost(id, gas_price).call().await?;
    let (escrow, gas, fee) = (U256::from(job.escrow), U256::from(job.gas), U256::from(job.fee));
    let runs = runs(job.token.is_zero(), (escrow, gas), (fee, most.gas));
    let token = (!job.token.is_zero()).then_some(job.token);
    Ok(json!({
        "token": token, "set_aside": escrow.to_string(), "for_gas": gas.to_string(), "fee": fee.to_string(),
        "gas_of_a_run": most.gas.to_string(), "can_pay": job.covered,
        "runs": if job.covered { runs.min(U256::from(u64::MAX)).to_string() } else { "0".to_owned() },
    }))
}

/// How many runs these amounts pay for, each at the most that it may cost.
fn runs(in_coin: bool, (escrow, gas): (U256, U256), (fee, most_gas): (U256, U256)) -> U256 {
    let of = |amount: U256, cost: U256| amount.checked_div(cost).unwrap_or(U256::MAX);
    if in_coin { of(escrow, fee.saturating_add(most_gas)) } else { of(escrow, fee).min(of(gas, most_gas)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_pays_for_as_many_runs_as_the_scarcer_of_its_amounts_does() {
        let of = |in_coin, amounts: (u64, u64), costs: (u64, u64)| {
            let words = |(a, b): (u64, u64)| (U256::from(a), U256::from(b));
            runs(in_coin, words(amounts), words(costs))
        };
        assert_eq!(of(true, (100, 0), (6, 4)), U256::from(10));
        assert_eq!(of(true, (109, 0), (6, 4)), U256::from(10));
        assert_eq!(of(false, (100, 9), (10, 3)), U256::from(3));
        assert_eq!(of(false, (20, 9), (10, 3)), U256::from(2));
        assert_eq!(of(true, (5, 0), (0, 0)), U256::MAX, "what costs nothing never ends");
    }

    #[tokio::test]
    async fn without_a_chain_there_is_no_answer() {
        assert_eq!(Purse::default().of(1).await, None);
        assert!(Purse::default().earned(vec![Address::ZERO], 1).await.is_empty());
    }
    #[tokio::test]
    async fn a_node_that_hangs_over_one_job_holds_up_no_other() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let provider = ChainProvider::new_http(url);
        let purse = Purse::default();
        purse.open(provider, Address::ZERO);
        *purse.answer(1).lock().await = Some((Instant::now(), Some(json!("known"))));
        let hung = tokio::spawn({
            let purse = purse.clone();
            async move { purse.of(2).await }
        });
        // It has asked.
        let (_open, _) = silent.accept().await.unwrap();
        assert_eq!(purse.of(1).await, Some(json!("known")));
        assert!(!hung.is_finished());
        hung.abort();
    }

    #[tokio::test]
    async fn answers_are_bounded_in_number() {
        let purse = Purse::default();
        for job in 0..=KNOWN_MAX as u64 {
            purse.answer(job);
        }
        let known = purse.known.lock().unwrap();
        assert_eq!(known.len(), KNOWN_MAX);
        assert!(!known.contains_key(&0) && known.contains_key(&(KNOWN_MAX as u64)));
    }
}
