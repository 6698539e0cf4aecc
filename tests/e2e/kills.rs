//! Keepers with registered keys killed at random instants, one by one and all at once: nothing is signed twice, nothing
//! is lost, and nobody has to lend a hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bootstrap::process::CommandLine;
use bootstrap::swarm::{Swarm, ledger::unix_ms};
use bootstrap::wait::until;
use serde_json::Value;
use tests::{keepers, settled, signers};

const KEEPERS: u16 = 5;
const KILLS: usize = 100;
/// Longest time a keeper may live before it is killed, and one that starts: 5 s cover its start, its listening to what
/// its key signed, and its first signatures.
const LIFE_MS: u64 = 3_000;
const START_MS: u64 = 5_000;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "takes six minutes"]
async fn a_hundred_kills_sign_nothing_twice_and_lose_nothing() {
    let _alone = tests::alone().await;
    let mut dice = Dice::new();
    let mut swarm = running().await;
    let mut histories = Histories::default();
    let (mut kills, mut starting) = (0, 0);
    while kills < KILLS {
        let victim = usize::try_from(dice.below(KEEPERS.into())).unwrap();
        dice.wait(LIFE_MS).await;
        swarm.keepers[victim].kill();
        kills += 1;
        histories.look(&swarm).await.unwrap();
        swarm.keepers[victim].join().unwrap();
        while kills < KILLS && dice.below(3) == 0 {
            dice.wait(START_MS).await;
            swarm.keepers[victim].kill();
            (kills, starting) = (kills + 1, starting + 1);
            swarm.keepers[victim].join().unwrap();
        }
        swarm.keepers[victim].ready().await.unwrap();
        swarm.check_alive().unwrap();
    }
    let (due, missed, doubled) = end(&mut swarm).await;
    histories.look(&swarm).await.unwrap();
    let signed = histories.signed();
    let twice = histories.twice + evidence(&swarm).len();
    let (certified, unrecorded) = histories.certified(&mut swarm).await.unwrap();
    eprintln!(
        "seed {}: {kills} kills, {starting} of them while starting: {signed} reports signed, {twice} of them twice, \
         {unrecorded} of {certified} signatures on chain unrecorded; {due} tasks due, {missed} lost, {doubled} settled twice; {} refusals by journals",
        dice.seed,
        said(&swarm, "the journal refuses a report")
    );
    assert_eq!((kills, twice, unrecorded, missed, doubled), (KILLS, 0, 0, 0, 0));
    assert!(due > 100 && signed > 100, "too little happened to prove anything");
    assert_eq!(said(&swarm, "stopped to protect the stake"), 0);
    swarm.stop().await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn all_keepers_killed_at_once_go_on_without_a_hand() {
    let _alone = tests::alone().await;
    let mut dice = Dice::new();
    let mut swarm = running().await;
    let mut histories = Histories::default();
    for _ in 0..3 {
        dice.wait(LIFE_MS).await;
        swarm.keepers.iter_mut().for_each(bootstrap::swarm::keepers::Keeper::kill);
        histories.look(&swarm).await.unwrap();
        let more = swarm.follower().look(|ledger| ledger.settlements.len()) + 5;
        for keeper in &mut swarm.keepers {
            keeper.join().unwrap();
        }
        settled(&mut swarm, "settlements after all were killed", PATIENCE, |tasks| tasks.len() >= more).await.unwrap();
    }
    let (due, missed, doubled) = end(&mut swarm).await;
    histories.look(&swarm).await.unwrap();
    let twice = histories.twice + evidence(&swarm).len();
    let signed = histories.signed();
    let (certified, unrecorded) = histories.certified(&mut swarm).await.unwrap();
    eprintln!(
        "seed {}: all {KEEPERS} killed at once, 3 times: {signed} reports signed, {twice} of them twice, {unrecorded} \
         of {certified} signatures on chain unrecorded; {due} tasks due, {missed} lost, {doubled} settled twice",
        dice.seed
    );
    assert_eq!((twice, unrecorded, missed, doubled), (0, 0, 0, 0));
    swarm.stop().await;
}

/// A swarm whose example jobs have begun to settle.
async fn running() -> Swarm {
    let mut swarm = Swarm::start(keepers(KEEPERS)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    swarm
}

/// Ends the jobs and waits for their last runs. Returns how many were due, are lost, and settled more than once.
async fn end(swarm: &mut Swarm) -> (u64, usize, usize) {
    swarm.pause_jobs().await.unwrap();
    let due = swarm.jobs().iter().map(|job| job.runs_until(u64::MAX)).sum();
    // When not everything settles, the counts say so better than an error here.
    let _ = until("the last settlements", PATIENCE, || {
        let lost = lost(swarm);
        async move { if lost == 0 { Ok(()) } else { Err(format!("{lost} tasks have not settled")) } }
    })
    .await;
    let doubled = swarm.follower().look(|ledger| {
        let mut tasks: Vec<_> = ledger.settlements.iter().map(|each| each.task_id).collect();
        tasks.sort_unstable();
        let all = tasks.len();
        tasks.dedup();
        all - tasks.len()
    });
    (due, lost(swarm), doubled)
}

/// Runs that are due and not settled, with a line for each.
fn lost(swarm: &Swarm) -> usize {
    swarm.follower().look(|ledger| {
        let runs = swarm.jobs().iter().flat_map(|job| (0..job.runs_until(unix_ms() / 1000)).map(|run| (job.id, run)));
        runs.filter(|(job, run)| !ledger.settlements.iter().any(|each| each.job_id == *job && each.run == *run)).count()
    })
}

/// Proofs of equivocation that any keeper has kept.
fn evidence(swarm: &Swarm) -> Vec<PathBuf> {
    let folders = swarm.keepers.iter().map(|keeper| keeper.datadir().join("evidence"));
    folders.filter_map(|folder| folder.read_dir().ok()).flatten().flatten().map(|entry| entry.path()).collect()
}

/// How often the keepers' logs say something.
fn said(swarm: &Swarm, what: &str) -> usize {
    let logs = swarm.keepers.iter().map(|keeper| swarm.directory().join(format!("{}.log", keeper.name())));
    logs.map(|log| std::fs::read_to_string(log).unwrap_or_default().matches(what).count()).sum()
}

/// Task, anchor hash, input set: where a keeper may make one report, for ever.
type Place = [String; 3];

/// What every keeper's journal ever held: the anchor's number and the digest at each place. Journals forget what is old, so they are looked at again and again.
#[derive(Default)]
struct Histories {
    of: BTreeMap<String, BTreeMap<Place, (u64, String)>>,
    /// Reports that were different from an earlier one at their place.
    twice: usize,
}

impl Histories {
    /// Reads all journals, of running keepers too: from copies, so that no keeper is disturbed and a torn end stays
    /// for the keeper itself to mend.
    async fn look(&mut self, swarm: &Swarm) -> Result<()> {
        for keeper in &swarm.keepers {
            let document = exported(swarm, keeper.name(), &keeper.datadir()).await?;
            let history = &document["data"][0];
            let watermark = history["watermark"].as_u64().context("an export without a watermark")?;
            let known = self.of.entry(keeper.name().to_owned()).or_default();
            let mut present = BTreeSet::new();
            for report in history["reports"].as_array().context("an export without reports")? {
                let text = |field: &str| report[field].as_str().map(str::to_owned).context("a report without a field");
                let place = [text("task")?, text("anchor_hash")?, text("input_set")?];
                let anchor = report["anchor_number"].as_u64().context("a report without an anchor")?;
                let made = (anchor, text("digest")?);
                if *known.entry(place.clone()).or_insert_with(|| made.clone()) != made {
                    self.twice += 1;
                    eprintln!("{} made two reports at one place: {report}", keeper.name());
                }
                present.insert(place);
            }
            let forgotten = known.iter().filter(|(place, made)| made.0 >= watermark && !present.contains(*place));
            let forgotten = forgotten.count();
            ensure!(forgotten == 0, "the journal of {} has lost {forgotten} reports", keeper.name());
        }
        Ok(())
    }

    /// How many signatures on reports stand in the chain's certificates, and how many of those their signers' journals
    /// never held: a keeper that speaks before it writes.
    async fn certified(&self, swarm: &mut Swarm) -> Result<(usize, usize)> {
        let registry = swarm.deployed().network.contracts.keeper_registry;
        let provider = swarm.anvil().provider().clone();
        let mut histories = BTreeMap::new();
        for keeper in &swarm.keepers {
            let index = signers::index_of(&provider, registry, keeper.operator()).await?;
            histories.insert(index, self.of.get(keeper.name()).context("a keeper that was never looked at")?);
        }
        let (mut certified, mut unrecorded) = (0, 0);
        for transaction in swarm.follower().ledger().transactions {
            let reports = signers::reports(&provider, transaction.hash).await?;
            for signer in signers::of(&provider, transaction.hash).await? {
                let history = histories.get(&signer).context("a signer that is no keeper of this swarm")?;
                let held = reports.iter().filter(|place| history.contains_key(&place.map(|word| word.to_string())));
                certified += reports.len();
                unrecorded += reports.len() - held.count();
            }
        }
        Ok((certified, unrecorded))
    }

    fn signed(&self) -> usize {
        self.of.values().map(BTreeMap::len).sum()
    }
}

/// The history in a copy of a keeper's journal.
async fn exported(swarm: &Swarm, name: &str, datadir: &std::path::Path) -> Result<Value> {
    let copy = swarm.directory().join(format!("copy-of-{name}"));
    let (file, keystores) = (copy.join("history.json"), copy.join("keystores"));
    std::fs::create_dir_all(&keystores)?;
    for entry in datadir.join("keystores").read_dir()? {
        let entry = entry?;
        std::fs::copy(entry.path(), keystores.join(entry.file_name()))?;
    }
    std::fs::copy(datadir.join("journal.bin"), copy.join("journal.bin"))?;
    let _ = std::fs::remove_file(&file);
    let setting = swarm.setting();
    let line = CommandLine::new(name, &setting.program, &copy.join("export.log"))
        .with(["journal", "export"])
        .with([file.clone()])
        .with(["--datadir".into(), copy.clone(), "--network".into(), setting.network.clone()]);
    setting.spawner.run(&line).await?;
    serde_json::from_slice(&std::fs::read(&file)?).context("the export is no JSON")
}

/// Random numbers of one seed (SplitMix64; Steele, Lea, Flood 2014). `KEEPER_MESH_SEED` repeats a run's choices.
struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    fn new() -> Self {
        let given = std::env::var("KEEPER_MESH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(unix_ms);
        eprintln!("KEEPER_MESH_SEED={seed}");
        Self { seed, state: seed }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Until a random instant: nothing is waited for here, the instant itself is what is tried.
    async fn wait(&mut self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(most_ms))).await;
    }
}
