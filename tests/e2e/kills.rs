//! Keepers with registered keys killed at random instants, one by one and all at once: nothing is signed twice, nothing
//! is lost, and nobody has to lend a hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bootstrap::process::CommandLine;
use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::Keeper;
use serde_json::Value;
use tests::dice::Dice;
use tests::outcome::{self, Tasks, evidence, said};
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
        let victim = dice.place(KEEPERS.into());
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
    let Tasks { due, missed, doubled } = outcome::end(&mut swarm, PATIENCE).await.unwrap();
    histories.look(&swarm).await.unwrap();
    let signed = histories.signed();
    let twice = histories.twice + evidence(swarm.keepers.iter().map(Keeper::datadir)).len();
    let (certified, unrecorded) = histories.certified(&mut swarm).await.unwrap();
    eprintln!(
        "seed {}: {kills} kills, {starting} of them while starting: {signed} reports signed, {twice} of them twice, \
         {unrecorded} of {certified} signatures on chain unrecorded; {due} tasks due, {missed} lost, {doubled} settled twice; {} refusals by journals",
        dice.seed,
        said(swarm.directory(), "the journal refuses a report")
    );
    assert_eq!((kills, twice, unrecorded, missed, doubled), (KILLS, 0, 0, 0, 0));
    assert!(due > 100 && signed > 100, "too little happened to prove anything");
    assert_eq!(said(swarm.directory(), "stopped to protect the stake"), 0);
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
        swarm.keepers.iter_mut().for_each(Keeper::kill);
        histories.look(&swarm).await.unwrap();
        let more = swarm.follower().look(|ledger| ledger.settlements.len()) + 5;
        for keeper in &mut swarm.keepers {
            keeper.join().unwrap();
        }
        settled(&mut swarm, "settlements after all were killed", PATIENCE, |tasks| tasks.len() >= more).await.unwrap();
    }
    let Tasks { due, missed, doubled } = outcome::end(&mut swarm, PATIENCE).await.unwrap();
    histories.look(&swarm).await.unwrap();
    let twice = histories.twice + evidence(swarm.keepers.iter().map(Keeper::datadir)).len();
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
