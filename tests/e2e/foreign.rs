//! Issue of fairness: a libp2p node of another make, with a registered operator's key, floods the keepers in every way there
//! is. Their memory stays within bounds and comes back, honest jobs are hardly later, and nobody honest is sent away.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use alloy::primitives::Bytes;
use alloy::providers::Provider;
use bootstrap::swarm::api::Status;
use bootstrap::swarm::keepers::Keeper;
use bootstrap::swarm::ledger::unix_ms;
use bootstrap::swarm::network::fund_all;
use bootstrap::swarm::{JobRequest, JobSpec, RHYTHM, Swarm, code_hash};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, TriggerTerms, WasmTerms};
use tests::foreign::{Flooder, Setting};
use tests::hostile::{INCREMENT, component};
use tests::toll::Watch;
use tests::{company, keepers, settled, signers};

const PATIENCE: Duration = Duration::from_secs(120);
const HONEST: u16 = 4;
/// Percent of its deposit that each foreign operator has at stake: they are members, and seldom lead.
const FOREIGN_STAKE: u8 = 5;
/// The network's, in seconds.
const WINDOW: u64 = 2;
/// Seconds between two runs of the honest job, and how many of its runs are looked at before and during an attack.
const EVERY: u32 = 2;
const ALONE: u64 = 12;
const BESIDE: u64 = 15;
/// Milliseconds that the honest job may be later on average: a block, and what one reorganisation more takes among few runs.
fn later_ms() -> f64 {
    if tests::is_rough() { 3_000.0 } else { 1_000.0 }
}
const MIB: u64 = 1024 * 1024;
/// What a keeper may grow by under any one attack.
const GROWTH: u64 = 32 * MIB;
/// What it may keep of that, and when the rest must be back.
const KEPT: u64 = 8 * MIB;
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// What the keepers count of a flood.
const TOLD: [&str; 5] = [
    "p2p_intake_dropped_total",
    "p2p_requests_refused_total",
    "p2p_faults_total",
    "p2p_peers_dropped_total",
    "keeper_gossip_messages_total",
];
/// An attack that does less than this is none.
const DEEDS: u64 = 100;

#[tokio::test]
#[ignore = "takes six minutes"]
async fn a_foreign_node_floods_with_gossip() {
    endure(&["small", "long", "garbage"]).await;
}

#[tokio::test]
#[ignore = "takes six minutes"]
async fn a_foreign_node_floods_with_what_has_to_wait_or_never_was() {
    endure(&["waiting", "plans", "evidence"]).await;
}

#[tokio::test]
#[ignore = "takes six minutes"]
async fn a_foreign_node_floods_with_control_messages_questions_and_answers() {
    endure(&["control", "questions", "answers"]).await;
}

#[tokio::test]
#[ignore = "takes six minutes"]
async fn a_foreign_node_floods_with_connections_reads_nothing_and_has_everything_looked_up() {
    endure(&["connections", "deaf", "books"]).await;
}

