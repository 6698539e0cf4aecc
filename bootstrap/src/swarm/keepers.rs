//! Keepers as real processes, each with a data directory of its own, driven through the CLI that users have.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result, anyhow, bail};

use super::Place;
use super::api::{self, Node, Status};
use crate::process::{CommandLine, Process, Spawner, tail};
use crate::wait::until;

/// A keeper that is told to stop has this long to do it.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// A keeper that was started is ready after this, also on a busy machine.
pub const READY_PATIENCE: Duration = Duration::from_secs(90);

/// What all keepers of a swarm have in common.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Starts processes.
    pub spawner: Arc<Spawner>,
    /// The `keeper` binary.
    pub program: PathBuf,
    /// Folder with the data directories and logs.
    pub directory: PathBuf,
    /// `network.toml`.
    pub network: PathBuf,
    /// Where new keepers find the others.
    pub bootnode: String,
    /// Compiled code, shared.
    pub cache: PathBuf,
    /// File with the keystores' password.
    pub password: PathBuf,
    /// For asking their APIs.
    pub client: reqwest::Client,
}

/// One keeper.
#[derive(Debug)]
pub struct Keeper {
    setting: Arc<Setting>,
    name: String,
    operator: Address,
    /// What it is run with, if not with the program of all.
    program: Option<PathBuf>,
    /// Where it keeps code, if not where all do.
    cache: Option<PathBuf>,
    /// Variables it is run with.
    variables: Vec<(String, String)>,
    /// Where it lives.
    place: Place,
    process: Option<Process>,
}

