//! The host functions of the worlds `keeper:job/job` and `keeper:job/observing-job`.

use alloy::primitives::{Address, B256, keccak256};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance};

use super::HostCalls;
use super::memory::MemoryLimiter;
use super::stop::{Stop, cut};
use crate::limits::Limits;
use crate::seen::KeeperSeen;
use crate::wire::{Call, Input, LOG_ENTRY_COST, MAX_LOG_BYTES};
use crate::{ChainAnswer, ChainRequest, Trigger};

mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "job" });
}

mod observing {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "observing-job",
        with: { "keeper:job/types": super::bindings::keeper::job::types },
    });
}

pub(super) use bindings::JobPre;
use bindings::keeper::job::chain::ChainError;
use bindings::keeper::job::log::Level;
pub(super) use bindings::keeper::job::types;
pub(super) use observing::ObservingJobPre;
pub(super) use observing::keeper::job::http;
pub(super) use observing::keeper::job::observations;

/// The interfaces that every job is offered.
pub const INTERFACES: [&str; 4] =
    ["keeper:job/types@0.1.0", "keeper:job/chain@0.1.0", "keeper:job/log@0.1.0", "keeper:job/random@0.1.0"];
/// What a job that looks outside is offered besides.
pub const OBSERVING_INTERFACES: [&str; 2] = ["keeper:job/observations@0.1.0", "keeper:job/http@0.1.0"];

/// Bytes one call of `random.bytes` may ask for.
const MAX_RANDOM_BYTES: u32 = 64 << 10;

// Fuel of host calls, part of the protocol like that of instructions.
const CHAIN_CALL_FUEL: u64 = 100_000;
const CHAIN_BYTE_FUEL: u64 = 50;
const CALL_FUEL: u64 = 1_000;
const BYTE_FUEL: u64 = 10;

mod web;

type Store<'a> = StoreContextMut<'a, Guest>;
type ChainResult<T> = wasmtime::Result<(Result<T, ChainError>,)>;

/// The host's side of one run.
pub(super) struct Guest {
    pub(super) memory: MemoryLimiter,
    pub(super) calls: Box<dyn HostCalls>,
    /// Whether it may look outside.
    pub(super) looks: bool,
    random: ChaCha20Rng,
    logs: Vec<String>,
    log_bytes_left: usize,
}

impl Guest {
    pub(super) fn new(input: &Input, limits: &Limits, calls: Box<dyn HostCalls>) -> Self {
        let seed = keccak256([b"keeper:job/random", input.task_id.as_slice()].concat());
        Self {
            memory: MemoryLimiter::new(limits.memory_bytes),
            calls,
            looks: matches!(input.call, Call::Observe),
            random: ChaCha20Rng::from_seed(seed.0),
            logs: Vec::new(),
            log_bytes_left: MAX_LOG_BYTES,
        }
    }

    pub(super) fn into_logs(self) -> Vec<String> {
        self.logs
    }

    fn log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        // An entry costs its bytes and a little more, so that empty ones cannot pile up either.
        let left = self.log_bytes_left.saturating_sub(LOG_ENTRY_COST);
        if left > 0 {
            let entry = cut(format!("{level}: {message}"), left);
            self.log_bytes_left = left - entry.len();
            self.logs.push(entry);
        }
    }
}

/// What the guest is told.
pub(super) fn context(input: &Input) -> types::Context {
    types::Context {
        job_id: input.job_id,
        task_id: input.task_id.to_vec(),
        sequence: input.sequence,
        trigger: match &input.trigger {
            Trigger::Time(due) => types::Trigger::Time(*due),
            Trigger::Block { number, hash, timestamp } => {
                let chain_id = input.reference.chain_id;
                types::Trigger::Block(types::BlockReference {
                    chain_id,
                    number: *number,
                    hash: hash.to_vec(),
                    timestamp: *timestamp,
                })
            }
            Trigger::Log(log) => types::Trigger::Log(log_of(crate::LogEntry::clone(log))),
            Trigger::Condition(answer) => types::Trigger::Condition(answer.clone()),
        },
        reference: types::BlockReference {
            chain_id: input.reference.chain_id,
            number: input.reference.number,
            hash: input.reference.hash.to_vec(),
            timestamp: input.reference.timestamp,
        },
        now: input.due,
        params: input.params.to_vec(),
    }
}

/// What keepers saw, as the guest is told it.
pub(super) fn seen(all: &[KeeperSeen]) -> Vec<observations::KeeperObservations> {
    let one = |one: crate::Observation| observations::Observation { key: one.key, value: one.value };
    let of = |seen: &KeeperSeen| observations::KeeperObservations {
        keeper: seen.keeper,
        share: seen.share,
        items: seen.items().into_iter().map(one).collect(),
    };
    all.iter().map(of).collect()
}

