//! A tape as a file: one JSON document, bytes in hexadecimal.

use std::sync::Arc;

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolValue;
use consensus::anchor::BlockRef;
use consensus::committee::KeeperIndex;
use consensus::inputs::InputSet;
use consensus::task::{AnchorRule, InstanceKey, JobId};
use contracts::IJobManager::JobParams;
use contracts::terms::Terms;
use executor::{ChainAnswer, ChainRequest, RpcFailure};
use serde::{Deserialize, Serialize};

use super::{Ending, Read, Tape};
use crate::jobs::trial::{Trial, UNLISTED};
use crate::jobs::trigger::{Run, SeenLog, Sighting};

/// Version of the format.
const VERSION: u32 = 1;
/// Reads of a run, with room for a run that a worker's end made necessary twice.
const MAX_READS: usize = 256;

/// Why a file is no tape.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not what this program writes.
    #[error("it is no recorded run: {0}; make one with `keeper job test --record FILE`")]
    Malformed(String),
    /// It is of another version.
    #[error("it has version {0} of the format, and this program reads version {VERSION}: record the run again")]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    tape: u32,
    chain_id: u64,
    /// Which job it is; none for one that is not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed: Option<Listed>,
    /// `abi.encode(JobParams)`.
    job: Bytes,
    anchor: Block,
    instance: B256,
    due: u64,
    /// The block that the run rests on, where it is not due by time alone.
    rests_on: Option<u64>,
    rank: u32,
    seen: Option<Seen>,
    /// What it decided on, where its job looks outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Inputs>,
    reads: Vec<Kept>,
    end: End,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    job: u64,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    number: u64,
    hash: B256,
    timestamp: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Seen {
    Block(Block),
    /// A log as the answer to a read of logs would have it.
    Log {
        entry: Bytes,
        timestamp: u64,
    },
    Answer(Bytes),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    hash: B256,
    seen: Vec<(u16, u32, Bytes)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    request: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Bytes>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_answer: Option<String>,
    /// Why the call failed, where the node did not tell how.
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    outcome: String,
    data: Bytes,
    transcript: B256,
    fuel: u64,
    memory_bytes: u64,
    logs: Vec<String>,
}

impl Tape {
    /// The file's text.
    ///
    /// # Panics
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("numbers, texts and lists of them");
        text.push('\n');
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// It is no tape, or one of another version.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            tape: u32,
        }
        let wrong = |error: serde_json::Error| Unreadable::Malformed(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(wrong)?;
        if head.tape != VERSION {
            return Err(Unreadable::Version(head.tape));
        }
        serde_json::from_str::<File>(text).map_err(wrong)?.try_into()
    }
}

impl From<Tape> for File {
    fn from(tape: Tape) -> Self {
        let Trial { job, terms, chain_id, run, anchor, sighting, inputs } = &tape.trial;
        let Ending { outcome, data, transcript, fuel, memory_bytes, logs } = tape.ended;
        Self {
            tape: VERSION,
            chain_id: *chain_id,
            listed: (*job != UNLISTED).then_some(Listed { job: job.0.0, version: job.1 }),
            job: terms.params().abi_encode().into(),
            anchor: block_of(anchor),
            instance: run.instance.0,
            due: run.due,
            rests_on: run.anchor.rests_on(),
            rank: run.rank,
            seen: sighting.as_ref().map(seen_of),
            inputs: inputs.as_deref().map(inputs_of),
            reads: tape.reads.iter().map(kept_of).collect(),
            end: End { outcome, data: data.into(), transcript: transcript.into(), fuel, memory_bytes, logs },
        }
    }
}

impl TryFrom<File> for Tape {
    type Error = Unreadable;

