//! Jobs that pay for nothing, beside one that pays: no keeper does anything for them, and the one that pays misses nothing.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::providers::DynProvider;
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::anvil::mined;
use bootstrap::swarm::ledger::{Settlement, unix_ms};
use bootstrap::swarm::numbers::Numbers;
use bootstrap::swarm::{JobRequest, JobSpec, RHYTHM, Swarm, code_hash};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, Limits, TriggerTerms, WasmTerms};
use contracts::{IJobManager, JobManager, PlayMoney};
use tests::hostile::{ENDLESS, INCREMENT, component};
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(300);
/// Jobs of each kind.
const MANY: usize = 120;
const EVERY: u32 = 2;
/// Runs of the honest job alone, and beside them.
const ALONE: u64 = 40;
const BESIDE: u64 = 40;
/// Listed at a time.
const AT_ONCE: usize = 40;

#[tokio::test]
#[ignore = "takes four minutes"]
async fn jobs_that_cannot_pay_cost_keepers_nothing_and_make_nobody_miss_a_run() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await.unwrap();
    stage.runs_until(0, ALONE).await.unwrap();
    let (from, alone) = (stage.settled_runs(), stage.used_by(ALONE).await.unwrap());
    stage.list_those_that_pay_for_nothing().await.unwrap();
    let first = stage.honest.runs_until(unix_ms() / 1000);
    stage.runs_until(first, first + 5).await.unwrap();
    let beside = stage.used_by(BESIDE).await.unwrap();
    let last = stage.honest.runs_until(unix_ms() / 1000) - 5;
    stage.runs_until(last - 1, last).await.unwrap();
    eprintln!(
        "a run of the honest job took {:?} of all keepers' processors and {} bytes of their logs alone, {:?} and {} beside \
         {MANY} jobs without money, {MANY} with a wei and {MANY} that pay in a token of their own",
        alone.processor, alone.log, beside.processor, beside.log
    );
    stage.swarm.follower().look(|ledger| {
        let (others, ours): (Vec<_>, Vec<_>) =
            ledger.settlements.iter().partition(|each: &&Settlement| each.job_id != stage.honest.id);
        assert!(others.is_empty(), "nothing of the others settles");
        assert!((0..last).all(|run| ours.iter().any(|each| each.run == run)), "nothing is missed: {from} before them");
    });
    let tenth_more = |alone: f64, beside: f64| beside <= alone * 1.1;
    assert!(tenth_more(alone.processor.as_secs_f64(), beside.processor.as_secs_f64()), "{alone:?} {beside:?}");
    assert!(tenth_more(alone.log, beside.log), "{alone:?} {beside:?}");
    stage.swarm.check_alive().unwrap();
    stage.swarm.stop().await;
}

/// What a run of the honest job takes of all keepers together.
#[derive(Clone, Copy, Debug)]
struct Used {
    processor: Duration,
    log: f64,
}

struct Stage {
    swarm: Swarm,
    provider: DynProvider,
    honest: JobSpec,
}

