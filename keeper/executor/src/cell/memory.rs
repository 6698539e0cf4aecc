//! The memory of a run.

use wasmtime::ResourceLimiter;

use super::stop::Stop;

/// Bounds memories and tables of a run together, however many a component declares.
///
/// Reaching a bound traps instead of failing the growth, so that a guest cannot go on differently on two machines.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    memory_bytes: usize,
    memory_left: usize,
    table_elements_left: usize,
}

/// Elements of all tables together.
const TABLE_ELEMENTS: usize = 200_000;

impl MemoryLimiter {
    pub(super) const fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, memory_left: memory_bytes, table_elements_left: TABLE_ELEMENTS }
    }

    /// Bytes of all linear memories so far: they never shrink.
    pub(super) const fn used(&self) -> usize {
        self.memory_bytes - self.memory_left
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        take(&mut self.memory_left, current, desired, "memory limit")
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        machine_only(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        take(&mut self.table_elements_left, current, desired, "table limit")
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        machine_only(error)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        64
    }
}

fn take(left: &mut usize, current: usize, desired: usize, name: &'static str) -> wasmtime::Result<bool> {
    match left.checked_sub(desired.saturating_sub(current)) {
        Some(rest) => {
            *left = rest;
            Ok(true)
        }
        None => Err(Stop::Guest(name).into()),
    }
}

/// Lets a guest see a failure that its own declarations cause; ends the run when this machine is out of memory.
fn machine_only(error: wasmtime::Error) -> wasmtime::Result<()> {
    if error.is::<std::io::Error>() || error.is::<wasmtime::OutOfMemory>() {
        return Err(Stop::Machine(format!("growing the job's memory: {error}")).into());
    }
    Ok(())
}
