//! Every arm of a batch's life: phase x event -> phase + outbox.

use alloy_primitives::B256;

use super::place::Standing;
use super::*;
use crate::committee::{KeeperIndex, SignerSet};
use crate::effect::{JournalAnswer, PersistToken};
use crate::facts::tests::{block, facts, facts_under, task};
use crate::laws::Laws;
use crate::message::{Finding, PARTIAL_LIMIT};
use crate::outbox::tests::texts;
use crate::session::Event as SessionEvent;
use crate::task::Abstention;

mod bench;
mod straight;

use bench::{Bench, DUE, END, anchor, at, bench_at, executed, finding, outcome, running, spoken};

#[test]
fn without_a_basis_it_waits_for_blocks_however_late_they_come() {
    let mut bench = bench_at(0, 1, DUE - 2);
    assert_eq!(bench.take(1, &[finding(1)], 1_001_000), (Fate::Early(Awaits::Basis(bench.batch.key)), vec![]));
    for now in [1_001_000, 1_003_000] {
        assert_eq!(bench.look(now), ["with next block batch", END]);
        assert_eq!(bench.phase(), "collecting");
    }
    assert!(!bench.founded);
    assert!(bench.batch.agreed().is_empty());
    bench.facts.push(block(DUE - 1));
    assert_eq!(bench.look(1_003_000), [END]);
    assert!(bench.founded && bench.batch.basis().is_some());
}

#[test]
fn it_speaks_when_every_task_has_ended_and_the_journal_has_the_report() {
    let mut bench = running(0, 2);
    assert_eq!(bench.look(1_001_000), [END], "both run");
    bench.tell(1, SessionEvent::Executed(0, anchor().hash, Ok(outcome(1))));
    assert_eq!(bench.look(1_001_000), [END], "one runs");
    bench.tell(2, SessionEvent::Executed(0, anchor().hash, Ok(outcome(1))));
    assert_eq!(bench.look(1_001_100), ["persist 2 as 1", END]);
    assert_eq!(bench.look(1_001_100), [END], "it waits");
    assert_eq!(bench.persisted(1_001_200, JournalAnswer::Recorded), ["send partial", "look at batch"]);
    assert_eq!(bench.batch.own, Own::Spoken(at(1_001_200)));
    assert_eq!(bench.look(1_001_200), ["at 1002200 batch", END]);
    assert_eq!(bench.look(1_002_200), ["ask", "at 1003200 batch", END], "rule 12: a second without a quorum");
    assert_eq!(bench.look(1_002_300), ["at 1003200 batch", END]);
}

#[test]
fn what_the_journal_refuses_is_abstained_from() {
    let mut bench = executed(0, 1);
    bench.look(1_001_000);
    assert_eq!(bench.persisted(1_001_000, JournalAnswer::Failed), ["look at batch"]);
    assert_eq!(bench.batch.own, Own::Silent);
    assert_eq!(bench.look(1_001_000), ["send partial", "at 1002000 batch", END]);
    let mut bench = running(0, 1);
    bench.tell(1, SessionEvent::Executed(0, anchor().hash, Err(Abstention::Timeout)));
    assert_eq!(bench.look(1_001_000), ["send partial", "at 1002000 batch", END], "no journal is needed to abstain");
}

#[test]
fn what_the_journal_refuses_of_one_task_does_not_silence_the_others() {
    let mut bench = executed(0, 2);
    bench.look(1_001_000);
    bench.persisted(1_001_000, JournalAnswer::Refused(vec![0]));
    assert_eq!(bench.look(1_001_000), ["send partial", "at 1002000 batch", END]);
    let said: Partial = codec::decode(bench.batch.partial_of(bench.line[0]).unwrap(), PARTIAL_LIMIT).unwrap();
    assert_eq!(said.findings, [Finding::abstained(Abstention::JournalRefused as u8), finding(1)]);
    // Assigned again alone, the other one is signed.
    let mut alone = bench.of_task(2);
    assert_eq!(alone.look(1_001_000), ["persist 1 as 2", END]);
}

