//! Hundreds of jobs that somebody lists to do harm, beside an honest one: it misses nothing, and is hardly later.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use bootstrap::swarm::ledger::{Settlement, unix_ms};
use bootstrap::swarm::{JobRequest, JobSpec, RHYTHM, Swarm, code_hash};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, TriggerTerms, WasmTerms};
use tests::hostile::{ENDLESS, FLICKERING, INCREMENT, LARGE, component};
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(300);
const HONEST_EVERY: u32 = 2;
/// Runs of the honest job before the others come, and beside them.
const ALONE: u64 = 10;
const BESIDE: u64 = 60;
/// Jobs of each kind; all of a kind are due in one second, again and again.
const HUNDREDS: usize = 200;
/// Milliseconds that the honest job may be later on average: a block, and what one reorganisation more takes among few runs.
fn later_ms() -> f64 {
    if tests::is_rough() { 3_000.0 } else { 1_000.0 }
}
/// How much later than on average alone a single run may be, in milliseconds: two blocks. Where the others have first shown
/// that they are quick and then are not, one run is batched with them, and waits until it is apart again.
fn latest_ms(is_batched: bool) -> f64 {
    later_ms() + if is_batched { 12_000.0 } else { 1_000.0 }
}
/// 200 outcomes of 64 KiB are 17 full blocks.
const LARGE_EVERY: u32 = 60;
const DEAD_EVERY: u32 = 5;
/// One run burns about a second of processor time on each keeper, and here all of them share a machine.
const ENDLESS_EVERY: u32 = 600;
/// The second run comes while the honest job is beside them.
const FLICKERING_EVERY: u32 = 60;

#[tokio::test]
#[ignore = "takes three minutes"]
async fn two_hundred_jobs_with_the_longest_outcomes_delay_an_honest_one_by_less_than_a_block() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    let code = component(LARGE);
    let code_hash = code_hash(&code);
    let code_url = stage.swarm.code_server().serve("large.wasm", code);
    stage
        .beside(
            |_| WasmTerms { code_url: code_url.clone(), code_hash, params: Bytes::new() },
            LARGE_EVERY,
            latest_ms(false),
        )
        .await;
}

#[tokio::test]
#[ignore = "takes three minutes"]
async fn two_hundred_jobs_with_dead_urls_delay_an_honest_one_by_less_than_a_block() {
    let _alone = tests::alone().await;
    // Takes connections and never says a word, as the worst servers do.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let mut stage = Stage::new().await;
    let terms = |number: usize| {
        let host = if number.is_multiple_of(2) { silent.to_string() } else { "127.0.0.1:1".to_owned() };
        let code_hash = B256::with_last_byte(u8::try_from(number % 251).unwrap() + 1);
        WasmTerms { code_url: format!("http://{host}/{number}.wasm"), code_hash, params: Bytes::new() }
    };
    stage.beside(terms, DEAD_EVERY, latest_ms(false)).await;
    held.abort();
}

#[tokio::test]
#[ignore = "takes three minutes"]
async fn two_hundred_jobs_that_never_end_delay_an_honest_one_by_less_than_a_block() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    let code = component(ENDLESS);
    let code_hash = code_hash(&code);
    let code_url = stage.swarm.code_server().serve("endless.wasm", code);
    let terms = |_| WasmTerms { code_url: code_url.clone(), code_hash, params: Bytes::new() };
    stage.beside(terms, ENDLESS_EVERY, latest_ms(false)).await;
}

#[tokio::test]
#[ignore = "takes three minutes"]
async fn two_hundred_jobs_that_end_every_other_time_delay_an_honest_one_by_less_than_a_block() {
    let _alone = tests::alone().await;
    let mut stage = Stage::new().await;
    let code = component(FLICKERING);
    let code_hash = code_hash(&code);
    let code_url = stage.swarm.code_server().serve("flickering.wasm", code);
    let terms = |_| WasmTerms { code_url: code_url.clone(), code_hash, params: Bytes::new() };
    stage.beside(terms, FLICKERING_EVERY, latest_ms(true)).await;
}

struct Stage {
    swarm: Swarm,
    honest: JobSpec,
}

