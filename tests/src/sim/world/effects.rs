//! Carrying out what engines want done, in the place of the driver.

use std::rc::Rc;

use alloy::primitives::{B256, Bytes};
use consensus::Input;
use consensus::anchor::BlockRef;
use consensus::codec;
use consensus::committee::KeeperIndex;
use consensus::effect::{Effect, Settlement};
use consensus::fault::{Fault, Verdict};
use consensus::message::{Channel, Message};
use consensus::task::{Abstention, DueTask, Outcome, Task};

use super::{Event, World, run_of};
use crate::sim::actor::{Audience, Deed, Means};
use crate::sim::node::record;
use crate::sim::plan::{Conduct, DOMAIN, status};

impl World<'_> {
    /// Hands an input to a keeper's engine, and carries out what comes of it.
    pub(super) fn feed(&mut self, keeper: usize, input: Input) {
        let local = self.local(keeper);
        let Some(engine) = self.nodes[keeper].engine.as_mut() else {
            return;
        };
        let effects = engine.handle(input, local);
        let (next, sizes) = (engine.next_timeout(), engine.sizes());
        if self.nodes[keeper].actor.is_none() {
            self.checks.on_sizes(self.now - super::START * 1000, keeper, sizes);
        }
        for effect in effects {
            self.note(keeper, &effect);
            self.narrate(keeper, &effect);
            let quiet = self.healed && self.plan.quiet;
            let node = &mut self.nodes[keeper];
            match (node.actor.as_mut(), node.engine.as_ref()) {
                (Some(actor), Some(engine)) if !quiet => {
                    let (keys, keepers) = (&self.keys[keeper], self.keys.len());
                    let mut means = Means { keys, index: keeper, keepers, engine, random: &mut self.random };
                    let deeds = actor.on_effect(effect, &mut means);
                    self.do_deeds(keeper, deeds);
                }
                (Some(_), _) => {}
                (None, _) => self.carry_out(keeper, effect),
            }
        }
        if let Some(next) = next {
            // The engine asks in its own time.
            let wait = next.0.saturating_sub(local.0);
            let at = self.now + wait;
            if self.nodes[keeper].wake.is_none_or(|wake| at < wake) {
                self.nodes[keeper].wake = Some(at);
                let life = self.nodes[keeper].life;
                self.after(wait, Event::Wake { keeper, life });
            }
        }
    }

    pub(super) fn do_deeds(&mut self, keeper: usize, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Carry(effect) => self.carry_out(keeper, effect),
                Deed::Send { channel, bytes, to, after: 0 } => self.send_to_all(keeper, channel, &bytes.into(), to),
                Deed::Send { channel, bytes, to, after } => {
                    self.after(after, Event::Say { keeper, channel, bytes: bytes.into(), to });
                }
            }
        }
    }

    fn narrate(&self, keeper: usize, effect: &Effect) {
        let name = |assignment: &[u8], batch: u8| format!("{}.{batch}", alloy::hex::encode(&assignment[..3]));
        match effect {
            Effect::Report(task, step) => self.tell(|| format!("{keeper} {} {step:?}", run_of(task))),
            Effect::Blame(_) | Effect::Recall { .. } => self.tell(|| format!("{keeper} {effect:?}")),
            Effect::Judge { message, verdict } if !matches!(verdict, Verdict::Accept) => self.tell(|| {
                let author = self.nodes[keeper].unjudged.get(message).map(|unjudged| unjudged.author);
                format!("{keeper} on a message of {author:?}: {verdict:?}")
            }),
            Effect::Broadcast { channel, bytes } => self.tell(|| match Message::decode(*channel, bytes) {
                Ok(Message::Partial(partial)) => {
                    let says = if partial.abstains() { "abstains on" } else { "signs" };
                    format!("{keeper} {says} {}", name(&*partial.assignment, partial.batch))
                }
                Ok(Message::Assignment(plan)) => {
                    let hash = plan.hash(&DOMAIN);
                    let batch = |batch: &consensus::message::PlannedBatch| {
                        let tasks = batch.tasks.iter().map(|&task| run_of(&task.into()));
                        format!("{:?} attempt {}", tasks.collect::<Vec<_>>(), batch.attempt)
                    };
                    let batches: Vec<_> = plan.batches.iter().map(batch).collect();
                    let (window, stage, number) = (plan.window, plan.stage, plan.number);
                    format!(
                        "{keeper} assigns {} window {window} stage {stage} no {number}: {batches:?}",
                        name(&hash[..], 0)
                    )
                }
                other => format!("{keeper} sends {channel:?} {}", other.is_ok()),
            }),
            _ => {}
        }
    }

    /// Adds an effect to the fingerprint of the run.
    fn note(&mut self, keeper: usize, effect: &Effect) {
        let trace = &mut self.trace;
        trace.word(keeper as u64);
        match effect {
            Effect::Execute { due, attempt, anchor } => {
                trace.word(due.due << 8 | u64::from(*attempt));
                trace.bytes(anchor.hash.as_slice());
            }
            Effect::Persist { token, records } => {
                trace.word(token.0);
                records.iter().for_each(|record| trace.bytes(record.report.as_slice()));
            }
            Effect::Broadcast { bytes, .. } | Effect::Ask { bytes, .. } => trace.bytes(bytes),
            Effect::Judge { message, verdict } => {
                let verdict = match verdict {
                    Verdict::Accept => 0,
                    Verdict::Ignore(reason) => 1 + *reason as u64,
                    Verdict::Reject(reason) => 101 + *reason as u64,
                };
                trace.word(message.0 << 8 | verdict);
            }
            Effect::Submit(settlement) => trace.bytes(&settlement.certificate.signature.to_bytes()),
            Effect::Report(task, _) => trace.bytes(task.instance.0.as_slice()),
            Effect::Assigned { window, stage } => trace.word(window << 8 | u64::from(*stage)),
            Effect::Blame(Fault::Equivocation(index)) => trace.word(u64::from(index.0)),
            Effect::Blame(Fault::ConflictingAssignment(index)) => trace.word(1_000 + u64::from(index.0)),
            Effect::Keep(_) => trace.word(2_000),
            Effect::Recall { records, .. } => trace.word(3_000 + records.len() as u64),
        }
    }

    fn carry_out(&mut self, keeper: usize, effect: Effect) {
        let life = self.nodes[keeper].life;
        match effect {
            Effect::Execute { due, attempt, anchor } => self.execute(keeper, &due, attempt, anchor),
            Effect::Persist { token, records } => {
                let group = records.iter().map(record).collect();
                self.nodes[keeper].waiting.push((token, group));
                if self.nodes[keeper].waiting.len() == 1 {
                    let delay = self.random.between(1, 6);
                    self.after(delay, Event::Flush { keeper, life });
                }
            }
            Effect::Broadcast { channel, bytes } => self.broadcast(keeper, channel, bytes),
            Effect::Judge { message, verdict } => self.judged(keeper, message, verdict),
            Effect::Ask { peer, bytes } => {
                let named = peer.and_then(|peer| self.keys.iter().position(|keys| keys.peer == peer));
                let others = self.nodes.len() as u64 - 1;
                let next = || (keeper + 1 + self.random.clone().below(others) as usize) % self.nodes.len();
                let to = named.unwrap_or_else(next);
                self.random.next();
                let bytes: Rc<[u8]> = bytes.into();
                for delay in self.route(keeper, to) {
                    self.after(delay, Event::Ask { from: keeper, to, bytes: Rc::clone(&bytes) });
                }
            }
            Effect::Submit(settlement) => self.submit(keeper, settlement),
            Effect::Blame(Fault::Equivocation(index)) => self.blamed(keeper, index, "blame"),
            Effect::Keep(evidence) => {
                let committee = self.plan.committees.iter().find(|committee| committee.epoch() == evidence.epoch);
                let guilty = committee.map(|committee| evidence.verify(committee, &DOMAIN));
                match guilty {
                    Some(Ok(guilty)) => guilty.iter().for_each(|index| self.blamed(keeper, index, "evidence")),
                    _ => self.checks.fail(self.elapsed(), "false_evidence", format!("keeper {keeper} keeps it")),
                }
                self.nodes[keeper].evidence.push(codec::encode(&*evidence));
            }
            Effect::Recall { records, listening } => {
                if !self.nodes[keeper].recall(&records, listening) && self.is_honest(keeper) {
                    let detail = format!("keeper {keeper} meets a signature of its own that its journal lacks");
                    self.checks.fail(self.elapsed(), "unknown_own_signature", detail);
                }
            }
            Effect::Report(..) | Effect::Assigned { .. } | Effect::Blame(Fault::ConflictingAssignment(_)) => {}
        }
    }

    fn blamed(&mut self, keeper: usize, index: KeeperIndex, by: &str) {
        if self.is_honest(usize::from(index.0)) {
            let detail = format!("{by} of keeper {keeper} accuses honest keeper {}", index.0);
            self.checks.fail(self.elapsed(), "framed", detail);
        }
    }

    /// Runs a task: what comes of it is a function of task and anchor, unless the job or the RPC node says otherwise.
    fn execute(&mut self, keeper: usize, due: &DueTask, attempt: u8, anchor: BlockRef) {
        let life = self.nodes[keeper].life;
        self.nodes[keeper].runs += 1;
        let run = self.nodes[keeper].runs;
        let Some((_, conduct)) = self.tasks.get(&due.task).copied() else {
            return;
        };
        let mut delay = self.random.between(5, 60);
        let lies = self.plan.misled[keeper] && !self.healed && self.random.chance(300);
        let result = if self.now < self.nodes[keeper].outage_until {
            delay += 500;
            Err(Abstention::ChainReadFailed)
        } else if conduct == Conduct::Differs || lies {
            if lies {
                self.count("lying_view", 1);
            }
            let mut outcome = honest_outcome(due.task, anchor.hash, conduct);
            outcome.data = Bytes::from(format!("run {run} of keeper {keeper}").into_bytes());
            Ok(outcome)
        } else {
            Ok(honest_outcome(due.task, anchor.hash, conduct))
        };
        let (task, anchor, result) = (due.task, anchor.hash, Box::new(result));
        self.after(delay, Event::Executed { keeper, life, task, attempt, anchor, result });
    }

    pub(super) fn flush(&mut self, keeper: usize) {
        let life = self.nodes[keeper].life;
        let (results, failed) = self.nodes[keeper].flush();
        for (token, safe) in results {
            let delay = self.random.below(3);
            self.after(delay, Event::Persisted { keeper, life, token, safe });
        }
        if failed {
            self.count("storage_error", 1);
            // The journal is closed; somebody replaces the disk and starts the keeper again.
            let delay = self.random.between(500, 4_000);
            self.after(delay, Event::Strike(super::Strike::Crash { keeper, down: 300 }));
        }
    }

    fn broadcast(&mut self, keeper: usize, channel: Channel, bytes: Vec<u8>) {
        if channel == Channel::Partials && self.is_honest(keeper) {
            if let Ok(Message::Partial(partial)) = Message::decode(channel, &bytes) {
                let engine = self.nodes[keeper].engine.as_ref();
                let basis = engine.and_then(|engine| engine.inspect_batch(partial.key()));
                self.checks.on_partial(self.now - super::START * 1000, keeper, &self.keys[keeper], &partial, basis);
            }
            if !self.healed && self.random.chance(self.plan.ambush) {
                let (delay, down) = (self.random.below(5), self.random.between(50, 3_000));
                self.after(delay, Event::Strike(super::Strike::Crash { keeper, down }));
            }
        }
        self.send_to_all(keeper, channel, &bytes.into(), Audience::All);
    }

    pub(super) fn send_to_all(&mut self, from: usize, channel: Channel, bytes: &Rc<[u8]>, to: Audience) {
        for other in 0..self.nodes.len() {
            let meant = match to {
                Audience::All => true,
                Audience::Even => other % 2 == 0,
                Audience::Odd => other % 2 == 1,
            };
            if other == from || !meant {
                continue;
            }
            for delay in self.route(from, other) {
                self.after(delay, Event::Deliver { to: other, from, channel, bytes: Rc::clone(bytes) });
            }
        }
    }

    fn judged(&mut self, keeper: usize, message: consensus::input::MessageTag, verdict: Verdict) {
        let Some(unjudged) = self.nodes[keeper].unjudged.remove(&message) else {
            let detail = format!("keeper {keeper} judged a message twice: {verdict:?}");
            return self.checks.fail(self.elapsed(), "second_verdict", detail);
        };
        let honest = |keeper: usize| self.is_honest(keeper) && !self.plan.misled[keeper];
        if let Verdict::Reject(reason) = verdict
            && honest(keeper)
            && honest(unjudged.author)
        {
            let detail = format!("keeper {keeper} rejects honest keeper {}: {}", unjudged.author, reason.name());
            self.checks.fail(self.elapsed(), "honest_rejected", detail);
        }
    }

    fn submit(&mut self, keeper: usize, settlement: Box<Settlement>) {
        if self.now < self.nodes[keeper].outage_until {
            let (life, key) = (self.nodes[keeper].life, settlement.key);
            return self.after(1_000, Event::NotSettled { keeper, life, key });
        }
        let delay = self.random.between(50, 400);
        self.after(delay, Event::Transaction { keeper, settlement });
    }
}

/// What every honest run of a task gives at an anchor.
pub(super) fn honest_outcome(task: Task, anchor: B256, conduct: Conduct) -> Outcome {
    let data = match conduct {
        Conduct::Skips => Bytes::from_static(b"nothing to do"),
        _ => Bytes::from([task.instance.0.as_slice(), &task.job.0.to_be_bytes(), anchor.as_slice()].concat()),
    };
    Outcome { status: status(conduct), data, state_after: B256::ZERO, transcript: B256::ZERO }
}
