use super::{CALLDATA_MAX, GAS_PLANNED_MAX, Part, scatter, split, worst_gas};
use crate::chain::{Anchor, Batch, Certificate, Settlement};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use consensus::time::Pace;
use contracts::ITaskManager::{Delivery, Entry};
use contracts::deploy::{ChainKind, DeployConfig};
use contracts::{Run, TaskManager};
use std::collections::BTreeMap;

/// A batch of calls with outcomes of so many bytes and callbacks of so much gas, every third at an anchor of its own, and
/// a skip after each.
pub(crate) fn settlement(outcomes: &[(usize, u64)]) -> Settlement {
    let mut batch = Batch { anchors: vec![], entries: vec![], deliveries: vec![], leaves: vec![] };
    let mut leaves = Vec::new();
    for (job, (bytes, _)) in outcomes.iter().enumerate() {
        if job % 3 == 0 {
            batch.anchors.push(Anchor { number: 100 + job as u64, hash: B256::with_last_byte(job as u8) });
        }
        for status in [0, 1] {
            let anchor = batch.anchors.len() as u64 - 1;
            let run = Run { job_id: job as u64, job_version: 1, anchor, status };
            let outcome_hash = B256::with_last_byte(status);
            batch.entries.push(Entry {
                run: run.word(),
                instanceKey: B256::ZERO,
                inputHash: B256::ZERO,
                outcomeHash: outcome_hash,
            });
            leaves.push(B256::from(U256::from(1_000 * job + usize::from(status) + 1)));
        }
        batch.deliveries.push(Delivery {
            codeHash: B256::ZERO,
            stateAfterRoot: B256::ZERO,
            transcriptRoot: B256::ZERO,
            outcome: Bytes::from(vec![7; *bytes]),
        });
    }
    Settlement {
        certificate: Certificate { epoch: 1, signature: Bytes::from(vec![1; 96]), signers: vec![U256::from(31)] },
        batch,
        callback_gas: outcomes.iter().map(|(_, gas)| *gas).collect(),
        leaves,
        unpaid: vec![],
        takeover: false,
    }
}

/// Every entry stands in one part, with its anchor and outcome, and every part names all leaves.
fn check(settlement: &Settlement, parts: &[Part]) {
    let mut all = Vec::new();
    for part in parts {
        let batch = &part.call.batch;
        assert_eq!(part.call.certificate, settlement.certificate);
        let mut given = batch.deliveries.iter();
        let mut places = Vec::new();
        for entry in &batch.entries {
            let run = Run::from_word(entry.run);
            let place = run.job_id as usize * 2 + usize::from(run.status);
            let before = Run::from_word(settlement.batch.entries[place].run);
            assert_eq!((run.job_id, run.status), (before.job_id, before.status));
            assert_eq!(batch.anchors[run.anchor as usize], settlement.batch.anchors[before.anchor as usize]);
            if run.status == 0 {
                assert_eq!(given.next(), settlement.batch.deliveries.get(run.job_id as usize));
            }
            places.push(place);
        }
        assert!(given.next().is_none(), "no outcome without its entry");
        assert!(places.is_sorted(), "in the order of the batch");
        if parts.len() > 1 {
            let expected = settlement.leaves.iter().enumerate();
            let expected: Vec<B256> =
                expected.map(|(place, leaf)| if places.contains(&place) { B256::ZERO } else { *leaf }).collect();
            assert_eq!(batch.leaves, expected);
        } else {
            assert!(batch.leaves.is_empty(), "the whole batch needs no hashes");
        }
        assert_eq!(part.last_block, batch.anchors.iter().map(|anchor| anchor.number + 100).max());
        all.extend(places);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..settlement.batch.entries.len()), "each entry once");
}

fn fits(part: &Part) -> bool {
    part.call.abi_encode().len() <= CALLDATA_MAX && part.gas <= GAS_PLANNED_MAX
}

#[test]
fn a_small_batch_is_one_transaction() {
    let settlement = settlement(&[(100, 100_000), (0, 100_000), (5_000, 500_000)]);
    let parts = split(&settlement, 100);
    assert_eq!(parts.len(), 1);
    assert!(fits(&parts[0]) && parts[0].gas > 400_000 + 6 * 120_000 + 700_000, "{}", parts[0].gas);
    check(&settlement, &parts);
}

