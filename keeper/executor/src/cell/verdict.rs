//! What the end of a run means: a result that every keeper gets, or none.

use wasmtime::Trap;

use super::guest::observations;
use super::guest::types::{JobError, Outcome};
use super::stop::{Stop, cut};
use crate::wire::{End, MAX_FAILURE_BYTES};
use crate::{MAX_OUTCOME_BYTES, MAX_REASON_BYTES, Observation, seen};

/// Maps what wasmtime returned. Only ends that are listed here are signed; anything unknown abstains.
pub(super) fn of(result: wasmtime::Result<Result<Outcome, JobError>>) -> End {
    match result {
        Ok(Ok(Outcome::Call(data))) if data.len() > MAX_OUTCOME_BYTES => {
            End::JobError(format!("outcome of {} bytes, more than {MAX_OUTCOME_BYTES}", data.len()))
        }
        Ok(Ok(Outcome::Call(data))) => End::Call(data),
        Ok(Ok(Outcome::Skip(reason))) => End::Skip(cut(reason, MAX_REASON_BYTES)),
        Ok(Err(error)) => of_job_error(error),
        Err(error) => of_error(&error),
    }
}

/// The same of a look outside, whose end is never signed but for what was seen.
pub(super) fn of_look(result: wasmtime::Result<Result<Vec<observations::Observation>, JobError>>) -> End {
    match result {
        Ok(Ok(items)) => {
            let items = items.into_iter().map(|item| Observation { key: item.key, value: item.value });
            match seen::encode(&items.collect::<Vec<_>>()) {
                Ok(bytes) => End::Seen(bytes),
                Err(why) => End::JobError(why),
            }
        }
        Ok(Err(error)) => of_job_error(error),
        Err(error) => of_error(&error),
    }
}

fn of_job_error(error: JobError) -> End {
    End::JobError(match error {
        JobError::Permanent(why) => cut(format!("permanent: {why}"), MAX_REASON_BYTES),
        JobError::Transient(why) => cut(format!("transient: {why}"), MAX_REASON_BYTES),
    })
}

fn of_error(error: &wasmtime::Error) -> End {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Guest(what) => End::JobError(format!("trap: {what}")),
            Stop::OutOfFuel => out_of_fuel(),
            Stop::Unanswered => End::Unanswered,
            Stop::Machine(why) => End::HostFailure(cut(why.clone(), MAX_FAILURE_BYTES)),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => out_of_fuel(),
        Some(Trap::Interrupt) => End::Timeout,
        Some(Trap::StackOverflow) => End::StackOverflow,
        Some(trap) => match trap_name(*trap) {
            Some(name) => End::JobError(format!("trap: {name}")),
            None => End::HostFailure(format!("a trap this version does not sign: {trap}")),
        },
        None => End::HostFailure(cut(format!("{error:#}"), MAX_FAILURE_BYTES)),
    }
}

fn out_of_fuel() -> End {
    End::JobError("out of fuel".to_owned())
}

/// The signed text of a trap: fixed here, so that a new wasmtime that words it differently changes nothing.
const fn trap_name(trap: Trap) -> Option<&'static str> {
    Some(match trap {
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds => "memory out of bounds",
        Trap::TableOutOfBounds => "table out of bounds",
        Trap::IndirectCallToNull => "indirect call to null",
        Trap::BadSignature => "indirect call type mismatch",
        Trap::IntegerOverflow => "integer overflow",
        Trap::IntegerDivisionByZero => "integer division by zero",
        Trap::BadConversionToInteger => "invalid conversion to integer",
        Trap::CannotEnterComponent => "cannot enter component",
        Trap::CannotLeaveComponent => "cannot leave component",
        Trap::InvalidChar => "invalid char",
        Trap::StringOutOfBounds => "string out of bounds",
        Trap::ListOutOfBounds => "list out of bounds",
        Trap::InvalidDiscriminant => "invalid discriminant",
        Trap::UnalignedPointer => "unaligned pointer",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
