use alloy::primitives::U256;
use alloy::sol_types::SolValue;
use proptest::prelude::*;

use super::*;

/// Words, then bytes as they are.
fn returned(words: &[U256], rest: &[u8]) -> Bytes {
    let words: Vec<_> = words.iter().flat_map(U256::to_be_bytes::<32>).collect();
    [words, rest.to_vec()].concat().into()
}

fn number(number: u64) -> U256 {
    U256::from(number)
}

/// What `abi.decode(data, (bool, bytes))` does with the same in Solidity 0.8.
#[test]
fn what_a_check_returns_is_read_as_solidity_reads_it() {
    let yes = |bytes: &[u8]| Some(Verdict::Yes(bytes.to_vec().into()));
    let no = |bytes: &[u8]| Some(Verdict::No(bytes.to_vec().into()));
    let [zero, one, head] = [0, 1, 64].map(number);
    for (name, data, verdict) in [
        ("yes, with nothing", returned(&[one, head, zero], &[]), yes(&[])),
        ("no, with nothing", returned(&[zero, head, zero], &[]), no(&[])),
        (
            "padded",
            returned(&[one, head, number(3)], &[1, 2, 3].map(|byte| [byte; 1]).concat().repeat(11)),
            yes(&[1, 2, 3]),
        ),
        ("without padding", returned(&[one, head, number(3)], &[1, 2, 3]), yes(&[1, 2, 3])),
        ("with more behind", returned(&[zero, head, number(1)], &[9; 100]), no(&[9])),
        ("farther behind", returned(&[one, number(96), one, number(2)], &[7, 8]), yes(&[7, 8])),
        ("within the head", returned(&[one, zero], &[]), yes(&[0])),
        ("no bytes at all", Bytes::new(), None),
        ("a bool alone", returned(&[one], &[]), None),
        ("no length", returned(&[one, head], &[]), None),
        ("half a length", returned(&[one, head], &[0; 31]), None),
        ("a bool that is 2", returned(&[number(2), head, zero], &[]), None),
        ("a bool in the first byte", returned(&[one << 255, head, zero], &[]), None),
        ("one byte too few", returned(&[one, head, number(3)], &[1, 2]), None),
        ("bytes beyond the end", returned(&[one, number(1 << 20), zero], &[]), None),
        ("an offset of 2^64 and 64", returned(&[one, (one << 64) + head, zero], &[]), None),
        ("an offset at the end of numbers", returned(&[one, number(u64::MAX), zero], &[]), None),
        ("a length at the end of numbers", returned(&[one, head, number(u64::MAX)], &[]), None),
        ("a length of 2^255", returned(&[one, head, one << 255], &[]), None),
    ] {
        assert_eq!(decode(&data), verdict, "{name}");
    }
}

#[test]
fn every_answer_has_one_meaning() {
    let ended = |answer: Answer| verdict(&answer).unwrap_err();
    assert_eq!(ended(Answer::Failed), Ended::Skip(FAILED.to_owned()));
    assert_eq!(ended(Answer::TooLong), Ended::JobError(RETURNED_TOO_MUCH.to_owned()));
    assert_eq!(ended(Answer::Returned(Bytes::new())), Ended::JobError(RETURNED_NOTHING.to_owned()));
    assert_eq!(ended(Answer::Returned(Bytes::from_static(&[1]))), Ended::JobError(MALFORMED.to_owned()));
    assert!(ASKED_TOO_MUCH.contains(&CALLDATA_MAX.to_string()));
}

proptest! {
    #[test]
    fn what_was_encoded_decodes(is_yes: bool, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let data = (is_yes, bytes.clone()).abi_encode_params();
        let verdict = if is_yes { Verdict::Yes(bytes) } else { Verdict::No(bytes) };
        prop_assert_eq!(decode(&data.into()), Some(verdict));
    }

    #[test]
    fn no_bytes_panic(words in proptest::collection::vec(any::<[u8; 32]>(), 0..5), rest in proptest::collection::vec(any::<u8>(), 0..33)) {
        decode(&[words.concat(), rest].concat().into());
    }

    /// Numbers that are nearly right, where sums could overflow.
    #[test]
    fn no_numbers_panic(words in proptest::collection::vec(prop_oneof![0..200_u64, (u64::MAX - 200)..=u64::MAX], 0..8)) {
        let words: Vec<_> = words.into_iter().map(number).collect();
        decode(&returned(&words, &[]));
    }
}
