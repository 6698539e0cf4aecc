//! What no event brings: telling the engine of the tasks ahead, fetching code before it is needed, offering epoch
//! snapshots, and showing the keeper's state.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::session::Abstention;
use consensus::task::{JobId, Outcome, Task};
use consensus::{Input, time::Time};

use super::{Done, Driver, WINDOWS_AHEAD, now};
use crate::jobs::{Activity, Job};
use crate::view::{EpochView, HeadView, JobView, NetworkView, View};

/// A head older than this many block times, and at least 10 s, means the chain node is behind.
const STALE_BLOCKS: u64 = 10;
const STALE_SECONDS_MIN: u64 = 10;

/// What a keeper says that sees another operator set than the rest of the mesh.
const DISPUTED: &str = "most keepers see another operator set than this one's chain node shows: nothing is signed until \
                        they agree; check rpc_urls";

/// What is wrong with a job whose trigger or action this program does not know.
const UNKNOWN_KIND: &str = "unknown_kind: this keeper does not know the job's trigger or action: update it";

/// What the checks of the view are made from.
#[derive(Debug, Default)]
pub(super) struct Health {
    chain: Option<(bool, String)>,
    listeners: Vec<String>,
    /// Jobs whose code was asked for, with what is wrong with it, if anything.
    codes: BTreeMap<u64, Result<(), String>>,
    members_seen: usize,
}

impl Health {
    pub(super) fn note_chain(&mut self, ok: bool, why: String) {
        self.chain = Some((ok, why));
    }

    pub(super) fn note_listener(&mut self, address: String) {
        if !self.listeners.contains(&address) {
            self.listeners.push(address);
        }
    }

    pub(super) fn note_code(&mut self, job: u64, result: Result<(), String>) {
        if let Err(why) = &result
            && self.codes.get(&job) != Some(&result)
        {
            tracing::warn!(job, why, "a job's code is not ready");
        }
        self.codes.insert(job, result);
    }
}

impl Driver {
    pub(super) async fn keep_house(&mut self) {
        self.tell_due().await;
        self.prepare_code();
        self.offer_snapshot();
        self.show();
    }

    /// Tells the engine of the tasks of the windows ahead, and of those not too old to be tried still.
    async fn tell_due(&mut self) {
        if self.engine.head().is_none() {
            return;
        }
        let pace = self.about.pace;
        let seconds = now().0 / 1000;
        let from = seconds.saturating_sub(pace.attempt_due(0, consensus::message::ATTEMPTS_MAX));
        let to = seconds + WINDOWS_AHEAD * pace.window_seconds();
        for due in self.book.due(from, to, &pace) {
            if self.engine.knows(&due.task) {
                continue;
            }
            self.runs.learn(&due);
            self.feed(Input::Due(due)).await;
            if let Some(settled) = self.settled.get(&due.task).cloned() {
                self.runs.note_settled(&due.task, &settled, false, now());
                self.feed(Input::Settled { task: due.task, block: settled.block }).await;
            }
        }
        for ahead in 0..2 {
            if let Some(view) = self.engine.window(now(), ahead)
                && let Some(leader) = view.order.first().and_then(|&index| view.committee.member(index))
            {
                let start = view.window * pace.window_seconds();
                self.runs.note_leader(start, start + pace.window_seconds(), leader.operator);
            }
        }
    }

    /// Fetches and compiles the code of live jobs ahead of time; the executor says at once if it has it already.
    fn prepare_code(&mut self) {
        let jobs = self.book.jobs().filter(|job| is_live(job, now()));
        for job in jobs {
            let Some(terms) = job.terms().cloned() else {
                self.health.codes.insert(job.id, Err(UNKNOWN_KIND.to_owned()));
                continue;
            };
            if self.services.actions.is_ready(&terms) {
                self.health.codes.insert(job.id, Ok(()));
                continue;
            }
            if !self.preparing.insert(job.id) {
                continue;
            }
            let (actions, done, job) = (self.services.actions.clone(), self.done.clone(), JobId(job.id));
            tokio::spawn(async move {
                let result = actions.prepare(&terms).await;
                // A failure is remembered by the executor with a growing pause; asking again soon costs nothing.
                let _ = done.send(Done::Prepared { job, result }).await;
            });
        }
    }

    /// The leader of a window offers to write the next epoch's table; the submitter looks first whether one is due.
    fn offer_snapshot(&mut self) {
        let Some(view) = self.engine.window(now(), 0) else {
            return;
        };
        let leader = view.order.first().and_then(|&index| view.committee.member(index));
        let mine = leader.is_some_and(|member| member.operator == self.about.operator);
        if !mine || self.snapshot_window == view.window {
            return;
        }
        self.snapshot_window = view.window;
        let (submitter, done) = (self.services.submitter.clone(), self.done.clone());
        tokio::spawn(async move {
            let result = submitter.submit_snapshot().await;
            tracing::debug!(?result, "offered an epoch snapshot");
            let _ = done.send(Done::SnapshotTried).await;
        });
    }

