//! Who of the registered keepers is heard, and what it said last. A heartbeat goes through this:
//!
//! ```text
//!   bytes ─► readable? ─► within bounds? ─► registered? ─► our time? ─► news, and not too soon? ─► signed? ─► kept, passed on
//!              reject        reject           ignore         ignore        ignore                    reject      accept
//! ```
//!
//! What is wrong in every view is rejected, and held against the peer that passed it on; what may be right for a keeper with
//! another clock or another view of the registry is ignored. Whether one comes too soon is asked before its signature, and
//! rests on what its author has signed alone: nobody can use up another's share. Pure: time comes in, nothing is read.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alloy::primitives::{Address, B256};
use consensus::codec::CodecError;
use consensus::fault::{Reason, Verdict};
use consensus::time::Time;

use super::message::Heartbeat;

/// How far a heartbeat's stamp may be off this machine's clock, either way. Wide, for clocks that are off shall be seen; what is
/// replayed within it is older than what the same keeper has said since.
pub const WINDOW: Duration = Duration::from_secs(300);
/// Least pause between two heartbeats of one keeper that are passed on.
pub const GAP: Duration = Duration::from_secs(3);
/// What was said longer ago than this is no word on the present: three heartbeats were missed.
pub const FRESH: Duration = Duration::from_secs(35);
/// After so long without a word a keeper whose clock was set back may begin anew with an earlier stamp.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Blocks of its own whose hashes this keeper remembers, to compare them with what others say.
const OWN_HEADS: usize = 64;
/// A head that stands for so long while the others' goes on is stalled.
const STALLED: Duration = Duration::from_secs(30);
/// Most keepers kept: what a registry holds.
const MEMBERS_MAX: usize = 256;

/// What was heard of one keeper last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its newest heartbeat.
    pub heartbeat: Heartbeat,
    /// When it came, by this machine's clock.
    pub at: Time,
    /// How far its clock is ahead of this one, in milliseconds; what the message took is in it.
    pub offset_ms: i64,
    /// Since when its head has been the same, by this machine's clock.
    pub head_since: Time,
}

/// How many heartbeats came to which end since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kept and passed on.
    pub accepted: u64,
    /// Left alone.
    pub ignored: u64,
    /// Held against whoever passed them on.
    pub rejected: u64,
}

/// The keepers of the registry, as they are heard.
#[derive(Debug)]
pub struct Company {
    separator: B256,
    own: [u8; 32],
    /// When this process began, and the number it drew: whoever signs with its key later and with another number is another
    /// process.
    began: (Time, u64),
    registered: BTreeMap<[u8; 32], Address>,
    members: BTreeMap<[u8; 32], Member>,
    own_heads: VecDeque<(u64, B256)>,
    /// Since when this keeper's own newest block has had the same number.
    own_since: Time,
    tally: Tally,
    twin: Option<Time>,
}

impl Company {
    /// Nobody registered, nothing heard; `own` is this keeper's peer key, `began` when it began and its boot number.
    #[must_use]
    pub fn new(separator: B256, own: [u8; 32], began: (Time, u64)) -> Self {
        Self {
            separator,
            own,
            began,
            registered: BTreeMap::new(),
            members: BTreeMap::new(),
            own_heads: VecDeque::new(),
            own_since: began.0,
            tally: Tally::default(),
            twin: None,
        }
    }

    /// Takes over who is registered, by peer key; what was heard of others is forgotten.
    pub fn register(&mut self, keepers: impl IntoIterator<Item = ([u8; 32], Address)>) {
        self.registered = keepers.into_iter().take(MEMBERS_MAX).collect();
        let registered = &self.registered;
        self.members.retain(|key, _| registered.contains_key(key));
    }

    /// Judges a heartbeat that came at `now`, and keeps what it says if it is accepted.
    pub fn hear(&mut self, bytes: &[u8], now: Time) -> Verdict {
        let verdict = self.judge(bytes, now);
        match verdict {
            Verdict::Accept => self.tally.accepted += 1,
            Verdict::Ignore(_) => self.tally.ignored += 1,
            Verdict::Reject(_) => self.tally.rejected += 1,
        }
        verdict
    }

    fn judge(&mut self, bytes: &[u8], now: Time) -> Verdict {
        let heartbeat = match Heartbeat::decode(bytes) {
            Ok(heartbeat) => heartbeat,
            Err(CodecError::TooLarge { .. }) => return Verdict::Reject(Reason::TooLarge),
            Err(CodecError::Malformed) => return Verdict::Reject(Reason::Malformed),
            Err(CodecError::NotCanonical) => return Verdict::Reject(Reason::NotCanonical),
        };
        if !heartbeat.is_well_formed() {
            return Verdict::Reject(Reason::OutOfBounds);
        }
        let key = heartbeat.peer_key.into_array();
        if key == self.own {
            return self.judge_own(&heartbeat, now);
        }
        if !self.registered.contains_key(&key) {
            return Verdict::Ignore(Reason::NotMember);
        }
        if heartbeat.stamp_ms.abs_diff(now.0) > millis(WINDOW) {
            return Verdict::Ignore(Reason::OutOfWindow);
        }
        if let Some(last) = self.members.get(&key) {
            // A clock that was set back here makes an end of all pauses.
            let since = now.0.checked_sub(last.at.0);
            if heartbeat.stamp_ms <= last.heartbeat.stamp_ms && since.is_some_and(|ms| ms < millis(FORGOTTEN)) {
                return Verdict::Ignore(Reason::Duplicate);
            }
            if since.is_some_and(|ms| ms < millis(GAP)) {
                return Verdict::Ignore(Reason::OverLimit);
            }
        }
        if !heartbeat.is_signed(&self.separator) {
            return Verdict::Reject(Reason::InvalidPeerSignature);
        }
        self.keep(key, heartbeat, now);
        Verdict::Accept
    }

