//! Hands for the cores: what happens to a keeper goes in, and its orders are carried out in a world of its own.

use alloy::primitives::keccak256;
use consensus::codec;
use consensus::committee::{KeeperIndex, PeerKey};
use consensus::effect::Settlement;
use consensus::evidence::Evidence;
use consensus::fault::{Fault, Reason, Verdict};
use consensus::input::MessageTag;
use consensus::message::{Channel, EVIDENCE_LIMIT, Message};
use consensus::task::Outcome;
use keeper::chain::SettlementResult;
use keeper::driver::{Event, Note, Order};
use keeper::jobs::action::Part;

use super::queue::Happening;
use super::{World, run_of, trace};
use crate::sim::actor::{Audience, Deed, Means};
use crate::sim::keys::DOMAIN;
use crate::sim::plan::Strike;
use crate::sim::plant::Plant;

impl World<'_> {
    /// Hands an event to a keeper's core, and carries out what comes of it.
    pub(super) fn feed(&mut self, keeper: usize, event: Event) {
        let local = self.local(keeper);
        let Some(core) = self.nodes[keeper].core.as_mut() else {
            return;
        };
        let orders = core.on(event, local);
        let (next, sizes) = (core.next_timeout(), core.engine().sizes());
        if self.nodes[keeper].actor.is_none() {
            self.checks.on_sizes(self.elapsed(), keeper, sizes);
        }
        for order in orders {
            trace::note(&mut self.trace, keeper, &order);
            self.narrate(keeper, &order);
            if self.bug == Some(Plant::OrderDropped) && self.random.chance(10) {
                continue;
            }
            let quiet = self.healed && self.plan.quiet;
            let node = &mut self.nodes[keeper];
            match (node.actor.as_mut(), node.core.as_ref()) {
                (Some(actor), Some(core)) if !quiet => {
                    let (keys, keepers, engine) = (&self.keys[keeper], self.keys.len(), core.engine());
                    let (pace, random) = (self.plan.pace, &mut self.random);
                    let mut means = Means { keys, index: keeper, keepers, pace, engine, random };
                    let deeds = actor.on_order(order, &mut means);
                    self.do_deeds(keeper, deeds);
                }
                (Some(_), _) => {}
                (None, _) => self.carry_out(keeper, order),
            }
        }
        if let Some(next) = next {
            // The core asks in its own time.
            let wait = next.0.saturating_sub(local.0);
            let at = self.now + wait;
            if self.nodes[keeper].wake.is_none_or(|wake| at < wake) {
                self.nodes[keeper].wake = Some(at);
                let life = self.nodes[keeper].life;
                self.after(wait, Happening::Wake { keeper, life });
            }
        }
    }

    pub(super) fn do_deeds(&mut self, keeper: usize, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Carry(order) => self.carry_out(keeper, *order),
                Deed::Send { channel, bytes, to, after: 0 } => self.send_to_all(keeper, channel, &bytes.into(), to),
                Deed::Send { channel, bytes, to, after } => {
                    self.after(after, Happening::Say { keeper, channel, bytes: bytes.into(), to });
                }
            }
        }
    }

    /// Work of a keeper that is done after a while, if it still lives.
    pub(super) fn done(&mut self, keeper: usize, delay: u64, event: Event) {
        let life = self.nodes[keeper].life;
        self.after(delay, Happening::Done { keeper, life, event: Box::new(event) });
    }

    fn carry_out(&mut self, keeper: usize, order: Order) {
        match order {
            Order::Run { due, attempt, anchor, sighting, part, .. } => match part {
                Part::Run => self.run_task(keeper, &due, (attempt, anchor), sighting.as_ref()),
                Part::Observe => self.look_outside(keeper, &due, (attempt, anchor)),
                Part::Decide(inputs) => self.decide(keeper, &due, (attempt, anchor), &inputs),
            },
            Order::Search(stretch) => self.search(keeper, stretch),
            Order::Probe { block, questions } => self.probe(keeper, block, questions),
            Order::Persist { token, group } => {
                self.nodes[keeper].waiting.push((token, group));
                if self.nodes[keeper].waiting.len() == 1 {
                    let (delay, life) = (self.random.between(1, 6), self.nodes[keeper].life);
                    self.after(delay, Happening::Flush { keeper, life });
                }
            }
            Order::Recall { group, listening } => {
                let known = self.nodes[keeper].knows(&group);
                let delay = self.random.below(3);
                self.done(keeper, delay, Event::Recalled { group, listening, known });
            }
            Order::Learn { group } => {
                let safe = self.nodes[keeper].learn(&group);
                self.done(keeper, 2, Event::Learnt { safe });
            }
            Order::Publish { channel, bytes } => self.publish(keeper, channel, bytes),
            Order::Send { key, peers, bytes } => self.send_straight(keeper, key, &peers, &bytes.into()),
            Order::Judge { message, verdict } => self.judged(keeper, message, verdict),
            Order::Fault { peer, reason } => self.charged(keeper, peer, reason),
            Order::Ask { peer, bytes } => self.ask(keeper, peer, Some(bytes.into())),
            Order::AskStatus { peer } => self.ask(keeper, peer, None),
            Order::Respond { request, bytes } => self.respond(keeper, request, bytes.into()),
            Order::Submit { settlement, .. } => self.submit(keeper, *settlement),
            Order::Accuse(accusation) => {
                let (delay, life) = (self.random.between(50, 400), self.nodes[keeper].life);
                accusation.guilty.iter().for_each(|&index| self.blamed(keeper, KeeperIndex(index), "accusation"));
                self.after(delay, Happening::Accusation { keeper, life, accusation });
            }
            Order::Rerun { dispute, report, .. } => self.rerun(keeper, dispute, &report),
            Order::Rule(ruling) => self.bring_ruling(keeper, *ruling),
            Order::Enforce { dispute } => self.enforce(keeper, dispute),
            Order::Prepare { job, plan } => {
                let delay = self.random.between(5, 60);
                self.done(keeper, delay, Event::Prepared { job, code: plan.terms.action.code_hash(), result: Ok(()) });
            }
            Order::KeepEvidence(bytes) => self.keep_evidence(keeper, bytes),
            Order::ForgetEvidence(key) => self.nodes[keeper].evidence.retain(|bytes| keccak256(bytes) != key),
            Order::LoadEvidence => {
                let evidence = self.nodes[keeper].evidence.clone();
                self.done(keeper, 2, Event::Evidence(evidence));
            }
            Order::Note(Note::Blamed(Fault::Equivocation(index))) => self.blamed(keeper, index, "blame"),
            Order::Note(Note::SecondVerdict(verdict)) => {
                let detail = format!("keeper {keeper} judged a message twice: {verdict:?}");
                self.checks.fail(self.elapsed(), "second_verdict", detail);
            }
            Order::Stop(_) if self.is_honest(keeper) => {
                let detail = format!("keeper {keeper} meets a signature of its own that its journal lacks");
                self.checks.fail(self.elapsed(), "unknown_own_signature", detail);
            }
            // What nobody wants any more is answered here, and left alone.
            Order::Stop(_) | Order::Note(_) | Order::Abandon { .. } => {}
            Order::Archive(entry) => self.nodes[keeper].record(&entry),
            Order::Witness(_)
            | Order::Admit(_)
            | Order::OfferSnapshot
            | Order::LookAgain { .. }
            | Order::Measure
            | Order::Explain { .. }
            | Order::Look { .. }
            | Order::Show => {}
        }
    }

    fn keep_evidence(&mut self, keeper: usize, bytes: Vec<u8>) {
        let evidence = codec::decode::<Evidence>(&bytes, EVIDENCE_LIMIT).ok();
        let committee = evidence.as_ref().and_then(|evidence| self.committee_of(evidence.epoch));
        let guilty = evidence.zip(committee).map(|(evidence, committee)| evidence.verify(committee, &DOMAIN));
        match guilty {
            Some(Ok(guilty)) => guilty.iter().for_each(|index| self.blamed(keeper, index, "evidence")),
            _ => self.checks.fail(self.elapsed(), "false_evidence", format!("keeper {keeper} keeps it")),
        }
        self.nodes[keeper].evidence.push(bytes);
    }

    fn committee_of(&self, epoch: u32) -> Option<&consensus::committee::Committee> {
        self.plan.committees.iter().find(|committee| committee.epoch() == epoch)
    }

    fn blamed(&mut self, keeper: usize, index: KeeperIndex, by: &str) {
        if self.is_honest(usize::from(index.0)) {
            let detail = format!("{by} of keeper {keeper} accuses honest keeper {}", index.0);
            self.checks.fail(self.elapsed(), "framed", detail);
        }
    }

    pub(super) fn flush(&mut self, keeper: usize) {
        let (results, failed) = self.nodes[keeper].flush();
        for (token, answer) in results {
            let delay = self.random.below(3);
            self.done(keeper, delay, Event::Persisted { token, answer });
        }
        if failed {
            self.count("storage_error", 1);
            // The journal is closed; somebody replaces the disk and starts the keeper again.
            let delay = self.random.between(500, 4_000);
            self.after(delay, Happening::Strike(Strike::Crash { keeper, down: 300 }));
        }
    }

    fn publish(&mut self, keeper: usize, channel: Channel, bytes: Vec<u8>) {
        self.say_own(keeper, channel, &bytes);
        self.send_to_all(keeper, channel, &bytes.into(), Audience::All);
    }

    /// A keeper says something, whichever way: an honest one nothing that is wrong, and it may be the last that it says.
    pub(super) fn say_own(&mut self, keeper: usize, channel: Channel, bytes: &[u8]) {
        if channel == Channel::Partials && self.is_honest(keeper) {
            self.check_partial(keeper, bytes);
            if !self.healed && self.random.chance(self.plan.ambush) {
                let (delay, down) = (self.random.below(5), self.random.between(50, 3_000));
                self.after(delay, Happening::Strike(Strike::Crash { keeper, down }));
            }
        }
    }

    fn check_partial(&mut self, keeper: usize, bytes: &[u8]) {
        let Ok(Message::Partial(partial)) = Message::decode(Channel::Partials, bytes) else {
            return;
        };
        if partial.abstains() {
            return;
        }
        let (at, core) = (self.elapsed(), self.nodes[keeper].core.as_ref());
        let Some(basis) = core.and_then(|core| core.engine().inspect_batch(partial.key())) else {
            let detail = format!("keeper {keeper} signed a batch it knows nothing of");
            return self.checks.fail(at, "baseless_signature", detail);
        };
        let believes = !self.plan.misled[keeper];
        let said = || basis.tasks.iter().zip(&basis.anchors).filter(|_| believes);
        let honest: Vec<Option<Outcome>> =
            said().map(|(task, anchor)| self.honest_outcome(task, anchor.hash)).collect();
        if let Some((task, _)) = said().find(|(task, anchor)| !self.was_due(task, anchor.hash)) {
            let detail = format!("keeper {keeper} signs {}, which was not due there", run_of(task));
            self.checks.fail(at, "signed_what_was_not_due", detail);
        }
        let is_first = self.checks.on_partial(at, (keeper, &self.keys[keeper]), &partial, &basis, &honest);
        let epoch = basis.committee.epoch();
        // What went straight before may be gossiped after all: it was signed then.
        if is_first && self.nodes[keeper].doubt.forbids(epoch, self.now) {
            let detail = format!("keeper {keeper} signs under epoch {epoch}, though most show another table of it");
            self.checks.fail(at, "signed_in_doubt", detail);
        }
    }

    fn judged(&mut self, keeper: usize, message: MessageTag, verdict: Verdict) {
        let Some(unjudged) = self.nodes[keeper].unjudged.remove(&message) else {
            return;
        };
        if let Verdict::Reject(reason) = verdict {
            self.rejected(keeper, unjudged.author, "a message", reason);
        }
    }

    /// A keeper holds something against one whose answer it has read.
    fn charged(&mut self, keeper: usize, peer: PeerKey, reason: Reason) {
        if let Some(other) = self.keys.iter().position(|keys| keys.peer == peer) {
            self.count("false_answer", 1);
            self.rejected(keeper, other, "an answer", reason);
        }
    }

    fn rejected(&mut self, keeper: usize, author: usize, what: &str, reason: Reason) {
        let honest = |keeper: usize| self.is_honest(keeper) && !self.plan.misled[keeper];
        if honest(keeper) && honest(author) {
            let detail = format!("keeper {keeper} rejects {what} of honest keeper {author}: {}", reason.name());
            self.checks.fail(self.elapsed(), "honest_rejected", detail);
        }
    }

    fn submit(&mut self, keeper: usize, settlement: Settlement) {
        if self.now < self.nodes[keeper].outage_until {
            let result = SettlementResult::Failed { why: "no RPC node answers".to_owned() };
            return self.done(keeper, 1_000, Event::Submitted { key: settlement.key, result });
        }
        let delay = self.random.between(50, 400);
        self.after(delay, Happening::Transaction { keeper, settlement: Box::new(settlement) });
    }
}
