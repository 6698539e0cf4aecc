//! All keepers stopped for 200 blocks, while logs come and runs come due: on return each is made up for, once and in order.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{B256, U256, hex};
use alloy::sol_types::{SolCall, SolEvent};
use bootstrap::swarm::keepers::Keeper;
use bootstrap::swarm::ledger::{Ledger, Settlement};
use bootstrap::swarm::numbers::Numbers;
use bootstrap::swarm::{JobRequest, JobSet, Options, Swarm};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, CallTerms, LogTerms, TriggerTerms};
use contracts::{Counter, Ringer};
use serde_json::Value;
use tests::dice::Dice;
use tests::{keepers, settled};

/// How many blocks nobody sees.
const STOPPED: u64 = 200;
/// The most between two transactions that ring while nobody looks, in blocks; and the most rings in one.
const PAUSE: usize = 6;
const RINGS: usize = 3;
/// Seconds between the runs of the job that makes up for all it missed: the contract keeps account of 64 of them.
const ALL: u64 = 8;
/// The same of the one that gives up what is a minute late, and of the one that makes up for the newest run alone.
const SKIP: u64 = 20;
const ONCE: u64 = 90;
/// Blocks between the runs of the one that counts blocks, and makes up for the newest run alone.
const BLOCKS: u64 = 90;
/// Seconds after which a run is given up where missed ones are not made up for.
const GRACE: u64 = 60;
const MINUTE: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(90);
/// What was missed is made up for within so long.
const CATCH_UP: Duration = Duration::from_secs(180);
/// Gas of a transaction that rings.
const GAS: u64 = 200_000;

