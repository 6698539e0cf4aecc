//! The WebAssembly engine with the settings of the protocol, and one guest in it at a time.

use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, WasmBacktraceDetails, WasmFeatures};

use super::guest::{self, Guest};
use super::{HostCalls, Means, imports, verdict};
use crate::Role;
use crate::limits::{Limits, STACK_BYTES};
use crate::wire::{Call, End, Input, Output};

/// How often the watchdog looks, and so its resolution.
const TICK: Duration = Duration::from_millis(100);
/// Address space a linear memory takes at a time; growing past it moves the memory.
const MEMORY_STEP: u64 = 16 << 20;

/// The machine that wasmtime interprets, of 64 bits and the lowest byte first.
const INTERPRETER: &str = "pulley64";

/// Native code that this very engine compiled, or that the keeper's cache vouches for. Loading anything else is undefined
/// behaviour.
#[derive(Debug)]
pub(super) struct CompiledCode(pub(super) Vec<u8>);

/// A job ready to run. Cheap to clone.
#[derive(Clone)]
pub(super) enum Program {
    /// Of the world `keeper:job/job`.
    Job(guest::JobPre<Guest>),
    /// Of the world `keeper:job/observing-job`.
    Observing(guest::ObservingJobPre<Guest>),
}

/// Why there is no program.
#[derive(Debug)]
pub(super) enum Unready {
    /// This process cannot have it: there is no memory, or none that may be executed. It says nothing of the code.
    Unloadable(wasmtime::Error),
    /// It is no component of a world of jobs.
    Invalid(wasmtime::Error),
}

impl Unready {
    fn of(error: wasmtime::Error) -> Self {
        if error.is::<wasmtime::OutOfMemory>() { Self::Unloadable(error) } else { Self::Invalid(error) }
    }
}

impl From<Unready> for wasmtime::Error {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::Unloadable(error) | Unready::Invalid(error) => error,
        }
    }
}

/// The WebAssembly engine with the settings of the protocol.
pub(super) struct Sandbox {
    engine: Engine,
    compatibility: String,
}

impl Sandbox {
    /// Starts the engine and, where guests run, its watchdog thread, which ends with the engine.
    pub(super) fn new(role: Role) -> wasmtime::Result<Self> {
        Self::by(Means::Compiled, role)
    }

    /// The same, by either means.
    pub(super) fn by(means: Means, role: Role) -> wasmtime::Result<Self> {
        let mut settings = settings();
        if means == Means::Interpreted {
            settings.target(INTERPRETER)?;
        }
        let engine = Engine::new(&settings)?;
        let compatibility = compatibility(&engine);
        if role == Role::Run {
            let weak = engine.weak();
            std::thread::Builder::new().name("watchdog".to_owned()).stack_size(64 << 10).spawn(move || {
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })?;
        }
        Ok(Self { engine, compatibility })
    }

    /// Names this engine's version, settings and machine: code compiled under another name must not be loaded.
    pub(super) fn compatibility(&self) -> &str {
        &self.compatibility
    }

    /// Compiles a component. Takes seconds of CPU for an interpreter of 1.6 MB.
    pub(super) fn compile(&self, wasm: &[u8]) -> Result<CompiledCode, Unready> {
        self.engine.precompile_component(wasm).map(CompiledCode).map_err(Unready::of)
    }

    /// Loads compiled code and checks that it is a component of a world of jobs.
    #[expect(
        unsafe_code,
        reason = "wasmtime cannot check native code; CompiledCode holds only what we compiled ourselves"
    )]
    pub(super) fn load(&self, code: &CompiledCode) -> Result<Program, Unready> {
        // SAFETY: the bytes are this engine's own output: either just compiled or authenticated by the keeper (`cache.rs`).
        let loaded = unsafe { Component::deserialize(&self.engine, &code.0) };
        // What the engine has made itself and cannot take back has met a limit of this machine.
        let component = loaded.map_err(Unready::Unloadable)?;
        self.link(component).map_err(Unready::of)
    }

    fn link(&self, component: Component) -> wasmtime::Result<Program> {
        let mut linker = Linker::new(&self.engine);
        guest::add_to_linker(&mut linker)?;
        imports::trap_others(&self.engine, &component, &mut linker)?;
        let pre = linker.instantiate_pre(&component)?;
        match guest::JobPre::new(pre.clone()) {
            Ok(job) => Ok(Program::Job(job)),
            // What is wrong with it is told by the world that more jobs are of.
            Err(error) => guest::ObservingJobPre::new(pre).map(Program::Observing).map_err(|_| error),
        }
    }

    /// Runs a program. Blocks for up to the watchdog's time.
    pub(super) fn run(&self, program: &Program, limits: &Limits, input: &Input, calls: Box<dyn HostCalls>) -> Output {
        let mut store = Store::new(&self.engine, Guest::new(input, limits, calls));
        store.limiter(|guest| &mut guest.memory);
        // Room for one copy of the largest memory: what a guest returns is cut or refused by our own, later checks.
        store.set_hostcall_fuel(limits.memory_bytes + (2 << 20));
        store.set_epoch_deadline(ticks(limits.wall_clock));
        let end = match store.set_fuel(limits.fuel) {
            Ok(()) => call(program, &mut store, input),
            Err(error) => verdict::of(Err(error)),
        };
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let memory_bytes = store.data().memory.used() as u64;
        Output { end, fuel, memory_bytes, logs: store.into_data().into_logs() }
    }
}

/// Calls the function of its world that is asked for.
fn call(program: &Program, store: &mut Store<Guest>, input: &Input) -> End {
    let context = guest::context(input);
    match (program, &input.call) {
        (Program::Job(pre), Call::Run) => {
            verdict::of(pre.instantiate(&mut *store).and_then(|job| job.call_run(store, &context)))
        }
        (Program::Observing(pre), Call::Observe) => {
            verdict::of_look(pre.instantiate(&mut *store).and_then(|job| job.call_observe(store, &context)))
        }
        (Program::Observing(pre), Call::Decide(seen)) => {
            let seen = guest::seen(seen);
            verdict::of(pre.instantiate(&mut *store).and_then(|job| job.call_decide(store, &context, &seen)))
        }
        // What the chain says of the job and what its code is are both the same on every keeper, and so is this.
        (Program::Job(_), Call::Observe | Call::Decide(_)) => End::JobError(
            "the code is of the world `job`, and the job has an allow-list: it exports no `observe`".to_owned(),
        ),
        (Program::Observing(_), Call::Run) => {
            End::JobError("the code is of the world `observing-job`, and the job has no allow-list".to_owned())
        }
    }
}

/// The engine's settings. Fuel costs and everything a guest can observe are part of the protocol.
fn settings() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::GC | WasmFeatures::EXCEPTIONS, false)
        // The rest is for this process alone. Little address space is reserved, so that a limit on it means something.
        .memory_reservation(MEMORY_STEP)
        .memory_reservation_for_growth(MEMORY_STEP)
        .memory_guard_size(1 << 20)
        // Images of memories would each hold a descriptor.
        .memory_init_cow(false)
        // Compilers share the machine with runs: one core each.
        .parallel_compilation(false);
    config
}

/// A span in ticks of the watchdog, rounded up.
fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2)
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
