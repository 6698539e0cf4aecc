//! The digest on disk, for [`crate::chain::fuzz`].

use std::path::Path;

use alloy::primitives::B256;
use sha2::{Digest as _, Sha256};

use super::{Digest, DigestFile, Kept};
use crate::chain::fuzz::{config, our_logs};
use crate::chain::{Head, logs};

/// A digest's file; and its second line as if its first one vouched for it.
pub(crate) fn digest(bytes: &[u8]) {
    let (file, config) = (DigestFile::in_dir(Path::new("")), config());
    if let Ok((head, logs)) = file.decode(&config, bytes) {
        follow(&head, logs);
    }
    if let Some(place) = bytes.iter().position(|byte| *byte == b'\n')
        && let Ok(logs) = serde_json::from_slice(&bytes[place + 1..])
    {
        follow(&head(), logs);
    }
}

/// What the file says is decoded as what a node says is, and what comes of it can be written down.
fn follow(head: &Head, kept: Vec<Kept>) {
    let (file, config) = (DigestFile::in_dir(Path::new("")), config());
    for one in &kept {
        let _ = logs::decode(&one.log(), &config.network.contracts);
    }
    let digest = Digest::restored(head, kept, &config.network.contracts);
    let bytes = file.encode(&config, head, &digest).expect("it is far below the limit");
    let (again, logs) = file.decode(&config, &bytes).expect("it reads what it writes");
    assert_eq!(again, *head);
    let all: Vec<&Kept> = logs.iter().collect();
    assert_eq!(Some(all), digest.logs(), "nothing is lost on disk");
}

fn head() -> Head {
    let word = |word: &[u8]| B256::from_slice(&Sha256::digest(word));
    Head { number: 9, hash: word(b"head"), parent: word(b"parent"), timestamp: 7 }
}

/// An empty digest, and one with a log of each kind.
pub(crate) fn digest_seeds() -> Vec<Vec<u8>> {
    let (file, config) = (DigestFile::in_dir(Path::new("")), config());
    let mut all = Digest::default();
    our_logs().iter().filter_map(Kept::of).for_each(|kept| all.push(kept, &config.network.contracts));
    all.settle(9);
    [Digest::default(), all].map(|digest| file.encode(&config, &head(), &digest).expect("short")).to_vec()
}
