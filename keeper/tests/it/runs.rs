//! `keeper job runs` and `keeper job watch`, on files as keepers write them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256};
use consensus::task::{InstanceKey, JobId, Status, Task};
use consensus::time::Time;
use keeper::archive::{ArchiveHandle, Change, Entry, Owner, Settlement};
use serde_json::Value;

use crate::keeper_process::Home;

/// Long ago, whenever this runs.
const DUE: u64 = 1_700_000_000;
const ME: Address = Address::repeat_byte(0xaa);
/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A keeper, as far as it records.
struct Recorder {
    handle: ArchiveHandle,
    thread: JoinHandle<()>,
}

impl Recorder {
    fn on(home: &Home) -> Self {
        std::fs::create_dir_all(home.data()).unwrap();
        let owner = Owner { domain: B256::repeat_byte(1), operator: ME };
        let (handle, thread) = ArchiveHandle::spawn(file(home), owner);
        Self { handle, thread }
    }

    fn note(&self, job: u64, run: u64, change: Change) {
        let task = Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) };
        self.handle.note(Entry { task, at: Time::from_seconds(DUE + 10 * run), change });
    }

    fn due(&self, job: u64, run: u64) {
        self.note(job, run, Change::Due { due: DUE + 10 * run });
    }

    fn settled(&self, job: u64, run: u64) {
        let settlement = Settlement {
            block: run,
            timestamp: DUE + 10 * run + 2,
            seconds_late: 2,
            anchor: run,
            tx: B256::repeat_byte(0x77),
            submitter: ME,
            status: 0,
            delivered: true,
        };
        self.note(job, run, Change::Settled(settlement));
    }

    /// Writes all of it, and ends.
    fn stop(self) {
        drop(self.handle);
        self.thread.join().unwrap();
    }
}

fn file(home: &Home) -> PathBuf {
    home.data().join("runs.sqlite")
}

/// A home in which job 1 has three runs that settled and one that was missed, for a reason that forges.
fn recorded() -> Home {
    let home = Home::new();
    let recorder = Recorder::on(&home);
    for run in 0..4 {
        recorder.due(1, run);
    }
    (0..3).for_each(|run| recorder.settled(1, run));
    let reason = "x\u{1b}[2J\n1  settled\u{202e}".to_owned();
    recorder.note(1, 3, Change::Ran { result: Ok(Status::Skip), reason });
    recorder.note(1, 3, Change::Expired);
    recorder.stop();
    home
}

#[test]
fn without_a_record_it_says_who_makes_one() {
    let home = Home::new();
    for verb in [&["job", "runs", "1", "--json"][..], &["job", "watch", "1", "--json"]] {
        let said = home.keeper(verb);
        said.failed(4, &["runs.sqlite", "keeper join", "--datadir"]);
        assert_eq!(said.json()["error"]["exit"], 4);
    }
}

#[test]
fn runs_are_listed_the_last_due_first() {
    let home = recorded();
    let text = home.keeper(&["job", "runs", "1"]).succeeded().stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("due ") && lines[0].ends_with("delivered"), "{text}");
    assert!(lines[1].starts_with("2023-11-14T22:13:50Z  3") && lines[1].contains("expired"), "{text}");
    assert!(lines[2].contains("settled") && lines[2].contains("this keeper") && lines[2].ends_with("yes"), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[2J"), "{text}");

    let document = home.keeper(&["job", "runs", "1", "--limit", "2", "--json"]).succeeded().json();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| run["run"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 2]);
    assert_eq!((&document["job_id"], &document["operator"]), (&1.into(), &ME.to_string().into()));
    let missed = home.keeper(&["job", "runs", "1", "--missed", "--json"]).succeeded().json();
    assert_eq!(missed["runs"].as_array().unwrap().len(), 1);
    assert_eq!(missed["runs"][0]["reason"], "x\u{1b}[2J\n1  settled\u{202e}");
    let none = home.keeper(&["job", "runs", "2"]).succeeded().stdout;
    assert!(none.contains("no run of job 2 is recorded in") && none.contains("runs.sqlite"), "{none}");
    home.keeper(&["job", "runs", "1", "--limit", "0"]).failed(2, &["--limit"]);
}

#[test]
fn runs_are_listed_beside_a_keeper_that_writes() {
    let home = Home::new();
    let recorder = Recorder::on(&home);
    recorder.due(1, 5);
    let begun = Instant::now();
    loop {
        let said = home.keeper(&["job", "runs", "1", "--json"]);
        if said.code == 0 && said.json()["runs"][0]["run"] == 5 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{said:?}");
    }
    recorder.stop();
}

#[test]
fn files_that_cannot_be_read_are_named_with_their_mend() {
    let home = recorded();
    std::fs::write(file(&home), b"this is no database, whatever its name says").unwrap();
    home.keeper(&["job", "runs", "1"]).failed(8, &["runs.sqlite", "damaged", "sets it aside"]);
    let home = Home::new();
    std::fs::create_dir_all(file(&home)).unwrap();
    home.keeper(&["job", "runs", "1"]).failed(1, &["runs.sqlite", "mend it"]);
}

/// `keeper job watch` of a home, and the lines it says.
struct Watch {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watch {
    fn of(home: &Home, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keeper"))
            .args(["job", "watch", "1", "--datadir"])
            .arg(home.data())
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::sync_channel(100);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another line")
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    /// It would outlive a test that failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn whoever_watches_sees_each_change_and_ends_with_ctrl_c() {
    let home = recorded();
    let watch = Watch::of(&home, &[]);
    assert!(watch.next().starts_with("due "), "the head comes at once");
    let recorder = Recorder::on(&home);
    recorder.due(2, 9);
    recorder.due(1, 9);
    let line = watch.next();
    assert!(line.starts_with("2023-11-14T22:14:50Z  9"), "{line}");
    recorder.settled(1, 9);
    let line = watch.next();
    assert!(line.contains("settled") && line.ends_with("yes"), "{line}");
    recorder.stop();
    assert_eq!(watch.interrupt(), Some(0));
}

#[test]
fn a_watch_in_json_is_a_document_a_line_and_outlives_the_file() {
    let home = recorded();
    let watch = Watch::of(&home, &["--json"]);
    let recorder = Recorder::on(&home);
    // It may have begun to look only after the first of them.
    let begun = Instant::now();
    let mut run = 10;
    let line = loop {
        recorder.due(1, run);
        if let Ok(line) = watch.lines.recv_timeout(Duration::from_millis(300)) {
            break line;
        }
        assert!(begun.elapsed() < PATIENCE, "no line");
        run += 1;
    };
    let document: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&document["schema"], &document["job_id"], &document["state"]),
        (&1.into(), &1.into(), &"unknown".into())
    );
    recorder.stop();
    std::fs::remove_file(file(&home)).unwrap();
    let recorder = Recorder::on(&home);
    recorder.settled(1, 1_000);
    let settled = std::iter::from_fn(|| Some(watch.next()))
        .map(|line| serde_json::from_str::<Value>(&line).unwrap())
        .find(|document| document["run"] == 1_000);
    assert_eq!(settled.unwrap()["state"], "settled");
    recorder.stop();
    assert_eq!(watch.interrupt(), Some(0));
}
