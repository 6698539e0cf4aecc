//! `keeper journal`: show, export, import; and what is refused.

use keeper::journal::{Identity, Journal, Missing, Record};
use keeper::keystore::Keystore;
use keeper::paths::Paths;
use serde_json::Value;

use crate::keeper_process::Home;
use crate::local_verbs::NETWORK;

/// The journal of a home's key on [`NETWORK`], as `keeper join` opens it.
fn journal(home: &Home) -> Journal {
    let network = contracts::network::Network::load(home.write("network.toml", NETWORK)).unwrap();
    let paths = Paths::resolve(Some(&home.data())).unwrap();
    let key = Keystore::at(&paths.keystores()).public().unwrap().bls.to_bytes();
    Journal::open(&paths.journal(), Identity::new(&key, network.domain_separator()), Missing::Create).unwrap()
}

fn record(task: u8, anchor_number: u64, digest: u8) -> Record {
    Record {
        task_id: [task; 32].into(),
        anchor_number,
        anchor_hash: [anchor_number as u8; 32].into(),
        input_hash: [0; 32].into(),
        digest: [digest; 32].into(),
    }
}

/// Runs `keeper journal <arguments>` on a home and [`NETWORK`].
fn run(home: &Home, arguments: &[&str]) -> crate::keeper_process::Said {
    let network = home.write("network.toml", NETWORK);
    home.keeper(&[&["journal"], arguments, &["--json", "--network", network.to_str().unwrap()]].concat())
}

/// The same keys on another machine.
fn moved(home: &Home) -> Home {
    let other = Home::new();
    std::fs::create_dir_all(other.data().join("keystores")).unwrap();
    for entry in std::fs::read_dir(home.data().join("keystores")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, other.data().join("keystores").join(path.file_name().unwrap())).unwrap();
    }
    other
}

#[test]
fn a_history_moves_to_another_machine() {
    let home = Home::with_keys();
    run(&home, &["show"]).failed(4, &["no journal", "journal.bin"]);
    let mut held = journal(&home);
    held.record(&[record(1, 20, 1), record(2, 30, 2)]).unwrap();
    held.prune(10).unwrap();
    drop(held);
    let shown = run(&home, &["show"]).succeeded().json();
    assert_eq!((&shown["reports"], &shown["watermark"], &shown["highest_anchor"]), (&2.into(), &10.into(), &30.into()));
    let file = home.path("history.json");
    let file = file.to_str().unwrap();
    assert_eq!(run(&home, &["export", file]).succeeded().json()["reports"], 2);
    run(&home, &["export", file]).failed(2, &["history.json", "exists already"]);
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(document["metadata"]["chain_id"], 31337);
    assert_eq!(document["data"][0]["key"], shown["key"]);
    assert_eq!(document["data"][0]["reports"][1]["anchor_number"], 30);

    let other = moved(&home);
    let imported = run(&other, &["import", file]).succeeded().json();
    assert_eq!(
        (&imported["added"], &imported["created"], &imported["watermark"]),
        (&2.into(), &true.into(), &10.into())
    );
    assert_eq!(run(&other, &["import", file]).succeeded().json()["added"], 0);
    let mut held = journal(&other);
    assert_eq!((held.len(), held.watermark()), (2, 10));
    assert_ne!(held.record(&[record(1, 20, 9)]).unwrap(), keeper::journal::Answer::Recorded);
}

#[test]
fn a_contradiction_another_key_and_a_missing_file_are_refused() {
    let home = Home::with_keys();
    journal(&home).record(&[record(1, 20, 1)]).unwrap();
    let file = home.path("history.json");
    let file = file.to_str().unwrap();
    run(&home, &["export", file]).succeeded();
    let other = moved(&home);
    journal(&other).record(&[record(1, 20, 2)]).unwrap();
    run(&other, &["import", file]).failed(8, &["history.json", "anchor 20", "nothing was imported"]);
    let stranger = Home::with_keys();
    run(&stranger, &["import", file]).failed(8, &["history.json", "of key 0x"]);
    assert!(!stranger.data().join("journal.bin").exists(), "a refused import left a journal");
    run(&stranger, &["import", stranger.path("nowhere.json").to_str().unwrap()]).failed(4, &["nowhere.json"]);
    let garbage = home.write("garbage.json", "{\"metadata\": 3}");
    run(&home, &["import", garbage.to_str().unwrap()]).failed(8, &["garbage.json", "line 1"]);
}

#[test]
fn nothing_works_beside_a_running_keeper_or_without_keys() {
    let home = Home::with_keys();
    drop(journal(&home));
    let file = home.path("history.json");
    let file = file.to_str().unwrap();
    let lock = Paths::resolve(Some(&home.data())).unwrap().lock().unwrap();
    let data = home.data();
    for verb in [&["show"][..], &["export", file], &["import", home.write("any.json", "{}").to_str().unwrap()]] {
        run(&home, verb).failed(8, &["in use", data.to_str().unwrap()]);
    }
    drop(lock);
    run(&home, &["show"]).succeeded();
    run(&Home::new(), &["show"]).failed(5, &["keeper keys new"]);
    home.keeper(&["journal", "show"]).failed(2, &["--network"]);
}