#[test]
fn what_a_quorum_signed_is_submitted_by_whoever_found_the_same_and_may_not_sign_it() {
    let mut source = spoken(1, 1);
    [0, 2, 3].into_iter().for_each(|place| drop(source.take(place, &[finding(1)], 1_001_500)));
    source.look(1_001_500);
    for refused in [JournalAnswer::Refused(vec![0]), JournalAnswer::Failed] {
        let mut bench = executed(0, 1);
        bench.look(1_001_000);
        bench.persisted(1_001_000, refused);
        bench.look(1_001_000);
        bench.batch.adopt_certificate(&source.certificate(), at(1_001_500), &mut bench.outbox);
        assert!(bench.look(1_001_600).contains(&"submit, takeover false".to_owned()));
    }
}

#[test]
fn it_keeps_silent_while_it_may_not_sign() {
    let mut bench = executed(0, 1);
    for signing in [Signing::NotYet, Signing::Above(anchor().number)] {
        assert_eq!(bench.look_while(signing, 1_001_000), [END]);
    }
    assert_eq!(bench.look_while(Signing::Above(anchor().number - 1), 1_001_000), ["persist 1 as 1", END]);
    let mut bench = executed(0, 1);
    bench.tell(1, SessionEvent::Settled(1_002));
    assert_eq!(bench.look(1_001_000), [END], "nothing is left to be done");
    let mut bench = running(0, 1);
    bench.facts = facts(9, 1_100);
    assert_eq!(bench.look(1_001_000), [END], "it is no member");
}

#[test]
fn it_keeps_silent_under_a_committee_in_doubt() {
    #[derive(Debug)]
    struct Careless;
    impl Laws for Careless {
        fn heeds_doubt(&self) -> bool {
            false
        }
    }
    let doubt = |facts: &mut Facts, line: &[KeeperIndex]| {
        for keeper in &line[1..3] {
            let peer = facts.committee_at(1_000).unwrap().member(*keeper).unwrap().peer_key;
            facts.note_table(peer, 1, B256::repeat_byte(0xbb));
        }
    };
    let mut bench = executed(0, 1);
    doubt(&mut bench.facts, &bench.line);
    assert_eq!(bench.look(1_001_000), [END], "rule 15");
    bench.facts = facts_under(Arc::new(Careless), bench.line[0].0, 1_100);
    doubt(&mut bench.facts, &bench.line);
    assert_eq!(bench.look(1_001_000), ["persist 1 as 1", END], "the planted bug is where the rule is");
}

#[test]
fn a_quorum_certifies_and_the_leader_submits_once_the_others_had_their_moment() {
    let mut bench = spoken(0, 2);
    let findings = [finding(1), finding(1)];
    for place in 1..3 {
        assert_eq!(bench.take(place, &findings, 1_001_500), (Fate::Pending, vec!["at 1001505 batch".to_owned()]));
    }
    assert_eq!(bench.take(3, &findings, 1_001_500), (Fate::Pending, vec!["at 1001500 batch".to_owned()]));
    let mut said = bench.look(1_001_500);
    assert_eq!(said.iter().filter(|text| text.starts_with("judge") && text.ends_with("Accept")).count(), 3);
    said.retain(|text| !text.starts_with("judge") && !text.ends_with("said"));
    let wakes = ["at 1001600 batch", "at 1004500 batch", END];
    assert_eq!(said, [&["certified", "certified", "certified by 4"], &wakes[..]].concat());
    assert_eq!(bench.phase(), "certified");
    // A fifth signer is worth its bytes, and nobody is left to wait for.
    bench.take(4, &findings, 1_001_550);
    assert!(bench.look(1_001_555).contains(&"submit, takeover false".to_owned()));
    assert_eq!(bench.look(1_001_600), ["at 1004500 batch", END], "once");
    assert_eq!(bench.certificate().signers.count(), 4, "the first certificate stays");
    // A failed submission leaves the turn to the next in line.
    bench.batch.submission_failed(&bench.facts, at(1_002_000), &mut bench.outbox);
    assert_eq!(texts(&mut bench.outbox), ["at 1002000 batch"]);
    assert_eq!(bench.look(1_002_000), ["at 1005000 batch", END]);
    bench.tell(1, SessionEvent::Settled(1_003));
    bench.tell(2, SessionEvent::Settled(1_003));
    assert_eq!(bench.look(1_003_000), [END], "settled: no more turns");
}

