use alloy::primitives::Address;
use consensus::committee::KeeperIndex;
use consensus::task::Abstention;
use consensus::task::InstanceKey;
use prometheus_client::registry::Registry;

use consensus::fault::Reason;

use super::*;
use crate::metrics::{Metrics, plain};

fn step(step: Step, result: &'static str) -> Note {
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    Note::Step { task, step, late_ms: Some(1_500), result }
}

fn judged(channel: Channel, verdict: Verdict) -> Note {
    Note::Judged { channel, verdict }
}

/// Each note with the one line that it adds to the metrics.
fn table() -> Vec<(Note, &'static str)> {
    let (reject, late) = (Verdict::Reject(Reason::InvalidSignature), Verdict::Ignore(Reason::OutOfWindow));
    let failed = || "no answer".to_owned();
    let mined = SettlementResult::Mined { tx: B256::ZERO, gas_used: 70, settled: 1 };
    vec![
        (Note::Head { number: 12, timestamp: 99 }, "keeper_chain_head_block 12"),
        (Note::Head { number: 12, timestamp: 99 }, "keeper_chain_head_timestamp_seconds 99"),
        (Note::Rewound(3), "keeper_chain_reorgs_total 1"),
        (Note::Epoch { epoch: 4, members: 7 }, "keeper_epoch 4"),
        (Note::Spoke { abstains: false }, "keeper_partials_total{direction=\"sent\",result=\"signed\"} 1"),
        (Note::Spoke { abstains: true }, "keeper_partials_total{direction=\"sent\",result=\"abstained\"} 1"),
        (
            judged(Channel::Partials, Verdict::Accept),
            "keeper_partials_total{direction=\"received\",result=\"valid\"} 1",
        ),
        (judged(Channel::Partials, reject), "keeper_partials_total{direction=\"received\",result=\"invalid\"} 1"),
        (
            judged(Channel::Partials, late),
            "keeper_gossip_messages_total{topic=\"partials\",result=\"out_of_window\"} 1",
        ),
        (judged(Channel::Partials, late), "keeper_partials_total{direction=\"received\",result=\"ignored\"} 1"),
        (Note::FellBack, "keeper_partials_total{direction=\"sent\",result=\"fallback\"} 1"),
        (Note::JudgedStraight(late), "keeper_gossip_messages_total{topic=\"straight\",result=\"out_of_window\"} 1"),
        (Note::JudgedStraight(Verdict::Accept), "keeper_partials_total{direction=\"received\",result=\"valid\"} 1"),
        (judged(Channel::Certificates, Verdict::Accept), "keeper_certificates_total{result=\"received\"} 1"),
        (judged(Channel::Certificates, reject), "keeper_certificates_total{result=\"invalid\"} 1"),
        (Note::Assigned { window: 1, stage: 0 }, "keeper_leader_turns_total{result=\"led\"} 1"),
        (Note::Assigned { window: 1, stage: 2 }, "keeper_leader_turns_total{result=\"takeover\"} 1"),
        (Note::MissedTurn { window: 1 }, "keeper_leader_turns_total{result=\"missed\"} 1"),
        (step(Step::Certified, "settled"), "keeper_tasks_certified_total 1"),
        (step(Step::Certified, "settled"), "keeper_certificate_duration_seconds_sum 1.5"),
        (step(Step::Settled, "skipped"), "keeper_tasks_total{result=\"skipped\"} 1"),
        (step(Step::Settled, "settled"), "keeper_settled_duration_seconds_count 1"),
        (step(Step::Expired, "expired"), "keeper_tasks_total{result=\"expired\"} 1"),
        (step(Step::Expired, "skipped"), "keeper_tasks_total{result=\"skipped\"} 1"),
        (step(Step::Abstained(Abstention::Busy), "settled"), "keeper_abstentions_total{reason=\"busy\"} 1"),
        (Note::Ran { outcome: "job_error", took_ms: 250 }, "keeper_executions_total{outcome=\"job_error\"} 1"),
        (Note::Ran { outcome: "call", took_ms: 250 }, "keeper_execution_duration_seconds_sum 0.25"),
        (Note::Submitting, "keeper_certificates_total{result=\"submitted\"} 1"),
        (
            Note::Offered(SnapshotResult::Mined { tx: B256::ZERO, gas_used: 9 }),
            "keeper_snapshots_total{outcome=\"mined\"} 1",
        ),
        (Note::Offered(SnapshotResult::Failed { why: failed() }), "keeper_snapshots_total{outcome=\"failed\"} 1"),
        (Note::Submitted(mined.clone()), "keeper_transactions_total{outcome=\"mined\"} 1"),
        (Note::Submitted(mined), "keeper_transaction_gas_used_total 70"),
        (Note::Submitted(SettlementResult::AlreadySettled), "keeper_transactions_total{outcome=\"already_settled\"} 1"),
        (
            Note::Submitted(SettlementResult::Useless { jobs: vec![1] }),
            "keeper_transactions_total{outcome=\"useless\"} 1",
        ),
        (
            Note::Submitted(SettlementResult::Reverted { reason: failed() }),
            "keeper_transactions_total{outcome=\"reverted\"} 1",
        ),
        (
            Note::Submitted(SettlementResult::Failed { why: failed() }),
            "keeper_transactions_total{outcome=\"failed\"} 1",
        ),
        (Note::Accused(AccusationResult::TooLate), "keeper_accusations_total{result=\"too_late\"} 1"),
    ]
}

