//! The seam around guest code: bytes in, bytes out.
//!
//! Everything a job can influence before its result is checked happens behind [`Sandbox`]. Input, result and host calls cross
//! as bytes so that this side can move into a worker process of its own.

mod guest;
mod imports;
mod limits;
mod verdict;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, WasmBacktraceDetails, WasmFeatures};

use guest::Guest;
pub(super) use limits::Limits;
pub(super) use wire::{Input, Output, Reference, Result as Wire};

/// How often the watchdog looks, and so its resolution.
const TICK: Duration = Duration::from_millis(100);

/// What guest code can ask of its keeper.
pub(super) trait HostCalls: Send {
    /// Answers a canonical [`ChainRequest`](super::ChainRequest) with a canonical [`ChainAnswer`](super::ChainAnswer).
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, HostFailure>;
}

/// The keeper could not answer a host call; the run ends as an abstention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostFailure {
    /// The chain node failed.
    #[error("{0}")]
    Rpc(String),
    /// The run's time is over.
    #[error("the run's time is over")]
    Deadline,
}

/// Native code that this very engine compiled, or that the cache vouches for. Loading anything else is undefined behaviour.
#[derive(Debug)]
pub(super) struct CompiledCode(pub(super) Vec<u8>);

/// A job ready to run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Program {
    pre: guest::JobPre<Guest>,
}

/// The WebAssembly engine with the settings of the protocol.
pub(super) struct Sandbox {
    engine: Engine,
    limits: Limits,
    compatibility: String,
}

impl Sandbox {
    /// Starts the engine and its watchdog thread, which ends with the engine.
    pub(super) fn new(limits: Limits) -> wasmtime::Result<Self> {
        let engine = Engine::new(&settings(&limits))?;
        let compatibility = compatibility(&engine);
        let weak = engine.weak();
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
        Ok(Self { engine, limits, compatibility })
    }

    /// Names this engine's version, settings and machine: code compiled under another name must not be loaded.
    pub(super) fn compatibility(&self) -> &str {
        &self.compatibility
    }

    /// Longest a run may take.
    pub(super) const fn wall_clock(&self) -> Duration {
        self.limits.wall_clock
    }

    /// Compiles a component. Takes seconds of CPU for an interpreter of 1.6 MB.
    pub(super) fn compile(&self, wasm: &[u8]) -> wasmtime::Result<CompiledCode> {
        self.engine.precompile_component(wasm).map(CompiledCode)
    }

    /// Loads compiled code and checks that it is a component of the world `keeper:job/job`.
    #[expect(
        unsafe_code,
        reason = "wasmtime cannot check native code; CompiledCode holds only what we compiled ourselves"
    )]
    pub(super) fn load(&self, code: &CompiledCode) -> wasmtime::Result<Program> {
        // SAFETY: the bytes are this engine's own output: either just compiled or authenticated by the cache (`cache.rs`).
        let component = unsafe { Component::deserialize(&self.engine, &code.0)? };
        let mut linker = Linker::new(&self.engine);
        guest::add_to_linker(&mut linker)?;
        imports::trap_others(&self.engine, &component, &mut linker)?;
        Ok(Program { pre: guest::JobPre::new(linker.instantiate_pre(&component)?)? })
    }

    /// Runs a program on an encoded [`Input`] and returns an encoded [`Output`]. Blocks for up to the watchdog's time.
    pub(super) fn run(&self, program: &Program, input: &[u8], calls: Box<dyn HostCalls>) -> Vec<u8> {
        let output = match Input::decode(input) {
            Ok(input) => self.run_guest(program, &input, calls),
            Err(error) => Output { result: Wire::HostFailure(error), fuel: 0, logs: Vec::new() },
        };
        output.encode()
    }

    fn run_guest(&self, program: &Program, input: &Input, calls: Box<dyn HostCalls>) -> Output {
        let mut store = Store::new(&self.engine, Guest::new(input, &self.limits, calls));
        store.limiter(|guest| &mut guest.memory);
        // Room for one copy of the largest memory: what a guest returns is cut or refused by our own, later checks.
        store.set_hostcall_fuel(self.limits.memory_bytes + (2 << 20));
        store.set_epoch_deadline(self.limits.ticks(TICK));
        let result = store.set_fuel(self.limits.fuel).and_then(|()| {
            let job = program.pre.instantiate(&mut store)?;
            job.call_run(&mut store, &guest::context(input))
        });
        let fuel = self.limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        Output { result: verdict::of(result), fuel, logs: store.into_data().into_logs() }
    }
}

/// The engine's settings. Fuel costs and everything a guest can observe are part of the protocol.
fn settings(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(limits.stack_bytes)
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::GC | WasmFeatures::EXCEPTIONS, false);
    config
}

fn compatibility(engine: &Engine) -> String {
    /// Feeds what the engine hashes into SHA-256, whose value is equal in every process.
    struct Sha(Sha256);
    impl std::hash::Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
    alloy::hex::encode(&hasher.0.finalize()[..8])
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("compatibility", &self.compatibility).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl<T: HostCalls> HostCalls for Arc<std::sync::Mutex<T>> {
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, HostFailure> {
        self.lock().unwrap_or_else(std::sync::PoisonError::into_inner).chain(request)
    }
}
