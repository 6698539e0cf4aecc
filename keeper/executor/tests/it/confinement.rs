//! What a worker can do: looked at from outside, in /proc.

use executor::{Ended, Limits, Role};

use crate::support::{Bench, ECHO, PreparedChain, lives, proc_file, until};

#[tokio::test]
async fn a_worker_has_nothing_of_its_keepers() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let confinement = bench.executor.check().await.expect("a worker");
    assert!(confinement.limits);
    let [worker] = bench.processes(Role::Run)[..] else { panic!("one worker") };
    assert_eq!(proc_file(worker, "environ"), "", "no variable");
    let link = |file: &str| std::fs::read_link(format!("/proc/{worker}/{file}")).expect("a link");
    assert_eq!(link("cwd").to_str(), Some("/"));
    let open = std::fs::read_dir(format!("/proc/{worker}/fd")).expect("listed").flatten();
    let open: Vec<_> = open.map(|entry| std::fs::read_link(entry.path()).expect("a link")).collect();
    assert!(open.len() <= 5, "three pipes and two copies: {open:?}");
    assert!(open.iter().all(|target| target.to_string_lossy().starts_with("pipe:")), "{open:?}");
    let status = proc_file(worker, "status");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.rsplit('\t').next().unwrap_or_default().trim().to_owned()
    };
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Seccomp:"), if confinement.seccomp { "2" } else { "0" });
    let limits = proc_file(worker, "limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).expect("named").trim_start_matches(name);
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    for (name, most) in [
        ("Max open files", 16),
        ("Max core file size", 0),
        ("Max file size", 0),
        ("Max data size", 384 << 20),
        ("Max address space", 4096 << 20),
    ] {
        assert_eq!(limit(name), vec![u64::to_string(&most); 2], "{name}");
    }
    let stat = proc_file(worker, "stat");
    let stat: Vec<&str> = stat.rsplit_once(") ").expect("a status").1.split_whitespace().collect();
    assert_eq!(stat[2], worker.to_string(), "a group of its own");
    let ours = std::fs::read_to_string("/proc/self/stat").expect("readable");
    let ours: i32 =
        ours.rsplit_once(") ").expect("a status").1.split_whitespace().nth(16).expect("nice").parse().expect("nice");
    assert!(stat[16].parse::<i32>().expect("nice") > ours, "after its keeper");
}

#[tokio::test]
async fn workers_end_with_their_executor() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    assert_eq!(bench.run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
    let workers: Vec<u32> = bench.executor.worker_processes().into_keys().collect();
    assert!(!workers.is_empty());
    drop(bench);
    until("the end of the workers", || workers.iter().all(|worker| !lives(*worker))).await;
}

/// Started by the next test as its keeper: runs a job that waits, and says which workers it has.
#[tokio::test]
#[ignore = "a part of the next test"]
#[expect(clippy::print_stdout, reason = "the next test reads it")]
async fn a_keeper_to_kill() {
    let bench = Bench::new(Limits::default(), std::sync::Arc::new(crate::support::SilentChain));
    let run = bench.run(crate::support::BALANCE);
    let told = async {
        until("a worker at work", || {
            bench.processes(Role::Run).len() == 1 && bench.executor.counts().compilations == 1
        })
        .await;
        println!("\nworkers {:?} end", bench.processes(Role::Run));
        std::future::pending::<()>().await;
    };
    tokio::join!(run, told);
}

#[tokio::test]
async fn a_killed_keeper_leaves_no_worker_behind() {
    use std::io::{BufRead, BufReader};
    let mut keeper = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture", "confinement::a_keeper_to_kill"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    let lines = BufReader::new(keeper.stdout.take().expect("a pipe")).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("workers ["));
    let line = line.expect("it says which workers it has");
    let workers: Vec<u32> = line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    // A frozen worker does not notice the end of its input.
    for worker in &workers {
        let stop = nix::sys::signal::Signal::SIGSTOP;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw((*worker).cast_signed()), stop).expect("it lives");
    }
    keeper.kill().expect("killed");
    keeper.wait().expect("reaped");
    assert_eq!(workers.len(), 1);
    until("the end of the workers", || workers.iter().all(|worker| !lives(*worker))).await;
}