#[test]
fn eight_outcomes_of_64_kib_fit_into_transactions_that_nodes_carry() {
    let settlement = settlement(&[(65_536, 200_000); 8]);
    let parts = split(&settlement, 100);
    assert_eq!(parts.len(), 9, "the skips by themselves");
    assert!(parts.iter().all(fits));
    check(&settlement, &parts);
}

#[test]
fn what_is_light_comes_first_and_by_itself() {
    let settlement = settlement(&[(65_536, 100_000), (4, 100_000), (65_536, 100_000), (4, 2_000_000), (36, 100_000)]);
    let parts = split(&settlement, 100);
    let lengths = |part: &Part| part.call.batch.deliveries.iter().map(|one| one.outcome.len()).collect::<Vec<_>>();
    assert_eq!(parts.iter().map(lengths).collect::<Vec<_>>(), [vec![4, 36], vec![65_536], vec![65_536, 4]]);
    check(&settlement, &parts);
}

#[test]
fn callbacks_that_together_are_too_much_for_a_transaction_are_spread() {
    let settlement = settlement(&[(10, 5_000_000); 7]);
    let parts = split(&settlement, 100);
    assert!(parts.len() == 5 && parts.iter().all(fits), "{} parts", parts.len());
    check(&settlement, &parts);
}

#[test]
fn what_is_too_large_by_itself_stands_alone() {
    let settlement = settlement(&[(10, 100_000), (200_000, 100_000), (10, u64::MAX), (10, 100_000)]);
    let parts = split(&settlement, 100);
    assert_eq!(parts.iter().filter(|part| !fits(part)).count(), 2);
    check(&settlement, &parts);
}

#[test]
fn random_batches_are_split_without_loss() {
    let mut seed = 7_u64;
    let mut next = |limit: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % limit
    };
    for _ in 0..20 {
        let count = 1 + next(40);
        let outcomes: Vec<(usize, u64)> = (0..count).map(|_| (next(20_000) as usize, next(3_000_000))).collect();
        let settlement = settlement(&outcomes);
        let parts = split(&settlement, 100);
        assert!(parts.iter().all(fits));
        check(&settlement, &parts);
    }
}

#[test]
fn a_batch_that_contradicts_itself_is_left_as_it_is() {
    let mut broken = settlement(&[(65_536, 1); 4]);
    broken.leaves.clear();
    assert_eq!(split(&broken, 100).len(), 1, "without the hashes it cannot be split");
    let mut broken = settlement(&[(65_536, 1); 4]);
    broken.batch.deliveries.clear();
    broken.batch.anchors.clear();
    broken.callback_gas.clear();
    assert!(!split(&broken, 100).is_empty(), "no panic");
}

/// The deployer works out for itself what keepers leave between an anchor and its task: it must be what they do.
#[test]
fn an_anchor_that_a_deployer_allows_stands_until_the_second_try() {
    for (milliseconds, confirmations) in [(12_000, 94), (1_000, 90), (250, 216), (100, 150)] {
        let config = |confirmations| DeployConfig {
            block_seconds: (milliseconds / 1_000).max(1),
            block_milliseconds: Some(milliseconds).filter(|each| *each < 1_000),
            slashable_blocks: 100_000,
            confirmations,
            ..DeployConfig::local(Address::ZERO, "")
        };
        let stands = |confirmations, age: u64| {
            let pace = Pace::of(config(confirmations).block_time(), confirmations);
            (pace.lag_seconds() + pace.retry_seconds()) * 1_000 <= age * milliseconds
        };
        let age = config(confirmations).anchor_age(ChainKind::Plain).expect("as many as there may be");
        assert!(stands(confirmations, age) && !stands(confirmations + 1, age), "{milliseconds} ms");
        assert!(config(confirmations + 1).anchor_age(ChainKind::Plain).is_err(), "{milliseconds} ms");
    }
}

