//! Carrying out orders: each goes to the part it is for; what takes time goes off the loop.

use std::sync::Arc;

use alloy::primitives::Address;
use alloy::providers::Provider;
use consensus::anchor::BlockRef;
use consensus::effect::{JournalAnswer, PersistToken, Settlement};
use consensus::fault::Verdict;
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::task::{JobId, Task};
use tokio::task::AbortHandle;

use super::event::{Event, RequestTag};
use super::note::Note;
use super::order::Order;
use super::readings::{Readings, Wallet};
use super::services::Services;
use super::{Driver, Protection, Stopped, now};
use crate::chain::fees::Policy;
use crate::chain::{self, ChainError, ChainProvider, Settled, convert};
use crate::jobs::Plan;
use crate::jobs::action::{Finding, Part, Work};
use crate::jobs::probe::{Question, probe};
use crate::jobs::search::{Stretch, search};
use crate::journal::{Answer, Record};
use crate::metrics::Metrics;
use crate::topics;

impl Driver {
    /// # Errors
    /// [`Stopped`]: an order to stop, or a part that is gone.
    pub(super) async fn carry_out(&mut self, order: Order) -> Result<(), Stopped> {
        match order {
            Order::Run { due, attempt, anchor, plan, sighting, ask, part } => {
                self.begin(attempt, Work { due, anchor, plan, sighting, ask, is_late: attempt > 0, part });
            }
            Order::Abandon { task, attempt, anchor } => {
                if let Some(run) = self.runs.remove(&(task, attempt, anchor)) {
                    run.abort();
                }
            }
            Order::Persist { token, group } => self.persist(token, group),
            Order::Recall { group, listening } => self.recall(group, listening),
            Order::Learn { group } => {
                let journal = self.services.journal.clone();
                self.spawn(async move {
                    let safe = matches!(journal.record(group).await, Ok(Answer::Recorded));
                    Some(Event::Learnt { safe })
                });
            }
            Order::Publish { channel, bytes } => self.publish(channel, bytes).await,
            Order::Judge { message, verdict } => self.judge(message, verdict).await,
            Order::Fault { peer, reason } => {
                self.services.mesh.fault(p2p::peer_id_from_public_key(&peer.0), reason.name()).await;
            }
            Order::Ask { peer, bytes } => {
                self.ask(peer, p2p::Protocol::Want, bytes, |from, bytes| Event::Answered { from, bytes });
            }
            Order::AskStatus { peer } => {
                self.ask(peer, p2p::Protocol::Status, Vec::new(), |from, bytes| Event::Status { from, bytes });
            }
            Order::Respond { request, bytes } => self.respond(request, bytes).await,
            Order::Submit { settlement, unpaid } => self.submit(&settlement, unpaid),
            Order::Accuse(accusation) => {
                let services = self.services.clone();
                self.spawn(async move {
                    let result = services.submitter.accuse(&services.rpc, &accusation).await;
                    Some(Event::Accused { key: accusation.key, result })
                });
            }
            Order::Rerun { dispute, report, plan } => self.rerun(dispute, *report, plan),
            Order::Rule(ruling) => self.rule(&ruling),
            Order::Enforce { dispute } => self.enforce(dispute),
            Order::Prepare { job, plan } => self.prepare(job, plan),
            Order::Search(stretch) => self.search(stretch),
            Order::Probe { block, questions } => self.probe(block, questions),
            Order::Admit(keys) => self.services.mesh.admit(keys).await,
            Order::OfferSnapshot => self.offer_snapshot(),
            Order::LookAgain { job } => self.look_again(job),
            Order::KeepEvidence(bytes) => self.services.evidence.keep(bytes),
            Order::ForgetEvidence(key) => self.services.evidence.forget(key),
            Order::LoadEvidence => self.load_evidence(),
            Order::Explain { task, settled } => self.explain(task, *settled),
            Order::Measure => self.measure(),
            Order::Look { peers_head } => self.look(peers_head)?,
            Order::Show => self.show(),
            Order::Note(note) => self.tell(&note),
            Order::Archive(entry) => {
                self.services.scene.entry(&entry);
                self.services.archive.note(entry);
            }
            Order::Witness(sight) => self.services.scene.sight(sight),
            Order::Stop(why) => return Err(Stopped::Protection(Protection(why))),
        }
        Ok(())
    }

    fn offer_snapshot(&self) {
        let submitter = self.services.submitter.clone();
        self.spawn(async move { Some(Event::Offered(submitter.submit_snapshot().await)) });
    }

