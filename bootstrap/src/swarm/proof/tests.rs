use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use contracts::terms::{LogTerms, TriggerTerms, ended};

use super::{Disputes, Facts, JobSpec, Kill, Percentiles, Proof, Tasks};
use crate::swarm::ledger::{Ledger, Rang, Settlement, Transaction};
use crate::swarm::reorganiser::Reorganisations;

const START: u64 = 1_000;

fn keeper(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn job(id: u64, interval: u32, until: Option<u64>) -> JobSpec {
    let trigger = TriggerTerms::Interval { start: START, interval };
    JobSpec {
        id,
        name: format!("job {id}"),
        creator: Address::ZERO,
        forwarder: Address::ZERO,
        trigger,
        action: "wasm",
        since: START,
        until,
    }
}

fn settlement(job: u64, run: u64, submitter: u8) -> Settlement {
    let mut task_id = B256::ZERO;
    task_id[0] = u8::try_from(job).unwrap();
    task_id[1] = u8::try_from(run).unwrap();
    Settlement {
        task_id,
        job_id: job,
        key: B256::from(U256::from(run)),
        run,
        status: ended::CALL,
        delivered: true,
        submitter: keeper(submitter),
        block: 1,
        place: 0,
        seen_ms: (START + 2 * run) * 1000 + 800,
    }
}

#[test]
fn a_job_that_is_due_once_owes_one_settlement_and_a_second_is_one_too_many() {
    let once = JobSpec { trigger: TriggerTerms::Once { moment: START }, ..job(1, 2, None) };
    assert_eq!((once.runs_until(START - 1), once.runs_until(START), once.runs_until(u64::MAX)), (0, 1, 1));
    assert_eq!((once.due(0), once.due(1)), (Some(START), None));
    let with = |settlements| {
        let mut facts = Facts { jobs: vec![once.clone()], kills: Vec::new(), ..facts() };
        facts.ledger.settlements = settlements;
        let proof = Proof::new(&facts);
        let Tasks { due, settled, missed, undue, .. } = proof.tasks;
        (proof.jobs[0].trigger.clone(), due, settled, missed, undue)
    };
    let words = format!("once at {START}");
    assert_eq!(with(vec![settlement(1, 0, 1)]), (words.clone(), 1, 1, 0, 0));
    assert_eq!(
        with(vec![settlement(1, 0, 1), settlement(1, 1, 1)]),
        (words, 1, 2, 0, 1),
        "a run that was not due hides none that was missed"
    );
}

/// One job due at 1000, 1002, 1004, 1006, all settled; the fourth after a kill.
fn facts() -> Facts {
    Facts {
        chain_id: 31337,
        keepers: 5,
        contracts: BTreeMap::new(),
        network: "network.toml".to_owned(),
        jobs: vec![job(1, 2, Some(1_007))],
        ledger: Ledger {
            settlements: vec![settlement(1, 0, 1), settlement(1, 1, 1), settlement(1, 2, 2), settlement(1, 3, 3)],
            batches: vec![1, 2, 1],
            transactions: vec![
                Transaction { hash: B256::ZERO, gas_used: 200, price: 2_000_000_000, settled: 1 },
                Transaction { hash: B256::ZERO, gas_used: 300, price: 2_000_000_000, settled: 2 },
                Transaction { hash: B256::ZERO, gas_used: 220, price: 2_000_000_000, settled: 1 },
            ],
            ..Ledger::default()
        },
        certified_ms: BTreeMap::from([(settlement(1, 0, 1).task_id, 90), (settlement(1, 1, 1).task_id, 110)]),
        kills: vec![Kill { victim: keeper(4), due: 1_006 }],
        reorganisations: Reorganisations { count: 2, deepest: 4, orphaned: 3, dropped: 1 },
        equivocators: Vec::new(),
        wrong: Vec::new(),
        disputes: Disputes::default(),
        slashed: BTreeMap::new(),
        stakes: (1..=5).map(|number| (keeper(number), U256::from(100))).collect(),
        counted: (1..=5).map(|number| (keeper(number), U256::from(100))).collect(),
        refunded: U256::from(720_000_000_000_u64),
        cutoff: 1_020,
        target: Address::ZERO,
        counter: 4,
    }
}

#[test]
fn a_clean_run() {
    let proof = Proof::new(&facts());
    assert_eq!((proof.tasks.due, proof.tasks.settled, proof.tasks.missed), (4, 4, 0));
    assert_eq!((proof.tasks.duplicates, proof.tasks.wasted_tx, proof.tasks.skipped), (0, 0, 0));
    assert_eq!(proof.leaders.values().sum::<u64>(), proof.tasks.settled);
    assert_eq!(proof.leaders[&keeper(1).to_checksum(None)], 2);
    assert_eq!((proof.batches.count, proof.batches.max), (3, 2));
    assert_eq!((proof.kills, proof.takeovers), (1, 1));
    assert_eq!((proof.reorganisations.count, proof.reorganisations.dropped), (2, 1));
    assert_eq!(proof.latency_ms.due_to_certificate, Percentiles { p50: Some(90), p99: Some(110) });
    assert_eq!(proof.latency_ms.due_to_settled.p50, Some(800));
    assert_eq!((proof.gas.settle.p50, proof.gas.per_task.p50), (Some(220), Some(150)));
    let cost = &proof.gas.cost;
    assert_eq!((cost.settlements, cost.paid_gwei_each, cost.refunded_gwei_each), (3, Some(480), Some(240)));
    assert_eq!((cost.wasted_wei.as_str(), cost.price_wei.p50), ("0", Some(2_000_000_000)));
    assert_eq!((cost.paid_wei.as_str(), cost.refunded_wei.as_str()), ("1440000000000", "720000000000"));
    assert_eq!(proof.broken_promises(1), Vec::<String>::new());
}

#[test]
fn due_comes_from_the_spec_not_from_the_chain() {
    let mut facts = facts();
    facts.ledger.settlements.remove(1);
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.due, proof.tasks.settled, proof.tasks.missed), (4, 3, 1));
    let broken = proof.broken_promises(1).join("\n");
    assert!(broken.contains("1 of 4 due tasks") && broken.contains("counts 4 calls"), "{broken}");
}

