//! `keeper job dev`: a job while it is written. Every change builds it again, every block is a run; a paragraph for each.
//!
//! ```text
//!   folder ─── change ──► build ──┐
//!                                 ├─► run ─► paragraph ─┐
//!   chain ─── new block ──────────┘◄────────────────────┘   until Ctrl-C, or --runs
//! ```
//!
//! Both are looked at twice a second: that needs nothing of the operating system, and works where changes are not told of, as in folders
//! shared with a container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow};
use clap::Args;
use tokio::time::sleep;

use super::build::{Toolchain, make};
use super::project::Project;
use super::trial::{Bench, Report, WhatArgs};
use crate::cli::output::{report_failure, rows, say};
use crate::cli::{Exit, Global, WithExit};

/// How often folder and chain are looked at.
const POLL: Duration = Duration::from_millis(500);
/// Editors write a file in several steps: what comes within this time is one change.
const SETTLED: Duration = Duration::from_millis(200);
/// Files that are looked at, and how deep they may lie.
const MAX_FILES: usize = 4_096;
const MAX_DEPTH: usize = 12;
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
    /// The folder as it was built.
    built: Seen,
    /// The block of the last run.
    shown: Option<u64>,
    runs: u64,
}

pub(in crate::cli) async fn dev(global: &Global, args: DevArgs) -> Result<Exit> {
    let folder = args.what.path.clone();
    if !folder.is_dir() {
        return Err(anyhow!("{} is no folder: dev watches the folder of a job", folder.display())).exit(Exit::NotFound);
    }
    let bench = Bench::open(global, args.what.http.as_deref()).await?;
    let mut session = Session { global, args, bench, built: look(&folder), shown: None, runs: 0 };
    session.rebuild();
    tokio::select! {
        done = session.follow() => done,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Success),
    }
}

/// An author's files, each with its time and length.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The files of a folder that its author writes.
fn look(folder: &Path) -> Seen {
    let mut seen = Seen::new();
    let mut waiting = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let is_made = MADE.iter().any(|made| name == *made)
                || name.to_string_lossy().starts_with('.')
                || path.extension().is_some_and(|end| end == "wasm" || end == "new");
            // Not through links: they may lead in a circle.
            let Ok(about) = entry.metadata() else { continue };
            if is_made || seen.len() >= MAX_FILES {
                continue;
            }
            if about.is_dir() && depth < MAX_DEPTH {
                waiting.push((path, depth + 1));
            } else if about.is_file() {
                seen.insert(path, (about.modified().ok(), about.len()));
            }
        }
    }
    seen
}

/// A file that is not as it was, if there is one.
fn changed<'a>(then: &'a Seen, now: &'a Seen) -> Option<&'a PathBuf> {
    let is_new = |(path, about): &(&PathBuf, &(Option<SystemTime>, u64))| then.get(*path) != Some(*about);
    now.iter().find(is_new).map(|(path, _)| path).or_else(|| then.keys().find(|path| !now.contains_key(*path)))
}

impl Session<'_> {
    async fn follow(&mut self) -> Result<Exit> {
        loop {
            match self.newest().await {
                Ok(number) if self.shown != Some(number) => {
                    self.runs += u64::from(self.run().await?);
                    self.shown = Some(number);
                    if self.args.runs.is_some_and(|runs| self.runs >= runs) {
                        return Ok(Exit::Success);
                    }
                }
                Ok(_) => {}
                Err(error) => report_failure(&error, false),
            }
            sleep(POLL).await;
            if self.settle().await {
                self.rebuild();
                self.shown = None;
            }
        }
    }

    async fn newest(&self) -> Result<u64> {
        Ok(self.bench.ground.block(None).await?.number)
    }

    /// Whether anything has changed; then it waits until nothing does for a moment.
    async fn settle(&mut self) -> bool {
        let mut now = look(&self.args.what.path);
        let Some(path) = changed(&self.built, &now) else { return false };
        tell(&format!("changed: {}", path.display()));
        loop {
            sleep(SETTLED).await;
            let later = look(&self.args.what.path);
            if later == now {
                break;
            }
            now = later;
        }
        self.built = now;
        true
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

    /// Whether there was one.
    async fn run(&self) -> Result<bool> {
        let attempt = async {
            let project = self.project()?;
            self.bench.attempt(self.global, &project, &Default::default(), &self.args.what.caller).await
        };
        match attempt.await {
            Ok(report) => self.show(&report).map(|()| true),
            Err(error) => {
                report_failure(&error, false);
                Ok(false)
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
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = home.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("src/lib.rs", "one");
        write("job.toml", "");
        let before = look(home.path());
        assert_eq!((before.len(), changed(&before, &before)), (2, None));
        for made in ["target/x", "node_modules/y/z", "job.wasm", "job.wasm.new", ".git/index", "build/job.js"] {
            write(made, "made");
        }
        assert_eq!(changed(&before, &look(home.path())), None);
        write("src/lib.rs", "another");
        assert!(changed(&before, &look(home.path())).unwrap().ends_with("src/lib.rs"));
        write("src/lib.rs", "one");
        std::fs::remove_file(home.path().join("job.toml")).unwrap();
        let now = look(home.path());
        assert!(changed(&before, &now).is_some());
        write("sdk/src/new.rs", "");
        assert!(changed(&now, &look(home.path())).unwrap().ends_with("new.rs"));
    }
}
