//! What a run leaves behind: its fingerprint, and for whoever replays a seed, its story.

use consensus::effect::Step;
use consensus::fault::{Fault, Verdict};
use consensus::message::{Channel, Message, PlannedBatch};
use keeper::driver::{Note, Order};

use super::{World, run_of};
use crate::sim::keys::DOMAIN;
use crate::sim::random::Fingerprint;

fn word_of(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Accept => 0,
        Verdict::Ignore(reason) => 1 + reason as u64,
        Verdict::Reject(reason) => 101 + reason as u64,
    }
}

/// Adds an order to the fingerprint of the run.
pub(super) fn note(trace: &mut Fingerprint, keeper: usize, order: &Order) {
    trace.word(keeper as u64);
    match order {
        Order::Run { due, attempt, anchor, .. } => {
            trace.word(due.due << 8 | u64::from(*attempt));
            trace.bytes(anchor.hash.as_slice());
        }
        Order::Persist { token, group } => {
            trace.word(token.0);
            group.iter().for_each(|record| trace.bytes(record.digest.as_slice()));
        }
        Order::Publish { bytes, .. } | Order::Ask { bytes, .. } | Order::Respond { bytes, .. } => trace.bytes(bytes),
        Order::Send { peers, bytes, .. } => {
            trace.bytes(bytes);
            peers.iter().for_each(|peer| trace.bytes(&peer.0));
        }
        Order::Judge { message, verdict } => trace.word(message.0 << 8 | word_of(*verdict)),
        Order::Fault { peer, reason } => {
            trace.bytes(&peer.0);
            trace.word(101 + *reason as u64);
        }
        Order::Submit { settlement, .. } => trace.bytes(&settlement.certificate.signature.to_bytes()),
        Order::Note(Note::Step { task, .. }) => trace.bytes(task.instance.0.as_slice()),
        Order::Note(Note::Assigned { window, stage }) => trace.word(window << 8 | u64::from(*stage)),
        Order::Note(Note::Blamed(Fault::Equivocation(index))) => trace.word(u64::from(index.0)),
        Order::Note(Note::Blamed(Fault::ConflictingAssignment(index))) => trace.word(1_000 + u64::from(index.0)),
        Order::Note(Note::Blamed(Fault::UnfitInputs(index))) => trace.word(1_500 + u64::from(index.0)),
        Order::KeepEvidence(_) => trace.word(2_000),
        Order::Recall { group, .. } | Order::Learn { group } => trace.word(3_000 + group.len() as u64),
        Order::Abandon { task, attempt, .. } => trace.word(7_000 + task.job.0 * 10 + u64::from(*attempt)),
        Order::Search(stretch) => trace.word(10_000_000 + (stretch.from << 32 | stretch.to)),
        Order::Probe { block, questions } => trace.word(20_000_000 + (block.number << 8 | questions.len() as u64)),
        Order::AskStatus { peer } => trace.bytes(&peer.0),
        Order::Rerun { dispute, .. } => trace.word(9_000 + dispute),
        Order::Rule(ruling) => trace.bytes(&ruling.signature.to_bytes()),
        Order::Enforce { dispute } => trace.word(9_500 + dispute),
        Order::Accuse(accusation) => trace.bytes(accusation.key.as_slice()),
        Order::Prepare { job, .. } => trace.word(4_000 + job.0),
        Order::Admit(keys) => trace.word(5_000 + keys.len() as u64),
        Order::ForgetEvidence(_) => trace.word(2_001),
        Order::LoadEvidence => trace.word(2_002),
        Order::OfferSnapshot => trace.word(6_000),
        Order::LookAgain { job } => trace.word(8_000 + job.0),
        Order::Measure => trace.word(6_001),
        Order::Explain { task, .. } => trace.word(7_000 + task.job.0),
        Order::Look { peers_head } => trace.word(6_005 + peers_head.unwrap_or(0)),
        Order::Show => trace.word(6_002),
        Order::Stop(_) => trace.word(6_003),
        Order::Note(_) => trace.word(6_004),
        Order::Archive(entry) => trace.word(8_500 ^ entry.at.0),
        // Shown, and of no effect.
        Order::Witness(_) => {}
    }
}

impl World<'_> {
    pub(super) fn narrate(&self, keeper: usize, order: &Order) {
        if !self.verbose {
            return;
        }
        match order {
            Order::Note(Note::Step { task, step, .. }) => self.narrate_step(keeper, &run_of(task), *step),
            Order::Note(note @ (Note::Blamed(_) | Note::Disputed(_) | Note::MissedTurn { .. })) => {
                self.tell(|| format!("{keeper} {note:?}"));
            }
            Order::Recall { .. } | Order::Stop(_) | Order::Fault { .. } | Order::Probe { .. } => {
                self.tell(|| format!("{keeper} {order:?}"));
            }
            Order::Search(stretch) => {
                self.tell(|| {
                    format!("{keeper} searches blocks {} to {}, {} deep", stretch.from, stretch.to, stretch.depth)
                });
            }
            Order::Judge { message, verdict } if !matches!(verdict, Verdict::Accept) => {
                let author = self.nodes[keeper].unjudged.get(message).map(|unjudged| unjudged.author);
                self.tell(|| format!("{keeper} on a message of {author:?}: {verdict:?}"));
            }
            Order::Send { peers, bytes, .. } => {
                let leaders = peers.iter().filter_map(|peer| self.keys.iter().position(|keys| keys.peer == *peer));
                let (leaders, said) = (leaders.collect::<Vec<_>>(), Message::decode(Channel::Partials, bytes));
                self.tell(|| {
                    format!("{keeper} to {leaders:?}: {}", said.as_ref().map_or_else(|_| "junk".to_owned(), words))
                });
            }
            Order::Publish { channel, bytes } => match Message::decode(*channel, bytes) {
                Ok(message) => self.tell(|| format!("{keeper} {}", words(&message))),
                Err(error) => self.tell(|| format!("{keeper} sends what is no message: {error}")),
            },
            _ => {}
        }
    }

    fn narrate_step(&self, keeper: usize, run: &str, step: Step) {
        self.tell(|| format!("{keeper} {run} {step:?}"));
    }
}

fn words(message: &Message) -> String {
    let name = |assignment: &[u8]| alloy::hex::encode(&assignment[..3]);
    match message {
        Message::Partial(partial) => {
            let says = if partial.abstains() { "abstains on" } else { "signs" };
            format!("{says} {}.{}", name(&*partial.assignment), partial.batch)
        }
        Message::Assignment(plan) => {
            let batch = |batch: &PlannedBatch| {
                let tasks = batch.tasks.iter().map(|&task| run_of(&task.into()));
                format!("{:?} attempt {}", tasks.collect::<Vec<_>>(), batch.attempt)
            };
            let batches: Vec<_> = plan.batches.iter().map(batch).collect();
            let (window, stage, number) = (plan.window, plan.stage, plan.number);
            let hash = plan.hash(&DOMAIN);
            format!("assigns {} window {window} stage {stage} no {number}: {batches:?}", name(&hash[..]))
        }
        Message::Ruling(ruling) => format!("rules on {} in epoch {}", ruling.dispute, ruling.epoch),
        Message::Certificate(certificate) => format!("shows a certificate of {} reports", certificate.reports.len()),
        Message::Evidence(_) => "shows evidence".to_owned(),
        Message::Observation(_) => "shows what it saw".to_owned(),
    }
}
