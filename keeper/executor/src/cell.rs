//! The cell: the process in which job code is compiled and run. It is started by its keeper as `keeper worker`, locks itself in
//! ([`jail`]) before it reads a byte, and holds no key, no socket and no URL; what a job wants to know of the chain it
//! asks of the keeper over its pipe.
//!
//! ```text
//!              hello                     order
//!   start ───────────────► waiting ─────────────────► at work ── chain read ──► waiting for the answer
//!   jail                      ▲ ◄──── result ─────────── │ ▲ ◄──── answer ───────────────┘
//!                             └─ end of input: exit      └─┘
//! ```

mod guest;
mod imports;
mod in_process;
mod jail;
mod memory;
mod pipe;
mod programs;
mod sandbox;
mod stop;
mod verdict;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Role;
use crate::limits::Limits;
use crate::wire::{ChainRead, Hello, Input, MAX_FAILURE_BYTES, Order, Said};
pub use guest::{INTERFACES, OBSERVING_INTERFACES};
pub use in_process::{InProcess, Means, Measured};
use pipe::{Closed, Pipe};
use programs::Programs;
use sandbox::{CompiledCode, Program, Sandbox, Unready};

/// What guest code can ask of its keeper.
pub(crate) trait HostCalls: Send {
    /// Answers a canonical [`ChainRequest`](crate::ChainRequest) with a canonical [`ChainAnswer`](crate::ChainAnswer).
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, Unanswered>;

    /// Answers a [`WebRequest`](crate::WebRequest) with a [`WebAnswer`](crate::WebAnswer), both as they stand in a frame.
    fn fetch(&mut self, request: &[u8]) -> Result<Vec<u8>, Unanswered>;
}

/// The keeper has no answer to a chain read or a request; the run ends as an abstention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host call has no answer")]
pub(crate) struct Unanswered;

/// A worker's whole life: locks itself in, says hello, and does what it is told until its input ends.
#[must_use]
pub fn main(role: Role) -> ExitCode {
    match live(role) {
        Ok(()) | Err(Closed::End) => ExitCode::SUCCESS,
        Err(Closed::Broken(why)) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

/// A line for the keeper's log.
fn complain(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{why}");
}

fn live(role: Role) -> Result<(), Closed> {
    let jail = jail::enter(role).map_err(Closed::Broken)?;
    let sandbox = Sandbox::new(role).map_err(|error| Closed::Broken(format!("cannot start the engine: {error:#}")))?;
    let mut pipe = Pipe::of_this_process().map_err(|error| Closed::Broken(error.to_string()))?;
    let hello = Hello { engine: sandbox.compatibility().to_owned(), confinement: jail };
    pipe.say(0, &Said::Hello(hello))?;
    let mut worker = Worker { role, sandbox, pipe: Arc::new(Mutex::new(pipe)), programs: Programs::default() };
    loop {
        worker.serve()?;
    }
}

struct Worker {
    role: Role,
    sandbox: Sandbox,
    pipe: Arc<Mutex<Pipe>>,
    programs: Programs,
}

impl Worker {
    /// One order and what follows from it.
    fn serve(&mut self) -> Result<(), Closed> {
        let (number, order) = self.pipe().hear()?;
        let said = match (self.role, order) {
            (Role::Compile, Order::Compile(component)) => self.compile(&component),
            (Role::Run, Order::Load { hash, code }) => self.load(hash, code),
            (Role::Run, Order::Run { hash, limits, input }) => self.run(number, &hash, &limits, &input),
            _ => return Err(Closed::Broken("an order this worker is not for".to_owned())),
        };
        self.pipe().say(number, &said)
    }

    fn pipe(&self) -> std::sync::MutexGuard<'_, Pipe> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles, and loads the result as a check that it is of the right world.
    fn compile(&self, component: &[u8]) -> Said {
        let compiled = self.sandbox.compile(component).and_then(|code| self.sandbox.load(&code).map(|_| code));
        match compiled {
            Ok(code) if code.0.len() > crate::cache::MAX_COMPILED_BYTES => {
                Said::Invalid(format!("it compiles to {} bytes, more than a keeper keeps", code.0.len()))
            }
            Ok(code) => Said::Compiled(code.0),
            Err(unready) => said_of(unready),
        }
    }

    fn load(&mut self, hash: [u8; 32], code: Vec<u8>) -> Said {
        let code = CompiledCode(code);
        match self.sandbox.load(&code) {
            Ok(program) => {
                self.programs.insert(hash, program, code.0.len());
                Said::Loaded
            }
            Err(unready) => said_of(unready),
        }
    }

    fn run(&mut self, number: u64, hash: &[u8; 32], limits: &Limits, input: &Input) -> Said {
        let Some(program) = self.programs.get(hash) else { return Said::Missing };
        let calls = Asking { number, pipe: Arc::clone(&self.pipe) };
        Said::Done(self.sandbox.run(&program, limits, input, Box::new(calls)))
    }
}

/// The chain reads and requests of one run, asked of the keeper.
struct Asking {
    number: u64,
    pipe: Arc<Mutex<Pipe>>,
}

impl HostCalls for Asking {
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
        let read = if request.len() > crate::MAX_CHAIN_BYTES {
            ChainRead::TooLong(alloy::primitives::keccak256(request).0)
        } else {
            ChainRead::Request(request.to_vec())
        };
        self.ask(&Said::Read(read))
    }

    fn fetch(&mut self, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
        self.ask(&Said::Fetch(request.to_vec()))
    }
}

impl Asking {
    fn ask(&self, question: &Said) -> Result<Vec<u8>, Unanswered> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        // A pipe that breaks here breaks for the loop too, which then ends the process.
        pipe.say(self.number, question).map_err(|_| Unanswered)?;
        match pipe.hear() {
            Ok((number, Order::Answer(Some(answer)))) if number == self.number => Ok(answer),
            _ => Err(Unanswered),
        }
    }
}

/// What the keeper is told: whether it is the code that is at fault is for it to know.
fn said_of(unready: Unready) -> Said {
    match unready {
        Unready::Unloadable(error) => Said::Unloadable(first_line(&format!("{error:#}"))),
        Unready::Invalid(error) => Said::Invalid(first_line(&format!("{error:#}"))),
    }
}

/// A compiler's message, short enough for a log line.
fn first_line(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().take(300).collect();
    stop::cut(line, MAX_FAILURE_BYTES)
}