impl Stage {
    /// A swarm with an honest job that has run alone for a while.
    async fn new() -> Self {
        let mut swarm = Swarm::start(keepers(4)).await.unwrap();
        let code = component(INCREMENT);
        let code_hash = code_hash(&code);
        let code_url = swarm.code_server().serve("honest.wasm", code);
        let terms = WasmTerms { code_url, code_hash, params: Bytes::new() };
        let start = (unix_ms() / 1000 + 10).next_multiple_of(RHYTHM);
        let request = request(&swarm, "honest", start, HONEST_EVERY, terms);
        let honest = swarm.list(&[request]).await.unwrap().remove(0);
        settled(&mut swarm, "the honest job alone", PATIENCE, |tasks| has(tasks, &honest, ALONE - 1)).await.unwrap();
        Self { swarm, honest }
    }

    /// Lists the others, all due at once, and compares how late the honest job is before and after that moment: on average, and
    /// by so many milliseconds at most.
    async fn beside(&mut self, terms: impl Fn(usize) -> WasmTerms, every: u32, latest: f64) {
        let start = (unix_ms() / 1000 + 30).next_multiple_of(RHYTHM);
        // Each from an account of its own, as whoever means harm would have it.
        let other = |number: usize| JobRequest {
            creator: Some(Address::from_word(B256::from(U256::from(0xbad_0000 + number)))),
            ..request(&self.swarm, "other", start, every, terms(number))
        };
        let others: Vec<JobRequest> = (0..HUNDREDS).map(other).collect();
        for some in others.chunks(50) {
            self.swarm.list(some).await.unwrap();
        }
        let first = self.honest.runs_until(start);
        let last = first + BESIDE;
        until("the honest job's last run to be due", PATIENCE, || async {
            let left = self.honest.due(last).unwrap_or_default().saturating_sub(unix_ms() / 1000);
            if left == 0 { Ok(()) } else { Err(format!("{left} s")) }
        })
        .await
        .unwrap();
        settled(&mut self.swarm, "the honest job beside them", PATIENCE, |tasks| {
            (0..=last).all(|run| has(tasks, &self.honest, run))
        })
        .await
        .unwrap();
        let (alone, most_alone) = self.late(0..ALONE);
        let (beside, most_beside) = self.late(first..last);
        eprintln!(
            "the honest job settled {alone:.0} ms after due on average alone, {most_alone} at most; beside {HUNDREDS} \
             others {beside:.0} and {most_beside}"
        );
        self.tell_latest(first..last);
        assert!(beside < alone + later_ms(), "{alone:.0} ms alone, {beside:.0} ms beside them");
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        let most = most_beside as f64;
        assert!(most < alone + latest, "{alone:.0} ms alone, {most:.0} ms at most beside them");
        self.swarm.check_alive().unwrap();
    }

    /// Says which runs of the honest job were late, and what else was in the blocks that they were in.
    fn tell_latest(&self, runs: std::ops::Range<u64>) {
        self.swarm.follower().look(|ledger| {
            let ours =
                ledger.settlements.iter().filter(|each| each.job_id == self.honest.id && runs.contains(&each.run));
            for each in ours {
                let late = each.seen_ms.saturating_sub(self.honest.due(each.run).unwrap_or_default() * 1000);
                let beside = ledger.settlements.iter().filter(|other| other.block == each.block).count() - 1;
                eprintln!(
                    "run {} due {}: {late} ms, block {} place {} by {}, {beside} others in it",
                    each.run,
                    self.honest.due(each.run).unwrap_or_default(),
                    each.block,
                    each.place,
                    each.submitter
                );
            }
        });
    }

    /// Milliseconds from due to settled: on average, and at most.
    fn late(&self, runs: std::ops::Range<u64>) -> (f64, u64) {
        self.swarm.follower().look(|ledger| {
            let ours =
                ledger.settlements.iter().filter(|each| each.job_id == self.honest.id && runs.contains(&each.run));
            let late =
                ours.map(|each| each.seen_ms.saturating_sub(self.honest.due(each.run).unwrap_or_default() * 1000));
            let late: Vec<u64> = late.collect();
            assert_eq!(late.len() as u64, runs.end - runs.start, "each run once");
            #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
            let mean = late.iter().sum::<u64>() as f64 / late.len() as f64;
            (mean, late.into_iter().max().unwrap_or_default())
        })
    }
}

fn request(swarm: &Swarm, name: &str, start: u64, interval: u32, terms: WasmTerms) -> JobRequest {
    JobRequest {
        name: name.to_owned(),
        trigger: TriggerTerms::Interval { start, interval },
        action: ActionTerms::Wasm(terms),
        target: swarm.target(),
        creator: None,
    }
}

fn has(tasks: &[Settlement], job: &JobSpec, run: u64) -> bool {
    tasks.iter().any(|each| (each.job_id, each.run) == (job.id, run))
}