#[test]
fn each_note_moves_its_series() {
    for (note, line) in table() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let shows = |registry: &Registry| plain(registry).unwrap().lines().any(|found| found == line);
        assert!(!shows(&registry), "{line} before anything happened");
        note.count(&metrics);
        note.log();
        assert!(shows(&registry), "{note:?} does not give {line:?}:\n{}", plain(&registry).unwrap());
    }
}

#[test]
fn a_partial_seen_before_is_neither_valid_nor_invalid() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    judged(Channel::Partials, Verdict::Ignore(Reason::Duplicate)).count(&metrics);
    judged(Channel::Certificates, Verdict::Ignore(Reason::Duplicate)).count(&metrics);
    assert_eq!(metrics.partials.get(["received", "valid"]) + metrics.partials.get(["received", "invalid"]), 0);
    assert_eq!(metrics.certificates.get(["received"]) + metrics.certificates.get(["invalid"]), 0);
    assert_eq!(metrics.gossip_messages.get(["certificates", "duplicate"]), 1);
}

#[test]
fn notes_that_are_words_alone_count_nothing() {
    let check = Check { ok: false, message: "left".to_owned(), ..Check::default() };
    let notes = [
        Note::BadEpoch("no stake".to_owned()),
        Note::SecondVerdict(Verdict::Accept),
        Note::Blamed(Fault::Equivocation(KeeperIndex(1))),
        Note::Blamed(Fault::ConflictingAssignment(KeeperIndex(1))),
        Note::Blamed(Fault::UnfitInputs(KeeperIndex(1))),
        Note::UnaskedAnswer(JobId(1)),
        Note::EvidenceKept(7),
        Note::Learnt,
        Note::Standing(check.clone()),
        Note::Standing(Check { ok: true, ..check }),
        Note::Disputed(true),
        Note::Disputed(false),
        Note::CodeTrouble { job: 1, why: "not found".to_owned() },
        Note::ClockOff { peer: PeerKey([1; 32]), offset_ms: 5_000 },
        Note::Listening(Address::ZERO.to_string()),
    ];
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let only_ours = |registry: &Registry| {
        let text = plain(registry).unwrap();
        text.lines().filter(|line| line.starts_with("keeper_")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = only_ours(&registry);
    for note in notes {
        note.log();
        note.count(&metrics);
        assert_eq!(only_ours(&registry), before, "{note:?}");
    }
}
