//! What a batch of a job that looks outside decides on (rule 20): the observations that its leader lists.

use std::time::Duration;

use alloy_primitives::B256;
use serde_bytes::{ByteArray, ByteBuf};

use super::place::Standing;
use super::{Basis, Batch};
use crate::agenda::Wake;
use crate::codec;
use crate::committee::{KeeperIndex, SignerSet};
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::Fault;
use crate::message::{Listed, Want};
use crate::outbox::{Notice, Outbox};
use crate::session::Event;
use crate::sessions::Sessions;
use crate::time::{REPAIR, SILENCE, Time};

/// How long what a leader lists may take to come, before others need not wait for its batch any more.
const PATIENCE: Duration = SILENCE.saturating_mul(2);

/// The list of a batch, and how far this keeper has it.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) listed: Vec<Listed>,
    /// When it was last asked for what is missing.
    asked: Option<Time>,
    /// Whether something has been missing for so long that others need not wait for the batch.
    pub(super) is_overdue: bool,
}

impl Inputs {
    pub(super) const fn new(listed: Vec<Listed>) -> Self {
        Self { listed, asked: None, is_overdue: false }
    }

    /// Whether these are members, each once, that hold more than two thirds of the stake.
    fn hold(&self, basis: &Basis) -> bool {
        let keepers: SignerSet = self.listed.iter().map(|one| KeeperIndex(one.keeper)).collect();
        let stake = basis.committee.stake_of(&keepers).filter(|_| keepers.count() == self.listed.len());
        stake.is_some_and(|stake| basis.laws.is_input_set(&basis.committee, stake))
    }
}

impl Batch {
    /// Has its task decide on what is listed, once that is at hand; asks for what is not. A list that is none is the leader's
    /// fault, and nobody speaks in its batch.
    pub(super) fn gather(&mut self, facts: &Facts, sessions: &mut Sessions, now: Time, outbox: &mut Outbox) {
        let (Some(basis), Some(&task)) = (&self.basis, self.tasks.first()) else {
            return;
        };
        if self.inputs.listed.is_empty() || sessions.are_over(&self.tasks) {
            return;
        }
        if !self.inputs.hold(basis) {
            outbox.effect(Effect::Blame(Fault::UnfitInputs(self.place.leader)));
            outbox.tell(Notice::LookAtWindow(self.place.window));
            return self.stand(Standing::Unsound, facts, sessions, now, outbox);
        }
        // It is looked at again when its try begins here.
        let Some(missing) = sessions.missing(&task, self.attempt, &self.inputs.listed) else {
            return;
        };
        let was_overdue = std::mem::take(&mut self.inputs.is_overdue);
        if missing.is_empty() {
            let list = (self.inputs.listed.as_slice(), &*basis.committee);
            if let Some(set) = sessions.undecided((&task, self.attempt), basis.input_set, list) {
                sessions.handle(task, Event::Agreed(self.attempt, set), facts, now, outbox);
            }
            return;
        }
        let due = self.place.came.plus(PATIENCE);
        self.inputs.is_overdue = now >= due;
        if self.inputs.is_overdue && !was_overdue {
            outbox.tell(Notice::LookAtWindow(self.place.window));
        }
        self.ask_for(&missing, now, outbox);
        outbox.wake(if now < due { due } else { now.plus(REPAIR) }, Wake::Batch(self.key));
    }

    /// The leader first, for it must have what it lists; then anybody.
    fn ask_for(&mut self, missing: &[usize], now: Time, outbox: &mut Outbox) {
        // A moment in time to come is of a clock that was set back since.
        if self.inputs.asked.is_some_and(|asked| now < asked.min(now).plus(REPAIR)) {
            return;
        }
        let committee = self.basis.as_ref().map(|basis| &basis.committee);
        let leader = committee.and_then(|committee| committee.member(self.place.leader));
        let peer = leader.filter(|_| self.inputs.asked.is_none()).map(|leader| leader.peer_key);
        self.inputs.asked = Some(now);
        let mut known = vec![0xff; self.inputs.listed.len().div_ceil(8)];
        missing.iter().for_each(|place| known[place / 8] &= !(1 << (place % 8)));
        let assignment = ByteArray::new(self.key.assignment.0);
        let want = Want::Observations { assignment, batch: self.key.batch, known: ByteBuf::from(known) };
        outbox.effect(Effect::Ask { peer, bytes: codec::encode(&want) });
    }

    /// The observations that it lists, by digest, but for those at the positions of a bitmap.
    pub(crate) fn listed_beyond<'a>(&'a self, known: &'a [u8]) -> impl Iterator<Item = B256> + 'a {
        let is_known = |place: usize| known.get(place / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0);
        let lacking = self.inputs.listed.iter().enumerate().filter(move |(place, _)| !is_known(*place));
        lacking.map(|(_, one)| B256::from(one.digest.into_array()))
    }
}
