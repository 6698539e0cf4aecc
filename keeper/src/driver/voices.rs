//! What the keepers say of each batch, for people: who signed, who abstained and why, who signed another result. Heard from the
//! partials that were accepted, and written to the record of runs once a batch has been quiet for a moment.
//!
//! A part of the hands, not of the core: nothing is decided by it.

use std::collections::{BTreeMap, BTreeSet};

use consensus::certificate::{Certificate, batch_root};
use consensus::committee::Committee;
use consensus::message::{BatchKey, Channel, Message, Partial};
use consensus::task::Abstention;
use consensus::time::Time;

use super::{Driver, Event};
use crate::archive::{Change, Entry};

/// Partials that wait for their verdict, and batches remembered, at most; the oldest make room.
const WAITING_MAX: usize = 2_048;
const BATCHES_MAX: usize = 128;
/// A batch of which nothing was heard for so long is told, in milliseconds.
const QUIET_MS: u64 = 2_000;
/// Most batches told in a second, so that a burst finds room in the record's queue.
const TOLD_MAX: usize = 8;
/// Of those who did not sign with most, so many are named.
const NAMED_MAX: usize = 4;

/// What one keeper said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// It signed this root.
    Signed([u8; 32]),
    /// It signed nothing, for the reason of this number.
    Abstained(u8),
}

#[derive(Debug)]
struct Batch {
    said: BTreeMap<u16, Word>,
    heard: Time,
    is_told: bool,
}

/// What was heard of the newest batches.
#[derive(Debug, Default)]
pub(super) struct Voices {
    waiting: BTreeMap<u64, (BatchKey, u16, Word)>,
    batches: BTreeMap<BatchKey, Batch>,
}

impl Voices {
    /// A message came, under this number; it counts when it is accepted.
    pub(super) fn heard(&mut self, number: u64, channel: Channel, bytes: &[u8]) {
        if let Some(said) = word_in(channel, bytes) {
            self.waiting.insert(number, said);
            if self.waiting.len() > WAITING_MAX {
                self.waiting.pop_first();
            }
        }
    }

    /// The message of this number got its verdict.
    pub(super) fn judged(&mut self, number: u64, is_accepted: bool, now: Time) {
        if let Some((key, keeper, word)) = self.waiting.remove(&number)
            && is_accepted
        {
            self.note(key, keeper, word, now);
        }
    }

    /// This keeper said so itself.
    pub(super) fn said(&mut self, channel: Channel, bytes: &[u8], now: Time) {
        if let Some((key, keeper, word)) = word_in(channel, bytes) {
            self.note(key, keeper, word, now);
        }
    }

    /// A quorum has signed: all who did have spoken, whichever way their partials went.
    pub(super) fn certified(&mut self, certificate: &Certificate) {
        let word = Word::Signed(batch_root(&certificate.reports).0);
        for batch in self.batches.values_mut().filter(|batch| batch.said.values().any(|said| *said == word)) {
            for signer in certificate.signers.iter() {
                batch.said.entry(signer.0).or_insert(word);
            }
        }
    }

    fn note(&mut self, key: BatchKey, keeper: u16, word: Word, now: Time) {
        if self.batches.len() >= BATCHES_MAX
            && !self.batches.contains_key(&key)
            && let Some(oldest) = self.batches.iter().min_by_key(|(_, batch)| batch.heard).map(|(key, _)| *key)
        {
            self.batches.remove(&oldest);
        }
        let batch = self.batches.entry(key).or_insert(Batch { said: BTreeMap::new(), heard: now, is_told: false });
        batch.said.insert(keeper, word);
        (batch.heard, batch.is_told) = (now, false);
    }

    /// The batches that are to be told, in words.
    pub(super) fn take_due(&mut self, committee: &Committee, now: Time) -> Vec<(BatchKey, String)> {
        let is_due = |batch: &Batch| !batch.is_told && now.0.abs_diff(batch.heard.0) >= QUIET_MS;
        let due = self.batches.iter_mut().filter(|(_, batch)| is_due(batch)).take(TOLD_MAX);
        due.map(|(key, batch)| {
            batch.is_told = true;
            (*key, words(&batch.said, committee))
        })
        .collect()
    }
}

