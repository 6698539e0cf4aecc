use alloy::primitives::{Address, B256, U256};

use super::{ChainAnswer, ChainRequest, DecodeError, LogEntry};

fn requests() -> Vec<ChainRequest> {
    let account = Address::repeat_byte(0x11);
    vec![
        ChainRequest::Call { to: account, data: vec![1, 2, 3].into() },
        ChainRequest::Call { to: account, data: vec![].into() },
        ChainRequest::Balance(account),
        ChainRequest::StorageAt { account, slot: B256::repeat_byte(7) },
        ChainRequest::CodeHash(account),
        ChainRequest::Logs { address: account, topics: vec![], from_block: 1, to_block: 2 },
        ChainRequest::Logs {
            address: account,
            topics: vec![None, Some(B256::repeat_byte(9))],
            from_block: u64::MAX,
            to_block: 0,
        },
    ]
}

fn answers() -> Vec<ChainAnswer> {
    let entry = LogEntry {
        address: Address::repeat_byte(1),
        topics: vec![B256::repeat_byte(2), B256::repeat_byte(3)],
        data: vec![4; 40].into(),
        block_number: 5,
        block_hash: B256::repeat_byte(6),
        transaction_hash: B256::repeat_byte(7),
        log_index: 8,
    };
    vec![
        ChainAnswer::word(U256::from(12345)),
        ChainAnswer::Data(vec![].into()),
        ChainAnswer::Logs(vec![]),
        ChainAnswer::Logs(vec![entry.clone(), entry]),
        ChainAnswer::Reverted(vec![8, 9].into()),
        ChainAnswer::Limit("too much".into()),
        ChainAnswer::Invalid("no".into()),
    ]
}

#[test]
fn requests_and_answers_survive_their_encoding_and_none_share_bytes() {
    let mut seen = std::collections::BTreeSet::new();
    for request in requests() {
        let bytes = request.encode();
        assert_eq!(ChainRequest::decode(&bytes), Ok(request));
        assert!(seen.insert(bytes));
    }
    seen.clear();
    for answer in answers() {
        let bytes = answer.encode();
        assert_eq!(ChainAnswer::decode(&bytes), Ok(answer));
        assert!(seen.insert(bytes));
    }
}

#[test]
fn only_canonical_bytes_decode() {
    assert_eq!(ChainRequest::decode(&[]), Err(DecodeError));
    assert_eq!(ChainRequest::decode(&[9]), Err(DecodeError));
    for bytes in requests().iter().map(ChainRequest::encode) {
        for cut in 0..bytes.len() {
            assert!(ChainRequest::decode(&bytes[..cut]).is_err(), "{cut} of {} bytes", bytes.len());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(ChainRequest::decode(&longer).is_err());
    }
    for bytes in answers().iter().map(ChainAnswer::encode) {
        for cut in 0..bytes.len() {
            assert!(ChainAnswer::decode(&bytes[..cut]).is_err(), "{cut} of {} bytes", bytes.len());
        }
    }
    // A balance request whose address has a dirty upper byte names the same account: only one spelling may exist.
    let mut dirty = ChainRequest::Balance(Address::repeat_byte(1)).encode();
    dirty[1] = 1;
    assert_eq!(ChainRequest::decode(&dirty), Err(DecodeError));
}
