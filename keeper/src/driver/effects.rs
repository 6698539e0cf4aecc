//! Carrying out effects: each goes to the part it is for; what takes time goes off the loop.

use consensus::codec;
use consensus::committee::PeerKey;
use consensus::effect::{PersistToken, Settlement, SignRecord, Step};
use consensus::fault::Fault;
use consensus::message::Channel;
use consensus::task::{JobId, Task};
use consensus::{Effect, Input};

use super::{Done, Driver, now, run};
use crate::chain::{SettlementResult, convert};
use crate::journal::{Outcome, Record};

impl Driver {
    pub(super) async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Execute { due, attempt, anchor } => self.execute(due, attempt, anchor),
            Effect::Persist { token, records } => self.persist(token, &records),
            Effect::Broadcast { channel, bytes } => self.broadcast(channel, bytes).await,
            Effect::Judge { message, verdict } => self.judge(message, verdict).await,
            Effect::Ask { peer, bytes } => self.ask(peer, bytes),
            Effect::Submit(settlement) => self.submit(&settlement),
            Effect::Report(task, step) => self.report(task, step),
            Effect::Assigned { window, stage } => {
                self.metrics.leader_turns.inc([if stage == 0 { "led" } else { "takeover" }]);
                tracing::debug!(window, stage, "assigned tasks");
            }
            Effect::Blame(Fault::Equivocation(keeper)) => {
                tracing::error!(keeper = keeper.0, "a keeper signed two different findings on one batch");
            }
            Effect::Keep(evidence) => {
                tracing::error!(anchor = evidence.anchor_number(), "kept a proof of equivocation");
                self.services.evidence.keep(&codec::encode(&*evidence));
                self.accuse(&evidence);
            }
            Effect::Recall { records, listening } => self.recall(&records, listening),
            Effect::Blame(Fault::ConflictingAssignment(keeper)) => {
                tracing::warn!(keeper = keeper.0, "a leader sent two different assignments with one number");
            }
        }
    }

    fn execute(&mut self, due: consensus::task::DueTask, attempt: u8, anchor: consensus::anchor::BlockRef) {
        let Some(job) = self.book.job(due.task.job.0) else {
            return;
        };
        let work = run::Work { due, attempt, anchor, params: job.params.clone(), chain_id: self.about.chain_id };
        let (services, done) = (self.services.clone(), self.done.clone());
        tokio::spawn(async move {
            let executed = run::run(&services, work).await;
            let _ = done.send(executed).await;
        });
    }

    fn persist(&self, token: PersistToken, records: &[SignRecord]) {
        let group: Vec<Record> = records.iter().map(record).collect();
        let (journal, done, metrics) = (self.services.journal.clone(), self.done.clone(), self.metrics.clone());
        tokio::spawn(async move {
            let safe = match journal.record(group).await {
                Ok(Outcome::Recorded) => true,
                Ok(Outcome::Refused(refusals)) => {
                    for refusal in refusals {
                        metrics.journal_refusals.inc([refusal.reason.label()]);
                        tracing::error!(reason = ?refusal.reason, "the journal refuses a report: it is not signed");
                    }
                    false
                }
                Err(error) => {
                    metrics.journal_refusals.inc(["failed"]);
                    tracing::error!(%error, "nothing is signed");
                    false
                }
            };
            let _ = done.send(Done::Persisted { token, safe }).await;
        });
    }

    /// A signature of this very key turned up: the journal must know it. While nothing has been signed since the start
    /// it may be learnt from the mesh; afterwards, somebody else is signing.
    fn recall(&self, records: &[SignRecord], listening: bool) {
        if cfg!(feature = "equivocate") {
            return; // it knows whose signature that is
        }
        let group: Vec<Record> = records.iter().map(record).collect();
        let (journal, done) = (self.services.journal.clone(), self.done.clone());
        tokio::spawn(async move {
            if journal.knows(group.clone()).await.unwrap_or(true) {
                return;
            }
            let learnt = listening && matches!(journal.record(group).await, Ok(Outcome::Recorded));
            if learnt {
                tracing::warn!("learnt from the mesh what this key signed before; the journal lacked it");
            } else {
                let why = "the mesh holds a signature of this key that this keeper never made: another process runs \
                           with the same key, or this data directory is an old copy. Stop the other one, and start this \
                           one only with the journal of the one that signed last";
                let _ = done.send(Done::Protect(why.to_owned())).await;
            }
        });
    }

    /// Hands the proofs on disk to the engine, once it knows the committees to check them against: those come before the
    /// first head.
    pub(super) async fn load_evidence(&mut self) {
        if std::mem::replace(&mut self.evidence_loaded, true) {
            return;
        }
        for bytes in self.services.evidence.load() {
            for effect in self.engine.handle(Input::Kept(bytes), now()) {
                match effect {
                    Effect::Keep(evidence) => self.accuse(&evidence),
                    effect => Box::pin(self.carry_out(effect)).await,
                }
            }
        }
    }

    async fn broadcast(&mut self, channel: Channel, bytes: Vec<u8>) {
        let topic = match channel {
            Channel::Assignments => p2p::Topic::Assignments,
            Channel::Partials => {
                self.metrics.partials.inc(["sent", "signed"]);
                p2p::Topic::Partials
            }
            Channel::Certificates => p2p::Topic::Certificates,
            Channel::Evidence => p2p::Topic::Evidence,
        };
        #[cfg(feature = "equivocate")]
        let sent = bytes.clone();
        if let Err(error) = self.services.mesh.publish(topic, bytes).await {
            tracing::warn!(%error, ?channel, "could not publish: peers will ask for it");
        }
        #[cfg(feature = "equivocate")]
        if channel == Channel::Partials {
            self.say_otherwise(&sent).await;
        }
    }

    /// Asks the named peer, or the next member of the committee in turn.
    fn ask(&mut self, peer: Option<PeerKey>, bytes: Vec<u8>) {
        let peer = peer.or_else(|| {
            let members: Vec<PeerKey> =
                self.peers.iter().copied().filter(|&peer| self.engine.is_member(peer)).collect();
            self.asked = self.asked.wrapping_add(1);
            members.get(self.asked % members.len().max(1)).copied()
        });
        let Some((from, id)) = peer.map(|key| (key, p2p::peer_id_from_public_key(&key.0))) else {
            return;
        };
        let (mesh, done) = (self.services.mesh.clone(), self.done.clone());
        tokio::spawn(async move {
            match mesh.request(id, p2p::Protocol::Want, bytes).await {
                Ok(bytes) => {
                    let _ = done.send(Done::Answered { from, bytes }).await;
                }
                Err(error) => tracing::debug!(%error, "a peer did not answer"),
            }
        });
    }

    fn submit(&mut self, settlement: &Settlement) {
        let gas = |job: JobId| self.book.job(job.0).map(|job| job.params.callbackGas.into()).unwrap_or_default();
        let code_hash = |job: JobId| self.book.job(job.0).map(|job| job.params.codeHash).unwrap_or_default();
        let batch = convert::settlement(settlement, gas, code_hash);
        self.metrics.certificates.inc(["submitted"]);
        let (submitter, done, key) = (self.services.submitter.clone(), self.done.clone(), settlement.key);
        tokio::spawn(async move {
            let result: SettlementResult = submitter.submit(batch).await;
            let _ = done.send(Done::Submitted { key, result }).await;
        });
    }

    fn report(&mut self, task: Task, step: Step) {
        let at = now();
        self.runs.note_step(&task, step, at);
        let due = self.runs.due(&task);
        let late = |due: u64| at.0.saturating_sub(due * 1000) as f64 / 1000.0;
        match step {
            Step::Certified => {
                self.metrics.certificates.inc(["formed"]);
                due.into_iter().for_each(|due| self.metrics.certificate_duration.observe(late(due)));
            }
            Step::Settled => {
                self.metrics.tasks.inc([self.runs.result(&task)]);
                due.into_iter().for_each(|due| self.metrics.settled_duration.observe(late(due)));
            }
            Step::Expired => {
                self.metrics.tasks.inc(["expired"]);
                tracing::warn!(job = task.job.0, "a task's deadline passed without a settlement");
            }
            Step::Abstained(reason) => {
                self.metrics.tasks.inc(["abstained"]);
                tracing::warn!(job = task.job.0, reason = reason.name(), "nothing to sign for a task");
            }
            Step::Started { .. } | Step::Executed | Step::Reopened => {}
        }
    }
}

fn record(record: &SignRecord) -> Record {
    Record {
        task_id: record.task.0,
        anchor_number: record.anchor_number,
        anchor_hash: record.anchor_hash,
        input_hash: record.input_set,
        digest: record.report,
    }
}
