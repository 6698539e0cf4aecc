//! What a worker says to its keeper, who takes none of it on trust.

use super::{LOG_ENTRY_COST, MAX_FAILURE_BYTES, MAX_LOG_BYTES, Malformed, VERSION, frame, put_bytes, put_list};
use crate::cache::MAX_COMPILED_BYTES;
use crate::outside::MAX_REQUEST_BYTES;
use crate::seen::MAX_SEEN_BYTES;
use crate::{MAX_CHAIN_BYTES, MAX_OUTCOME_BYTES, MAX_REASON_BYTES};

/// Longest name of an engine.
const MAX_ENGINE_BYTES: usize = 64;

/// What a worker cannot do, by its own word before it has read anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confinement {
    /// It has its limits on memory, files and processor time, gains no privileges, holds no descriptor but its three pipes,
    /// and dies with its keeper. A worker without these is not used.
    pub limits: bool,
    /// The kernel lets through only the system calls a guest needs.
    pub seccomp: bool,
    /// The kernel refuses it every file and socket.
    pub landlock: bool,
}

/// The first words of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Names the engine's version, settings and machine; hexadecimal.
    pub(crate) engine: String,
    pub(crate) confinement: Confinement,
}

/// A chain read of the running job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChainRead {
    /// Its canonical bytes.
    Request(Vec<u8>),
    /// keccak-256 of a request that is longer than all reads of a run together may be: refused, but part of the transcript.
    TooLong([u8; 32]),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Call(Vec<u8>),
    Skip(String),
    JobError(String),
    Timeout,
    StackOverflow,
    /// A chain read had no answer; the keeper knows why.
    Unanswered,
    HostFailure(String),
    /// What was seen, encoded ([`crate::seen`]).
    Seen(Vec<u8>),
}

/// A finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) end: End,
    pub(crate) fuel: u64,
    /// Linear memory at its end, in bytes.
    pub(crate) memory_bytes: u64,
    pub(crate) logs: Vec<String>,
}

/// One frame from a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Tag 0, number 0.
    Hello(Hello),
    /// Tag 1.
    Compiled(Vec<u8>),
    /// The code is no component of the world `keeper:job/job`. Tag 2.
    Invalid(String),
    /// Tag 3.
    Loaded,
    /// The code asked for is not loaded. Tag 4.
    Missing,
    /// Tag 5.
    Read(ChainRead),
    /// Tag 6.
    Done(Output),
    /// The code is compiled, and this process cannot load it: that says nothing of the code. Tag 7.
    Unloadable(String),
    /// A request to the web, as it stands in a frame ([`crate::WebRequest`]). Tag 8.
    Fetch(Vec<u8>),
}