#[test]
fn whose_turn_it_is_may_have_to_wait_for_a_block() {
    let mut bench = spoken(0, 1);
    [1, 2, 3].into_iter().for_each(|place| drop(bench.take(place, &[finding(1)], 1_001_500)));
    bench.look(1_001_500);
    let known = std::mem::replace(&mut bench.facts, facts(bench.line[0].0, 990));
    assert_eq!(bench.look(1_001_600), ["with next block batch", END], "the line is not certain after a reorganisation");
    bench.facts = known;
    assert!(bench.look(1_001_700).contains(&"submit, takeover false".to_owned()));
}

#[test]
fn who_is_next_in_line_takes_over_after_a_stage() {
    let mut bench = spoken(1, 1);
    [0, 2, 3].into_iter().for_each(|place| drop(bench.take(place, &[finding(1)], 1_001_500)));
    assert!(bench.look(1_001_500).contains(&"at 1004500 batch".to_owned()));
    let certificate = bench.certificate();
    let takes_over = ["send certificate", "submit, takeover true", "at 1007500 batch", END];
    assert_eq!(bench.look(1_004_500), takes_over);
    // With the certificate from the mesh, but another outcome of its own, it has nothing to submit.
    let mut other = running(1, 1);
    other.tell(1, SessionEvent::Executed(0, anchor().hash, Ok(outcome(7))));
    other.look(1_001_000);
    other.persisted(1_001_000, JournalAnswer::Recorded);
    other.batch.adopt_certificate(&certificate, at(1_001_500), &mut other.outbox);
    assert_eq!(texts(&mut other.outbox), ["at 1001500 batch"]);
    other.look(1_001_500);
    assert!(!other.look(1_004_500).iter().any(|text| text.starts_with("submit")));
}

#[test]
fn questions_that_bring_nothing_come_less_and_less_often() {
    let mut bench = spoken(0, 1);
    let asks = |bench: &mut Bench, seconds: std::ops::Range<u64>| -> Vec<u64> {
        let moments = (seconds.start * 10..seconds.end * 10).map(|tenth| 1_001_000 + tenth * 100);
        moments.filter(|&now| bench.look(now).contains(&"ask".to_owned())).map(|now| now - 1_001_000).collect()
    };
    assert_eq!(asks(&mut bench, 0..16), [1_000, 2_000, 4_000, 8_000, 12_000]);
    bench.take(1, &[finding(1)], 1_017_050);
    let asked = asks(&mut bench, 16..22);
    assert_eq!(asked, [16_000, 17_000, 18_000, 20_000], "what brings something is worth asking for again");
}

#[test]
fn a_split_fails_and_says_what_a_quorum_would_sign() {
    let mut bench = spoken(0, 2);
    bench.take(1, &[finding(1), finding(2)], 1_001_500);
    bench.take(2, &[finding(1), Finding::abstained(4)], 1_001_500);
    bench.look(1_001_505);
    assert_eq!(bench.phase(), "failed", "no root has more than one keeper, and two are left");
    bench.take(3, &[finding(1), finding(1)], 1_001_600);
    let said = bench.look(1_001_605);
    assert!(!said.contains(&"look at window 500".to_owned()), "it fails once: {said:?}");
    assert_eq!(bench.batch.agreed(), [task(1)]);
    assert_eq!(bench.look(1_002_900), [END], "a failed batch asks nobody");
}

