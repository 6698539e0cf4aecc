//! Planted faults: each is named rightly, with its mend. Files, ports, nodes and peers are real ones where that is possible.

mod peers;
mod places;

use std::os::unix::fs::PermissionsExt;

use alloy::primitives::U256;

use super::*;
use crate::config::Coin;
use crate::keystore::{Keystore, Password, Strength};
use places::{Answers, NOW, Place, node};

/// What is to be found: the check, how bad it is, words of what is said and of the mend.
type Expected = (&'static str, Level, &'static str, &'static str);

#[track_caller]
fn assert_found(fault: &str, findings: &[Finding], (check, level, found, fix): Expected) {
    let fits = |finding: &&Finding| {
        finding.check == check && finding.level == level && finding.found.contains(found) && finding.fix.contains(fix)
    };
    assert!(
        findings.iter().any(|finding| fits(&finding)),
        "{fault}: no {check} with {found:?} and {fix:?} in {findings:#?}"
    );
}

/// 1 to 8: files.
#[test]
fn faults_of_files_are_named() {
    let fine = Place::new().with_keys();
    let findings = files::look(&fine.subject());
    assert!(
        findings.iter().all(|finding| finding.level == Level::Ok || finding.check == "datadir_disk"),
        "{findings:#?}"
    );

    let missing = Place::new();
    std::fs::remove_dir_all(missing.data()).unwrap();
    assert_found(
        "1 no data directory",
        &files::look(&missing.subject()),
        ("datadir", Level::Fail, "cannot be looked at", "keeper init"),
    );

    let open = Place::new();
    std::fs::set_permissions(open.data(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_found(
        "2 open data directory",
        &files::look(&open.subject()),
        ("datadir", Level::Fail, "mode 777", "chmod 700"),
    );

    let held = Place::new();
    let _lock = held.paths.lock().unwrap();
    let mine = format!("process {}", std::process::id());
    let findings = files::look(&held.subject());
    assert_found(
        "3 a keeper that hangs",
        &findings,
        ("lock", Level::Fail, "no keeper answers", "start the keeper again"),
    );
    assert!(findings.iter().any(|finding| finding.found.contains(&mine)), "{findings:#?}");

    let damaged = Place::new().with_keys();
    std::fs::write(damaged.paths.journal(), [7; 200]).unwrap();
    assert_found(
        "4 a journal that is none",
        &files::look(&damaged.subject()),
        ("journal", Level::Fail, "journal.bin", "backup"),
    );

    let record = Place::new();
    std::fs::write(
        record.paths.archive(),
        "no database at all, but longer than its head is: that has a hundred bytes ......................",
    )
    .unwrap();
    assert_found(
        "5 a damaged record",
        &files::look(&record.subject()),
        ("archive", Level::Warn, "runs.sqlite", "move runs.sqlite away"),
    );
}

/// 6 to 11: keys.
#[tokio::test]
async fn faults_of_keys_are_named() {
    let none = Place::new();
    assert_found(
        "6 no keys",
        &keys::look(&none.subject()).await,
        ("keystores", Level::Fail, "no BLS keystore", "keeper keys new"),
    );

    let place = Place::new().with_keys();
    let findings = keys::look(&place.subject()).await;
    assert_found("the right password", &findings, ("password", Level::Ok, "opens both", ""));
    let bls = Keystore::at(&place.paths.keystores()).public().unwrap().bls_path;
    std::fs::set_permissions(&bls, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(
        "7 an open keystore",
        &keys::look(&place.subject()).await,
        ("keystore_mode", Level::Fail, "mode 644", "chmod 600"),
    );

    std::fs::set_permissions(&bls, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(place.password(), "another\n").unwrap();
    assert_found(
        "8 a wrong password",
        &keys::look(&place.subject()).await,
        ("password", Level::Fail, "wrong password", "first line"),
    );

    std::fs::write(&bls, "{\"pubKey\": \"E([1,2])\", \"crypto\": {}}").unwrap();
    assert_found(
        "9 a key of another kind",
        &keys::look(&place.subject()).await,
        ("keystores", Level::Fail, "keystores/bls-", "BN254"),
    );

    std::fs::set_permissions(place.paths.identity(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(
        "10 an open identity",
        &keys::look(&place.subject()).await,
        ("identity", Level::Fail, "mode 644", "chmod 600"),
    );
    std::fs::write(place.paths.identity(), "no key").unwrap();
    std::fs::set_permissions(place.paths.identity(), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_found(
        "11 a broken identity",
        &keys::look(&place.subject()).await,
        ("identity", Level::Fail, "p2p.key", "keeper keys rotate"),
    );
}

/// 12 to 15: the machine.
#[tokio::test]
async fn faults_of_the_machine_are_named() {
    assert_found("12 a full disk", &[machine::disk(1 << 20)], ("disk", Level::Fail, "1 MiB free", "free space"));
    assert_found("a disk that fills up", &[machine::disk(500 << 20)], ("disk", Level::Warn, "500 MiB", "free space"));
    assert_found("13 few open files", &[machine::files(100)], ("open_files", Level::Fail, "100 files", "ulimit -n"));
    let open = [machine::exposure("api_addr", "0.0.0.0:7420".parse().unwrap())];
    assert_found("14 an API for everybody", &open, ("api_addr", Level::Warn, "0.0.0.0:7420", "127.0.0.1"));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut place = Place::new();
    let port = taken.local_addr().unwrap().port();
    place.settings.listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()];
    place.settings.api_addr = Some("127.0.0.1:0".parse().unwrap());
    place.settings.metrics_addr = place.settings.api_addr;
    let findings = machine::look(&place.subject()).await;
    assert_found(
        "15 a port that is taken",
        &findings,
        ("listen_port", Level::Fail, "cannot be listened on", "--listen"),
    );
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    place.settings.listen = vec![format!("/ip4/127.0.0.1/udp/{port}/quic-v1").parse().unwrap()];
    let findings = machine::look(&place.subject()).await;
    assert_found("15 a UDP port that is taken", &findings, ("listen_port", Level::Fail, "over UDP", "ss -lunp"));
}

#[tokio::test]
async fn a_worker_that_cannot_be_started_is_named() {
    let nowhere = cell::look(&Place::new().subject(), WorkerProgram::at("/no/such/keeper")).await;
    let findings: Vec<Finding> = nowhere.into_iter().collect();
    assert_found("no worker", &findings, ("worker", Level::Fail, "cannot be run on this machine", "/proc"));
}

/// 16 to 24: nodes and the chain.
#[tokio::test]
async fn faults_of_nodes_are_named() {
    let looked = |answers: Option<Answers>| async move {
        let url = match answers {
            Some(answers) => node(answers).await,
            None => "http://127.0.0.1:1".to_owned(),
        };
        let mut place = Place::new();
        place.settings.rpc_urls = vec![url.parse().unwrap()];
        nodes::look(&place.subject()).await
    };
    let good = looked(Some(Answers::default())).await;
    assert_found("a good node", &good, ("rpc", Level::Ok, "block 100", ""));
    assert_found("16 one node alone", &good, ("rpc_count", Level::Warn, "last word", "rpc_urls"));
    assert_found(
        "17 a closed port",
        &looked(None).await,
        ("rpc", Level::Fail, "127.0.0.1:1", "look whether the node runs"),
    );
    let other = Answers { chain_id: 5, ..Answers::default() };
    assert_found("18 another chain", &looked(Some(other)).await, ("rpc_chain", Level::Fail, "chain 5", "right chain"));
    let old = Answers { timestamp: NOW / 1_000 - 3_600, ..Answers::default() };
    assert_found("19 an old head", &looked(Some(old)).await, ("rpc_head", Level::Fail, "3600 s old", "in sync"));
    let ahead = Answers { timestamp: NOW / 1_000 + 3_600, ..Answers::default() };
    assert_found(
        "20 a clock an hour behind",
        &looked(Some(ahead)).await,
        ("clock", Level::Fail, "3600 s ahead", "timedatectl"),
    );
    let bare = Answers { code: "0x", ..Answers::default() };
    assert_found(
        "21 no contracts",
        &looked(Some(bare)).await,
        ("rpc_contracts", Level::Fail, "no code at", "network.toml"),
    );
    let page = Answers { web_page: true, ..Answers::default() };
    assert_found(
        "22 a web page",
        &looked(Some(page)).await,
        ("rpc", Level::Fail, "not answer with JSON", "another URL"),
    );
}

#[test]
fn faults_of_the_operator_are_named() {
    use crate::chain::Registration;
    let place = Place::new();
    let subject = place.subject();
    let registration = |registered, peer_key| Registration {
        index: 3,
        registered,
        known: true,
        peer_key,
        bls_key_hash: alloy::primitives::keccak256([9]),
    };
    let mine = (Some([1; 32]), &[9][..]);
    let stranger = Registration { known: false, ..registration(false, [0; 32]) };
    let no = standing::registered(&stranger, None, mine);
    assert_found("23 not registered", &[no], ("registered", Level::Fail, "not registered", "keeper operator register"));
    let gone = standing::registered(&registration(false, [1; 32]), None, mine);
    assert_found("one that has left", &[gone], ("registered", Level::Fail, "has left", "brings it back"));
    let ejected = standing::registered(&registration(false, [1; 32]), Some(7), mine);
    assert_found("one that was ejected", &[ejected], ("registered", Level::Fail, "block 7", "keeper keys rotate"));
    let other = standing::registered(&registration(true, [2; 32]), None, mine);
    assert_found("24 other keys", &[other], ("registered", Level::Fail, "other keys", "keeper keys rotate"));
    let fine = standing::registered(&registration(true, [1; 32]), None, mine);
    assert_found("registered", &[fine], ("registered", Level::Ok, "index 3", ""));
    let purse = |wei: u64| [standing::purse(U256::from(wei), 1_000_000_000, &subject, "0xme")];
    assert_found("25 an empty wallet", &purse(0), ("balance", Level::Fail, "0 settlements", "send coin to 0xme"));
    assert_found(
        "a wallet that runs out",
        &purse(50_000_000_000_000_000),
        ("balance", Level::Warn, "100 settlements", "send coin"),
    );
    let mut careful = subject.clone();
    careful.settings.min_balance = Some(Coin(U256::from(u64::MAX)));
    let low = [standing::purse(U256::from(1_000_000_000_000_000_000_u64), 1_000_000_000, &careful, "0xme")];
    assert_found("26 below what its operator wants", &low, ("balance", Level::Warn, "min_balance", "send coin"));
}

/// 39 and 40: what is said to it.
#[test]
fn faults_of_the_configuration_are_named() {
    let place = Place::new();
    let file = place.data().join("config.toml");
    std::fs::write(&file, "bootnode = []\n").unwrap();
    let read = |read| read_settings(read, file.clone(), place.paths.clone(), NOW).1;
    let wrong = read(Settings::load(&file, true).map_err(|error| (error.into(), Settings::default())));
    assert_found("39 an unknown key", &wrong, ("config", Level::Fail, "bootnode", "keeper config default"));
    assert_found("40 no network", &wrong, ("network", Level::Fail, "--network", "network.toml"));
    let nowhere = Settings { network: Some(place.data().join("none.toml")), ..Settings::default() };
    assert_found(
        "41 a network file that is not there",
        &read(Ok(nowhere)),
        ("network", Level::Fail, "none.toml", "network.toml"),
    );
}

#[test]
fn keys_are_made_as_everywhere() {
    // The places above must hold what `keeper keys new` makes.
    let place = Place::new().with_keys();
    let password = Password::from_file(&place.password()).unwrap();
    assert!(!Keystore::at(&place.paths.keystores()).create(&password, Strength::Light).unwrap(), "all are there");
}
