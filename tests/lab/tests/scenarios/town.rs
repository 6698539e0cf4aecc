//! A swarm of seven keepers, each in a house of its own, with the switch between them.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail, ensure};
use bootstrap::swarm::keepers::binary;
use bootstrap::swarm::ledger::{Settlement, unix_ms};
use bootstrap::swarm::{JobRequest, JobSpec, Options, Place, Places, Swarm};
use bootstrap::wait::until;
use contracts::Counter;
use contracts::terms::{ActionTerms, CallTerms, TriggerTerms};
use lab::Order;

/// Keepers; the house after theirs is the bootnode's.
pub(crate) const KEEPERS: usize = 7;

/// The wires between the houses.
#[derive(Debug)]
pub(crate) struct Wires {
    switch: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Wires {
    /// Lays them: a TAP for each house, and the switch.
    pub(crate) fn lay(seed: u64) -> Result<Self> {
        ensure!(std::env::var_os("LAB").is_some(), "there are no houses here: run tests/lab.sh");
        eprintln!("seed {seed}");
        let names: Vec<String> = (1..=KEEPERS + 1).map(|house| format!("mesh-{house}")).collect();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary("lab-switch")?).arg(seed.to_string()).args(&names);
        let mut switch = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("setpriv, lab-switch")?;
        let orders = switch.stdin.take().context("it has an input")?;
        let told = BufReader::new(switch.stdout.take().context("it has an output")?);
        let mut wires = Self { switch, orders, told };
        wires.hears("ready")?;
        for (house, name) in (1..).zip(&names) {
            let namespace = format!("house-{house}");
            ip(&["link", "set", name, "netns", &namespace])?;
            ip(&["-n", &namespace, "addr", "add", &format!("10.77.0.{house}/24"), "dev", name])?;
            ip(&["-n", &namespace, "link", "set", name, "up"])?;
        }
        Ok(wires)
    }

    /// How it is to be from now on; returns once it is.
    pub(crate) fn order(&mut self, order: &Order) -> Result<()> {
        writeln!(self.orders, "{order}")?;
        self.orders.flush()?;
        self.hears(&order.to_string())
    }

    /// Cuts both ways between groups of keepers, by their position.
    pub(crate) fn part(&mut self, groups: &[&[usize]]) -> Result<()> {
        for (place, one) in groups.iter().enumerate() {
            for other in groups.iter().skip(place + 1) {
                self.order(&Order::Cut(one.to_vec(), other.to_vec()))?;
                self.order(&Order::Cut(other.to_vec(), one.to_vec()))?;
            }
        }
        Ok(())
    }

    fn hears(&mut self, expected: &str) -> Result<()> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        match line.trim_end() == expected {
            true => Ok(()),
            false => {
                bail!("lab-switch says {line:?} in place of {expected:?}; it ended: {:?}", self.switch.try_wait()?)
            }
        }
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        let _ = self.switch.kill();
        let _ = self.switch.wait();
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(words).status().context("ip of iproute2")?;
    ensure!(status.success(), "ip {} failed: {status}", words.join(" "));
    Ok(())
}

fn house(number: u8) -> Place {
    Place {
        namespace: Some(PathBuf::from(format!("/run/netns/house-{number}"))),
        mesh: IpAddr::V4(Ipv4Addr::new(10, 77, 0, number)),
        house: IpAddr::V4(Ipv4Addr::new(10, 78, 0, number)),
        quic: false,
    }
}

/// Seven keepers in their houses, connected to each other; the bootnode has been killed.
pub(crate) async fn settle_in() -> Result<Swarm> {
    let places = Places {
        chain: IpAddr::V4(Ipv4Addr::new(10, 78, 0, 254)),
        bootnode: house(8),
        keepers: (1..=7).map(house).collect(),
    };
    let keepers = u16::try_from(KEEPERS)?;
    let mut swarm = Swarm::start(Options { keepers, places, ..Options::default() }).await?;
    swarm.kill_bootnode();
    Ok(swarm)
}

/// Lists jobs that call the counter every so many seconds, the first time in ten.
pub(crate) async fn list_calls(swarm: &mut Swarm, jobs: u64, interval: u32) -> Result<Vec<JobSpec>> {
    let start = unix_ms() / 1000 + 10;
    let requests: Vec<JobRequest> = (0..jobs)
        .map(|job| JobRequest {
            name: format!("call {job}"),
            trigger: TriggerTerms::Interval { start: start + job % u64::from(interval), interval },
            action: ActionTerms::Call(CallTerms { calldata: Counter::incrementCall {}.abi_encode().into() }),
            target: swarm.target(),
            creator: None,
        })
        .collect();
    swarm.list(&requests).await
}

/// Waits until `enough` says yes to everything settled so far, while all processes live.
pub(crate) async fn settled(
    swarm: &mut Swarm,
    what: &str,
    patience: Duration,
    enough: impl Fn(&[Settlement]) -> Result<(), String>,
) -> Result<()> {
    until(what, patience, || {
        let alive = swarm.check_alive();
        let said = swarm.follower().look(|ledger| enough(&ledger.settlements));
        async move { alive.map_or_else(|error| Ok(Err(error)), |()| said.map(Ok)) }
    })
    .await?
}

/// Waits until the chain has so many more blocks.
pub(crate) async fn blocks(swarm: &mut Swarm, count: u64) -> Result<()> {
    let last = swarm.follower().look(|ledger| ledger.block) + count;
    let patience = Duration::from_secs(30 + 2 * count);
    until(&format!("block {last}"), patience, || {
        let block = swarm.follower().look(|ledger| ledger.block);
        async move { if block >= last { Ok(()) } else { Err(format!("the chain is at block {block}")) } }
    })
    .await
}

/// What of the runs due up to a moment has not settled, or has twice.
pub(crate) fn amiss(jobs: &[JobSpec], settlements: &[Settlement], until: u64) -> Result<(), String> {
    for job in jobs {
        let runs = job.runs_until(until);
        for run in 0..runs {
            let times = settlements.iter().filter(|each| (each.job_id, each.run) == (job.id, run)).count();
            if times != 1 {
                return Err(format!("run {run} of {runs} of {} settled {times} times", job.name));
            }
        }
    }
    Ok(())
}
