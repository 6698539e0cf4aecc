use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use super::*;

const ENGINE: &str = "0011223344556677";
const HASH: [u8; 32] = [0xab; 32];

fn cache() -> (TempDir, CodeCache) {
    let directory = TempDir::new().expect("a temporary directory");
    let cache = CodeCache::open(directory.path()).expect("a cache");
    (directory, cache)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

#[test]
fn compiled_code_comes_back_for_its_own_name_and_engine_only() {
    let (_directory, cache) = cache();
    cache.keep_compiled(&HASH, ENGINE, b"native").expect("kept");
    assert_eq!(cache.find(&HASH, ENGINE), Found::Compiled(b"native".to_vec()));
    assert!(cache.find(&[1; 32], ENGINE) == Found::Nothing);
    assert!(cache.find(&HASH, "8899aabbccddeeff") == Found::Nothing);
    // Renaming a file to another job or another engine does not make it that job's or that engine's.
    let other = cache.compiled_path(&[1; 32], ENGINE);
    fs::copy(cache.compiled_path(&HASH, ENGINE), &other).expect("copied");
    assert!(cache.find(&[1; 32], ENGINE) == Found::Nothing);
    assert!(!other.exists(), "what cannot be vouched for is removed");
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let (_directory, cache) = cache();
    let path = cache.compiled_path(&HASH, ENGINE);
    cache.keep_compiled(&HASH, ENGINE, b"native code").expect("kept");
    let good = fs::read(&path).expect("written");
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bad).expect("written");
        assert!(cache.find(&HASH, ENGINE) == Found::Nothing, "bit {bit}");
    }
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).expect("written");
        assert!(cache.find(&HASH, ENGINE) == Found::Nothing, "{length} bytes");
    }
    fs::write(&path, &good).expect("written");
    assert!(cache.find(&HASH, ENGINE) != Found::Nothing, "the test itself is right");
}

#[test]
fn another_cache_does_not_vouch() {
    let (_first_directory, first) = cache();
    let (_second_directory, second) = cache();
    first.keep_compiled(&HASH, ENGINE, b"native").expect("kept");
    fs::copy(first.compiled_path(&HASH, ENGINE), second.compiled_path(&HASH, ENGINE)).expect("copied");
    assert!(second.find(&HASH, ENGINE) == Found::Nothing);
}

#[test]
fn components_are_checked_against_their_name() {
    let (_directory, cache) = cache();
    let hash: [u8; 32] = Sha256::digest(b"component").into();
    assert!(cache.component(&hash).is_none());
    cache.keep_component(&hash, b"component").expect("kept");
    assert_eq!(cache.component(&hash).expect("found"), b"component");
    fs::write(cache.component_path(&hash), b"Component").expect("written");
    assert!(cache.component(&hash).is_none());
    assert!(!cache.component_path(&hash).exists());
}

#[test]
fn the_cache_is_for_its_owner_only_and_opens_again_with_its_secret() {
    let (directory, cache) = cache();
    cache.keep_compiled(&HASH, ENGINE, b"native").expect("kept");
    assert_eq!(mode(&directory.path().join("secret")), 0o600);
    assert_eq!(mode(&directory.path().join("compiled")), 0o700);
    assert_eq!(mode(&cache.compiled_path(&HASH, ENGINE)), 0o600);
    let again = CodeCache::open(directory.path()).expect("opens");
    assert!(again.find(&HASH, ENGINE) != Found::Nothing);
    let names: Vec<_> = fs::read_dir(directory.path()).expect("listed").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names.len(), 5, "no temporary files stay: {names:?}");
}

#[test]
fn a_broken_secret_or_an_unusable_directory_is_an_error_that_names_the_file() {
    let (directory, cache) = cache();
    drop(cache);
    let secret = directory.path().join("secret");
    fs::write(&secret, b"short").expect("written");
    let error = CodeCache::open(directory.path()).expect_err("five bytes are no secret").to_string();
    assert!(error.contains(&secret.display().to_string()), "{error}");
    let file = directory.path().join("file");
    fs::write(&file, b"").expect("written");
    assert!(CodeCache::open(&file).is_err());
}

