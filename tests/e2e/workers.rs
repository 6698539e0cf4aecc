//! Processes that run job code, killed while they do: no task is missed, nothing is signed that differs; and what they cost.

use std::time::Duration;

use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::Keeper;
use tests::dice::Dice;
use tests::outcome::{self, Tasks, evidence, said};
use tests::workers::{kill_all, of, resident};
use tests::{keepers, settled};

const KILLS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(120);
/// The bound on an idle keeper and its worker together.
const MOST_IDLE: u64 = 110 << 20;

#[tokio::test]
#[ignore = "takes a minute"]
async fn fifty_workers_killed_and_no_task_is_missed() {
    let _alone = tests::alone().await;
    let mut dice = Dice::new();
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    let mut kills = 0;
    while kills < KILLS {
        dice.wait(800).await;
        let victim = dice.place(swarm.keepers.len());
        kills += kill_all(&swarm.keepers[victim]).unwrap();
        swarm.check_alive().unwrap();
    }
    let Tasks { due, missed, doubled } = outcome::end(&mut swarm, PATIENCE).await.unwrap();
    let twice = evidence(swarm.keepers.iter().map(Keeper::datadir)).len();
    let lost = said(swarm.directory(), "lost a worker in a run");
    eprintln!(
        "seed {}: {kills} workers killed, {lost} of them in a run or found dead by the next; {due} tasks due, {missed} \
         missed, {doubled} settled twice, {twice} signed twice",
        dice.seed
    );
    assert_eq!((missed, doubled, twice), (0, 0, 0));
    assert!(due > 20 && lost > 10, "too little happened to prove anything");
    swarm.stop().await;
}

#[tokio::test]
#[ignore = "a measurement: tests/bench.sh idle"]
async fn an_idle_keeper_and_its_worker_fit_into_110_mib() {
    let _alone = tests::alone().await;
    let swarm = Swarm::start(keepers(3)).await.unwrap();
    for keeper in &swarm.keepers {
        let own = resident(keeper.node().unwrap().pid).unwrap();
        let workers = of(keeper).unwrap();
        let theirs: u64 = workers.iter().map(|worker| resident(*worker).unwrap()).sum();
        eprintln!(
            "{}: {} KiB resident, its {} worker(s) {} KiB, together {} MiB",
            keeper.name(),
            own / 1024,
            workers.len(),
            theirs / 1024,
            (own + theirs) >> 20
        );
        assert_eq!(workers.len(), 1, "an idle keeper has one worker");
        assert!(own + theirs < MOST_IDLE);
    }
    swarm.stop().await;
}