#[test]
fn runs_due_after_the_cutoff_count_on_neither_side() {
    let mut facts = facts();
    facts.cutoff = 1_005;
    facts.counter = 3;
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.due, proof.tasks.settled, proof.tasks.missed), (3, 3, 0));
    assert_eq!(proof.broken_promises(1), Vec::<String>::new());
}

#[test]
fn skips_and_job_errors_are_not_missed_and_not_led() {
    let mut facts = facts();
    facts.ledger.settlements[0].status = ended::SKIP;
    facts.ledger.settlements[1].status = ended::JOB_ERROR;
    facts.counter = 2;
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.settled, proof.tasks.skipped, proof.tasks.missed), (2, 2, 0));
    assert_eq!(proof.leaders.values().sum::<u64>(), 2);
    assert_eq!(proof.broken_promises(1), Vec::<String>::new());
}

#[test]
fn a_second_settlement_is_a_duplicate_and_settles_nothing_more() {
    let mut facts = facts();
    facts.ledger.settlements.push(settlement(1, 2, 5));
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.settled, proof.tasks.duplicates), (4, 1));
    assert!(!proof.leaders.contains_key(&keeper(5).to_checksum(None)));
    assert!(proof.broken_promises(1).join("\n").contains("more than once"));
}

#[test]
fn a_victim_that_submitted_before_it_died_was_not_taken_over() {
    let mut facts = facts();
    facts.kills = vec![Kill { victim: keeper(3), due: 1_006 }];
    let proof = Proof::new(&facts);
    assert_eq!((proof.kills, proof.takeovers), (1, 0));
}

#[test]
fn transactions_that_settle_nothing_are_wasted() {
    let mut facts = facts();
    facts.ledger.transactions.push(Transaction { hash: B256::ZERO, gas_used: 30, price: 2_000_000_000, settled: 0 });
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.wasted_tx, proof.gas.settle.p50), (1, Some(220)));
}

#[test]
fn refused_calls_are_shown() {
    let mut facts = facts();
    facts.ledger.settlements[0].delivered = false;
    facts.counter = 3;
    let broken = Proof::new(&facts).broken_promises(1).join("\n");
    assert!(broken.contains("refused 1"), "{broken}");
}

#[test]
fn runs_of_a_job_that_never_started_or_was_paused() {
    assert_eq!(job(1, 2, None).runs_until(START - 1), 0);
    assert_eq!(job(1, 2, None).runs_until(START), 1);
    assert_eq!(job(1, 5, None).runs_until(START + 9), 2);
    assert_eq!(job(1, 5, Some(START + 4)).runs_until(START + 100), 1);
    assert_eq!(job(1, 5, Some(START - 1)).runs_until(START + 100), 0);
}

#[test]
fn a_run_that_was_never_due_counts_and_has_no_latency() {
    let mut facts = facts();
    facts.jobs[0].trigger = TriggerTerms::Blocks { first: 100, every: 1 };
    facts.ledger.moments = BTreeMap::from([(100, START), (101, START + 1)]);
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.due, proof.tasks.settled, proof.tasks.undue, proof.tasks.missed), (2, 4, 2, 0));
    assert_eq!(proof.broken_promises(1)[0], "2 tasks settled that nothing on the chain made due");
    assert_eq!(proof.latency_ms.due_to_settled, Percentiles { p50: Some(800), p99: Some(1_800) });
}

