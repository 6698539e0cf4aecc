//! Keepers that cannot start, or not yet: each says why and how to mend it, with its own exit code.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::Address;
use bootstrap::process::{CommandLine, tail};
use bootstrap::swarm::Swarm;
use bootstrap::swarm::api::Status;
use contracts::network::Network;
use tests::door::Door;
use tests::keepers;

const PATIENCE: Duration = Duration::from_secs(60);

/// `keeper join` on the first keeper's data directory, with another network file.
fn join(swarm: &Swarm, network: &Path, log: &str) -> CommandLine {
    let setting = swarm.setting();
    CommandLine::new(log, &setting.program, &swarm.directory().join(log))
        .with([
            "join",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
            "--api-addr",
            "127.0.0.1:0",
            "--metrics-addr",
            "127.0.0.1:0",
        ])
        .with(["--bootnode", &setting.bootnode])
        .with(["--datadir".into(), swarm.keepers[0].datadir(), "--network".into(), network.to_owned()])
        .with(["--password-file".into(), setting.password.clone()])
        .with(["--cache-dir".into(), setting.cache.clone()])
}

/// The command ends with this exit code, and says all of these words.
async fn fails(swarm: &Swarm, line: &CommandLine, code: i32, words: &[&str]) {
    let (status, _) = swarm.setting().spawner.output(line).await.unwrap();
    let said = tail(&line.log, 40);
    assert_eq!(status.code(), Some(code), "{}\n{said}", line.text());
    for word in words {
        assert!(said.contains(word), "{}\ndoes not say {word:?}:\n{said}", line.text());
    }
}

/// The swarm's network file with a change.
fn changed(swarm: &Swarm, name: &str, change: impl FnOnce(&mut Network)) -> std::path::PathBuf {
    let mut network = swarm.deployed().network.clone();
    change(&mut network);
    let file = swarm.directory().join(name);
    network.save(&file).unwrap();
    file
}

#[tokio::test]
async fn a_keeper_that_cannot_start_says_why() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::without_keepers(keepers(1)).await.unwrap();
    swarm.register(&["keeper-1".to_owned()]).await.unwrap();
    let network = swarm.deployed().file.clone();

    let other_chain = changed(&swarm, "other-chain.toml", |network| network.chain_id = 1);
    fails(&swarm, &join(&swarm, &other_chain, "other-chain"), 6, &["chain", "31337", "other-chain.toml"]).await;

    let nobody = Address::repeat_byte(0xab);
    let missing = changed(&swarm, "missing.toml", |network| network.contracts.job_manager = nobody);
    fails(&swarm, &join(&swarm, &missing, "missing"), 6, &[&nobody.to_string(), "missing.toml"]).await;

    let wrong = swarm.directory().join("wrong-password");
    std::fs::write(&wrong, "not this one").unwrap();
    let line = join(&swarm, &network, "wrong-password.log").with(["--password-file".into(), wrong]);
    let last_wins = CommandLine { arguments: without_first(&line.arguments, "--password-file"), ..line };
    fails(&swarm, &last_wins, 5, &["password"]).await;

    let malformed = join(&swarm, &network, "malformed").with(["--bootnode", "127.0.0.1:7419"]);
    fails(&swarm, &malformed, 2, &["127.0.0.1:7419"]).await;

    swarm.keepers[0].join().unwrap();
    swarm.keepers[0].until("answers", PATIENCE, |_: &Status| Ok(())).await.unwrap();
    let datadir = swarm.keepers[0].datadir();
    fails(&swarm, &join(&swarm, &network, "in-use"), 8, &["in use", &datadir.to_string_lossy()]).await;
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// The arguments without a flag's first appearance and its value.
fn without_first(arguments: &[String], flag: &str) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    let at = arguments.iter().position(|each| each == flag).expect("the flag is there");
    arguments.drain(at..at + 2);
    arguments
}

#[tokio::test]
async fn a_keeper_waits_for_its_chain_and_for_its_registration() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::without_keepers(keepers(1)).await.unwrap();
    let behind = swarm.anvil().url().trim_start_matches("http://").to_owned();
    let mut door = Door::new(&behind).await.unwrap();
    let network = changed(&swarm, "through-the-door.toml", |network| {
        network.rpc_urls = vec![format!("http://{}", door.address())];
    });
    let mut keeper = swarm.create_keeper("stranger", &network).await.unwrap();

    // The chain is down at the start.
    keeper.join().unwrap();
    keeper.until("says that its chain is away", PATIENCE, chain_is(false)).await.unwrap();
    // It comes up: now the registration is what is missing.
    door.open().unwrap();
    keeper.until("sees the chain", PATIENCE, chain_is(true)).await.unwrap();
    keeper
        .until("says that it is not registered", PATIENCE, |status| {
            let check = status.checks.get("registered").ok_or("no such check")?;
            if !status.ready && !check.ok && check.message.contains("keeper operator register") {
                Ok(())
            } else {
                Err(format!("{status:?}"))
            }
        })
        .await
        .unwrap();
    // It goes away while the keeper runs, and comes back.
    door.shut().await;
    keeper.until("notices that its chain is away", PATIENCE, chain_is(false)).await.unwrap();
    door.open().unwrap();
    keeper.until("sees the chain again", PATIENCE, chain_is(true)).await.unwrap();
    assert_eq!(keeper.stop().await, Some(0));
    swarm.stop().await;
}

fn chain_is(up: bool) -> impl Fn(&Status) -> Result<(), String> {
    move |status| {
        let check = status.checks.get("chain").ok_or("no such check")?;
        if check.ok == up && !check.message.is_empty() { Ok(()) } else { Err(format!("{check:?}")) }
    }
}