fn word_in(channel: Channel, bytes: &[u8]) -> Option<(BatchKey, u16, Word)> {
    if channel != Channel::Partials {
        return None;
    }
    match Message::decode(channel, bytes) {
        Ok(Message::Partial(partial)) => Some((partial.key(), partial.keeper, word(&partial))),
        _ => None,
    }
}

fn word(partial: &Partial) -> Word {
    let reason = partial.findings.iter().find(|finding| finding.abstains()).and_then(|finding| finding.detail.first());
    reason.map_or(Word::Signed(partial.root.into_array()), |reason| Word::Abstained(*reason))
}

/// `4 of 5 signed; abstained: 0x1234…cdef busy; another result: 0x…; not heard: 0x…`
fn words(said: &BTreeMap<u16, Word>, committee: &Committee) -> String {
    let name = |keeper: u16| {
        let member = committee.members().get(usize::from(keeper));
        member.map_or_else(|| format!("keeper {keeper}"), |member| short(&member.operator.to_string()))
    };
    let mut roots: BTreeMap<[u8; 32], Vec<u16>> = BTreeMap::new();
    let mut abstained = Vec::new();
    for (&keeper, word) in said {
        match word {
            Word::Signed(root) => roots.entry(*root).or_default().push(keeper),
            Word::Abstained(reason) => abstained.push(format!("{} {}", name(keeper), reason_name(*reason))),
        }
    }
    let most = roots.values().map(Vec::len).max().unwrap_or(0);
    let first = roots.iter().find(|(_, signers)| signers.len() == most).map(|(root, _)| *root);
    let others = roots.iter().filter(|(root, _)| Some(**root) != first).flat_map(|(_, signers)| signers);
    let others: Vec<String> = others.map(|keeper| name(*keeper)).collect();
    let staked: BTreeSet<u16> =
        (0..).zip(committee.members()).filter(|(_, member)| member.stake > 0).map(|(at, _)| at).collect();
    let silent: Vec<String> =
        staked.iter().filter(|keeper| !said.contains_key(keeper)).map(|keeper| name(*keeper)).collect();
    let mut words = format!("{most} of {} signed", staked.len());
    for (what, who) in [("abstained", abstained), ("signed another result", others), ("not heard", silent)] {
        if !who.is_empty() {
            let more =
                if who.len() > NAMED_MAX { format!(" and {} more", who.len() - NAMED_MAX) } else { String::new() };
            let named: Vec<&str> = who.iter().take(NAMED_MAX).map(String::as_str).collect();
            words.push_str(&format!("; {what}: {}{more}", named.join(", ")));
        }
    }
    words
}

/// Every reason to abstain that this program knows.
const REASONS: [Abstention; 8] = [
    Abstention::UnknownTask,
    Abstention::CodeUnavailable,
    Abstention::ChainReadFailed,
    Abstention::Timeout,
    Abstention::HostFailure,
    Abstention::Busy,
    Abstention::JournalRefused,
    Abstention::JobInactive,
];

fn reason_name(number: u8) -> &'static str {
    let known = REASONS.into_iter().find(|reason| *reason as u8 == number);
    known.map_or("for a reason not known here", Abstention::name)
}

/// The ends of an address.
fn short(hex: &str) -> String {
    let end = hex.len().saturating_sub(4);
    format!("{}…{}", hex.get(..6).unwrap_or(hex), hex.get(end..).unwrap_or_default())
}

impl Driver {
    /// Writes to the record what was said of the batches that have become quiet.
    pub(super) fn tell_voices(&mut self, now: Time) {
        let Some((committee, _)) = self.core.engine().committee() else { return };
        for (key, words) in self.voices.take_due(&committee, now) {
            self.record_all(&key, &Change::Voices { words }, now);
        }
    }

    /// Writes to the record why a settlement could not be brought on chain.
    pub(super) fn record_refusal(&self, event: &Event, now: Time) {
        if let Event::Submitted { key, result } = event
            && let Some(why) = result.trouble()
        {
            self.record_all(key, &Change::Refused { why: why.to_owned() }, now);
        }
    }

    fn record_all(&self, key: &BatchKey, change: &Change, now: Time) {
        for &task in self.core.engine().tasks_of(key) {
            let at = self.core.chain_time(now);
            self.services.archive.note(Entry { task, at, change: change.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