#[test]
fn a_ring_must_end_as_its_number_asks() {
    let terms =
        LogTerms { emitter: Address::ZERO, filter: 0, topics: [B256::ZERO; 4], confirmations: 0, most_per_block: 16 };
    let mut facts = facts();
    facts.jobs[0].trigger = TriggerTerms::Log(terms);
    facts.ledger.moments = BTreeMap::from([(100, START)]);
    facts.ledger.rings = facts.ledger.settlements.iter().map(|each| rang(each.key)).collect();
    for each in facts.ledger.settlements.iter_mut().filter(|each| each.run % 2 == 1) {
        each.status = ended::SKIP;
    }
    facts.counter = 2;
    let proof = Proof::new(&facts);
    assert_eq!((proof.tasks.due, proof.tasks.settled, proof.tasks.skipped, proof.tasks.missed), (4, 2, 2, 0));
    assert_eq!((proof.jobs[0].settled, proof.jobs[0].skipped), (2, 2));
    assert_eq!(proof.broken_promises(1), Vec::<String>::new());
    facts.ledger.settlements[0].status = ended::SKIP;
    facts.counter = 1;
    let broken = Proof::new(&facts).broken_promises(1).join("\n");
    assert!(broken.contains("1 logs"), "{broken}");
}

/// A ring whose number is its key.
fn rang(key: B256) -> Rang {
    Rang { emitter: Address::ZERO, topics: vec![B256::ZERO, key], block: 100, key }
}

#[test]
fn percentiles_by_nearest_rank() {
    assert_eq!(Percentiles::of(vec![]), Percentiles { p50: None, p99: None });
    assert_eq!(Percentiles::of(vec![7]), Percentiles { p50: Some(7), p99: Some(7) });
    assert_eq!(Percentiles::of((1..=200).rev().collect()), Percentiles { p50: Some(100), p99: Some(198) });
}

#[test]
fn the_keys_of_the_document() {
    let document = serde_json::to_value(Proof::new(&facts())).unwrap();
    for pointer in [
        "/schema",
        "/chain_id",
        "/keepers",
        "/contracts",
        "/network",
        "/jobs/0/id",
        "/jobs/0/trigger",
        "/jobs/0/action",
        "/jobs/0/settled",
        "/jobs/0/skipped",
        "/tasks/due",
        "/tasks/settled",
        "/tasks/skipped",
        "/tasks/missed",
        "/tasks/undue",
        "/tasks/duplicates",
        "/tasks/wasted_tx",
        "/batches/count",
        "/batches/max",
        "/leaders",
        "/kills",
        "/takeovers",
        "/slashed",
        "/stakes",
        "/latency_ms/due_to_certificate/p50",
        "/latency_ms/due_to_certificate/p99",
        "/latency_ms/due_to_settled/p50",
        "/latency_ms/due_to_settled/p99",
        "/gas/settle/p50",
        "/gas/per_task/p50",
        "/target/address",
        "/target/counter",
    ] {
        assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
    }
}

#[test]
fn whoever_signed_twice_must_lose_stake_and_nobody_else() {
    let mut facts = facts();
    facts.equivocators = vec![keeper(2)];
    let broken = |facts: &Facts| Proof::new(facts).broken_promises(1);
    assert!(broken(&facts).iter().any(|why| why.contains("kept their stake")), "{:?}", broken(&facts));
    facts.slashed.insert(keeper(2), U256::from(50));
    assert!(broken(&facts).iter().any(|why| why.contains("kept their stake")), "its stake is what it was");
    facts.stakes.insert(keeper(2), U256::from(50));
    assert!(broken(&facts).iter().any(|why| why.contains("their place")), "the newest epoch still counts it");
    facts.counted.remove(&keeper(2));
    assert!(broken(&facts).is_empty(), "{:?}", broken(&facts));
    assert_eq!(Proof::new(&facts).slashed, [keeper(2).to_checksum(None)]);
    facts.slashed.insert(keeper(3), U256::from(1));
    assert!(broken(&facts).iter().any(|why| why.contains("signed nothing twice or wrong")), "{:?}", broken(&facts));
}

#[test]
fn whoever_certified_a_wrong_result_must_be_ruled_against_and_slashed() {
    let mut facts = facts();
    facts.wrong = vec![keeper(2), keeper(3)];
    let broken = |facts: &Facts| Proof::new(facts).broken_promises(1).join("\n");
    assert!(broken(&facts).contains("2 keepers certified") && broken(&facts).contains("not ruled wrong"));
    facts.disputes = Disputes { opened: 1, upheld: 1, rejected: 0 };
    facts.slashed = BTreeMap::from([(keeper(2), U256::from(10)), (keeper(3), U256::from(10))]);
    assert_eq!(broken(&facts), "");
    facts.slashed.insert(keeper(4), U256::from(10));
    assert!(broken(&facts).contains("1 keepers were slashed"));
    facts.slashed.remove(&keeper(4));
    facts.wrong.clear();
    assert!(broken(&facts).contains("or a right one was"));
}
