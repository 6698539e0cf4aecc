use alloy::primitives::{Address, B256, keccak256};
use alloy::sol_types::SolValue;

use super::*;
use crate::executor::LogEntry;

const CHECK_DATA: Bytes = Bytes::from_static(&[7, 8]);

fn terms() -> UpkeepTerms {
    UpkeepTerms { check_data: CHECK_DATA }
}

fn log() -> SeenLog {
    let entry = LogEntry {
        address: Address::repeat_byte(3),
        topics: vec![B256::repeat_byte(4), B256::repeat_byte(5)],
        data: Bytes::from_static(&[6; 33]),
        block_number: 900,
        block_hash: B256::repeat_byte(2),
        transaction_hash: B256::repeat_byte(1),
        log_index: 3,
    };
    SeenLog { entry, timestamp: 1_800_000_000 }
}

#[test]
fn the_target_is_asked_as_the_registries_asked_it() {
    let asked = question(&terms(), None);
    assert_eq!(asked[..4], [0x6e, 0x04, 0xff, 0x0d]);
    assert_eq!(asked[4..], CHECK_DATA.abi_encode());
}

#[test]
fn a_log_is_handed_on_whole() {
    let asked = question(&terms(), Some(&log()));
    let signature = "checkLog((uint256,uint256,bytes32,uint256,bytes32,address,bytes32[],bytes),bytes)";
    assert_eq!((&asked[..4], &asked[..4]), (&keccak256(signature)[..4], &[0x40, 0x69, 0x1d, 0xb4][..]));
    let SeenLog { entry, timestamp } = log();
    let [index, timestamp, number] = [entry.log_index.into(), timestamp, entry.block_number].map(U256::from);
    let (place, says) = ((entry.transaction_hash, number, entry.block_hash), (entry.address, entry.topics, entry.data));
    let log = (index, timestamp, place.0, place.1, place.2, says.0, says.1, says.2);
    assert_eq!(asked[4..], (log, CHECK_DATA).abi_encode_params());
}

#[test]
fn what_is_needed_is_performed_with_what_the_target_says() {
    let Ended::Call(call) = end(Verdict::Yes(CHECK_DATA)) else { panic!("no call") };
    assert_eq!((&call[..4], &call[4..]), (&[0x45, 0x85, 0xe3, 0x3b][..], &CHECK_DATA.abi_encode()[..]));
    let Ended::Call(call) = end(Verdict::Yes(Bytes::new())) else { panic!("no call") };
    assert_eq!(call.len(), 4 + 64, "also with nothing");
    assert_eq!(end(Verdict::No(CHECK_DATA)), Ended::Skip(NOT_NEEDED.to_owned()));
}

#[test]
fn perform_data_is_as_long_as_an_outcome_has_room_for() {
    // Selector, offset and length; the rest in words of 32 bytes.
    let most = (MAX_OUTCOME_BYTES - 4 - 64) / 32 * 32;
    let Ended::Call(call) = end(Verdict::Yes(vec![1; most].into())) else { panic!("no call") };
    assert!(call.len() <= MAX_OUTCOME_BYTES && call.len() + 32 > MAX_OUTCOME_BYTES);
    assert_eq!(end(Verdict::Yes(vec![1; most + 1].into())), Ended::JobError(TOO_MUCH.to_owned()));
}
