//! The same run without a process around it. No keeper uses it: it is what the price of the cell is measured against.

use super::{CompiledCode, HostCalls, Program, Sandbox, Unanswered};
use crate::limits::Limits;
use crate::wire::{End, Input};
use crate::{Role, RunRequest};

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
}

impl InProcess {
    /// Compiles and loads a component.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        let sandbox = Sandbox::new(Role::Run)?;
        let code: CompiledCode = sandbox.compile(component)?;
        Ok(Self { program: sandbox.load(&code)?, sandbox })
    }

    /// Runs it, under the protocol's limits and without a chain. The calldata, if the run ended with some.
    #[must_use]
    pub fn run(&self, request: &RunRequest) -> Option<Vec<u8>> {
        let input = Input {
            job_id: request.job_id,
            task_id: request.task_id,
            sequence: request.sequence,
            trigger: request.trigger.clone(),
            due: request.due,
            params: request.params.clone(),
            reference: request.reference.clone(),
        };
        match self.sandbox.run(&self.program, &Limits::default(), &input, Box::new(NoChain)).end {
            End::Call(data) => Some(data),
            _ => None,
        }
    }
}