impl Stage {
    async fn new() -> Result<Self> {
        let mut swarm = Swarm::start(keepers(4)).await?;
        let provider = swarm.anvil().provider().clone();
        let code = component(INCREMENT);
        let (code_hash, code_url) = (code_hash(&code), swarm.code_server().serve("honest.wasm", code));
        let request = JobRequest {
            name: "honest".to_owned(),
            trigger: TriggerTerms::Interval {
                start: (unix_ms() / 1000 + 10).next_multiple_of(RHYTHM),
                interval: EVERY,
            },
            action: ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() }),
            target: swarm.target(),
            creator: None,
        };
        let honest = swarm.list(&[request]).await?.remove(0);
        Ok(Self { swarm, provider, honest })
    }

    /// Waits until the honest job's runs from `from` to before `to` have settled.
    async fn runs_until(&mut self, from: u64, to: u64) -> Result<()> {
        let id = self.honest.id;
        settled(&mut self.swarm, "the honest job's runs", PATIENCE, |tasks| {
            (from..to).all(|run| tasks.iter().any(|each| (each.job_id, each.run) == (id, run)))
        })
        .await
    }

    fn settled_runs(&self) -> usize {
        self.swarm.follower().look(|ledger| ledger.settlements.len())
    }

    /// What each of the next `runs` runs takes, once code is fetched and compiled.
    async fn used_by(&self, runs: u64) -> Result<Used> {
        let (before, log) = self.so_far()?;
        let end = unix_ms() + runs * u64::from(EVERY) * 1_000;
        until("the runs to be over", PATIENCE, || async {
            let left = end.saturating_sub(unix_ms());
            if left == 0 { Ok(()) } else { Err(format!("{left} ms")) }
        })
        .await?;
        let (after, log_after) = self.so_far()?;
        #[expect(clippy::cast_precision_loss, reason = "bytes of a few minutes")]
        let log = (log_after - log) as f64 / runs as f64;
        Ok(Used { processor: (after - before) / u32::try_from(runs)?, log })
    }

    /// Processor time and bytes of log of all keepers so far.
    fn so_far(&self) -> Result<(Duration, u64)> {
        let (mut used, mut log) = (Duration::ZERO, 0);
        for keeper in &self.swarm.keepers {
            used += tests::workers::usage(keeper)?.time;
            log += std::fs::metadata(self.swarm.directory().join(format!("{}.log", keeper.name())))?.len();
        }
        Ok((used, log))
    }

    /// The three kinds of the audit, due as often as may be, with code that would cost a second a run: those in a token that
    /// nobody listed do not even get that far.
    async fn list_those_that_pay_for_nothing(&mut self) -> Result<()> {
        let code = component(ENDLESS);
        let (code_hash, code_url) = (code_hash(&code), self.swarm.code_server().serve("endless.wasm", code));
        let manager = JobManager::new(self.swarm.deployed().network.contracts.job_manager, self.provider.clone());
        let creator = self.swarm.anvil().faucet();
        let terms = contracts::terms::Terms {
            trigger: TriggerTerms::Interval { start: unix_ms() / 1000 + 30, interval: 1 },
            action: ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() }),
            target: self.swarm.target(),
            callback_gas: 500_000,
            token: Address::ZERO,
            fee: manager.leastFee(Address::ZERO).call().await?,
            quorum_bps: 6667,
            punctual_seconds: 0,
            limits: Limits::default(),
        };
        let deposit = U256::from(manager.listingDeposit().call().await?);
        for (kind, funding) in [U256::ZERO, U256::from(1)].into_iter().enumerate() {
            self.list_poor(&manager, creator, &terms.params(), (kind, funding, deposit)).await?;
        }
        let mut numbers = Numbers::default();
        let deploy = PlayMoney::deploy_builder(&self.provider).from(creator);
        let tx = numbers.send(&self.provider, creator, |nonce| deploy.clone().nonce(nonce)).await?;
        let deployed = mined(&self.provider, tx, "the token").await?;
        let token = deployed.contract_address.context("no token")?;
        let money = PlayMoney::new(token, &self.provider);
        let mint = money.mint(creator, U256::MAX / U256::from(2)).from(creator);
        let tx = numbers.send(&self.provider, creator, |nonce| mint.clone().nonce(nonce)).await?;
        ensure!(mined(&self.provider, tx, "the token's coins").await?.status(), "no coins of the token");
        let params = IJobManager::JobParams { token, fee: U96::from(1), ..terms.params() };
        let value = deposit + parse_ether("1")?;
        for number in 0..MANY {
            let call = manager.createJob(params.clone(), U256::ZERO, B256::from(U256::from(0xbad_0000 + number)));
            let refused = call.from(creator).value(value).call().await.err().context("listed in an unlisted token")?;
            let named = refused.as_decoded_error::<JobManager::TokenNotListed>().is_some();
            ensure!(named, "another refusal: {refused}");
        }
        Ok(())
    }

    async fn list_poor(
        &self,
        manager: &JobManager::JobManagerInstance<DynProvider>,
        creator: Address,
        params: &IJobManager::JobParams,
        (kind, funding, deposit): (usize, U256, U256),
    ) -> Result<()> {
        for from in (0..MANY).step_by(AT_ONCE) {
            let (mut sent, mut numbers) = (Vec::new(), Numbers::default());
            for number in from..from + AT_ONCE {
                let salt = B256::from(U256::from(0xbad_0000 + (kind + 1) * 1_000 + number));
                let call = manager.createJob(params.clone(), funding, salt).from(creator).value(funding + deposit);
                sent.push(numbers.send(&self.provider, creator, |nonce| call.clone().nonce(nonce)).await?);
            }
            for tx in sent {
                ensure!(mined(&self.provider, tx, "a poor job").await?.status(), "a job was not listed");
            }
        }
        Ok(())
    }
}