/// One attack after the other, each with the key of an operator of its own: a ban lasts ten minutes.
async fn endure(attacks: &[&'static str]) {
    let _alone = tests::alone().await;
    let mut stage = Stage::new(attacks.len()).await;
    for (place, attack) in attacks.iter().enumerate() {
        stage.endure(attack, place).await;
    }
    assert!(stage.broken.is_empty(), "{:#?}", stage.broken);
    let tasks = tests::outcome::end(&mut stage.swarm, PATIENCE).await.unwrap();
    assert_eq!((tasks.missed, tasks.doubled), (0, 0), "{tasks:?}");
    stage.swarm.stop().await;
}

struct Stage {
    swarm: Swarm,
    job: JobSpec,
    /// Registered operators that never run.
    foreign: Vec<Keeper>,
    /// How late the job is without an attack, milliseconds.
    alone: f64,
    /// The bounds that did not hold, and under which attack.
    broken: Vec<String>,
}

impl Stage {
    /// A swarm with an honest job that has run alone for a while, and operators whose keys are in other hands.
    async fn new(foreign: usize) -> Self {
        let mut swarm = Swarm::start(keepers(HONEST)).await.unwrap();
        let foreign = enrol(&mut swarm, foreign).await;
        let code = component(INCREMENT);
        let code_hash = code_hash(&code);
        let code_url = swarm.code_server().serve("honest.wasm", code);
        let start = (unix_ms() / 1000 + 15).next_multiple_of(RHYTHM);
        let request = JobRequest {
            name: "honest".to_owned(),
            creator: None,
            trigger: TriggerTerms::Interval { start, interval: EVERY },
            action: ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() }),
            target: swarm.target(),
        };
        let job = swarm.list(&[request]).await.unwrap().remove(0);
        let mut stage = Self { swarm, job, foreign, alone: 0.0, broken: Vec::new() };
        stage.settle(0..ALONE).await;
        stage.alone = stage.late(0..ALONE).0;
        stage
    }

    /// One attack on every keeper at once, and what it does to them.
    async fn endure(&mut self, attack: &'static str, place: usize) {
        let watch = Watch::start(&self.swarm).unwrap();
        let setting = self.setting(attack, place).await;
        let spawner = &self.swarm.setting().spawner;
        let mut flooder = Flooder::start(spawner, self.swarm.directory(), &setting).unwrap();
        until("the flood", PATIENCE, || {
            let counts = flooder.counts().map_err(|error| format!("{error:#}"));
            async move { counts.and_then(|counts| if counts.deeds() > 0 { Ok(()) } else { Err(format!("{counts:?}")) }) }
        })
        .await
        .unwrap();
        let first = self.job.runs_until(unix_ms() / 1000);
        let runs = first..first + BESIDE;
        self.settle(runs.clone()).await;
        let counts = flooder.counts().unwrap();
        drop(flooder);
        let toll = watch.toll();
        let after = watch.given_back(KEPT, BACK_WITHIN).await;
        let (beside, most) = self.late(runs);
        let mib = |all: &[u64]| all.iter().map(|bytes| bytes / MIB).collect::<Vec<_>>();
        eprintln!(
            "{attack}: memory {:?} MiB before, {:?} at most, {:?} after; {:.0} ms late alone, {beside:.0} and at most {most} \
             beside; {counts:?}; complaints {:?}; {}",
            mib(&toll.before),
            mib(&toll.peak),
            after.as_deref().map(mib),
            self.alone,
            toll.complaints,
            self.told().await
        );
        let grown = toll.peak.iter().zip(&toll.before).map(|(peak, before)| peak - before).max().unwrap_or_default();
        let mut broken = company::broken(&self.swarm).await;
        let mut hold = |holds: bool, what: String| broken.extend((!holds).then_some(what));
        hold(counts.deeds() > DEEDS, format!("no flood: {counts:?}"));
        hold(grown < GROWTH, format!("a keeper grew by {} MiB", grown / MIB));
        after.err().into_iter().for_each(|late| hold(false, late));
        hold(beside < self.alone + later_ms(), format!("{:.0} ms late alone, {beside:.0} ms beside it", self.alone));
        toll.complaints.iter().for_each(|words| hold(words.contains("flood"), words.clone()));
        self.broken.extend(broken.into_iter().map(|what| format!("{attack}: {what}")));
    }

    async fn setting(&mut self, attack: &'static str, place: usize) -> Setting {
        let foreigner = &self.foreign[place];
        let provider = self.swarm.anvil().provider().clone();
        let network = &self.swarm.deployed().network;
        let status: Status = self.swarm.keepers[0].get("/v1/status").await.unwrap();
        Setting {
            attack,
            key: foreigner.datadir().join("p2p.key"),
            keepers: self.swarm.keepers.iter().map(|keeper| keeper.node().unwrap().listen[0].clone()).collect(),
            domain: network.domain_separator().to_string(),
            index: signers::index_of(&provider, network.contracts.keeper_registry, foreigner.operator()).await.unwrap(),
            size: usize::from(HONEST) + self.foreign.len(),
            epoch: status.epoch.number,
            anchor: provider.get_block_number().await.unwrap(),
            window_seconds: WINDOW,
        }
    }

    /// Waits until these runs of the job have settled.
    async fn settle(&mut self, runs: Range<u64>) {
        let due = self.job.due(runs.end).unwrap().saturating_sub(unix_ms() / 1000);
        let job = self.job.id;
        settled(&mut self.swarm, "the honest job", PATIENCE + Duration::from_secs(due), |tasks| {
            runs.clone().all(|run| tasks.iter().any(|each| (each.job_id, each.run) == (job, run)))
        })
        .await
        .unwrap();
    }

    /// Milliseconds from due to settled: on average, and at most.
    fn late(&self, runs: Range<u64>) -> (f64, u64) {
        self.swarm.follower().look(|ledger| {
            let ours = ledger.settlements.iter().filter(|each| each.job_id == self.job.id && runs.contains(&each.run));
            let late: Vec<u64> = ours
                .map(|each| each.seen_ms.saturating_sub(self.job.due(each.run).unwrap_or_default() * 1000))
                .collect();
            assert_eq!(late.len() as u64, runs.end - runs.start, "each run once");
            #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
            let mean = late.iter().sum::<u64>() as f64 / late.len() as f64;
            (mean, late.into_iter().max().unwrap_or_default())
        })
    }

    /// What the keepers' series say of what they turned away and how they judged, summed over all of them.
    async fn told(&self) -> String {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for keeper in &self.swarm.keepers {
            let url = format!("http://{}/metrics", keeper.node().unwrap().metrics_addr);
            let text = self.swarm.setting().client.get(url).send().await.unwrap().text().await.unwrap();
            for line in text.lines().filter(|line| TOLD.iter().any(|series| line.starts_with(series))) {
                let (series, value) = line.rsplit_once(' ').unwrap();
                *sums.entry(series.to_owned()).or_default() += value.parse::<f64>().unwrap();
            }
        }
        sums.retain(|_, sum| *sum > 0.0);
        format!("{sums:?}")
    }
}

/// Operators with a little stake, registered and in the committee, whose keepers are never started.
async fn enrol(swarm: &mut Swarm, number: usize) -> Vec<Keeper> {
    let network = swarm.setting().network.clone();
    let mut foreign = Vec::new();
    for place in 1..=number {
        let keeper = swarm.create_keeper(&format!("foreign-{place}"), &network).await.unwrap();
        fund_all(swarm.anvil(), [keeper.operator()]).await.unwrap();
        keeper.register().await.unwrap();
        keeper.stake(FOREIGN_STAKE).await.unwrap();
        foreign.push(keeper);
    }
    let size = usize::from(HONEST) + number;
    for keeper in &mut swarm.keepers {
        let enters = |status: &Status| match status.epoch.size {
            now if now >= size => Ok(()),
            now => Err(format!("{now} of {size} members")),
        };
        keeper.until("enters the epoch with all of them", PATIENCE, enters).await.unwrap();
    }
    foreign
}
