//! Child processes that cannot outlive this one.
//!
//! Every child starts under `setpriv --pdeathsig KILL` (util-linux): the kernel kills it when its parent dies, also by
//! SIGKILL. The kernel's "parent" is the thread that forked, so all children are forked by one thread that lives as
//! long as its [`Spawner`].

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

/// How often a process is asked whether it is gone.
const EVERY: Duration = Duration::from_millis(20);
/// A command that has not ended by then hangs.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);

type Order = (Command, SyncSender<io::Result<Child>>);

/// The thread that forks. Dropping it kills every child it started that still runs.
#[derive(Debug)]
pub struct Spawner {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// A command line: program and arguments, and where its output goes.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// Name used in messages and for the log file.
    pub name: String,
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that it has besides those of this process.
    pub variables: Vec<(String, String)>,
    /// File that standard error is appended to.
    pub log: PathBuf,
    /// The network namespace it is started in, by the file that `ip netns` keeps of it, if not this process's own.
    pub namespace: Option<PathBuf>,
}

impl CommandLine {
    /// A command line; arguments follow with [`Self::with`].
    #[must_use]
    pub fn new(name: &str, program: &Path, log: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            log: log.to_owned(),
            namespace: None,
        }
    }

    /// Appends arguments.
    #[must_use]
    pub fn with<I, A>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: AsRef<std::ffi::OsStr>,
    {
        self.arguments.extend(arguments.into_iter().map(|each| each.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// The line as somebody would type it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.program.display(), self.arguments.join(" "))
    }
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left, or no `setpriv`.
    pub fn new() -> Result<Self> {
        Command::new("setpriv")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .context("setpriv is missing; it is part of util-linux: apt-get install util-linux")?;
        let (orders, received) = sync_channel(1);
        let thread = std::thread::Builder::new().name("spawner".to_owned()).spawn(move || fork(&received))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Starts a process. Standard output goes to the log as well, unless `piped`.
    ///
    /// # Errors
    /// When the program or its log file cannot be opened.
    pub fn start(&self, line: &CommandLine, piped: bool) -> Result<Process> {
        if !line.program.is_file() {
            bail!("{} is not there; build it with cargo build --workspace --bins", line.program.display());
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&line.log)
            .with_context(|| format!("cannot write the log {}", line.log.display()))?;
        let output = if piped { Stdio::piped() } else { Stdio::from(log.try_clone()?) };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(namespace) = &line.namespace {
            command.arg("nsenter").arg(format!("--net={}", namespace.display())).arg("--");
        }
        command.arg(&line.program).args(&line.arguments);
        command.envs(line.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        let (reply, answer) = sync_channel(1);
        let orders = self.orders.as_ref().ok_or_else(|| anyhow!("the spawner has stopped"))?;
        orders.send((command, reply)).map_err(|_| anyhow!("the spawner thread is gone"))?;
        let child = answer.recv().map_err(|_| anyhow!("the spawner thread is gone"))?;
        let child = child.with_context(|| format!("cannot start {}", line.text()))?;
        Ok(Process { name: line.name.clone(), log: line.log.clone(), child, ended: None })
    }

    /// Runs a command to its end and gives back what it printed on standard output, and how it ended.
    ///
    /// # Errors
    /// When it cannot start or does not end within two minutes.
    pub async fn output(&self, line: &CommandLine) -> Result<(ExitStatus, String)> {
        let mut process = self.start(line, true)?;
        let mut pipe = process.child.stdout.take().ok_or_else(|| anyhow!("no pipe to {}", line.name))?;
        let reader = tokio::task::spawn_blocking(move || io::read_to_string(&mut pipe));
        let status = process.ended_within(COMMAND_PATIENCE).await;
        let status = status.ok_or_else(|| anyhow!("{} still runs after two minutes", line.text()))?;
        Ok((status, reader.await??))
    }

    /// Runs a command that must succeed and gives back its standard output.
    ///
    /// # Errors
    /// As [`Self::output`], and when it exits with another code than 0: with the end of its log.
    pub async fn run(&self, line: &CommandLine) -> Result<String> {
        let (status, output) = self.output(line).await?;
        if !status.success() {
            bail!("{} failed ({status}):\n{}", line.text(), tail(&line.log, 12));
        }
        Ok(output)
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn fork(orders: &Receiver<Order>) {
    while let Ok((mut command, reply)) = orders.recv() {
        let _ = reply.send(command.spawn());
    }
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with its output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id (`setpriv` and `nsenter` replace themselves by the program, so it is the program's).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Takes the reading end of its standard output, when it was started with a pipe.
    pub fn take_output(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for its end.
    pub async fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Sends a signal; nothing happens when it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Ok(pid) = i32::try_from(self.child.id())
        {
            // Not reaped yet, so the id still is this child's.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// SIGKILL: no chance to say goodbye. Returns when it is gone.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// SIGTERM, then SIGKILL after `patience`. Returns how it ended.
    pub async fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        if self.ended_within(patience).await.is_none() {
            self.kill();
        }
        self.ended
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a log file, for messages.
#[must_use]
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests;
