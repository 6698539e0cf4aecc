//! From nothing to a signing keeper, by the very commands of the README: they are read from it, and typed into a shell.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256};
use alloy::providers::DynProvider;
use bootstrap::process::CommandLine;
use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use tests::{keepers, settled, signers};

const README: &str = include_str!("../../README.md");
const HEADING: &str = "## Join a running swarm by hand";
/// More than this is too much to ask of somebody new.
const MOST_COMMANDS: usize = 9;
const PATIENCE: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(20);

/// The commands under the heading, without remarks, each on one line.
fn commands() -> Vec<String> {
    let part = README.split(HEADING).nth(1).expect("README.md has the heading");
    let block = part.split("```").nth(1).expect("and a block of commands under it");
    let lines = block.replace("\\\n", " ");
    let bare = lines.lines().map(|line| line.split("  # ").next().unwrap_or_default().trim().to_owned());
    bare.filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_newcomer_types_fewer_than_ten_commands() {
    let commands = commands();
    assert!((5..=MOST_COMMANDS).contains(&commands.len()), "{commands:#?}");
    for verb in ["init", "keys new", "fund OPERATOR_ADDRESS", "operator register", "join", "status"] {
        assert!(commands.iter().any(|command| command.contains(verb)), "{verb} is not in {commands:#?}");
    }
}

/// A shell in an empty directory, in which what stands for something is filled in.
struct Shell<'a> {
    swarm: &'a Swarm,
    filled: Vec<(String, String)>,
}

impl Shell<'_> {
    fn line(&self, command: &str) -> CommandLine {
        let folder = self.swarm.directory().join("newcomer");
        let command = self.filled.iter().fold(command.to_owned(), |text, (name, value)| text.replace(name, value));
        CommandLine::new("newcomer", Path::new("/bin/bash"), &self.swarm.directory().join("newcomer.log"))
            .with(["-euc", &format!("cd '{}'; {command}", folder.display())])
    }

    /// What a command prints; it must succeed.
    async fn run(&self, command: &str) -> String {
        self.swarm.setting().spawner.run(&self.line(command)).await.unwrap()
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths of tests are text").to_owned()
}

#[tokio::test]
async fn whoever_follows_the_readme_has_a_keeper_that_signs() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(3)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 2).await.unwrap();
    std::fs::create_dir(swarm.directory().join("newcomer")).unwrap();
    let (setting, provider) = (Arc::clone(swarm.setting()), swarm.anvil().provider().clone());
    let programs = setting.program.parent().expect("programs lie in a folder");
    let filled = [
        // What README has built in the cache lies where this test's programs are.
        ("~/.cache/keeper-mesh/target/debug/keeper", text(&setting.program)),
        ("bootstrap/swarm.sh fund", format!("{} fund", programs.join("swarm").display())),
        ("~/.cache/keeper-mesh/code", text(&setting.cache)),
        ("NETWORK_TOML", text(&swarm.deployed().file)),
        ("MULTIADDR", setting.bootnode.clone()),
        ("$keeper", text(&setting.program)),
    ];
    let filled = filled.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut shell = Shell { swarm: &swarm, filled };
    let (begun, mut running, mut operator) = (Instant::now(), None, None);
    for command in commands() {
        if command.contains("$keeper join") {
            running = Some(setting.spawner.start(&shell.line(&format!("exec {command}")), false).unwrap());
        } else if command.contains("$keeper status") {
            until("the new keeper is ready", PATIENCE, || async {
                let (status, said) =
                    setting.spawner.output(&shell.line(&command)).await.map_err(|error| error.to_string())?;
                if status.success() { Ok(()) } else { Err(said) }
            })
            .await
            .unwrap();
        } else {
            let said = shell.run(&command).await;
            if command.contains("keys new") {
                let shown = said.lines().find_map(|line| line.strip_prefix("operator")).expect("it shows the operator");
                operator = Some(shown.trim().parse::<Address>().unwrap());
                shell.filled.push(("OPERATOR_ADDRESS".to_owned(), shown.trim().to_owned()));
            }
        }
    }
    let ready = begun.elapsed();
    let registry = swarm.deployed().network.contracts.keeper_registry;
    let index = signers::index_of(&provider, registry, operator.expect("keys were made")).await.unwrap();
    signs(&swarm, &provider, index, "its first signature on chain").await;
    eprintln!("ready after {:.1} s, signed after {:.1} s", ready.as_secs_f64(), begun.elapsed().as_secs_f64());
    let mut keeper = running.expect("README has the command that joins");
    assert!(keeper.stop(STOP).await.is_some_and(|status| status.success()));

    // It moves: from a backup, which is older than what it may have signed, into another directory.
    shell.run("$keeper backup create backup --datadir mine --password-file password --light-scrypt").await;
    shell.run("$keeper backup restore backup --datadir moved --password-file password").await;
    let moved = swarm.directory().join("newcomer/moved");
    assert!(moved.join("restored").exists() && moved.join("journal.bin").exists());
    let join = commands().into_iter().find(|command| command.contains("$keeper join")).expect("it is there");
    let join = join.replace("--datadir mine", "--datadir moved");
    let before = newest(&swarm);
    let mut keeper = setting.spawner.start(&shell.line(&format!("exec {join}")), false).unwrap();
    until("a settlement after the move", PATIENCE, || async {
        if newest(&swarm) == before { Err("none yet".to_owned()) } else { Ok(()) }
    })
    .await
    .unwrap();
    signs(&swarm, &provider, index, "a signature after the move").await;
    assert!(!moved.join("restored").exists(), "the mark goes once the journal refuses what is old");
    assert!(keeper.stop(STOP).await.is_some_and(|status| status.success()));
    swarm.stop().await;
}

/// The newest transaction that settled something.
fn newest(swarm: &Swarm) -> Option<B256> {
    swarm.follower().look(|ledger| ledger.transactions.last().map(|last| last.hash))
}

/// Waits until the newest settlement is signed by a keeper.
async fn signs(swarm: &Swarm, provider: &DynProvider, index: u16, what: &str) {
    until(what, PATIENCE, || async {
        let newest = newest(swarm).ok_or_else(|| "no transactions".to_owned())?;
        let signed = signers::of(provider, newest).await.map_err(|error| error.to_string())?;
        if signed.contains(&index) { Ok(()) } else { Err(format!("{signed:?} signed the newest")) }
    })
    .await
    .unwrap();
}
