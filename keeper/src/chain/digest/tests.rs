use super::{BYTES_MAX, Digest, DigestFile, Kept, Newest};
use crate::chain::fake_node::{config, contracts};
use crate::chain::{Head, logs};
use alloy::primitives::{Address, B256, LogData, Uint};
use alloy::sol_types::SolEvent;
use contracts::{JobManager, KeeperRegistry};

fn kept(block: u64, address: Address, data: LogData) -> Kept {
    Kept { block, index: block * 10, address, topics: data.topics().to_vec(), data: data.data }
}

fn covered(block: u64, job: u64) -> Kept {
    let event = JobManager::JobCovered { jobId: job, covered: true };
    kept(block, contracts().job_manager, event.encode_log_data())
}

fn paused(block: u64, job: u64) -> Kept {
    kept(block, contracts().job_manager, JobManager::JobPaused { jobId: job, inactiveFrom: block }.encode_log_data())
}

fn resumed(block: u64, job: u64, version: u32) -> Kept {
    let event = JobManager::JobResumed { jobId: job, version, activeFrom: block };
    kept(block, contracts().job_manager, event.encode_log_data())
}

fn epoch(block: u64, epoch: u32) -> Kept {
    let event = KeeperRegistry::EpochSnapshot {
        epoch,
        activeFrom: block + 1,
        size: 1,
        totalStake: Uint::from(1),
        tableRoot: B256::ZERO,
    };
    kept(block, contracts().keeper_registry, event.encode_log_data())
}

fn head(number: u64) -> Head {
    Head { number, hash: B256::repeat_byte(1), parent: B256::repeat_byte(2), timestamp: 7 }
}

fn blocks(digest: &Digest) -> Vec<u64> {
    digest.logs().expect("complete").iter().map(|kept| kept.block).collect()
}

#[test]
fn of_each_kind_about_each_subject_the_newest_is_left_in_order() {
    let mut digest = Digest::default();
    let all = [
        covered(1, 1),
        paused(2, 1),
        covered(3, 2),
        epoch(4, 1),
        resumed(5, 1, 2),
        covered(6, 1),
        epoch(7, 2),
        paused(8, 1),
        resumed(9, 1, 3),
    ];
    all.into_iter().for_each(|kept| digest.push(kept, &contracts()));
    digest.settle(8);
    assert_eq!(blocks(&digest), [3, 5, 6, 7, 8], "what is above block 8 may still be taken back");
    assert!(digest.rewind(8));
    digest.settle(100);
    assert_eq!(blocks(&digest), [3, 5, 6, 7, 8], "block 9 was orphaned");
    assert!(!digest.rewind(50), "some of it is orphaned, and what was before is not known");
    assert_eq!(blocks(&digest), [0; 0]);
}

#[test]
fn a_block_full_of_logs_of_one_kind_is_kept_as_one_of_them() {
    let mut digest = Digest::default();
    for index in 0..5_000 {
        digest.push(Kept { index, ..covered(7, 1) }, &contracts());
        digest.push(Kept { index: 10_000 + index, ..covered(7 + index % 3, 2) }, &contracts());
    }
    let above = |digest: &Digest| digest.above.values().map(|stretch| stretch.newest.len()).sum::<usize>();
    assert_eq!(above(&digest), 4);
    assert!(digest.rewind(8));
    assert_eq!(above(&digest), 3);
    assert_eq!(digest.settle(8), 8);
    assert_eq!(above(&digest), 0);
    let logs = digest.logs().expect("complete");
    let found: Vec<(u64, u64)> = logs.iter().map(|kept| (kept.block, kept.index)).collect();
    assert_eq!(found, [(7, 4_999), (8, 10_000 + 4_999)], "the newest of each job, in order");
}

/// A log of the length of a job's terms at most.
fn long(block: u64, job: u64) -> Kept {
    Kept { data: vec![0; 9 << 10].into(), ..covered(block, job) }
}

