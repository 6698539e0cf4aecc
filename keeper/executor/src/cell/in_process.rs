//! The same run without a process around it. No keeper uses it: it is what the price of the cell is measured against, and how one
//! machine stands in for another: code that is interpreted gives what code gives that was compiled.

use super::{CompiledCode, HostCalls, Program, Sandbox, Unanswered};
use crate::limits::Limits;
use crate::wire::{Call, End, Input, Output};
use crate::{Abstain, ChainAnswer, ChainRequest, Ended, Role, RunRequest};

/// How code is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Compiled for this machine, as keepers do it.
    Compiled,
    /// Interpreted, as if on another.
    Interpreted,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// How it ended.
    pub ended: Ended,
    /// Fuel used.
    pub fuel: u64,
    /// Linear memory, in bytes.
    pub memory_bytes: u64,
    /// What the code said.
    pub logs: Vec<String>,
}

/// One program in this process.
#[derive(Debug)]
pub struct InProcess {
    sandbox: Sandbox,
    program: Program,
}

struct NoChain;

impl HostCalls for NoChain {
    fn chain(&mut self, _: &[u8]) -> Result<Vec<u8>, Unanswered> {
        Err(Unanswered)
    }

    fn fetch(&mut self, _: &[u8]) -> Result<Vec<u8>, Unanswered> {
        Err(Unanswered)
    }
}

/// Answers as a test has it.
struct Prepared<A>(A);

impl<A: FnMut(&ChainRequest) -> Option<ChainAnswer> + Send> HostCalls for Prepared<A> {
    fn chain(&mut self, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
        let request = ChainRequest::decode(request).map_err(|_| Unanswered)?;
        (self.0)(&request).map(|answer| answer.encode()).ok_or(Unanswered)
    }

    fn fetch(&mut self, _: &[u8]) -> Result<Vec<u8>, Unanswered> {
        Err(Unanswered)
    }
}

impl InProcess {
    /// Compiles and loads a component.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        Self::by(Means::Compiled, component)
    }

    /// The same, by either means.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn by(means: Means, component: &[u8]) -> wasmtime::Result<Self> {
        let sandbox = Sandbox::by(means, Role::Run)?;
        let code: CompiledCode = sandbox.compile(component)?;
        Ok(Self { program: sandbox.load(&code)?, sandbox })
    }

    /// Runs it, under the protocol's limits and without a chain. The calldata, if the run ended with some.
    #[must_use]
    pub fn run(&self, request: &RunRequest) -> Option<Vec<u8>> {
        match self.sandbox.run(&self.program, &Limits::default(), &input(request), Box::new(NoChain)).end {
            End::Call(data) => Some(data),
            _ => None,
        }
    }

    /// Runs it under these limits, on a chain that answers so.
    pub fn measure(
        &self,
        request: &RunRequest,
        limits: &Limits,
        chain: impl FnMut(&ChainRequest) -> Option<ChainAnswer> + Send + 'static,
    ) -> Measured {
        let output = self.sandbox.run(&self.program, limits, &input(request), Box::new(Prepared(chain)));
        let Output { end, fuel, memory_bytes, logs } = output;
        let ended = match end {
            End::Call(data) => Ended::Call(data),
            End::Skip(reason) => Ended::Skip(reason),
            End::JobError(why) => Ended::JobError(why),
            End::Timeout => Ended::Abstain(Abstain::Timeout),
            End::StackOverflow => Ended::Abstain(Abstain::StackOverflow),
            End::HostFailure(why) => Ended::Abstain(Abstain::HostFailure(why)),
            End::Unanswered => Ended::Abstain(Abstain::RpcFailure("a chain read has no answer".to_owned())),
            End::Seen(_) => Ended::Abstain(Abstain::HostFailure("a look outside, which was not asked for".to_owned())),
        };
        Measured { ended, fuel, memory_bytes, logs }
    }
}

fn input(request: &RunRequest) -> Input {
    Input {
        job_id: request.job_id,
        task_id: request.task_id,
        sequence: request.sequence,
        trigger: request.trigger.clone(),
        due: request.due,
        params: request.params.clone(),
        reference: request.reference.clone(),
        call: Call::Run,
    }
}