#[tokio::test]
#[ignore = "takes six minutes"]
async fn what_was_missed_in_two_hundred_blocks_settles_once_and_in_order() {
    let _alone = tests::alone().await;
    let mut dice = Dice::new();
    let options = Options { rough: false, jobs: JobSet::All, ..keepers(4) };
    let mut swarm = Swarm::start(options).await.unwrap();
    let jobs = Jobs::list(&mut swarm).await;
    settled(&mut swarm, "two runs by interval", PATIENCE, |tasks| runs(tasks, jobs.all).len() >= 2).await.unwrap();
    ring(&mut swarm, 2).await;
    settled(&mut swarm, "two logs", PATIENCE, |tasks| runs(tasks, jobs.log).len() == 2).await.unwrap();

    swarm.keepers.iter_mut().for_each(Keeper::kill);
    let gone = now(&swarm);
    while now(&swarm).block < gone.block + STOPPED {
        ring(&mut swarm, dice.place(RINGS) + 1).await;
        reaches(&swarm, now(&swarm).block + dice.place(PAUSE) as u64 + 1).await;
    }
    for keeper in &mut swarm.keepers {
        keeper.join().unwrap();
    }
    for keeper in &mut swarm.keepers {
        keeper.ready().await.unwrap();
    }
    let back = now(&swarm);
    let caught_up = until("all that was missed to settle", CATCH_UP, || {
        let left = swarm.follower().look(|ledger| jobs.left(ledger, back));
        async move { if left == 0 { Ok(()) } else { Err(format!("{left} runs have not settled")) } }
    });
    let caught_up = caught_up.await;
    let ledger = swarm.follower().ledger();
    jobs.show(&ledger, gone, back);
    caught_up.unwrap();
    jobs.hold(&ledger, gone, back);
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// A block, and when it was made (Unix seconds).
#[derive(Clone, Copy, Debug)]
struct Moment {
    block: u64,
    at: u64,
}

/// Numbers of the jobs: one for logs, one for each way with missed runs, all first due at `start`, one that is due by the minute and
/// makes up for all, and one by blocks, first due at `first`.
struct Jobs {
    log: u64,
    all: u64,
    skip: u64,
    once: u64,
    start: u64,
    cron: u64,
    blocks: u64,
    first: u64,
}

impl Jobs {
    async fn list(swarm: &mut Swarm) -> Self {
        let Moment { block, at } = now(swarm);
        let (start, first) = (at + 20, block + 40);
        let ringer = swarm.deployed().stirred.unwrap().ringer;
        let topics = [Ringer::Rang::SIGNATURE_HASH, B256::ZERO, B256::ZERO, B256::ZERO];
        let terms = LogTerms { emitter: ringer, filter: 1, topics, confirmations: 0, most_per_block: 16 };
        let request = JobRequest {
            name: "log".to_owned(),
            trigger: TriggerTerms::Log(terms),
            action: ActionTerms::Call(CallTerms { calldata: Counter::incrementCall {}.abi_encode().into() }),
            target: swarm.target(),
            creator: None,
        };
        let log = swarm.list(&[request]).await.unwrap()[0].id;
        let all = by_interval(swarm, "all", ALL, start).await;
        let skip = by_interval(swarm, "skip", SKIP, start).await;
        let once = by_interval(swarm, "once", ONCE, start).await;
        let cron = create(swarm, "all", &["--trigger", "cron", "--cron", "* * * * *"]).await;
        let (every, from) = (BLOCKS.to_string(), first.to_string());
        let blocks = ["--trigger", "blocks", "--every-blocks", &every, "--first-block", &from];
        let blocks = create(swarm, "once", &blocks).await;
        Self { log, all, skip, once, start, cron, blocks, first }
    }

    /// How many of the logs up to a moment, and of the runs that are made up for, have not settled.
    fn left(&self, ledger: &Ledger, back: Moment) -> usize {
        let settled = |job| runs(&ledger.settlements, job).len();
        let lacks = |job, newest| runs(&ledger.settlements, job).iter().all(|each| each.run < newest);
        let logs = ledger.rings.iter().filter(|ring| ring.block <= back.block).count();
        let due = usize::try_from((back.at - self.start) / ALL + 1).unwrap();
        let open = [
            lacks(self.once, (back.at - self.start) / ONCE),
            lacks(self.blocks, (back.block - self.first) / BLOCKS),
            lacks(self.cron, back.at / MINUTE),
        ];
        let open = open.into_iter().filter(|lacks| *lacks).count();
        logs.saturating_sub(settled(self.log)) + due.saturating_sub(settled(self.all)) + open
    }

    /// Says how late what settled last was made up for.
    fn show(&self, ledger: &Ledger, gone: Moment, back: Moment) {
        let last = |job| runs(&ledger.settlements, job).last().map_or(0, |each| each.block);
        eprintln!(
            "keepers gone at block {}, back at {}: {} logs and {} runs by interval settled, the last of them at blocks {} and {}; \
             {} where the late are skipped, {} and by blocks {} where the newest alone counts, {} by the minute",
            gone.block,
            back.block,
            runs(&ledger.settlements, self.log).len(),
            runs(&ledger.settlements, self.all).len(),
            last(self.log),
            last(self.all),
            runs(&ledger.settlements, self.skip).len(),
            runs(&ledger.settlements, self.once).len(),
            runs(&ledger.settlements, self.blocks).len(),
            runs(&ledger.settlements, self.cron).len()
        );
    }

    /// Holds what has settled against what was due, by the chain alone.
    fn hold(&self, ledger: &Ledger, gone: Moment, back: Moment) {
        let logs: Vec<B256> = runs(&ledger.settlements, self.log).iter().map(|each| each.key).collect();
        let rings: Vec<B256> = ledger.rings.iter().map(|ring| ring.key).collect();
        assert_eq!(logs, rings, "each log once, and in order");
        let all: Vec<u64> = runs(&ledger.settlements, self.all).iter().map(|each| each.run).collect();
        assert_eq!(all, (0..all.len() as u64).collect::<Vec<_>>(), "each run once, and in order");
        let minutes: Vec<u64> = runs(&ledger.settlements, self.cron).iter().map(|each| each.run).collect();
        let from = minutes.first().copied().unwrap_or_default();
        assert_eq!(minutes, (from..from + minutes.len() as u64).collect::<Vec<_>>(), "each minute once, and in order");
        assert!(from <= gone.at / MINUTE + 1 && minutes.contains(&(back.at / MINUTE)), "{minutes:?}");
        let start = self.start;
        let by_clock = |interval: u64| move |run: u64| start + run * interval;
        let by_block = |run: u64| ledger.moments[&(self.first + run * BLOCKS)];
        let skipped = given_up(&ledger.settlements, self.skip, (gone, back), by_clock(SKIP), u64::MAX);
        let newest = (back.at - self.start) / ONCE;
        let once = given_up(&ledger.settlements, self.once, (gone, back), by_clock(ONCE), newest);
        let newest = (back.block - self.first) / BLOCKS;
        let blocks = given_up(&ledger.settlements, self.blocks, (gone, back), by_block, newest);
        assert_eq!([skipped, once, blocks], [const { Vec::<u64>::new() }; 3], "runs that were given up have settled");
    }
}

/// Runs below `newest` of a job that were due while all were gone, and a minute late when they were back, and have settled all the
/// same. Those of the last minute are not late, and come by attempts of their own.
fn given_up(
    settlements: &[Settlement],
    job: u64,
    (gone, back): (Moment, Moment),
    due: impl Fn(u64) -> u64,
    newest: u64,
) -> Vec<u64> {
    let numbers: Vec<u64> = runs(settlements, job).iter().map(|each| each.run).collect();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "once: {numbers:?}");
    let is_late = |run: &u64| gone.at < due(*run) && due(*run) + GRACE < back.at && *run < newest;
    numbers.into_iter().filter(is_late).collect()
}

