//! `keeper job dev`: a job while it is written. Every change builds it again, every block is a run; a paragraph for each.
//!
//! ```text
//!   folder ── change ──► (one at a time) ──┐
//!                                          ├─► build? ─► run ─► paragraph ─┐
//!   chain ─── new block ───────────────────┘◄──────────────────────────────┘   until Ctrl-C, or --runs
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use notify::{Event, EventKind, RecursiveMode, Watcher, recommended_watcher};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::build::{Toolchain, make};
use super::project::Project;
use super::trial::{Bench, Report, WhatArgs};
use crate::cli::output::{report_failure, rows, say};
use crate::cli::{Exit, Global, WithExit};

/// How often the chain is asked for its newest block.
const POLL: Duration = Duration::from_millis(500);
/// Editors write a file in several steps: what comes within this time is one change.
const SETTLED: Duration = Duration::from_millis(200);
/// What tools make: no change of the author's.
const MADE: [&str; 5] = ["target", "build", "node_modules", "package-lock.json", "Cargo.lock"];

/// Flags of `keeper job dev`.
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    with: Toolchain,
    /// End after so many runs, not at Ctrl-C alone
    #[arg(long, value_name = "NUMBER")]
    runs: Option<u64>,
}

/// What is going on.
struct Session<'a> {
    global: &'a Global,
    args: DevArgs,
    bench: Bench,
    /// Paths that have changed; one is enough to build everything again.
    changes: mpsc::Receiver<PathBuf>,
    /// The block of the last run.
    shown: Option<u64>,
    runs: u64,
}

pub(in crate::cli) async fn dev(global: &Global, args: DevArgs) -> Result<Exit> {
    let folder = args.what.path.clone();
    if !folder.is_dir() {
        return Err(anyhow!("{} is no folder: dev watches the folder of a job", folder.display())).exit(Exit::NotFound);
    }
    let bench = Bench::open(global).await?;
    // One is kept: another change while it waits makes no difference.
    let (sender, changes) = mpsc::channel(1);
    let watched = folder.canonicalize().with_context(|| format!("where is {}?", folder.display()))?;
    let below = watched.clone();
    let mut watcher = recommended_watcher(move |event: notify::Result<Event>| {
        if let Some(path) = event.ok().and_then(|event| changed(&event, &below)) {
            let _ = sender.try_send(path);
        }
    })
    .context("the operating system does not tell of changes")?;
    watcher.watch(&watched, RecursiveMode::Recursive).context("the operating system does not tell of changes")?;
    let mut session = Session { global, args, bench, changes, shown: None, runs: 0 };
    session.rebuild();
    tokio::select! {
        done = session.follow() => done,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Success),
    }
}

/// The author's file that an event is about, if it is about one.
fn changed(event: &Event, folder: &Path) -> Option<PathBuf> {
    if matches!(event.kind, EventKind::Access(_)) {
        return None;
    }
    let is_own = |path: &&PathBuf| {
        let Ok(inside) = path.strip_prefix(folder) else { return false };
        let is_made = |part: &OsStr| MADE.iter().any(|made| part == *made) || part.to_string_lossy().starts_with('.');
        let is_component = inside.extension().is_some_and(|end| end == "wasm" || end == "new");
        !is_component && !inside.iter().any(is_made)
    };
    event.paths.iter().find(is_own).cloned()
}

impl Session<'_> {
    async fn follow(&mut self) -> Result<Exit> {
        loop {
            match self.newest().await {
                Ok(number) if self.shown != Some(number) => {
                    self.run().await?;
                    self.shown = Some(number);
                    self.runs += 1;
                    if self.args.runs.is_some_and(|runs| self.runs >= runs) {
                        return Ok(Exit::Success);
                    }
                }
                Ok(_) => {}
                Err(error) => report_failure(&error, false),
            }
            if let Ok(Some(path)) = timeout(POLL, self.changes.recv()).await {
                self.settle().await;
                tell(&format!("changed: {}", path.display()));
                self.rebuild();
                self.shown = None;
            }
        }
    }

    async fn newest(&self) -> Result<u64> {
        Ok(self.bench.ground.block(None).await?.number)
    }

    /// Waits until nothing has changed for a moment.
    async fn settle(&mut self) {
        sleep(SETTLED).await;
        while self.changes.try_recv().is_ok() {
            sleep(SETTLED).await;
        }
    }

    fn project(&self) -> Result<Project> {
        Project::open(&self.args.what.path, self.args.what.flags.clone())
    }

    /// Builds; what is wrong is told, and mended by the next change.
    fn rebuild(&self) {
        let built = self.project().and_then(|project| make(&project, &self.args.with));
        match built {
            Ok(built) => tell(built.told().1.trim_end()),
            Err(error) => report_failure(&error, false),
        }
    }

    async fn run(&self) -> Result<()> {
        let attempt = async {
            let project = self.project()?;
            self.bench.attempt(self.global, &project, &Default::default(), &self.args.what.caller).await
        };
        match attempt.await {
            Ok(report) => self.show(&report),
            Err(error) => {
                report_failure(&error, false);
                Ok(())
            }
        }
    }

    fn show(&self, report: &Report) -> Result<()> {
        let text = format!("{}\n", rows(&report.lines()));
        // Nobody reads any more: then there is nothing left to do.
        say(self.global, report.document(None), &text)?;
        if !self.global.json {
            say(self.global, serde_json::Value::Null, " ")?;
        }
        Ok(())
    }
}

fn tell(words: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_writes_is_a_change_and_what_tools_make_is_none() {
        let folder = Path::new("/job");
        let seen = |path: &str| {
            let event = Event::new(EventKind::Any).add_path(PathBuf::from(path));
            changed(&event, folder).is_some()
        };
        for path in ["/job/src/lib.rs", "/job/job.toml", "/job/sdk/src/lib.rs"] {
            assert!(seen(path), "{path}");
        }
        for path in ["/job/target/x", "/job/job.wasm", "/job/job.wasm.new", "/job/.git/index", "/elsewhere/lib.rs"] {
            assert!(!seen(path), "{path}");
        }
        let read = Event::new(EventKind::Access(notify::event::AccessKind::Read)).add_path("/job/job.toml".into());
        assert!(changed(&read, folder).is_none());
    }
}
