//! What goes wrong with keepers of a running network of seven, where five are a quorum: one keeper is well, one is dead, and what
//! another one signs is missing, one after the other, until a third is missed.
//!
//! | keeper | what is wrong |
//! |---|---|
//! | 1 | nothing |
//! | 2 | its clock is two seconds behind, and it runs another release |
//! | 3 | its wallet is all but empty |
//! | 4 | its nodes refuse every transaction |
//! | 5 | its disk fills up; later it is stopped, and nothing is a quorum any more |
//! | 6 | its nodes read nothing for jobs; later they answer nothing at all |
//! | 7 | it starts again and again, then it is killed |
//! | apart | it knows no bootnode that lives |

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{U256, hex};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::{Keeper, Setting, binary};
use contracts::Counter;
use nix::sys::signal::Signal;
use p2p::WIRE;
use rough::{Does, Proxy, Rule, Script, SendWords};
use serde_json::{Value, json};

use super::recorder::{Case, DAY, Recorder, Seen};

const DEAD: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
const WELL: &str = "keeper-1";
/// Scrapes that stand for so many minutes.
const fn minutes(count: usize) -> usize {
    count * 4
}
/// A wallet that was watched for less says nothing of how long it lasts.
const WATCHED: Duration = Duration::from_secs(620);

/// A clock two seconds behind, for a whole process.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec -= 2;
    return result;
}
"#;

/// Keepers with their faults under hand.
pub(super) struct Faults<'a> {
    swarm: &'a mut Swarm,
    refusing: Proxy,
    reading: Proxy,
    apart: Keeper,
    disk: Disk,
    recorder: Recorder,
    /// The scrape since which one keeper runs another release.
    upgraded: usize,
    cases: Vec<(&'static str, &'static str, (usize, usize))>,
}

/// A disk of a few megabytes in the place of a keeper's data directory.
struct Disk(PathBuf);

impl Disk {
    fn mount(data: &Path) -> Self {
        let copy = data.with_extension("copy");
        run("cp", &["-a", text(data), text(&copy)]);
        run("mount", &["-t", "tmpfs", "-o", "size=16m,mode=700", "none", text(data)]);
        run("cp", &["-a", &format!("{}/.", copy.display()), text(data)]);
        Self(data.to_owned())
    }

