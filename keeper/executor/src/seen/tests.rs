use super::*;

fn seen(key: &str, value: &[u8]) -> Observation {
    Observation { key: key.to_owned(), value: value.to_vec() }
}

#[test]
fn what_was_seen_comes_back() {
    for all in [vec![], vec![seen("", b"")], vec![seen("a", b"1"), seen("b", &[0xff; 40])]] {
        assert_eq!(decode(&encode(&all).unwrap()), Some(all));
    }
}

#[test]
fn caps_are_told() {
    let many = vec![seen("", b""); MAX_OBSERVATIONS + 1];
    assert_eq!(encode(&many).unwrap_err(), "65 observations, more than 64");
    assert!(encode(&many[1..]).is_ok());
    let long = [seen("", &vec![1; MAX_SEEN_BYTES])];
    assert!(encode(&long).unwrap_err().contains("more than 15360"));
}

/// A liar signs whatever it likes: all keepers must make the same of it.
#[test]
fn bytes_that_nobody_would_write_are_nothing() {
    let good = encode(&[seen("price", &7_u64.to_be_bytes())]).unwrap();
    let mut padded = good.clone();
    padded.extend([0; 32]);
    let mut dirty = good.clone();
    *dirty.last_mut().unwrap() = 1;
    for bytes in [&b""[..], b"lies", &[0xff; 64], &padded, &dirty, &good[..good.len() - 1]] {
        assert_eq!(decode(bytes), None, "{bytes:?}");
        assert_eq!(KeeperSeen { keeper: 1, share: 1, bytes: bytes.to_vec() }.items(), []);
    }
    // Text that is no UTF-8 is no key.
    let rows = vec![(Bytes::from(vec![0xff]), Bytes::new())].abi_encode();
    assert_eq!(decode(&rows), None);
}
