//! What a keeper tells a worker.

use std::time::Duration;

use super::{Cursor, MAX_FAILURE_BYTES, MAX_ORDER, Malformed, frame, put_bytes};
use crate::cache::MAX_COMPILED_BYTES;
use crate::limits::Limits;
use crate::run::{BlockReference, Trigger};
use crate::seen::{KeeperSeen, MAX_SEEN_BYTES};
use crate::{ChainAnswer, LogEntry, MAX_CHAIN_BYTES, MAX_CODE_BYTES};

/// Longest log, or answer of a condition.
const MAX_TRIGGER: usize = MAX_CHAIN_BYTES + 1024;
/// Most keepers whose observations are decided on: a committee has no more members.
const MAX_KEEPERS: usize = 256;

/// Which function of its world is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// `run`.
    Run,
    /// `observe`.
    Observe,
    /// `decide`, on what these keepers saw.
    Decide(Vec<KeeperSeen>),
}

/// A run to make: what the job is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) job_id: u64,
    pub(crate) task_id: [u8; 32],
    pub(crate) sequence: u64,
    pub(crate) trigger: Trigger,
    /// Unix seconds.
    pub(crate) due: u64,
    pub(crate) params: Vec<u8>,
    pub(crate) reference: BlockReference,
    pub(crate) call: Call,
}

/// One frame to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "made, written and dropped one at a time")]
pub(crate) enum Order {
    /// Compile this component. Tag 1.
    Compile(Vec<u8>),
    /// Keep this compiled code under the component's hash. Tag 2.
    Load { hash: [u8; 32], code: Vec<u8> },
    /// Run the code with this hash. Tag 3.
    Run { hash: [u8; 32], limits: Limits, input: Input },
    /// The answer to a chain read or a request, or none: then the run must end. Tag 4.
    Answer(Option<Vec<u8>>),
}

impl Order {
    /// The whole frame.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        match self {
            Self::Compile(component) => frame(number, 1, |to| put_bytes(to, component)),
            Self::Load { hash, code } => frame(number, 2, |to| {
                to.extend(hash);
                put_bytes(to, code);
            }),
            Self::Run { hash, limits, input } => frame(number, 3, |to| {
                to.extend(hash);
                to.extend(limits.fuel.to_le_bytes());
                to.extend(u64::try_from(limits.wall_clock.as_millis()).unwrap_or(u64::MAX).to_le_bytes());
                to.extend((limits.memory_bytes as u64).to_le_bytes());
                input.encode(to);
            }),
            Self::Answer(answer) => frame(number, 4, |to| {
                to.push(u8::from(answer.is_some()));
                put_bytes(to, answer.as_deref().unwrap_or_default());
            }),
        }
    }

    /// Reads a frame without its length field back.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(u64, Self), Malformed> {
        let (number, tag, mut body) = super::split(bytes)?;
        let order = match tag {
            1 => Self::Compile(body.bytes(MAX_CODE_BYTES)?),
            2 => Self::Load { hash: body.array()?, code: body.bytes(MAX_COMPILED_BYTES)? },
            3 => {
                let hash = body.array()?;
                let (fuel, wall_clock) = (body.u64()?, Duration::from_millis(body.u64()?));
                let memory_bytes = usize::try_from(body.u64()?).map_err(|_| Malformed("a limit out of range"))?;
                let limits = Limits { fuel, wall_clock, memory_bytes };
                Self::Run { hash, limits, input: Input::decode(&mut body)? }
            }
            4 => {
                let answered = body.u8()? != 0;
                let answer = body.bytes(MAX_CHAIN_BYTES + MAX_FAILURE_BYTES)?;
                Self::Answer(answered.then_some(answer))
            }
            _ => return Err(Malformed("an order of a kind that is not known")),
        };
        body.end()?;
        Ok((number, order))
    }
}

impl Input {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self.job_id.to_le_bytes());
        to.extend(self.task_id);
        to.extend(self.sequence.to_le_bytes());
        match &self.trigger {
            Trigger::Time(due) => {
                to.push(1);
                to.extend(due.to_le_bytes());
            }
            Trigger::Block { number, hash, timestamp } => {
                to.push(2);
                to.extend(number.to_le_bytes());
                to.extend(hash);
                to.extend(timestamp.to_le_bytes());
            }
            Trigger::Log(log) => {
                to.push(3);
                put_bytes(to, &ChainAnswer::Logs(vec![LogEntry::clone(log)]).encode());
            }
            Trigger::Condition(answer) => {
                to.push(4);
                put_bytes(to, answer);
            }
        }
        to.extend(self.due.to_le_bytes());
        to.extend(self.reference.chain_id.to_le_bytes());
        to.extend(self.reference.number.to_le_bytes());
        to.extend(self.reference.hash);
        to.extend(self.reference.timestamp.to_le_bytes());
        put_bytes(to, &self.params);
        self.call.encode(to);
    }

    fn decode(from: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let (job_id, task_id, sequence) = (from.u64()?, from.array()?, from.u64()?);
        let trigger = match from.u8()? {
            1 => Trigger::Time(from.u64()?),
            2 => Trigger::Block { number: from.u64()?, hash: from.array()?, timestamp: from.u64()? },
            3 => match ChainAnswer::decode(&from.bytes(MAX_TRIGGER)?) {
                Ok(ChainAnswer::Logs(mut logs)) if logs.len() == 1 => Trigger::Log(Box::new(logs.remove(0))),
                _ => return Err(Malformed("a trigger that is no log")),
            },
            4 => Trigger::Condition(from.bytes(MAX_TRIGGER)?),
            _ => return Err(Malformed("a trigger of a kind that is not known")),
        };
        let due = from.u64()?;
        let reference =
            BlockReference { chain_id: from.u64()?, number: from.u64()?, hash: from.array()?, timestamp: from.u64()? };
        let params = from.bytes(MAX_ORDER)?;
        Ok(Self { job_id, task_id, sequence, trigger, due, params, reference, call: Call::decode(from)? })
    }
}

impl Call {
    fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::Run => to.push(1),
            Self::Observe => to.push(2),
            Self::Decide(seen) => {
                to.push(3);
                to.extend(u32::try_from(seen.len()).unwrap_or(u32::MAX).to_le_bytes());
                for KeeperSeen { keeper, share, bytes } in seen {
                    to.extend(keeper.to_le_bytes());
                    to.extend(share.to_le_bytes());
                    put_bytes(to, bytes);
                }
            }
        }
    }

    fn decode(from: &mut Cursor<'_>) -> Result<Self, Malformed> {
        Ok(match from.u8()? {
            1 => Self::Run,
            2 => Self::Observe,
            3 => {
                let count = from.u32()? as usize;
                if count > MAX_KEEPERS {
                    return Err(Malformed("more keepers than there may be"));
                }
                let mut seen = Vec::with_capacity(count);
                for _ in 0..count {
                    let keeper = u16::from_le_bytes(from.array()?);
                    let share = from.u32()?;
                    seen.push(KeeperSeen { keeper, share, bytes: from.bytes(MAX_SEEN_BYTES)? });
                }
                Self::Decide(seen)
            }
            _ => return Err(Malformed("a call of a kind that is not known")),
        })
    }
}