    fn fill(&self) {
        // It ends when there is no room left, which is what is wanted.
        let _ =
            Command::new("dd").args(["if=/dev/zero", &format!("of={}/filler", self.0.display()), "bs=64k"]).output();
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Starts it anew with these variables.
async fn anew(keeper: &mut Keeper, variables: &[(&str, &str)]) {
    assert_eq!(keeper.stop().await, Some(0), "{}", keeper.name());
    variables.iter().for_each(|(name, value)| keeper.set(name, value));
    keeper.join().unwrap();
    keeper.reached().await.unwrap();
}

fn always(does: Does, method: &str) -> Script {
    Script { rules: vec![Rule::to(method, does)], ..Script::default() }
}

impl<'a> Faults<'a> {
    /// Starts keepers anew where a fault must be under hand before it is caused.
    pub(super) async fn prepare(swarm: &'a mut Swarm) -> Self {
        let url = swarm.anvil().url().to_owned();
        let refusing = Proxy::start(&url, Script::default(), 4).await.unwrap();
        let reading = Proxy::start(&url, Script::default(), 6).await.unwrap();
        anew(&mut swarm.keepers[3], &[("KEEPER_RPC_URL", &refusing.url())]).await;
        anew(&mut swarm.keepers[5], &[("KEEPER_RPC_URL", &reading.url())]).await;
        let fifth = &mut swarm.keepers[4];
        assert_eq!(fifth.stop().await, Some(0));
        let disk = Disk::mount(&fifth.datadir());
        fifth.join().unwrap();
        for keeper in &mut swarm.keepers {
            keeper.ready().await.unwrap();
        }
        let apart = apart(swarm).await;
        let keepers = swarm.keepers.iter().map(|keeper| (keeper.name(), keeper.datadir()));
        let recorder = Recorder::start(keepers, &[(apart.name().to_owned(), apart.datadir())]);
        Self { swarm, refusing, reading, apart, disk, recorder, upgraded: 0, cases: Vec::new() }
    }

    /// Causes everything in turn, and gives back what was scraped.
    pub(super) async fn record(mut self) -> Vec<Case> {
        let calm = self.recorder.ticks(minutes(1)).await;
        self.apart.join().unwrap();
        self.lasting(calm).await;
        self.without_results(calm).await;
        self.full_disk().await;
        self.standing_still().await;
        self.without_quorum().await;
        self.short_of_coin(calm).await;
        let Self { recorder, cases, mut apart, .. } = self;
        apart.kill();
        let seen = recorder.stop().await;
        let case = |(alert, keeper, at)| seen.case(alert, keeper, Some(WELL), at);
        cases.into_iter().map(case).collect()
    }

    fn case(&mut self, alert: &'static str, keeper: &'static str, quiet: usize, rings: usize) {
        eprintln!("{alert} rings for {keeper} at scrape {rings}");
        self.cases.push((alert, keeper, (quiet, rings)));
    }

    /// What goes on beside all else, for keepers that sign all the same; and a keeper that dies.
    async fn lasting(&mut self, calm: usize) {
        for _ in 0..3 {
            anew(&mut self.swarm.keepers[6], &[]).await;
            self.recorder.ticks(1).await;
        }
        let rings = self.recorder.ticks(1).await;
        self.case("KeeperRestarting", "keeper-7", calm, rings);
        self.swarm.keepers[6].stop().await;
        self.refusing.set_script(always(Does::Refuse(SendWords::FeeCap), "eth_sendRawTransaction"));
        self.leave_little().await;
        let clock = clock(self.swarm.directory());
        let version = (WIRE + 1).to_string();
        self.swarm.keepers[1].run_with(binary("keeper-equivocate").unwrap());
        anew(&mut self.swarm.keepers[1], &[("LD_PRELOAD", &clock), ("KEEPER_WIRE", &version)]).await;
        self.upgraded = self.recorder.ticks(1).await;
    }

    async fn leave_little(&mut self) {
        let account = self.swarm.keepers[2].operator();
        let little = U256::from(30_000_000_000_000_000_u64);
        let _: Value = self
            .swarm
            .anvil()
            .provider()
            .raw_request("anvil_setBalance".into(), json!([account, little]))
            .await
            .unwrap();
    }

    /// What a keeper reads for jobs fails: it has nothing to sign.
    async fn without_results(&mut self, calm: usize) {
        let error = Does::Error { code: -32_000, message: "internal error".to_owned() };
        self.reading.set_script(always(error, "eth_call"));
        let failing = |seen: &Seen| seen.counted("keeper-6", "keeper_executions_total", "abstain") >= 3.0;
        self.recorder.until("runs without a result", failing).await;
        let down = self.recorder.ticks(minutes(3)).await;
        self.case("KeeperDown", "keeper-7", calm, down);
        self.case("KeeperIsolated", "apart", calm, down);
        let refused = |seen: &Seen| {
            seen.counted("keeper-4", "keeper_transactions_total", "failed") > 3.0
                && seen.counted("keeper-4", "keeper_leader_turns_total", "missed") > 3.0
        };
        let missed = self.recorder.until("transactions that are refused, and turns that are missed", refused).await;
        self.case("KeeperMissedLeaderTurns", "keeper-4", calm, missed + 1);
        let rings = self.recorder.ticks(minutes(6)).await;
        for (alert, keeper) in [
            ("KeeperNotReady", "apart"),
            ("KeeperLowGas", "keeper-3"),
            ("KeeperClockSkew", "keeper-2"),
            ("KeeperTransactionsFailing", "keeper-4"),
        ] {
            self.case(alert, keeper, calm, rings);
        }
        let rings = self.recorder.ticks(minutes(10)).await;
        self.case("KeeperExecutionsFailing", "keeper-6", calm, rings);
        self.case("KeeperCheckFailing", "apart", calm, rings);
        self.reading.set_script(Script::default());
        self.swarm.keepers[5].ready().await.unwrap();
    }

    async fn full_disk(&mut self) {
        let quiet = self.recorder.ticks(1).await;
        self.disk.fill();
        let refused = |seen: &Seen| seen.counted("keeper-5", "keeper_journal_refusals_total", "failed") >= 1.0;
        self.recorder.until("a journal that takes nothing", refused).await;
        let rings = self.recorder.ticks(2).await;
        self.case("KeeperJournalRefuses", "keeper-5", quiet, rings);
        self.disk.clear();
        self.swarm.keepers[4].ready().await.unwrap();
    }

    /// The only node of a keeper says nothing any more.
    async fn standing_still(&mut self) {
        let quiet = self.recorder.ticks(1).await;
        self.reading.set_script(Script { rules: vec![Rule::one_in(1, Does::Hangup)], ..Script::default() });
        let rings = self.recorder.ticks(minutes(7)).await;
        self.case("KeeperChainBehind", "keeper-6", quiet, rings);
    }

    /// With three of seven gone nothing is certified, and a run that is not made up for is missed.
    async fn without_quorum(&mut self) {
        let quiet = self.recorder.ticks(1).await;
        self.skipping().await;
        if let Some(process) = self.swarm.keepers[4].process() {
            process.signal(Signal::SIGSTOP);
        }
        let missed = |seen: &Seen| seen.counted(WELL, "keeper_tasks_total", "expired") >= 1.0;
        self.recorder.until("a run that nobody settled", missed).await;
        let rings = self.recorder.ticks(2).await;
        self.case("KeeperRunsMissed", WELL, quiet, rings);
        if let Some(process) = self.swarm.keepers[4].process() {
            process.signal(Signal::SIGCONT);
        }
        self.reading.set_script(Script::default());
    }

    /// A job whose runs are left out when they are late.
    async fn skipping(&self) {
        let (target, calldata) =
            (self.swarm.target().to_string(), hex::encode_prefixed(Counter::incrementCall {}.abi_encode()));
        let when =
            ["--every", "10s", "--missed", "skip", "--action", "call", "--calldata", &calldata, "--target", &target];
        let pay = ["--json", "--broadcast", "--fee", "1000gwei", "--fund", "1ether"];
        self.swarm.keepers[0].run(["job", "create"], &[&pay[..], &when].concat()).await.unwrap();
    }

    async fn short_of_coin(&mut self, calm: usize) {
        let short = |seen: &Seen| {
            seen.newest("keeper-3", "keeper_wallet_runway_seconds", "").is_some_and(|seconds| seconds < 3.0 * 86_400.0)
        };
        self.recorder.until_within(WATCHED, "a wallet that does not last", short).await;
        let rings = self.recorder.ticks(minutes(16)).await;
        self.case("KeeperShortRunway", "keeper-3", calm, rings);
        let day = self.upgraded + DAY + 4;
        let rings = self.recorder.until_within(WATCHED, "a day of two releases", |seen| seen.ticks > day).await;
        self.case("KeeperVersionSkew", WELL, calm, rings);
    }
}

/// A keeper that nobody has registered and that finds nobody; it is not started yet.
async fn apart(swarm: &Swarm) -> Keeper {
    let mut network = swarm.deployed().network.clone();
    network.bootnodes.clear();
    let file = swarm.directory().join("apart.toml");
    network.save(&file).unwrap();
    let setting = Setting { network: file, bootnode: DEAD.to_owned(), ..Setting::clone(swarm.setting()) };
    Keeper::create(Arc::new(setting), "apart").await.unwrap()
}

/// Compiles the clock; the file to load it from.
fn clock(folder: &Path) -> String {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, CLOCK).unwrap();
    run("cc", &["-shared", "-fPIC", "-o", text(&library), text(&source)]);
    text(&library).to_owned()
}