    /// A heartbeat of this keeper's own key. Its own come back to it never, so it is an old one, or another process has the key.
    fn judge_own(&mut self, heartbeat: &Heartbeat, now: Time) -> Verdict {
        let (began, boot) = self.began;
        // What the process before this one said may still be on its way.
        let is_later = heartbeat.stamp_ms > began.0.saturating_add(millis(FRESH));
        if heartbeat.boot != boot && is_later && heartbeat.is_signed(&self.separator) {
            self.twin = Some(now);
        }
        Verdict::Ignore(Reason::Duplicate)
    }

    fn keep(&mut self, key: [u8; 32], heartbeat: Heartbeat, now: Time) {
        let before = self.members.get(&key).filter(|member| member.heartbeat.head == heartbeat.head);
        let head_since = before.map_or(now, |member| member.head_since);
        let offset_ms = i64::try_from(i128::from(heartbeat.stamp_ms) - i128::from(now.0)).unwrap_or(i64::MAX);
        self.members.insert(key, Member { heartbeat, at: now, offset_ms, head_since });
    }

    /// This keeper's newest block as of `now`, to compare heads and hashes by.
    pub fn note_own_head(&mut self, number: u64, hash: B256, now: Time) {
        if self.own_heads.back().is_none_or(|(known, _)| *known != number) {
            self.own_since = now;
        }
        self.own_heads.retain(|(known, _)| *known < number);
        self.own_heads.push_back((number, hash));
        if self.own_heads.len() > OWN_HEADS {
            self.own_heads.pop_front();
        }
    }

    /// Everybody registered, with what was heard of it last; this keeper among them, of whom nothing is heard.
    pub fn everybody(&self) -> impl Iterator<Item = (&[u8; 32], Address, Option<&Member>)> {
        self.registered.iter().map(|(key, operator)| (key, *operator, self.members.get(key)))
    }

    /// The operator whose peer key begins so.
    #[must_use]
    pub fn operator_of(&self, short: u64) -> Option<Address> {
        let mut first = [0; 32];
        first[..8].copy_from_slice(&short.to_be_bytes());
        let (key, operator) = self.registered.range(first..).next()?;
        (super::message::short(key) == short).then_some(*operator)
    }

    /// What was said lately.
    pub fn fresh(&self, now: Time) -> impl Iterator<Item = &Member> {
        self.members.values().filter(move |member| is_fresh(member, now))
    }

    /// How far this machine's clock is ahead of the others', by their median, in milliseconds; `None` with nobody heard.
    #[must_use]
    pub fn clock_ahead_ms(&self, now: Time) -> Option<i64> {
        median(self.fresh(now).map(|member| member.offset_ms)).map(|offset| offset.saturating_neg())
    }

    /// The others' median head.
    #[must_use]
    pub fn median_head(&self, now: Time) -> Option<u64> {
        median(self.fresh(now).map(|member| member.heartbeat.head).filter(|head| *head > 0))
    }

    /// Of those whose newest block this keeper has had lately: how many have the same one, and how many another.
    #[must_use]
    pub fn same_and_other_block(&self, now: Time) -> (usize, usize) {
        let own = |number: u64| self.own_heads.iter().find(|(known, _)| *known == number).map(|(_, hash)| *hash);
        let compared = self.fresh(now).filter_map(|member| {
            let said = B256::from(member.heartbeat.head_hash.into_array());
            Some(own(member.heartbeat.head)? == said)
        });
        compared.fold((0, 0), |(same, other), is_same| if is_same { (same + 1, other) } else { (same, other + 1) })
    }

    /// Whether a keeper's head has stood while the median of the others went past it: its RPC node has stalled.
    #[must_use]
    pub fn is_stalled(&self, member: &Member, median_head: Option<u64>, now: Time) -> bool {
        let is_behind = median_head.is_some_and(|median| median > member.heartbeat.head);
        is_behind && now.0.saturating_sub(member.head_since.0) >= millis(STALLED)
    }

    /// The same of this keeper itself.
    #[must_use]
    pub fn is_own_stalled(&self, median_head: Option<u64>, now: Time) -> bool {
        let own = self.own_heads.back().map_or(0, |(number, _)| *number);
        median_head.is_some_and(|median| median > own) && now.0.saturating_sub(self.own_since.0) >= millis(STALLED)
    }

    /// Whether another process was lately heard that holds this keeper's key.
    #[must_use]
    pub fn has_twin(&self, now: Time) -> bool {
        self.twin.is_some_and(|at| now.0.saturating_sub(at.0) < millis(FORGOTTEN))
    }

    /// For how long this keeper listens, in milliseconds.
    #[must_use]
    pub fn listening_ms(&self, now: Time) -> u64 {
        now.0.saturating_sub(self.began.0.0)
    }

    /// What became of all that came.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

/// Whether what was said is recent enough to rest on.
pub(super) fn is_fresh(member: &Member, now: Time) -> bool {
    now.0.abs_diff(member.at.0) < millis(FRESH)
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The lower of the two in the middle: a number that somebody has said.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len().checked_sub(1)? / 2;
    values.into_iter().nth(middle)
}

#[cfg(test)]
mod tests;
