use alloy::primitives::{Address, B256, Bytes, U256};
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use contracts::terms::{ActionTerms, CallTerms, Limits, Terms, TriggerTerms};
use executor::LogEntry;

use super::*;
use crate::jobs::trial::UNLISTED;
use crate::jobs::trigger::{Run, SeenLog, Sighting};

fn reads() -> Vec<Read> {
    let account = Address::repeat_byte(1);
    vec![
        Read { request: ChainRequest::Balance(account), answer: Ok(ChainAnswer::word(U256::from(7))) },
        Read {
            request: ChainRequest::Call { to: account, data: Bytes::from_static(&[1, 2]) },
            answer: Err(RpcFailure::Untold("no data".to_owned())),
        },
        Read { request: ChainRequest::CodeHash(account), answer: Err(RpcFailure::NoAnswer("gone".to_owned())) },
    ]
}

fn ending() -> Ending {
    let logs = vec!["info: one".to_owned(), "info: two".to_owned()];
    Ending { outcome: "call".to_owned(), data: vec![1, 2], transcript: [3; 32], fuel: 4, memory_bytes: 5, logs }
}

fn tape() -> Tape {
    let terms = Terms {
        trigger: TriggerTerms::Once { moment: 5 },
        action: ActionTerms::Call(CallTerms { calldata: Bytes::from_static(&[9]) }),
        target: Address::repeat_byte(2),
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: U256::from(1).to(),
        quorum_bps: 6667,
        punctual_seconds: 0,
        limits: Limits::default(),
    };
    let anchor = BlockRef { number: 10, hash: B256::repeat_byte(4), timestamp: 11 };
    let entry = LogEntry {
        address: Address::repeat_byte(5),
        topics: vec![B256::repeat_byte(6)],
        data: Bytes::from_static(b"data"),
        block_number: 10,
        block_hash: anchor.hash,
        transaction_hash: B256::repeat_byte(7),
        log_index: 8,
    };
    let run = Run::at_block(InstanceKey::from_run(0), 12, 10, 8);
    let sighting = Some(Sighting::Log(Arc::new(SeenLog { entry, timestamp: 11 })));
    let seen = consensus::inputs::Seen {
        keeper: consensus::committee::KeeperIndex(3),
        share: 200_000_000,
        bytes: Bytes::from_static(b"seen"),
    };
    let inputs = Some(Arc::new(consensus::inputs::InputSet { hash: B256::repeat_byte(9), seen: vec![seen] }));
    Tape {
        trial: Trial { job: UNLISTED, terms: Arc::new(terms), chain_id: 1, run, anchor, sighting, inputs },
        reads: reads(),
        ended: ending(),
    }
}

#[test]
fn a_tape_is_the_same_after_it_was_written() {
    let tape = tape();
    assert_eq!(Tape::read(&tape.text()).unwrap(), tape);
}

#[test]
fn what_is_no_tape_is_refused_with_a_reason() {
    let text = tape().text();
    let refused = |text: &str| Tape::read(text).unwrap_err().to_string();
    assert!(refused("").contains("no recorded run"));
    assert!(refused("{}").contains("tape"));
    assert!(refused(&text.replacen("\"tape\": 1", "\"tape\": 2", 1)).contains("version 2"));
    assert!(
        refused(&text.replacen("\"request\": \"0x02", "\"request\": \"0x09", 1)).contains("a read does not decode")
    );
    assert!(refused(&text.replacen("\"job\": \"0x00", "\"job\": \"0xff", 1)).contains("job does not decode"));
    let twice = text.replacen("\"no_answer\"", "\"untold\": \"x\", \"no_answer\"", 1);
    assert!(refused(&twice).contains("a read does not decode"));
}

#[tokio::test]
async fn a_player_answers_each_read_in_its_turn_and_no_other() {
    let reference = BlockReference { chain_id: 1, number: 10, hash: [4; 32], timestamp: 11 };
    let player = Player::new(reads());
    assert!(player.strayed().unwrap().contains("read 1 was balance"), "nothing is read yet");
    for read in reads() {
        assert_eq!(player.read(&reference, &read.request).await, read.answer);
    }
    assert_eq!(player.strayed(), None);
    let more = ChainRequest::Balance(Address::ZERO);
    assert!(player.read(&reference, &more).await.is_err());
    assert!(player.strayed().unwrap().starts_with("read 4 was none, and is balance"));

    let player = Player::new(reads());
    assert!(player.read(&reference, &more).await.is_err());
    assert!(player.read(&reference, &reads()[0].request).await.is_err(), "from there on it has nothing to say");
    assert!(player.strayed().unwrap().starts_with("read 1 was balance 0x0101"));
}

#[tokio::test]
async fn a_recorder_keeps_what_came_of_each_read() {
    let reference = BlockReference { chain_id: 1, number: 10, hash: [4; 32], timestamp: 11 };
    let recorder = Recorder::over(Player::new(reads()));
    for read in reads() {
        assert_eq!(recorder.read(&reference, &read.request).await, read.answer);
    }
    assert_eq!(recorder.take(), reads());
    assert!(recorder.take().is_empty());
}

#[test]
fn differences_are_named_one_by_one() {
    let then = ending();
    assert!(then.differences(&then).is_empty());
    let mut now = ending();
    (now.outcome, now.data) = ("skip".to_owned(), b"no".to_vec());
    (now.fuel, now.logs[1]) = (44, "info: three".to_owned());
    let found = then.differences(&now);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "the outcome was call 0x0102, and is skip \"no\"");
    assert_eq!(found[2], "line 2 of the log was \"info: two\", and is \"info: three\"");
}