#[test]
fn a_certificate_from_the_mesh_is_taken_up_once_by_a_batch_of_just_its_tasks() {
    let mut source = spoken(0, 1);
    [1, 2, 3].into_iter().for_each(|place| drop(source.take(place, &[finding(1)], 1_001_500)));
    source.look(1_001_500);
    let certificate = source.certificate();
    let mut bench = executed(2, 1);
    bench.look(1_001_000);
    assert_eq!(bench.batch.certificate_bytes(), None);
    bench.batch.adopt_certificate(&certificate, at(1_001_600), &mut bench.outbox);
    assert_eq!((texts(&mut bench.outbox), bench.phase()), (vec!["at 1001600 batch".to_owned()], "certified"));
    bench.batch.adopt_certificate(&certificate, at(1_001_700), &mut bench.outbox);
    assert_eq!(texts(&mut bench.outbox), Vec::<String>::new());
    bench.look(1_001_600);
    assert!(bench.batch.certificate_bytes().is_some());
    let mut other = running(2, 2);
    other.batch.adopt_certificate(&certificate, at(1_001_600), &mut other.outbox);
    assert_eq!(other.phase(), "collecting");
    let mut failed = executed(2, 1);
    [0, 1, 3].into_iter().for_each(|place| drop(failed.take(place, &[finding(place as u8 + 4)], 1_001_500)));
    failed.look(1_001_600);
    assert_eq!((failed.phase(), failed.batch.failed()), ("failed", Some(at(1_001_600))));
    failed.batch.adopt_certificate(&certificate, at(1_003_000), &mut failed.outbox);
    assert_eq!((failed.phase(), failed.batch.failed()), ("certified after it failed", Some(at(1_001_600))));
    // It is about blocks: a batch that does not know its own yet, or stands at others, has nothing to submit.
    let mut early = bench_at(2, 1, DUE - 2);
    early.batch.adopt_certificate(&certificate, at(1_001_000), &mut early.outbox);
    early.look(1_002_000);
    assert_eq!(early.phase(), "collecting");
    early.facts.push(block(DUE - 1));
    early.look(1_003_000);
    early.batch.adopt_certificate(&certificate, at(1_003_000), &mut early.outbox);
    assert_eq!(early.phase(), "certified");
    let mut later = running(2, 1);
    later.batch.attempt = 1;
    later.look(1_010_000);
    assert!(later.founded && !later.batch.adopt_certificate(&certificate, at(1_010_000), &mut later.outbox));
    assert_eq!(later.phase(), "collecting", "what was certified is the attempt before");
}

#[test]
fn a_signature_of_its_own_that_it_has_not_made_is_recalled() {
    let mut bench = executed(0, 1);
    assert_eq!(bench.take(0, &[finding(1)], 1_001_000).0, Fate::Pending);
    let said = bench.look_while(Signing::NotYet, 1_001_005);
    let name = format!("{} said", bench.line[0].0);
    assert_eq!(said[..3], ["judge 0 Accept".to_owned(), name, "recall, listening true".to_owned()]);
    assert_eq!(bench.batch.own, Own::Spoken(at(1_001_005)), "it has nothing to add");
}

#[test]
fn signatures_are_judged_when_they_are_checked() {
    let mut bench = spoken(0, 1);
    let (fate, said) = bench.take(1, &[finding(1), finding(1)], 1_001_500);
    assert_eq!(fate, Fate::Judged(Verdict::Reject(Reason::WrongBatch)));
    assert_eq!(said, ["at 1001500 batch"]);
    assert_eq!(bench.take_signed_by(2, 1, &[finding(1)], 1_001_500).0, Fate::Pending);
    assert_eq!(bench.look(1_001_500)[0], "at 1001505 batch", "partials wait for company");
    let said = bench.look(1_001_505);
    assert_eq!(said[0], "judge 1 Reject(InvalidSignature)");
    assert!(!said.iter().any(|text| text.ends_with("said")), "a forgery says nothing: {said:?}");
    assert_eq!(bench.take(1, &[finding(1)], 1_001_600).0, Fate::Pending, "and does not shadow the honest one");
    assert_eq!(bench.look(1_001_605)[0], "judge 1 Accept");
    assert_eq!(bench.take(1, &[finding(2)], 1_001_700).0, Fate::Pending);
    assert_eq!(bench.look(1_001_705)[0], "judge 1 Ignore(Conflicting)", "a second word is told, and not counted");
}