#[test]
fn one_holder_has_the_lock_and_gives_it_back() {
    let (directory, cache) = cache();
    let held = cache.try_lock(&HASH).expect("works").expect("free");
    let second = CodeCache::open(directory.path()).expect("opens");
    assert!(second.try_lock(&HASH).expect("works").is_none());
    assert!(second.try_lock(&[1; 32]).expect("works").is_some(), "another code is free");
    // A lock of another process holds too.
    let path = directory.path().join("locks").join(format!("{}.lock", alloy::hex::encode(HASH)));
    let flock = |path: &Path| Command::new("flock").arg("--nonblock").arg(path).arg("true").status();
    assert!(!flock(&path).expect("flock is part of util-linux").success());
    drop(held);
    assert!(flock(&path).expect("flock is part of util-linux").success());
    assert!(second.try_lock(&HASH).expect("works").is_some());
}

#[test]
fn what_was_not_used_for_longest_goes_first_by_number_and_by_bytes() {
    let (directory, cache) = cache();
    let name = |number: u8| [number; 32];
    let compiled = directory.path().join("compiled");
    let kept = |cache: &CodeCache| {
        (0..6).filter(|&number| cache.compiled_path(&name(number), ENGINE).exists()).collect::<Vec<_>>()
    };
    for number in 0..6 {
        cache.keep_compiled(&name(number), ENGINE, &[1; 68]).expect("kept");
        let file = File::options().write(true).open(cache.compiled_path(&name(number), ENGINE)).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(number))).expect("set");
    }
    prune(&compiled, Room { files: 6, bytes: 600 });
    assert_eq!(kept(&cache), [0, 1, 2, 3, 4, 5]);
    prune(&compiled, Room { files: 5, bytes: 600 });
    assert_eq!(kept(&cache), [1, 2, 3, 4, 5]);
    assert_ne!(cache.find(&name(1), ENGINE), Found::Nothing, "it is used");
    prune(&compiled, Room { files: 5, bytes: 499 });
    assert_eq!(kept(&cache), [1, 3, 4, 5]);
    prune(&compiled, Room { files: 5, bytes: 199 });
    assert_eq!(kept(&cache), [1]);
}

#[test]
fn a_refusal_comes_back_for_its_own_name_and_engine_only_and_is_no_code() {
    let (_directory, cache) = cache();
    let why = "é".repeat(MAX_REFUSAL_BYTES);
    cache.keep_refusal(&HASH, ENGINE, "too slow").expect("kept");
    assert_eq!(cache.find(&HASH, ENGINE), Found::Refused("too slow".into()));
    assert_eq!(cache.find(&HASH, "8899aabbccddeeff"), Found::Nothing);
    // A refusal put in the place of compiled code is none.
    fs::copy(cache.refusal_path(&HASH, ENGINE), cache.compiled_path(&HASH, ENGINE)).expect("copied");
    assert_eq!(cache.find(&HASH, ENGINE), Found::Refused("too slow".into()));
    assert!(!cache.compiled_path(&HASH, ENGINE).exists());
    cache.keep_refusal(&HASH, ENGINE, &why).expect("kept");
    assert!(matches!(cache.find(&HASH, ENGINE), Found::Refused(kept) if why.starts_with(&kept) && kept.len() > 4000));
    fs::write(cache.refusal_path(&HASH, ENGINE), b"planted by somebody else, forty bytes long").expect("written");
    assert_eq!(cache.find(&HASH, ENGINE), Found::Nothing);
}

#[test]
fn a_cache_that_others_could_enter_is_closed_and_what_was_in_it_is_void() {
    let close = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
    for opened in ["", "compiled", "secret"] {
        let (directory, cache) = cache();
        let secret = fs::read(directory.path().join("secret")).expect("read");
        cache.keep_compiled(&HASH, ENGINE, b"native").expect("kept");
        close(&directory.path().join(opened));
        let again = CodeCache::open(directory.path()).expect("opens");
        assert_eq!(again.find(&HASH, ENGINE), Found::Nothing, "{opened:?} was open to others");
        assert_eq!(mode(&directory.path().join("compiled")), 0o700);
        assert_eq!(mode(directory.path()), 0o700);
        let new = fs::read(directory.path().join("secret")).expect("read");
        assert_ne!(new, secret, "{opened:?}");
        assert_eq!(mode(&directory.path().join("secret")), 0o600);
    }
}

#[test]
fn a_directory_of_another_user_is_refused_with_a_mend() {
    if !nix::unistd::geteuid().is_root() {
        return; // only root can make one
    }
    let (directory, cache) = cache();
    drop(cache);
    std::os::unix::fs::chown(directory.path(), Some(12_345), None).expect("root may");
    let error = CodeCache::open(directory.path()).expect_err("another's").to_string();
    assert!(error.contains("12345") && error.contains("name a directory of your own"), "{error}");
}