    pub(super) fn note_run(&mut self, task: &Task, result: &Result<Outcome, Abstention>, reason: &str) {
        let outcome = match result {
            Ok(outcome) => ["call", "skip", "job_error"][usize::from(outcome.status as u8).min(2)],
            Err(_) => "abstain",
        };
        self.metrics.executions.inc([outcome]);
        self.runs.note_reason(task, reason);
    }

    fn show(&mut self) {
        let leader = |ahead| {
            let window = self.engine.window(now(), ahead)?;
            window.committee.member(*window.order.first()?).map(|member| member.operator.to_string())
        };
        let (leader, next_leader) = (leader(0).unwrap_or_default(), leader(1).unwrap_or_default());
        let committee = self.engine.committee();
        self.health.members_seen = self.peers.iter().filter(|&&peer| self.engine.is_member(peer)).count();
        let head = self.engine.head();
        let mut view = View {
            peer_id: self.services.mesh.local_peer_id().to_string(),
            operator: self.about.operator.to_string(),
            network: NetworkView { chain_id: self.about.chain_id, domain: self.about.domain.clone() },
            listen: self.health.listeners.clone(),
            peers: self.peers.len(),
            head: head.map(|head| HeadView { number: head.number, timestamp: head.timestamp }).unwrap_or_default(),
            epoch: committee
                .as_ref()
                .map(|(committee, index)| EpochView {
                    number: committee.epoch(),
                    size: committee.size(),
                    index: index.map(|index| index.0),
                })
                .unwrap_or_default(),
            window: now().0 / 1000 / self.about.pace.window_seconds(),
            leader,
            next_leader,
            jobs: self.book.jobs().map(|job| self.job_view(job)).collect(),
            runs: self.runs.views().into(),
            ..View::default()
        };
        self.add_checks(&mut view);
        self.metrics.ready.set(i64::from(view.ready));
        let peers = i64::try_from(self.peers.len()).unwrap_or(i64::MAX);
        self.metrics.peers.get_or_create(&[("state", "connected")]).set(peers);
        let members = i64::try_from(self.health.members_seen).unwrap_or(i64::MAX);
        self.metrics.peers.get_or_create(&[("state", "mesh")]).set(members);
        self.view.send_replace(Arc::new(view));
    }

    fn add_checks(&mut self, view: &mut View) {
        let age = (now().0 / 1000).saturating_sub(view.head.timestamp);
        let stale = (self.about.pace.block_seconds * STALE_BLOCKS).max(STALE_SECONDS_MIN);
        match &self.health.chain {
            Some((true, _)) if age <= stale => view.set_check("chain", true, format!("block {}", view.head.number)),
            Some((true, _)) => view.set_check("chain", false, format!("the newest block is {age} s old")),
            Some((false, why)) => view.set_check("chain", false, why.clone()),
            None => view.set_check("chain", false, "not connected to a chain node yet"),
        }
        let members = self
            .engine
            .committee()
            .map_or(0, |(committee, _)| committee.members().iter().filter(|member| member.stake > 0).count());
        let registered = self.standing().check();
        view.set_check("registered", registered.ok, registered.message);
        let disputed = self.engine.is_set_disputed();
        if disputed {
            view.set_check("set", false, DISPUTED);
        }
        if std::mem::replace(&mut self.disputed, disputed) != disputed {
            if disputed {
                tracing::error!("{DISPUTED}");
            } else {
                tracing::info!("most keepers see the operator set that this one's chain node shows: it signs again");
            }
        }
        let alone = members <= 1 || view.peers > 0;
        let seen = self.health.members_seen;
        let others = members.saturating_sub(1);
        let message = format!("{} peers, {seen} of {others} other keepers connected", view.peers);
        view.set_check("mesh", alone && seen * 2 >= others, message);
    }

    fn job_view(&self, job: &Job) -> JobView {
        let state = job.state();
        let trigger = state.plan.as_ref().map(|plan| plan.trigger);
        let code = self.health.codes.get(&job.id);
        let seconds = now().0 / 1000;
        let next = trigger.and_then(|trigger| trigger.runs(seconds, u64::MAX).next());
        JobView {
            id: job.id,
            version: state.version,
            trigger: trigger.map(|trigger| trigger.to_string()).unwrap_or_default(),
            action: job.terms().map(|terms| terms.action.name().to_owned()).unwrap_or_default(),
            status: match state.activity {
                Activity::Active => "active",
                Activity::PausedFrom(_) => "paused",
                Activity::CancelledFrom(_) => "cancelled",
            }
            .to_owned(),
            next_due: next.filter(|_| is_live(job, now())).map(|run| run.due),
            last_result: self.runs.last_result(job.id).map(|run| run.state.clone()).unwrap_or_default(),
            ready: matches!(code, Some(Ok(()))),
            reason: match code {
                Some(Ok(())) => String::new(),
                Some(Err(why)) => why.clone(),
                None => "its code is being fetched".to_owned(),
            },
        }
    }
}

fn is_live(job: &Job, now: Time) -> bool {
    match job.state().activity {
        Activity::Active => true,
        Activity::PausedFrom(end) | Activity::CancelledFrom(end) => now <= Time::from_seconds(end),
    }
}
