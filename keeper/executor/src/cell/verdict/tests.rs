use super::*;

fn ended(error: impl Into<wasmtime::Error>) -> End {
    of(Err(error.into()))
}

#[test]
fn what_every_keeper_sees_alike_is_a_job_error_with_a_fixed_text() {
    assert_eq!(ended(Trap::UnreachableCodeReached), End::JobError("trap: unreachable".into()));
    assert_eq!(ended(Trap::IntegerDivisionByZero), End::JobError("trap: integer division by zero".into()));
    assert_eq!(ended(Trap::OutOfFuel), End::JobError("out of fuel".into()));
    assert_eq!(ended(Stop::OutOfFuel), End::JobError("out of fuel".into()));
    assert_eq!(ended(Stop::Guest("memory limit")), End::JobError("trap: memory limit".into()));
    // Context such as a backtrace must not reach the text.
    let wrapped = wasmtime::Error::from(Trap::MemoryOutOfBounds).context("at 0xdeadbeef");
    assert_eq!(ended(wrapped), End::JobError("trap: memory out of bounds".into()));
}

#[test]
fn what_may_differ_between_keepers_is_never_a_job_error() {
    assert_eq!(ended(Trap::Interrupt), End::Timeout);
    assert_eq!(ended(Trap::StackOverflow), End::StackOverflow);
    assert_eq!(ended(Stop::Unanswered), End::Unanswered);
    assert_eq!(ended(Stop::Machine("no memory".into())), End::HostFailure("no memory".into()));
    assert!(matches!(ended(wasmtime::format_err!("something new")), End::HostFailure(_)));
    assert!(matches!(ended(Trap::AsyncDeadlock), End::HostFailure(_)));
}

#[test]
fn long_texts_are_cut_at_a_character_boundary() {
    let End::Skip(reason) = of(Ok(Ok(Outcome::Skip("é".repeat(200))))) else { panic!("a skip stays a skip") };
    assert_eq!(reason, "é".repeat(128));
    let End::Skip(reason) = of(Ok(Ok(Outcome::Skip(format!("a{}", "é".repeat(200)))))) else { panic!("a skip") };
    assert_eq!(reason.len(), 255);
    let End::JobError(why) = of(Ok(Err(JobError::Permanent("x".repeat(1000))))) else { panic!("a job error") };
    assert_eq!(why.len(), MAX_REASON_BYTES);
    assert!(why.starts_with("permanent: x"));
}

#[test]
fn outcomes_end_at_their_cap() {
    let at_the_cap = of(Ok(Ok(Outcome::Call(vec![1; MAX_OUTCOME_BYTES]))));
    assert!(matches!(at_the_cap, End::Call(data) if data.len() == MAX_OUTCOME_BYTES));
    let over = of(Ok(Ok(Outcome::Call(vec![1; MAX_OUTCOME_BYTES + 1]))));
    assert_eq!(over, End::JobError("outcome of 65537 bytes, more than 65536".into()));
}