    fn look_again(&self, job: JobId) {
        let submitter = self.services.submitter.clone();
        self.spawn(async move {
            submitter.look_again(job.0).await;
            Some(Event::LookedAgain)
        });
    }

    fn begin(&mut self, attempt: u8, work: Work) {
        let actions = self.services.actions.clone();
        let (task, place) = (work.due.task, work.part.place(&work.anchor));
        let run = self.spawn(async move {
            if matches!(work.part, Part::Observe) {
                let (result, reason) = actions.observe(&work).await;
                return Some(Event::Observed { task, attempt, anchor: place, result, reason });
            }
            let Finding { result, reason, took } = actions.run(&work).await;
            Some(match work.part {
                Part::Decide(_) => Event::Decided { task, attempt, inputs: place, result, reason },
                Part::Run | Part::Observe => Event::Executed { task, attempt, anchor: place, result, reason, took },
            })
        });
        self.runs.insert((task, attempt, place), run);
    }

    fn search(&self, stretch: Stretch) {
        let rpc = self.services.rpc.clone();
        self.spawn(async move {
            let result = search(&rpc, &stretch).await.map_err(|error| error.to_string());
            Some(Event::Searched { number: stretch.number, result })
        });
    }

    fn probe(&self, block: BlockRef, questions: Arc<[Question]>) {
        let provider = self.services.provider.clone();
        self.spawn(async move {
            let result = probe(&provider, &block, &questions).await.map_err(|error| error.to_string());
            Some(Event::Probed { block, result })
        });
    }

    /// Does work off the loop; what comes of it comes back as an event.
    pub(super) fn spawn(&self, work: impl Future<Output = Option<Event>> + Send + 'static) -> AbortHandle {
        let done = self.done.clone();
        let spawned = tokio::spawn(async move {
            if let Some(event) = work.await {
                let _ = done.send(event).await;
            }
        });
        spawned.abort_handle()
    }

    /// Counts what is worth a number, and logs what is worth a line.
    fn tell(&mut self, note: &Note) {
        note.count(&self.metrics);
        let now = now();
        for (kind, lines) in self.hush.left_out(now) {
            tracing::warn!(
                kind,
                lines,
                "log lines like those of the minute before were left out; the metrics count all"
            );
        }
        if note.subject().is_none_or(|(kind, job)| self.hush.lets(kind, job, now)) {
            note.log();
        }
    }

    fn persist(&self, token: PersistToken, group: Vec<Record>) {
        let (journal, metrics) = (self.services.journal.clone(), self.metrics.clone());
        let hush = self.hush.clone();
        self.spawn(async move {
            let answer = journal.record(group).await;
            match &answer {
                Ok(Answer::Recorded) => {}
                Ok(Answer::Refused(refusals)) => {
                    for refusal in refusals {
                        let label = refusal.reason.label();
                        metrics.journal_refusals.inc([label]);
                        if hush.lets(label, 0, now()) {
                            tracing::error!(reason = ?refusal.reason, "the journal refuses a report: it is not signed");
                        }
                    }
                }
                Err(error) => {
                    metrics.journal_refusals.inc(["failed"]);
                    if hush.lets("not_recorded", 0, now()) {
                        tracing::error!(%error, "nothing is signed");
                    }
                }
            }
            let answer = answer.map_or(JournalAnswer::Failed, JournalAnswer::from);
            Some(Event::Persisted { token, answer })
        });
    }

    /// A journal that is gone knows nothing more, and nothing is signed without it: no reason to accuse anybody.
    fn recall(&self, group: Vec<Record>, listening: bool) {
        let journal = self.services.journal.clone();
        self.spawn(async move {
            let known = journal.knows(group.clone()).await.unwrap_or(true);
            Some(Event::Recalled { group, listening, known })
        });
    }

    async fn publish(&mut self, channel: Channel, bytes: Vec<u8>) {
        self.voices.said(channel, &bytes, now());
        if let Err(error) = self.services.mesh.publish(topics::topic(channel), bytes).await
            && self.hush.lets("not_published", 0, now())
        {
            tracing::warn!(%error, ?channel, "could not publish: peers will ask for it");
        }
    }