/// What of a job has settled, in the order of the chain.
fn runs(settlements: &[Settlement], job: u64) -> Vec<&Settlement> {
    settlements.iter().filter(|each| each.job_id == job).collect()
}

/// The newest block.
fn now(swarm: &Swarm) -> Moment {
    swarm.follower().look(|ledger| Moment { block: ledger.block, at: ledger.timestamp })
}

async fn reaches(swarm: &Swarm, block: u64) {
    until(&format!("block {block}"), PATIENCE, || {
        let newest = now(swarm).block;
        async move { if newest >= block { Ok(()) } else { Err(format!("block {newest} is the newest")) } }
    })
    .await
    .unwrap();
}

/// Rings so many times in one transaction, and waits until that has been seen.
async fn ring(swarm: &mut Swarm, count: usize) {
    let before = swarm.follower().look(|ledger| ledger.rings.len());
    let (provider, from) = (swarm.anvil().provider().clone(), swarm.anvil().faucet());
    let ringer = Ringer::new(swarm.deployed().stirred.unwrap().ringer, provider.clone());
    let call = ringer.ring(U256::from(count)).from(from).gas(GAS);
    Numbers::default().send(&provider, from, |nonce| call.clone().nonce(nonce)).await.unwrap();
    until("the rings", PATIENCE, || {
        let rings = swarm.follower().look(|ledger| ledger.rings.len());
        async move { if rings == before + count { Ok(()) } else { Err(format!("{rings} of them")) } }
    })
    .await
    .unwrap();
}

/// Lists a job that is due every so many seconds.
async fn by_interval(swarm: &Swarm, missed: &str, interval: u64, start: u64) -> u64 {
    create(swarm, missed, &["--every", &format!("{interval}s"), "--start", &start.to_string()]).await
}

/// Lists a job, with what becomes of runs that are missed.
async fn create(swarm: &Swarm, missed: &str, when: &[&str]) -> u64 {
    let target = swarm.target().to_string();
    let calldata = hex::encode_prefixed(Counter::incrementCall {}.abi_encode());
    let what = ["--missed", missed, "--action", "call", "--calldata", &calldata, "--target", &target];
    let flags = [&["--json", "--broadcast", "--fee", "1000gwei", "--fund", "1ether"], when, &what].concat();
    let made: Value = serde_json::from_str(&swarm.keepers[0].run(["job", "create"], &flags).await.unwrap()).unwrap();
    made["id"].as_u64().unwrap()
}
