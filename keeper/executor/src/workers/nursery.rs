//! Starts worker processes and buries them.
//!
//! One thread does both, and it lives as long as any process it started: a worker asks the kernel to die with its keeper, and
//! the kernel takes that to mean with the *thread* that started it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::complaints::Quota;
use crate::Role;

/// How a worker is started: the program and the words before its role.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// The program.
    pub program: PathBuf,
    /// What `ps` shows as its name.
    pub name: OsString,
}

impl WorkerProgram {
    /// The running program itself, whatever has become of its file since it was started.
    #[must_use]
    pub fn this() -> Self {
        let file = std::env::current_exe().ok();
        let name = file.as_deref().and_then(std::path::Path::file_name).unwrap_or("keeper".as_ref()).to_owned();
        Self { program: "/proc/self/exe".into(), name }
    }

    /// Another program that calls [`cell::main`](crate::cell::main) when started as `<program> worker <role>`.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        let name = program.clone().into_os_string();
        Self { program, name }
    }
}

/// Processes that wait to be started or buried: far more than there are workers.
const TASKS_MAX: usize = 256;

/// Hands work to the thread.
#[derive(Debug, Clone)]
pub(super) struct Nursery {
    tasks: SyncSender<Task>,
    live: Live,
    quota: Quota,
}

type Live = Arc<Mutex<BTreeMap<u32, Role>>>;

enum Task {
    Start(Role, oneshot::Sender<io::Result<Child>>),
    Bury(Child, Option<oneshot::Sender<Option<ExitStatus>>>),
}

/// A worker process with its three pipes. It ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Option<Child>,
    nursery: Nursery,
}

impl Nursery {
    pub(super) fn open(program: WorkerProgram) -> io::Result<Self> {
        let (tasks, work) = sync_channel(TASKS_MAX);
        let live = Live::default();
        let (seen, builder) = (Arc::clone(&live), std::thread::Builder::new().name("nursery".to_owned()));
        builder.spawn(move || tend(&program, &work, &seen))?;
        Ok(Self { tasks, live, quota: Quota::default() })
    }

    pub(super) async fn start(&self, role: Role) -> io::Result<Process> {
        let closed = || io::Error::other("the thread that starts workers has ended");
        let (reply, answer) = oneshot::channel();
        self.tasks.send(Task::Start(role, reply)).map_err(|_| closed())?;
        let child = answer.await.map_err(|_| closed())??;
        Ok(Process { child: Some(child), nursery: self.clone() })
    }

    /// What may be logged of workers.
    pub(super) fn quota(&self) -> Quota {
        self.quota.clone()
    }

    /// The processes that live, by their ids.
    pub(super) fn live(&self) -> BTreeMap<u32, Role> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Process {
    pub(super) const fn child(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends the process, if it has not ended, and tells how it ended. `None` when the system does not say.
    pub(super) async fn end(mut self) -> Option<ExitStatus> {
        let (reply, answer) = oneshot::channel();
        self.nursery.tasks.send(Task::Bury(self.child.take()?, Some(reply))).ok()?;
        answer.await.ok()?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            let _ = self.nursery.tasks.send(Task::Bury(child, None));
        }
    }
}

/// The thread: ends when no handle is left, and no process either, as each has one.
fn tend(program: &WorkerProgram, work: &Receiver<Task>, live: &Live) {
    let lock = || live.lock().unwrap_or_else(PoisonError::into_inner);
    while let Ok(task) = work.recv() {
        match task {
            Task::Start(role, reply) => {
                let started = start(program, role);
                if let Ok(child) = &started {
                    lock().insert(child.id(), role);
                }
                // Whoever asked may have gone away meanwhile.
                if let Err(Ok(child)) = reply.send(started) {
                    lock().remove(&child.id());
                    bury(child);
                }
            }
            Task::Bury(child, reply) => {
                lock().remove(&child.id());
                let status = bury(child);
                let _ = reply.map(|reply| reply.send(status));
            }
        }
    }
}

/// With nothing of ours: no variables, no directory, no terminal's signals, and no descriptor but three pipes.
fn start(program: &WorkerProgram, role: Role) -> io::Result<Child> {
    Command::new(&program.program)
        .arg0(&program.name)
        .args(["worker", role.word()])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn bury(mut child: Child) -> Option<ExitStatus> {
    // One that has ended keeps its own status.
    if let Ok(Some(status)) = child.try_wait() {
        return Some(status);
    }
    let _ = child.kill();
    child.wait().ok()
}
