use std::fs;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::{Memory, write};

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("peers.txt");
    let (one, other) = (PeerId::random(), PeerId::random());
    let book = [
        (one, vec![address("/ip4/203.0.113.7/tcp/7419"), address("/ip6/2001:db8::7/tcp/7419")]),
        (other, vec![address("/dns4/keeper.example/tcp/7419")]),
    ];
    assert!(Memory::new(Some(path.clone())).load(|_| false).is_empty(), "no file is no fault");
    write(&path, &book, &[]);
    let flat: Vec<(PeerId, Multiaddr)> =
        book.iter().flat_map(|(peer, addresses)| addresses.iter().map(|address| (*peer, address.clone()))).collect();
    assert_eq!(Memory::new(Some(path.clone())).load(|_| false), flat);
    write(&path, &book[..1], &[]);
    assert_eq!(Memory::new(Some(path.clone())).load(|_| false), flat[..2], "an old book is replaced whole");
    assert!(!path.with_extension("new").exists());
}

#[test]
fn a_broken_file_is_set_aside_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("peers.txt");
    let peer = PeerId::random();
    let long = format!("{}\n{}", super::HEADER, "x".repeat(3 << 20));
    let cut = format!("{}\n/ip4/203.0.113.7/tcp/7419/p2p/{peer}\n/ip4/203.0.113.7/tc", super::HEADER);
    for text in ["", "{}", "\u{0}\u{1}", &long, &cut] {
        fs::write(&path, text).expect("written");
        assert!(Memory::new(Some(path.clone())).load(|_| false).is_empty());
        assert!(!path.exists() && path.with_extension("broken").exists(), "{:?}", text.get(..20));
    }
    fs::write(&path, [0xff, 0xfe, 0]).expect("written");
    assert!(Memory::new(Some(path.clone())).load(|_| false).is_empty() && !path.exists());
}

#[test]
fn signed_records_are_kept_beside_and_a_false_one_spoils_the_file() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("peers.txt");
    let (peer, at) = (PeerId::random(), address("/ip4/203.0.113.7/tcp/7419"));
    write(&path, &[(peer, vec![at.clone()])], &[vec![0, 1, 0xfe], vec![0xab; 1024]]);
    let mut restored = Vec::new();
    let known = Memory::new(Some(path.clone())).load(|bytes| {
        restored.push(bytes.to_vec());
        true
    });
    assert_eq!((known, restored), (vec![(peer, at)], vec![vec![0, 1, 0xfe], vec![0xab; 1024]]));
    assert!(Memory::new(Some(path.clone())).load(|_| false).is_empty() && !path.exists());
    for line in ["signed ", "signed 0", "signed 0g", "signed é", "signed"] {
        fs::write(&path, format!("{}\n{line}\n", super::HEADER)).expect("written");
        let known = Memory::new(Some(path.clone())).load(|bytes| !bytes.is_empty());
        assert!(known.is_empty() && !path.exists(), "{line}");
    }
}

#[test]
fn it_is_written_soon_after_a_first_change_then_once_a_minute() {
    let (mut memory, now) = (Memory::new(Some("peers.txt".into())), Instant::now());
    let after = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(memory.due(after(100)), None, "nothing has changed");
    memory.touch(now);
    assert_eq!(memory.due(after(1)), None);
    assert!(memory.due(after(2)).is_some());
    memory.touch(after(3));
    assert_eq!(memory.due(after(61)), None);
    assert!(memory.due(after(62)).is_some());
    assert_eq!(memory.rest(), None);
    memory.touch(after(63));
    assert!(memory.rest().is_some(), "at the end what is left is written");
}
