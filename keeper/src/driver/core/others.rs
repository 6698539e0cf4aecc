//! What the other keepers show of themselves, what most of them show together, and how this keeper's own parts stand.

use consensus::Input;
use consensus::codec::{self, CodecError};
use consensus::committee::PeerKey;
use consensus::fault::Reason;
use consensus::message::{WANT_LIMIT, Want};
use consensus::time::Time;

use super::{Core, Load, Note, Order};
use crate::driver::event::RequestTag;
use crate::driver::peers::Shown;
use crate::driver::readings::Readings;
use crate::driver::status::{CLOCK_OFFSET_MAX, PeerStatus};

impl Core {
    /// What this keeper shows its peers of itself.
    pub(super) fn status(&self, now: Time) -> PeerStatus {
        let committee = self.engine.committee().map(|(committee, _)| committee);
        PeerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            domain: self.about.domain.clone(),
            head: self.engine.head().map_or(0, |head| head.number),
            epoch: committee.as_ref().map_or(0, |committee| committee.epoch()),
            table_root: committee.map(|committee| committee.table_root()).unwrap_or_default(),
            unix_ms: now.0,
        }
    }

    /// Answers a peer. A question that nobody can read gets an empty answer, and is held against the peer.
    pub(super) fn on_question(&mut self, request: RequestTag, from: PeerKey, bytes: &[u8]) {
        if let Err(error) = codec::decode::<Want>(bytes, WANT_LIMIT) {
            let reason = match error {
                CodecError::TooLarge { .. } => Reason::TooLarge,
                CodecError::Malformed => Reason::Malformed,
                CodecError::NotCanonical => Reason::NotCanonical,
            };
            self.order(Order::Fault { peer: from, reason });
        }
        let bytes = self.engine.answer(bytes);
        self.order(Order::Respond { request, bytes });
    }

    pub(super) fn on_status(&mut self, from: PeerKey, bytes: &[u8], now: Time) {
        let Some(status) = PeerStatus::decode(bytes).filter(|status| status.domain == self.about.domain) else {
            return;
        };
        let clock_ms = i64::try_from(i128::from(status.unix_ms) - i128::from(now.0)).unwrap_or(i64::MAX);
        self.peers.showed(from, Shown { epoch: status.epoch, head: status.head, clock_ms }, now);
        let offset_ms = status.unix_ms.abs_diff(now.0);
        if offset_ms > CLOCK_OFFSET_MAX {
            self.note(Note::ClockOff { peer: from, offset_ms });
        }
        if status.epoch > 0 {
            let (epoch, table_root) = (status.epoch, status.table_root);
            self.feed(Input::PeerTable { peer: from, epoch, table_root }, now);
            self.changed = true;
        }
    }

    /// Takes in how the parts stand; what the mesh and the workers have had no room for since the last look is shown as turned away.
    pub(super) fn on_looked(&mut self, readings: Readings, now: Time) {
        self.changed |= self.readings.journal != readings.journal || self.readings.archive != readings.archive;
        let (before, after) = (self.readings.overflow, readings.overflow);
        let unserved = (self.readings.runs_unserved, readings.runs_unserved);
        for (load, before, after) in [
            (Load::Messages, before.messages, after.messages),
            (Load::Questions, before.questions, after.questions),
            (Load::Commands, before.commands, after.commands),
            (Load::Publishes, before.publishes, after.publishes),
            (Load::Runs, unserved.0, unserved.1),
        ] {
            if after > before {
                self.shed(load, after - before, now);
            }
        }
        let lost = readings.records_lost.saturating_sub(self.readings.records_lost);
        if lost > 0 {
            // Where nothing can be written, that is red by itself.
            if readings.archive.is_none() {
                self.shed.note(Load::Records, lost, now);
            }
            self.note(Note::Shed { load: Load::Records, number: lost });
        }
        self.readings = readings;
    }

    /// Asks those peers for their status that are members and whose time it is.
    pub(super) fn ask_for_status(&mut self, now: Time) {
        if let Some((committee, _)) = self.engine.committee() {
            let engine = &self.engine;
            for peer in self.peers.take_due(committee.epoch(), now, |peer| engine.is_member(peer)) {
                self.orders.push(Order::AskStatus { peer });
            }
        }
    }

    /// The newest block that most of the other members' stake has or is beyond, as it says itself.
    pub(super) fn peers_head(&self, now: Time) -> Option<u64> {
        self.peers_say(now, |shown| shown.head)
    }

    /// The highest value that more than half of the other members' stake shows or exceeds; `None` if not so much of it
    /// has shown anything lately.
    pub(super) fn peers_say<T: Ord>(&self, now: Time, value: impl Fn(&Shown) -> T) -> Option<T> {
        let (committee, mine) = self.engine.committee()?;
        let own = mine.and_then(|index| committee.member(index)).map_or(0, |member| member.stake);
        let others = committee.total_stake().saturating_sub(own);
        let mut said: Vec<(T, u128)> = self
            .peers
            .shown(now)
            .filter_map(|(peer, shown)| Some((value(&shown), committee.member(committee.index_of(peer)?)?.stake)))
            .collect();
        said.sort_by(|a, b| b.0.cmp(&a.0));
        let mut stake = 0_u128;
        said.into_iter().find_map(|(value, part)| {
            stake = stake.saturating_add(part);
            (stake > others / 2).then_some(value)
        })
    }
}
