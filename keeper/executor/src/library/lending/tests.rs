use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

struct Bench {
    directory: TempDir,
    cache: CodeCache,
    lending: Lending,
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let cache = CodeCache::open(directory.path()).expect("a cache");
        Self { directory, cache, lending: Lending::default() }
    }

    /// A component in the cache, which this keeper runs.
    fn with(&self, bytes: &[u8]) -> [u8; 32] {
        let hash = Sha256::digest(bytes).into();
        self.cache.keep_component(&hash, bytes).expect("kept");
        self.lending.know(hash);
        hash
    }

    fn piece(&self, hash: &[u8; 32], offset: u32, count: usize) -> Option<Piece> {
        self.lending.piece(&self.cache, hash, offset, count)
    }

    fn file(&self, hash: &[u8; 32]) -> PathBuf {
        self.directory.path().join("wasm").join(format!("{}.wasm", alloy::hex::encode(hash)))
    }
}

#[test]
fn pieces_are_cut_where_they_are_asked_for_and_where_the_component_ends() {
    let bench = Bench::new();
    let hash = bench.with(b"a component");
    let piece = |offset, count| bench.piece(&hash, offset, count).map(|piece| (piece.length, piece.bytes));
    assert_eq!(piece(0, 0), Some((11, vec![])));
    assert_eq!(piece(0, 3), Some((11, b"a c".to_vec())));
    assert_eq!(piece(9, 100), Some((11, b"nt".to_vec())));
    assert_eq!(piece(11, 1), Some((11, vec![])));
    assert_eq!(piece(12, 1), None);
    let longest = bench.with(&vec![7; MAX_CODE_BYTES]);
    assert_eq!(bench.piece(&longest, 0, usize::MAX).expect("a piece").bytes.len(), MAX_PIECE_BYTES);
}

#[test]
fn only_what_this_keeper_runs_is_lent() {
    let bench = Bench::new();
    let hash = Sha256::digest(b"of another network").into();
    bench.cache.keep_component(&hash, b"of another network").expect("kept");
    assert_eq!(bench.piece(&hash, 0, 1), None);
    bench.lending.know(hash);
    assert!(bench.piece(&hash, 0, 1).is_some());
    bench.lending.know([1; 32]);
    assert_eq!(bench.piece(&[1; 32], 0, 1), None, "asked for, and not here");
}

/// A keeper that gives out what its disk made of a component would be taken for a liar.
#[test]
fn what_has_changed_on_disk_is_not_lent_and_removed() {
    let bench = Bench::new();
    let hash = bench.with(b"a component");
    assert!(bench.piece(&hash, 0, 1).is_some());
    std::fs::remove_file(bench.file(&hash)).expect("removed");
    std::fs::write(bench.file(&hash), b"a komponent").expect("written");
    assert_eq!(bench.piece(&hash, 0, 1), None);
    assert!(!bench.file(&hash).exists());
    // Fetched again, it is lent again.
    bench.with(b"a component");
    assert!(bench.piece(&hash, 0, 1).is_some());
    std::fs::write(bench.file(&hash), vec![0; MAX_CODE_BYTES + 1]).expect("written");
    assert_eq!(bench.piece(&hash, 0, 1), None, "no component is so long");
}

#[test]
fn a_bounded_number_is_known() {
    let bench = Bench::new();
    let hash = bench.with(b"a component");
    let other = |number: usize| {
        let mut name = [9; 32];
        name[..8].copy_from_slice(&number.to_be_bytes());
        name
    };
    for number in 0..MAX_CODES - 1 {
        bench.lending.know(other(number));
    }
    bench.lending.know(hash);
    bench.lending.know(other(MAX_CODES));
    assert_eq!(bench.lending.register().by_hash.len(), MAX_CODES);
    assert!(bench.piece(&hash, 0, 1).is_some(), "asked for a moment ago");
    assert!(!bench.lending.register().by_hash.contains_key(&other(0)), "unused for longest");
}