    async fn judge(&mut self, message: MessageTag, verdict: Verdict) {
        self.voices.judged(message.0, verdict == Verdict::Accept, now());
        if let Some(message) = self.messages.take(message.0) {
            let verdict = match verdict {
                Verdict::Accept => p2p::Verdict::Accept,
                Verdict::Ignore(_) => p2p::Verdict::Ignore,
                Verdict::Reject(_) => p2p::Verdict::Reject,
            };
            self.services.mesh.judge(message, verdict).await;
        }
    }

    async fn respond(&mut self, request: RequestTag, bytes: Vec<u8>) {
        if let Some(request) = self.questions.take(request.0)
            && let Err(error) = self.services.mesh.respond(request, bytes).await
        {
            tracing::debug!(%error, "could not answer a peer");
        }
    }

    fn submit(&self, settlement: &Settlement, unpaid: Vec<usize>) {
        let batch = convert::settlement(settlement, unpaid);
        let (submitter, key) = (self.services.submitter.clone(), settlement.key);
        self.spawn(async move { Some(Event::Submitted { key, result: submitter.submit(batch).await }) });
    }

    /// The executor says at once if it has the code already, and for a while what was wrong with it last.
    fn prepare(&self, job: JobId, plan: Plan) {
        let actions = self.services.actions.clone();
        self.spawn(async move {
            let result = actions.prepare(&plan).await;
            Some(Event::Prepared { job, code: plan.terms.action.code_hash(), result })
        });
    }

    fn load_evidence(&self) {
        let evidence = self.services.evidence.clone();
        self.spawn(async move { Some(Event::Evidence(evidence.load().await)) });
    }

    fn explain(&self, task: Task, settled: Settled) {
        let (provider, contracts) = (self.services.provider.clone(), *self.services.submitter.contracts());
        self.spawn(async move {
            let why = chain::why_undelivered(&provider, &contracts, &settled).await;
            let why = why.inspect_err(|error| tracing::debug!(%error, "could not look why a callback failed"));
            Some(Event::Explained { task, why: why.ok()? })
        });
    }

    /// Reads the wallet, the failures of RPC nodes, and what the executor has done.
    fn measure(&self) {
        self.metrics.nodes.follow(&self.services.rpc.counts());
        self.metrics.cell.follow(&self.services.actions.executor.counts());
        let (provider, metrics) = (self.services.provider.clone(), self.metrics.clone());
        let account = self.services.submitter.account();
        self.spawn(async move { weigh_wallet(&provider, account, &metrics).await.map(Event::Measured) });
    }

    /// Reads how the parts stand; nothing of it waits.
    ///
    /// # Errors
    /// [`Stopped`]: one of them is no more.
    fn look(&mut self, peers_head: Option<u64>) -> Result<(), Stopped> {
        self.tell_voices(now());
        let Services { journal, submitter, evidence, .. } = &self.services;
        let parts = [
            ("the journal", journal.is_closed()),
            ("the sender of transactions", submitter.is_closed()),
            ("the keeper of evidence", evidence.is_closed()),
        ];
        if let Some((part, _)) = parts.into_iter().find(|(_, is_closed)| *is_closed) {
            return Err(Stopped::part(part));
        }
        self.services.rpc.note_peers_head(peers_head);
        let readings = Readings {
            nodes: self.services.rpc.nodes(),
            account: self.services.submitter.standing(),
            journal: self.services.journal.trouble(),
            journal_watermark: self.services.journal.watermark(),
            archive: self.services.archive.trouble(),
            history: self.services.history.borrow().clone(),
            records_lost: self.services.archive.lost(),
            overflow: self.services.mesh.overflow(),
            runs_unserved: self.services.actions.executor.counts().runs_unserved,
        };
        self.spawn(async move { Some(Event::Looked(Box::new(readings))) });
        Ok(())
    }
}

/// What is left for gas, and what gas costs: what this keeper would offer now, for not every node says what it thinks of a price.
/// A node that does not say leaves the last word standing.
async fn weigh_wallet(provider: &ChainProvider, account: Address, metrics: &Metrics) -> Option<Wallet> {
    let balance = async { Ok::<_, ChainError>(provider.get_balance(account).await?) };
    match tokio::try_join!(balance, chain::market(provider)) {
        Ok((wei, market)) => {
            metrics.wallet_balance.set(f64::from(wei));
            let tip = Policy::default().first(market).map_or(0, |fees| fees.tip);
            Some(Wallet { balance: wei.saturating_to(), gas_price: market.base_fee.saturating_add(tip) })
        }
        Err(error) => {
            tracing::debug!(%error, "could not read the wallet's balance");
            None
        }
    }
}

#[cfg(test)]
mod tests;