#[test]
fn a_reorganisation_under_its_basis_takes_it_back_to_the_beginning() {
    let mut bench = spoken(0, 1);
    bench.take(1, &[finding(1)], 1_001_500);
    bench.batch.rewound(anchor().number, &mut bench.outbox);
    assert!(texts(&mut bench.outbox).is_empty() && bench.batch.basis().is_some(), "its anchor stands");
    bench.batch.rewound(anchor().number - 1, &mut bench.outbox);
    assert_eq!(texts(&mut bench.outbox), ["judge 1 Ignore(UnknownContext)"]);
    assert!(bench.batch.basis().is_none() && bench.batch.own == Own::Silent && bench.phase() == "collecting");
    assert_eq!(bench.batch.partial_of(bench.line[0]), None);
    // What the journal holds is about blocks that are gone: its answer is awaited no longer.
    let mut bench = executed(0, 1);
    bench.look(1_001_000);
    bench.batch.rewound(anchor().number - 1, &mut bench.outbox);
    assert!(!bench.batch.awaits(PersistToken(1)));
    bench.batch.persisted(
        &JournalAnswer::Recorded,
        &bench.facts,
        &mut bench.sessions,
        at(1_001_000),
        &mut bench.outbox,
    );
    assert!(texts(&mut bench.outbox).is_empty());
}

#[test]
fn it_ends_fifteen_windows_after_its_own() {
    let mut bench = spoken(0, 1);
    bench.take(1, &[finding(1)], 1_001_500);
    bench.tell(1, SessionEvent::Planned(bench.batch.key(), 0));
    assert_eq!(bench.look(1_032_000), ["judge 1 Ignore(OutOfWindow)", "batch ended"]);
    assert_eq!(bench.sessions.get(&task(1)).unwrap().batches().count(), 0);
}

#[test]
fn what_a_peer_lacks_is_what_it_does_not_name() {
    let mut bench = spoken(0, 1);
    assert_eq!(bench.batch.partials_beyond(&[0]).count(), 1);
    let mine = SignerSet::from_iter([bench.line[0]]).to_bytes(5);
    assert_eq!(bench.batch.partials_beyond(&mine).count(), 0);
    bench.take(1, &[Finding::abstained(3)], 1_001_500);
    assert_eq!(bench.batch.partials_beyond(&mine).count(), 1);
}

#[test]
fn a_batch_that_breaks_rule_4_does_nothing_until_it_ends() {
    let mut source = spoken(0, 1);
    [1, 2, 3].into_iter().for_each(|place| drop(source.take(place, &[finding(1)], 1_001_500)));
    source.look(1_001_500);
    let mut bench = executed(2, 1);
    bench.tell(1, SessionEvent::Planned(bench.batch.key(), 0));
    let Bench { facts, sessions, batch, outbox, .. } = &mut bench;
    batch.stand(Standing::Unsound, facts, sessions, at(1_001_000), outbox);
    assert_eq!(texts(outbox), ["at 1001000 batch"]);
    assert_eq!(bench.sessions.get(&task(1)).unwrap().batches().count(), 0, "its tasks know nothing of it");
    assert_eq!(bench.look(1_001_000), [END], "nobody speaks in it");
    bench.batch.adopt_certificate(&source.certificate(), at(1_001_600), &mut bench.outbox);
    bench.batch.rewound(0, &mut bench.outbox);
    assert_eq!((texts(&mut bench.outbox).len(), bench.phase()), (0, "refused"));
    assert_eq!(bench.look(1_032_000), ["batch ended"]);
}
