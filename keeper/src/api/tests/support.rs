//! An API that runs, and what it is asked with.

use std::net::SocketAddr;
use std::sync::Arc;

use consensus::report::Domain;
use consensus::task::{InstanceKey, JobId, Task};
use consensus::time::Time;
use p2p::Registry;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{Purse, Sources, bind, router, serve};
use crate::archive::{Change, Entry};
use crate::metrics::Liveness;
use crate::scene::Scene;
use crate::view::{JobView, MemberView, RunView, TurnView, View};

/// A running API; it stops when the token is cancelled.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) scene: Scene,
    pub(super) view: watch::Sender<Arc<View>>,
    /// The folder that its record of runs would be in.
    pub(super) folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// An API that shows `view`.
pub(super) async fn running(view: View) -> Running {
    let (view, seen) = watch::channel(Arc::new(view));
    let listener = bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let scene =
        Scene::register(&mut Registry::default(), Domain { chain_id: 31_337, task_manager: Default::default() });
    let folder = tempfile::tempdir().unwrap();
    let (mesh, _events, service) = p2p::build(lonely(), &p2p::Identity::generate(), &mut Registry::default()).unwrap();
    tokio::spawn(service.run(shutdown.clone()));
    let archive = folder.path().join("runs.sqlite");
    let (liveness, purse) = (Liveness::new(), Purse::default());
    let sources = Sources { view: seen, liveness, mesh, scene: scene.clone(), archive, purse };
    let stop = shutdown.clone();
    tokio::spawn(async move { serve(listener, router(sources), stop).await.unwrap() });
    Running { address, shutdown, scene, view, folder }
}

/// A mesh of one.
fn lonely() -> p2p::Config {
    p2p::Config { listen: Vec::new(), ..p2p::Config::default() }
}

/// A keeper with a job, two runs, and itself in the committee.
pub(super) fn sample() -> View {
    let operator = "0x00000000000000000000000000000000000000Aa".to_owned();
    let mut view = View { operator: operator.clone(), peers: 4, window: 9, time_ms: 18_500, ..View::default() };
    view.set_check("mesh", true, "4 peers");
    view.turns.push(TurnView { window: 9, begins_ms: 18_000, ends_ms: 20_000, line: vec![operator.clone()] });
    view.members.push(MemberView { operator, stake: "5".into(), ..MemberView::default() });
    view.jobs.push(JobView { id: 7, status: "active".into(), ..JobView::default() });
    for run in [2, 1] {
        view.runs.push_back(RunView { job_id: 7, run, key: format!("7.1.{run}"), ..RunView::default() });
    }
    view
}

/// A run of a job.
pub(super) fn task(job: u64, run: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) }
}

/// It is due.
pub(super) fn due(job: u64, run: u64) -> Entry {
    Entry { task: task(job, run), at: Time(18_600), change: Change::Due { due: 18 } }
}

pub(super) async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// What a stream says until it has said `wanted`, and the line that is in.
pub(super) async fn said(stream: &mut TcpStream, wanted: &str) -> String {
    let mut all = String::new();
    let mut piece = [0; 4_096];
    while all.split_once(wanted).is_none_or(|(_, rest)| !rest.contains("\n\n")) {
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "it ended without {wanted:?}: {all}");
        all.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    all
}