/// A chain of blocks of 250 ms, two hours of it, and somebody who changes a job in every block.
#[test]
fn a_job_that_is_changed_in_every_block_is_kept_a_few_times() {
    let (held, two_hours) = (300, 28_800);
    let (mut digest, mut plain) = (Digest::default(), Vec::new());
    for block in 1..=2 * two_hours {
        for kept in [long(block, 1), covered(block, block % 50)] {
            plain.push(Kept { data: Default::default(), ..kept.clone() });
            digest.push(kept, &contracts());
        }
        digest.settle(block.saturating_sub(two_hours));
        digest.fold(block.saturating_sub(held), two_hours / 8);
        assert!(digest.bytes < 4 << 20, "{} bytes at block {block}", digest.bytes);
    }
    let at = digest.settle(two_hours);
    assert!(at > two_hours - two_hours / 8 && at <= two_hours, "{at}");
    let mut newest = Newest::default();
    for kept in plain.into_iter().filter(|kept| kept.block <= at) {
        newest.insert(kept.subject(&contracts()), kept);
    }
    let mut wanted: Vec<_> = newest.values().map(|kept| (kept.block, kept.index)).collect();
    wanted.sort_unstable();
    let found: Vec<_> = digest.logs().expect("complete").iter().map(|kept| (kept.block, kept.index)).collect();
    assert_eq!(found, wanted, "as the whole history leaves it");
    let kept = digest.newest.values().chain(digest.above.values().flat_map(|stretch| stretch.newest.values()));
    assert_eq!(digest.bytes, kept.map(Kept::bytes).sum::<usize>());
    assert!(digest.rewind(2 * two_hours - held), "single blocks can still be orphaned");
    assert!(!digest.rewind(2 * two_hours - 2 * held), "what is kept together goes together");
    assert_eq!((blocks(&digest), digest.bytes), (vec![], 0));
}

#[test]
fn more_bytes_than_are_kept_are_given_up_whatever_their_number() {
    let mut digest = Digest::default();
    let jobs = (BYTES_MAX / long(1, 1).bytes()) as u64;
    (1..=jobs).for_each(|job| digest.push(long(job, job), &contracts()));
    assert_eq!((digest.trouble(), digest.settle(jobs)), (None, jobs), "{jobs} long ones fit");
    digest.push(long(jobs + 1, jobs + 1), &contracts());
    assert_eq!((digest.logs(), digest.bytes), (None, 0), "and one more does not");
    assert!(digest.trouble().is_some_and(|why| why.contains("64 MiB")));
    digest.push(covered(jobs + 2, 1), &contracts());
    assert!(digest.rewind(jobs) && digest.trouble().is_some(), "what is lost does not come back");
    assert!(!digest.rewind(1) && digest.trouble().is_none(), "but all is read anew");
}

#[test]
fn kept_logs_say_the_same_as_those_of_a_node() {
    let log = covered(3, 2).log();
    let decoded = logs::decode(&log, &contracts()).expect("it decodes");
    assert_eq!(decoded.len(), 1);
    assert_eq!(decoded[0].kept.as_deref(), Some(&covered(3, 2)));
    assert_eq!(decoded[0].block, 3);
}

#[test]
fn a_file_is_believed_only_as_it_was_written_and_for_its_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DigestFile::in_dir(folder.path());
    let config = config(&["http://node"], 0);
    assert_eq!(file.read(&config), None, "there is none");
    let mut digest = Digest::default();
    (1..50).for_each(|job| digest.push(covered(job, job), &contracts()));
    digest.settle(60);
    let bytes = file.encode(&config, &head(60), &digest).expect("it is complete");
    file.write(&bytes);
    let (at, logs) = file.read(&config).expect("it is there");
    assert_eq!((at, logs.len()), (head(60), 49));
    assert_eq!(blocks(&Digest::restored(&at, logs, &contracts())), blocks(&digest));
    let path = folder.path().join("chain-digest.json");
    // Every byte counts, and so does the end.
    for place in (0..bytes.len()).step_by(bytes.len() / 97) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        std::fs::write(&path, &damaged).expect("written");
        assert_eq!(file.read(&config), None, "damage at byte {place}");
        std::fs::write(&path, &bytes[..place]).expect("written");
        assert_eq!(file.read(&config), None, "cut off at byte {place}");
    }
    std::fs::write(&path, &bytes).expect("written");
    let mut other = config.clone();
    other.network.contracts.task_manager = Address::repeat_byte(9);
    assert_eq!(file.read(&other), None, "of other contracts");
    other = config.clone();
    other.network.chain_id = 5;
    assert_eq!(file.read(&other), None, "of another chain");
    let text = String::from_utf8(bytes).expect("text").replacen("\"version\":4", "\"version\":1", 1);
    std::fs::write(&path, text).expect("written");
    assert_eq!(file.read(&config), None, "of another version");
    file.remove();
    assert_eq!(file.read(&config), None);
}
