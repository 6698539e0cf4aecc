//! The disputes that are open on chain, or have something left to bring (rule 18).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::committee::Committee;
use crate::dispute::{Dispute, DisputeEvent};
use crate::facts::Facts;
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::Ruling;
use crate::outbox::Outbox;
use crate::time::Time;

/// Most disputes kept. Each costs who opens it a bond; in the place of those beyond go first what is over, then the oldest.
const DISPUTES_MAX: usize = 256;
/// Runs for disputes under way at a time: what is due goes first.
const RUNS_MAX: usize = 4;

/// The disputes, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disputes(BTreeMap<u64, Dispute>);

impl Disputes {
    /// Something happened to one.
    pub(crate) fn handle(&mut self, id: u64, event: DisputeEvent, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        if let DisputeEvent::Opened(about) = event {
            self.make_room(facts);
            self.0.entry(id).or_insert_with(|| Dispute::new(id, about, facts, now));
        }
        if let Some(dispute) = self.0.get_mut(&id) {
            dispute.handle(event, facts, now, outbox);
        }
        self.run_some(facts, now, outbox);
    }

    /// Its moment has come.
    pub(crate) fn look(&mut self, id: u64, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        if let Some(dispute) = self.0.get_mut(&id) {
            dispute.look(facts, now, outbox);
        }
        self.run_some(facts, now, outbox);
    }

    /// A committee has come, or blocks have gone.
    pub(crate) fn look_all(&mut self, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        for dispute in self.0.values_mut() {
            dispute.look(facts, now, outbox);
        }
        self.run_some(facts, now, outbox);
    }

    /// The blocks above this number are gone.
    pub(crate) fn rewound(&mut self, number: u64, facts: &mut Facts, now: Time, outbox: &mut Outbox) {
        self.0.retain(|_, dispute| dispute.rewound(number));
        self.look_all(facts, now, outbox);
    }

    /// What becomes of another keeper's word without looking at its signature; `None` if that is worth a look.
    pub(crate) fn glance(&self, ruling: &Ruling, committee: &Committee, facts: &Facts) -> Option<Fate> {
        let Some(dispute) = self.0.get(&ruling.dispute) else {
            return Some(Fate::Early(Awaits::Dispute(ruling.dispute)));
        };
        dispute.glance(ruling, committee, facts.head().map_or(0, |head| head.number)).map(Fate::Judged)
    }

    /// Takes in another keeper's word that is worth a look.
    pub(crate) fn take(
        &mut self,
        ruling: &Ruling,
        committee: &Arc<Committee>,
        facts: &mut Facts,
        now: Time,
        outbox: &mut Outbox,
    ) -> Verdict {
        let dispute = self.0.get_mut(&ruling.dispute);
        dispute.map_or(Verdict::Ignore(Reason::UnknownContext), |dispute| {
            dispute.take(ruling, committee, facts, now, outbox)
        })
    }

    fn run_some(&mut self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        // Without a block nobody knows what is past.
        let Some(head) = facts.head().map(|head| head.number) else { return };
        let mut running = self.0.values().filter(|dispute| dispute.is_running()).count();
        for dispute in self.0.values_mut() {
            if running < RUNS_MAX && dispute.wants_run(now) && !dispute.is_past(head) {
                dispute.run(outbox);
                running += 1;
            }
        }
    }

    /// Lets go of what is past, and where there are too many of the one that matters least.
    fn make_room(&mut self, facts: &Facts) {
        let head = facts.head().map_or(0, |head| head.number);
        self.0.retain(|_, dispute| !dispute.is_past(head));
        if self.0.len() >= DISPUTES_MAX {
            let least = self.0.iter().min_by_key(|(id, dispute)| (!dispute.is_over(), dispute.opened(), **id));
            least.map(|(id, _)| *id).and_then(|id| self.0.remove(&id));
        }
    }
}