impl Said {
    /// The whole frame.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        match self {
            Self::Hello(hello) => frame(number, 0, |to| {
                to.extend(VERSION.to_le_bytes());
                put_bytes(to, hello.engine.as_bytes());
                let Confinement { limits, seccomp, landlock } = hello.confinement;
                to.push(u8::from(limits) | u8::from(seccomp) << 1 | u8::from(landlock) << 2);
            }),
            Self::Compiled(code) => frame(number, 1, |to| put_bytes(to, code)),
            Self::Invalid(why) => frame(number, 2, |to| put_bytes(to, why.as_bytes())),
            Self::Loaded => frame(number, 3, |_| ()),
            Self::Missing => frame(number, 4, |_| ()),
            Self::Read(ChainRead::Request(request)) => frame(number, 5, |to| {
                to.push(0);
                put_bytes(to, request);
            }),
            Self::Read(ChainRead::TooLong(hash)) => frame(number, 5, |to| {
                to.push(1);
                to.extend(hash);
            }),
            Self::Done(output) => frame(number, 6, |to| output.encode(to)),
            Self::Unloadable(why) => frame(number, 7, |to| put_bytes(to, why.as_bytes())),
            Self::Fetch(request) => frame(number, 8, |to| put_bytes(to, request)),
        }
    }

    /// Reads a frame without its length field back.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(u64, Self), Malformed> {
        let (number, tag, mut body) = super::split(bytes)?;
        let said = match tag {
            0 => {
                if body.u32()? != VERSION {
                    return Err(Malformed("the hello of another version of this program"));
                }
                let engine = body.text(MAX_ENGINE_BYTES)?;
                if !engine.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(Malformed("an engine whose name is not hexadecimal"));
                }
                let flags = body.u8()?;
                let confinement =
                    Confinement { limits: flags & 1 != 0, seccomp: flags & 2 != 0, landlock: flags & 4 != 0 };
                Self::Hello(Hello { engine, confinement })
            }
            1 => Self::Compiled(body.bytes(MAX_COMPILED_BYTES)?),
            2 => Self::Invalid(body.text(MAX_FAILURE_BYTES)?),
            3 => Self::Loaded,
            4 => Self::Missing,
            5 => Self::Read(match body.u8()? {
                0 => ChainRead::Request(body.bytes(MAX_CHAIN_BYTES)?),
                1 => ChainRead::TooLong(body.array()?),
                _ => return Err(Malformed("a chain read of a kind that is not known")),
            }),
            6 => Self::Done(Output::decode(&mut body)?),
            7 => Self::Unloadable(body.text(MAX_FAILURE_BYTES)?),
            8 => Self::Fetch(body.bytes(MAX_REQUEST_BYTES)?),
            _ => return Err(Malformed("a frame of a kind that is not known")),
        };
        body.end()?;
        Ok((number, said))
    }

    /// What this frame is, for a log line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "a hello",
            Self::Compiled(_) => "compiled code",
            Self::Invalid(_) => "that code is invalid",
            Self::Loaded => "that code is loaded",
            Self::Missing => "that code is missing",
            Self::Read(_) => "a chain read",
            Self::Done(_) => "the end of a run",
            Self::Unloadable(_) => "that code cannot be loaded",
            Self::Fetch(_) => "a request to the web",
        }
    }
}

impl Output {
    fn encode(&self, to: &mut Vec<u8>) {
        let (tag, data): (u8, &[u8]) = match &self.end {
            End::Call(data) => (0, data),
            End::Skip(reason) => (1, reason.as_bytes()),
            End::JobError(why) => (2, why.as_bytes()),
            End::Timeout => (3, &[]),
            End::StackOverflow => (4, &[]),
            End::Unanswered => (5, &[]),
            End::HostFailure(why) => (6, why.as_bytes()),
            End::Seen(bytes) => (7, bytes),
        };
        to.push(tag);
        put_bytes(to, data);
        to.extend(self.fuel.to_le_bytes());
        to.extend(self.memory_bytes.to_le_bytes());
        put_list(to, &self.logs);
    }

    fn decode(from: &mut super::Cursor<'_>) -> Result<Self, Malformed> {
        let end = match from.u8()? {
            0 => End::Call(from.bytes(MAX_OUTCOME_BYTES)?),
            1 => End::Skip(from.text(MAX_REASON_BYTES)?),
            2 => End::JobError(from.text(MAX_REASON_BYTES)?),
            3 => from.bytes(0).map(|_| End::Timeout)?,
            4 => from.bytes(0).map(|_| End::StackOverflow)?,
            5 => from.bytes(0).map(|_| End::Unanswered)?,
            6 => End::HostFailure(from.text(MAX_FAILURE_BYTES)?),
            7 => End::Seen(from.bytes(MAX_SEEN_BYTES)?),
            _ => return Err(Malformed("an end of a kind that is not known")),
        };
        let (fuel, memory_bytes) = (from.u64()?, from.u64()?);
        Ok(Self { end, fuel, memory_bytes, logs: from.texts(MAX_LOG_BYTES, LOG_ENTRY_COST)? })
    }
}