impl Keeper {
    /// Makes its data directory and keys.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn create(setting: Arc<Setting>, name: &str) -> Result<Self> {
        let mut keeper = Self {
            setting,
            name: name.to_owned(),
            operator: Address::ZERO,
            program: None,
            cache: None,
            variables: Vec::new(),
            place: Place::default(),
            process: None,
        };
        let spawner = Arc::clone(&keeper.setting.spawner);
        spawner.run(&keeper.command(["init"], &["--json"])).await?;
        let keys = ["--light-scrypt", "--json", "--password-file"];
        let keys = keeper.command(["keys", "new"], &keys).with([&keeper.setting.password]);
        let answer: serde_json::Value = serde_json::from_str(&spawner.run(&keys).await?)?;
        let operator = answer["operator"].as_str().ok_or_else(|| anyhow!("keeper keys new names no operator"))?;
        keeper.operator = operator.parse().with_context(|| format!("{operator} is no address"))?;
        Ok(keeper)
    }

    /// Registers its operator; the operator's account must have coins.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn register(&self) -> Result<()> {
        self.run(["operator", "register"], &["--json"]).await.map(drop)
    }

    /// Deregisters its operator, which counts until the next epoch.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn deregister(&self) -> Result<()> {
        self.run(["operator", "deregister"], &["--json"]).await.map(drop)
    }

    /// Sets the part of its operator's deposit that counts from the next epoch on, in percent.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn stake(&self, percent: u8) -> Result<()> {
        self.run(["operator", "stake"], &["--json", "--percent", &percent.to_string()]).await.map(drop)
    }

    /// Replaces its BLS key and peer identity; it must not run, and its operator must have left.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn rotate_keys(&self) -> Result<()> {
        self.run(["keys", "rotate"], &["--json", "--light-scrypt"]).await.map(drop)
    }

    /// Runs a verb of the CLI that speaks to the chain, and gives back what it prints.
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn run<const N: usize>(&self, verb: [&str; N], flags: &[&str]) -> Result<String> {
        self.setting.spawner.run(&self.command(verb, flags).with(self.network_and_password())).await
    }

    /// Runs it with another program from its next start on.
    pub fn run_with(&mut self, program: PathBuf) {
        self.program = Some(program);
    }

    /// Runs it with a code cache of its own from its next start on, as on a machine of its own.
    pub fn keep_code_apart(&mut self) {
        self.cache = Some(self.datadir().join("cache"));
    }

    /// Runs it with a variable set from its next start on.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.variables.push((variable.to_owned(), value.to_owned()));
    }

    /// Has it live elsewhere from its next start on.
    pub fn live_at(&mut self, place: Place) {
        self.place = place;
    }

    /// Starts it; what it prints goes to its log. Does not wait.
    ///
    /// # Errors
    /// When it runs already or cannot be started.
    pub fn join(&mut self) -> Result<()> {
        if self.process.as_mut().is_some_and(|process| process.ended().is_none()) {
            bail!("{} runs already", self.name);
        }
        // The file of an earlier start names ports that nobody listens on any more.
        match std::fs::remove_file(self.datadir().join("node.json")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.process = Some(self.setting.spawner.start(&self.join_command(), false)?);
        Ok(())
    }

    /// The line that starts it.
    #[must_use]
    pub fn join_command(&self) -> CommandLine {
        let (listen, port) = (self.place.listen(), self.place.free_port());
        let line = self
            .command(["join"], &["--bootnode", &self.setting.bootnode])
            .with(["--listen", &listen, "--api-addr", &port, "--metrics-addr", &port])
            .with(self.network_and_password())
            .with(["--cache-dir".into(), self.cache.as_ref().unwrap_or(&self.setting.cache).clone()]);
        self.place.within(line)
    }

    fn network_and_password(&self) -> [PathBuf; 4] {
        let Setting { network, password, .. } = &*self.setting;
        ["--network".into(), network.clone(), "--password-file".into(), password.clone()]
    }

    /// A command of the CLI on this keeper's data directory.
    #[must_use]
    pub fn command<const N: usize>(&self, verb: [&str; N], flags: &[&str]) -> CommandLine {
        let log = self.setting.directory.join(format!("{}.log", self.name));
        let line = CommandLine::new(&self.name, self.program.as_ref().unwrap_or(&self.setting.program), &log);
        CommandLine { variables: self.variables.clone(), ..line }
            .with(verb)
            .with(["--datadir".into(), self.datadir()])
            .with(flags)
    }

    /// Waits until its listeners are up and it calls itself ready.
    ///
    /// # Errors
    /// When it ends first, or is not ready in time: with what is missing and the end of its log.
    pub async fn ready(&mut self) -> Result<()> {
        self.until("is ready", READY_PATIENCE, |status| {
            if status.ready {
                return Ok(());
            }
            let missing = status.checks.iter().filter(|(_, check)| !check.ok);
            Err(missing.map(|(name, check)| format!("{name}: {}", check.message)).collect::<Vec<_>>().join("; "))
        })
        .await
    }

    /// Waits until its API answers, which it does before it is ready.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn reached(&mut self) -> Result<()> {
        self.until("answers", READY_PATIENCE, |_| Ok(())).await
    }

    /// Waits until it is connected to this many other keepers. (The bootnode may count as one more.)
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn meets(&mut self, others: usize) -> Result<()> {
        self.until("is connected to the others", READY_PATIENCE, |status| {
            if status.peers >= others { Ok(()) } else { Err(format!("{} of {others} peers", status.peers)) }
        })
        .await
    }

    /// Waits until its status fulfils a condition.
    ///
    /// # Errors
    /// When it ends first, or the condition does not hold in time.
    pub async fn until(
        &mut self,
        what: &str,
        patience: Duration,
        condition: impl Fn(&Status) -> Result<(), String>,
    ) -> Result<()> {
        let (setting, datadir, name) = (Arc::clone(&self.setting), self.datadir(), self.name.clone());
        let process = self.process.as_mut().ok_or_else(|| anyhow!("{name} was not started"))?;
        let what = format!("{name}: {what}");
        let result = until(&what, patience, || {
            let ended = process.ended();
            let (client, datadir, condition) = (&setting.client, &datadir, &condition);
            async move {
                if let Some(status) = ended {
                    return Ok(Err(status));
                }
                let status: Status =
                    api::get(client, datadir, "/v1/status").await.map_err(|error| format!("{error:#}"))?;
                condition(&status).map(Ok)
            }
        });
        match result.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => bail!("{name} ended ({status}):\n{}", tail(process.log(), 15)),
            Err(error) => bail!("{error:#}\nend of its log:\n{}", tail(process.log(), 15)),
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }

    /// Asks it to stop and waits: from then on nobody expects it to run. Returns its exit code, if it had one.
    pub async fn stop(&mut self) -> Option<i32> {
        self.process.take()?.stop(STOP_PATIENCE).await?.code()
    }

    /// Its process, while there is one.
    pub const fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Its name in messages and of its files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its operator's address.
    #[must_use]
    pub const fn operator(&self) -> Address {
        self.operator
    }

    /// Its data directory.
    #[must_use]
    pub fn datadir(&self) -> PathBuf {
        self.setting.directory.join(&self.name)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Before its listeners are up.
    pub fn node(&self) -> Result<Node> {
        api::node(&self.datadir())
    }

    /// Asks its API.
    ///
    /// # Errors
    /// When it does not answer as expected.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, route: &str) -> Result<T> {
        api::get(&self.setting.client, &self.datadir(), route).await
    }
}

/// The `name` binary beside this one (tests lie one folder deeper).
///
/// # Errors
/// When it was not built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program does not know where it lies")?;
    let folders = this.ancestors().skip(1).take(2);
    let found = folders.map(|folder: &Path| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        anyhow!("there is no {name} binary beside {}; run cargo build --workspace --bins", this.display())
    })
}
