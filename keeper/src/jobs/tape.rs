//! A run on tape: what it was told, what it read, and how it ended. The tape plays it again without a chain.
//!
//! A run is a pure function of what it is told and of the answers to its chain reads, so whoever has both has the run.

mod format;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use executor::{BlockReference, ChainAnswer, ChainReader, ChainRequest, Ended, Reading, RpcFailure};
use serde::{Deserialize, Serialize};

use super::action::Made;
use super::trial::Trial;
pub use format::Unreadable;

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "format::File", try_from = "format::File")]
pub struct Tape {
    /// What it was told.
    pub trial: Trial,
    /// What it read, in order.
    pub reads: Vec<Read>,
    /// How it ended.
    pub ended: Ending,
}

/// A chain read of a run. Those that the protocol's caps refuse are none: they are not asked of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What was asked.
    pub request: ChainRequest,
    /// What the chain answered, or that it did not.
    pub answer: Result<ChainAnswer, RpcFailure>,
}

/// The end of a run, as far as it is the same again: no times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// call, skip, error or abstain.
    pub outcome: String,
    /// Calldata, or the reason as text.
    pub data: Vec<u8>,
    /// The commitment to what was read.
    pub transcript: [u8; 32],
    /// Fuel used.
    pub fuel: u64,
    /// Linear memory, in bytes.
    pub memory_bytes: u64,
    /// What the code said.
    pub logs: Vec<String>,
}

impl Ending {
    /// Of a run that was made.
    #[must_use]
    pub fn of(made: &Made) -> Self {
        let (outcome, data) = match &made.ended {
            Ended::Call(data) => ("call", data.clone()),
            Ended::Skip(reason) => ("skip", reason.clone().into_bytes()),
            Ended::JobError(why) => ("error", why.clone().into_bytes()),
            Ended::Abstain(why) => ("abstain", format!("{}: {why}", why.name()).into_bytes()),
        };
        Self {
            outcome: outcome.to_owned(),
            data,
            transcript: made.transcript.0,
            fuel: made.used.fuel,
            memory_bytes: made.used.memory_bytes,
            logs: made.used.logs.clone(),
        }
    }

    /// The end in words.
    #[must_use]
    pub fn words(&self) -> String {
        shown_end(self)
    }

    /// Where another end of the same run differs, in words.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ = |what: &str, then: String, now: String| {
            if then != now {
                found.push(format!("{what} was {then}, and is {now}"));
            }
        };
        differ("the outcome", shown_end(self), shown_end(now));
        differ("the transcript root", hex(&self.transcript), hex(&now.transcript));
        differ("the fuel used", self.fuel.to_string(), now.fuel.to_string());
        differ("the memory used", self.memory_bytes.to_string(), now.memory_bytes.to_string());
        let lines = self.logs.len().max(now.logs.len());
        let line =
            |logs: &[String], at: usize| logs.get(at).map_or_else(|| "not there".to_owned(), |it| format!("{it:?}"));
        if let Some(at) = (0..lines).find(|&at| self.logs.get(at) != now.logs.get(at)) {
            differ(&format!("line {} of the log", at + 1), line(&self.logs, at), line(&now.logs, at));
        }
        found
    }
}

fn shown_end(end: &Ending) -> String {
    match end.outcome.as_str() {
        "call" => format!("call {}", hex(&end.data)),
        other => format!("{other} {:?}", String::from_utf8_lossy(&end.data)),
    }
}

fn hex(bytes: &[u8]) -> String {
    alloy::hex::encode_prefixed(bytes)
}

/// Asks another reader, and keeps what came of it.
#[derive(Debug)]
pub struct Recorder {
    reader: Arc<dyn ChainReader>,
    reads: Mutex<Vec<Read>>,
}

impl Recorder {
    /// Over a reader.
    #[must_use]
    pub fn over(reader: Arc<dyn ChainReader>) -> Arc<Self> {
        Arc::new(Self { reader, reads: Mutex::default() })
    }

    /// What was read since this was last asked.
    pub fn take(&self) -> Vec<Read> {
        std::mem::take(&mut *held(&self.reads))
    }
}

impl ChainReader for Recorder {
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a> {
        Box::pin(async move {
            let answer = self.reader.read(reference, request).await;
            held(&self.reads).push(Read { request: request.clone(), answer: answer.clone() });
            answer
        })
    }
}

/// Answers from a tape: each read in its turn, and no other.
#[derive(Debug)]
pub struct Player {
    reads: Vec<Read>,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    next: usize,
    strayed: Option<String>,
}

impl Player {
    /// Of what was read.
    #[must_use]
    pub fn new(reads: Vec<Read>) -> Arc<Self> {
        Arc::new(Self { reads, place: Mutex::default() })
    }

    /// Where the run left the tape, in words: it read something else, or not all of it.
    #[must_use]
    pub fn strayed(&self) -> Option<String> {
        let place = held(&self.place);
        let left = self.reads.get(place.next);
        let unread = |read: &Read| format!("read {} was {}, and is not made", place.next + 1, shown(&read.request));
        place.strayed.clone().or_else(|| left.map(unread))
    }

    fn answer(&self, request: &ChainRequest) -> Result<ChainAnswer, RpcFailure> {
        let mut place = held(&self.place);
        let at = place.next;
        let was = match self.reads.get(at) {
            Some(read) if read.request == *request && place.strayed.is_none() => {
                place.next += 1;
                return read.answer.clone();
            }
            Some(read) => shown(&read.request),
            None => "none".to_owned(),
        };
        let why = format!("read {} was {was}, and is {}", at + 1, shown(request));
        place.strayed.get_or_insert_with(|| why.clone());
        Err(RpcFailure::NoAnswer(format!("the tape has no answer: {why}")))
    }
}

impl ChainReader for Player {
    fn read<'a>(&'a self, _: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::ready(self.answer(request)))
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A read as its author knows it.
fn shown(request: &ChainRequest) -> String {
    match request {
        ChainRequest::Call { to, data } => format!("call {to} {data}"),
        ChainRequest::Balance(account) => format!("balance {account}"),
        ChainRequest::StorageAt { account, slot } => format!("storage-at {account} {slot}"),
        ChainRequest::CodeHash(account) => format!("code-hash {account}"),
        ChainRequest::Logs { address, topics, from_block, to_block } => {
            format!("logs {address} of blocks {from_block} to {to_block}, {} topics", topics.len())
        }
    }
}

#[cfg(test)]
mod tests;