/// Defines the imports of the worlds.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(INTERFACES[0])?;
    chain(&mut linker.instance(INTERFACES[1])?)?;
    linker.instance(INTERFACES[2])?.func_wrap("write", |mut store: Store<'_>, (level, message): (Level, String)| {
        burn(&mut store, CALL_FUEL, BYTE_FUEL, message.len())?;
        store.data_mut().log(level, &message);
        Ok(())
    })?;
    linker.instance(INTERFACES[3])?.func_wrap("bytes", |mut store: Store<'_>, (length,): (u32,)| {
        if length > MAX_RANDOM_BYTES {
            return Err(Stop::Guest("more than 65536 random bytes asked for").into());
        }
        burn(&mut store, CALL_FUEL, BYTE_FUEL, length as usize)?;
        let mut bytes = vec![0; length as usize];
        store.data_mut().random.fill_bytes(&mut bytes);
        Ok((bytes,))
    })?;
    linker.instance(OBSERVING_INTERFACES[0])?;
    web::add_to(&mut linker.instance(OBSERVING_INTERFACES[1])?)
}

fn chain(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap("call", |store: Store<'_>, (to, data): (Vec<u8>, Vec<u8>)| {
        read(store, address(&to).map(|to| ChainRequest::Call { to, data: data.into() }), data_of)
    })?;
    linker.func_wrap("balance", |store: Store<'_>, (account,): (Vec<u8>,)| {
        read(store, address(&account).map(ChainRequest::Balance), data_of)
    })?;
    linker.func_wrap("storage-at", |store: Store<'_>, (account, slot): (Vec<u8>, Vec<u8>)| {
        let request =
            address(&account).and_then(|account| word(&slot).map(|slot| ChainRequest::StorageAt { account, slot }));
        read(store, request, data_of)
    })?;
    linker.func_wrap("code-hash", |store: Store<'_>, (account,): (Vec<u8>,)| {
        read(store, address(&account).map(ChainRequest::CodeHash), data_of)
    })?;
    linker.func_wrap(
        "logs",
        |store: Store<'_>, (emitter, topics, from_block, to_block): (Vec<u8>, Vec<Option<Vec<u8>>>, u64, u64)| {
            let request = address(&emitter).and_then(|address| {
                let topics =
                    topics.iter().map(|topic| topic.as_deref().map(word).transpose()).collect::<Result<_, _>>()?;
                Ok(ChainRequest::Logs { address, topics, from_block, to_block })
            });
            read(store, request, logs_of)
        },
    )
}

/// Makes one chain read: through the keeper when the arguments make sense, and always for fuel.
fn read<T>(
    mut store: Store<'_>,
    request: Result<ChainRequest, ChainError>,
    take: fn(ChainAnswer) -> Option<T>,
) -> ChainResult<T> {
    let request = match request {
        Ok(request) => request.encode(),
        Err(error) => {
            burn(&mut store, CHAIN_CALL_FUEL, 0, 0)?;
            return Ok((Err(error),));
        }
    };
    burn(&mut store, CHAIN_CALL_FUEL, CHAIN_BYTE_FUEL, request.len())?;
    let answer = store.data_mut().calls.chain(&request).map_err(|_| Stop::Unanswered)?;
    burn(&mut store, 0, CHAIN_BYTE_FUEL, answer.len())?;
    let nonsense = || Stop::Machine("the keeper answered a chain read with something else".to_owned());
    Ok((match ChainAnswer::decode(&answer).map_err(|_| nonsense())? {
        ChainAnswer::Reverted(data) => Err(ChainError::Reverted(data.to_vec())),
        ChainAnswer::Limit(why) => Err(ChainError::Limit(why)),
        ChainAnswer::Invalid(why) => Err(ChainError::Invalid(why)),
        good => Ok(take(good).ok_or_else(nonsense)?),
    },))
}

/// Charges a host call. All fuel is gone when there is too little, as with an instruction.
fn burn(store: &mut Store<'_>, base: u64, per_byte: u64, bytes: usize) -> wasmtime::Result<()> {
    let cost = base.saturating_add(per_byte.saturating_mul(bytes as u64));
    let left = store.get_fuel()?.checked_sub(cost);
    store.set_fuel(left.unwrap_or(0))?;
    left.map(drop).ok_or_else(|| Stop::OutOfFuel.into())
}

fn address(bytes: &[u8]) -> Result<Address, ChainError> {
    Address::try_from(bytes).map_err(|_| ChainError::Invalid(format!("an address has 20 bytes, not {}", bytes.len())))
}

fn word(bytes: &[u8]) -> Result<B256, ChainError> {
    B256::try_from(bytes).map_err(|_| ChainError::Invalid(format!("a hash or slot has 32 bytes, not {}", bytes.len())))
}

fn data_of(answer: ChainAnswer) -> Option<Vec<u8>> {
    if let ChainAnswer::Data(data) = answer { Some(data.to_vec()) } else { None }
}

fn logs_of(answer: ChainAnswer) -> Option<Vec<types::LogEntry>> {
    if let ChainAnswer::Logs(entries) = answer { Some(entries.into_iter().map(log_of).collect()) } else { None }
}

fn log_of(entry: crate::LogEntry) -> types::LogEntry {
    types::LogEntry {
        address: entry.address.to_vec(),
        topics: entry.topics.iter().map(|topic| topic.to_vec()).collect(),
        data: entry.data.to_vec(),
        block_number: entry.block_number,
        block_hash: entry.block_hash.to_vec(),
        transaction_hash: entry.transaction_hash.to_vec(),
        log_index: entry.log_index,
    }
}