    fn try_from(file: File) -> Result<Self, Unreadable> {
        if file.tape != VERSION {
            return Err(Unreadable::Version(file.tape));
        }
        let broken = |what: &str| Unreadable::Malformed(format!("{what} does not decode"));
        if file.reads.len() > MAX_READS {
            return Err(Unreadable::Malformed(format!("more than {MAX_READS} reads")));
        }
        let params = JobParams::abi_decode(&file.job).map_err(|_| broken("job"))?;
        let terms = Terms::try_from(&params).map_err(|error| Unreadable::Malformed(error.to_string()))?;
        // One job, one encoding: padding that decodes to the same is another file about the same run.
        if terms.params().abi_encode()[..] != file.job[..] {
            return Err(broken("job"));
        }
        let sighting = file.seen.map(|seen| sighting_of(seen).ok_or_else(|| broken("seen"))).transpose()?;
        let inputs = file.inputs.map(set_of);
        let reads = file.reads.into_iter().map(|kept| read_of(kept).ok_or_else(|| broken("a read")));
        let End { outcome, data, transcript, fuel, memory_bytes, logs } = file.end;
        let run = Run {
            instance: InstanceKey(file.instance),
            due: file.due,
            anchor: file.rests_on.map_or(AnchorRule::ByTime, AnchorRule::AtBlock),
            rank: file.rank,
        };
        let anchor = reference_of(&file.anchor);
        let job = file.listed.map_or(UNLISTED, |Listed { job, version }| (JobId(job), version));
        Ok(Self {
            trial: Trial { job, terms: Arc::new(terms), chain_id: file.chain_id, run, anchor, sighting, inputs },
            reads: reads.collect::<Result<_, _>>()?,
            ended: Ending { outcome, data: data.to_vec(), transcript: transcript.0, fuel, memory_bytes, logs },
        })
    }
}

fn block_of(block: &BlockRef) -> Block {
    Block { number: block.number, hash: block.hash, timestamp: block.timestamp }
}

fn reference_of(block: &Block) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash, timestamp: block.timestamp }
}

fn seen_of(sighting: &Sighting) -> Seen {
    match sighting {
        Sighting::Block(block) => Seen::Block(block_of(block)),
        Sighting::Log(log) => {
            let entry = ChainAnswer::Logs(vec![log.entry.clone()]).encode().into();
            Seen::Log { entry, timestamp: log.timestamp }
        }
        Sighting::Answer(answer) => Seen::Answer(answer.clone().into()),
    }
}

fn sighting_of(seen: Seen) -> Option<Sighting> {
    Some(match seen {
        Seen::Block(block) => Sighting::Block(reference_of(&block)),
        Seen::Log { entry, timestamp } => match ChainAnswer::decode(&entry) {
            Ok(ChainAnswer::Logs(mut logs)) if logs.len() == 1 => {
                Sighting::Log(Arc::new(SeenLog { entry: logs.remove(0), timestamp }))
            }
            _ => return None,
        },
        Seen::Answer(answer) => Sighting::Answer(answer.to_vec()),
    })
}

fn inputs_of(set: &InputSet) -> Inputs {
    Inputs { hash: set.hash, seen: set.seen.iter().map(|one| (one.keeper.0, one.share, one.bytes.clone())).collect() }
}

fn set_of(inputs: Inputs) -> Arc<InputSet> {
    let one = |(keeper, share, bytes)| consensus::inputs::Seen { keeper: KeeperIndex(keeper), share, bytes };
    Arc::new(InputSet { hash: inputs.hash, seen: inputs.seen.into_iter().map(one).collect() })
}

fn kept_of(read: &Read) -> Kept {
    let mut kept = Kept { request: read.request.encode().into(), answer: None, no_answer: None, untold: None };
    match &read.answer {
        Ok(answer) => kept.answer = Some(answer.encode().into()),
        Err(RpcFailure::NoAnswer(why)) => kept.no_answer = Some(why.clone()),
        Err(RpcFailure::Untold(why)) => kept.untold = Some(why.clone()),
    }
    kept
}

fn read_of(kept: Kept) -> Option<Read> {
    let answer = match (kept.answer, kept.no_answer, kept.untold) {
        (Some(answer), None, None) => Ok(ChainAnswer::decode(&answer).ok()?),
        (None, Some(why), None) => Err(RpcFailure::NoAnswer(why)),
        (None, None, Some(why)) => Err(RpcFailure::Untold(why)),
        _ => return None,
    };
    Some(Read { request: ChainRequest::decode(&kept.request).ok()?, answer })
}