/// Their hashes stand for them, in one transaction and in several.
#[test]
fn entries_of_jobs_that_cannot_pay_are_not_brought() {
    for (outcomes, few) in [(vec![(10, 1); 4], true), (vec![(65_536, 1); 4], false)] {
        // The calls of jobs 1 and 3.
        let settlement = Settlement { unpaid: vec![2, 6], ..settlement(&outcomes) };
        let parts = split(&settlement, 100);
        assert_eq!(parts.len() == 1, few);
        let mut brought: Vec<(u64, u8)> = parts
            .iter()
            .flat_map(|part| part.call.batch.entries.iter().map(|entry| Run::from_word(entry.run)))
            .map(|run| (run.job_id, run.status))
            .collect();
        brought.sort_unstable();
        assert_eq!(brought, [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1), (3, 1)]);
        let unpaid =
            |part: &Part| [2, 6].iter().all(|place| part.call.batch.leaves[*place] == settlement.leaves[*place]);
        assert!(parts.iter().all(unpaid), "{parts:?}");
        assert_eq!(parts.iter().map(|part| part.call.batch.deliveries.len()).sum::<usize>(), 2);
    }
    let settlement = Settlement { unpaid: (0..8).collect(), ..settlement(&[(10, 1); 4]) };
    assert_eq!(split(&settlement, 100), [], "nothing is left");
}

/// The worst that is measured of a batch without callbacks: as many tokens, each for the first time in an epoch. A plan below it would
/// be a transaction that runs out of gas.
#[test]
fn the_plan_of_a_batch_is_no_less_than_the_worst_that_is_measured() {
    let figures: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../../../../contracts/snapshots/gas.json")).unwrap();
    let measured: u64 = figures["settle_128_n64_tokens_first"].parse().unwrap();
    let settlement = settlement(&[(0, 0); 64]);
    assert_eq!(settlement.batch.entries.len(), 128);
    let call = TaskManager::settleCall { certificate: settlement.certificate, batch: settlement.batch };
    let planned = worst_gas(&call, 128, 0);
    assert!(planned >= measured, "{planned} planned, {measured} measured");
}

/// The jobs of the heavy parts in their order, behind light ones.
fn heavy_jobs(parts: &[Part]) -> Vec<u64> {
    let light = parts.iter().take_while(|part| !part.is_heavy).count();
    assert!(light > 0 && parts[light..].iter().all(|part| part.is_heavy), "what is light goes first");
    parts[light..].iter().flat_map(Part::jobs).collect()
}

#[test]
fn whoever_takes_over_brings_what_is_heavy_in_an_order_of_its_own() {
    let usual = split(&settlement(&[(60_000, 100_000); 64]), 100);
    let theirs = |account: u8| {
        let mut parts = usual.clone();
        scatter(&mut parts, Address::repeat_byte(account));
        check(&settlement(&[(60_000, 100_000); 64]), &parts);
        heavy_jobs(&parts)
    };
    let orders = [heavy_jobs(&usual), theirs(1), theirs(2), theirs(3)];
    assert_eq!(theirs(1), orders[1], "the same whenever it is asked for");
    for (place, one) in orders.iter().enumerate() {
        for other in &orders[..place] {
            // Of the first eight of each hardly any is the other's: one is to be expected.
            let same = one[..8].iter().filter(|job| other[..8].contains(job)).count();
            assert!(same <= 3, "{one:?} {other:?}");
        }
    }
}

#[test]
fn parts_of_one_job_stay_in_their_order() {
    let mut parts = split(&settlement(&[(60_000, 100_000); 8]), 100);
    let of_job = |number: usize, part: &Part| {
        let mut part = part.clone();
        for entry in &mut part.call.batch.entries {
            let run = Run { job_id: (number % 2) as u64, ..Run::from_word(entry.run) };
            *entry = Entry { run: run.word(), instanceKey: B256::from(U256::from(number)), ..entry.clone() };
        }
        part
    };
    parts = parts.iter().enumerate().map(|(number, part)| of_job(number, part)).collect();
    for account in 1..=8 {
        scatter(&mut parts, Address::repeat_byte(account));
        for job in 0..2 {
            let its = parts.iter().filter(|part| part.is_heavy && part.jobs().contains(&job));
            let numbers: Vec<B256> = its.map(|part| part.call.batch.entries[0].instanceKey).collect();
            assert!(numbers.is_sorted() && numbers.len() > 1, "{numbers:?}");
        }
    }
}
