//! Reads of the chain at the run's block. At most 64 in a run, with at most 256 KiB of questions and answers together; each costs
//! fuel.

use alloy_sol_types::{SolCall, SolEvent};

use crate::bindings::keeper::job::chain as world;
use crate::bindings::keeper::job::chain::ChainError;
use crate::decision::decode;
use crate::{Address, B256, Bytes, Error, U256};

/// Asks a contract something: `chain::view(token, &balanceOfCall { account })?`.
///
/// # Errors
/// It reverts, which may be different in the next run, or answers something else than the signature says.
pub fn view<C: SolCall>(contract: Address, question: &C) -> Result<C::Return, Error> {
    let answer = world::call(&contract.to_vec(), &question.abi_encode()).map_err(|error| named(C::SIGNATURE, error))?;
    C::abi_decode_returns_validate(&answer)
        .map_err(|error| Error::permanent(format!("{contract} does not answer as {} does: {error}", C::SIGNATURE)))
}

/// The same, where a revert is an answer too: the data that it reverts with.
///
/// # Errors
/// As for [`view`], reverts aside.
pub fn try_view<C: SolCall>(contract: Address, question: &C) -> Result<Result<C::Return, Bytes>, Error> {
    match world::call(&contract.to_vec(), &question.abi_encode()) {
        Err(ChainError::Reverted(data)) => Ok(Err(data.into())),
        Err(error) => Err(named(C::SIGNATURE, error)),
        Ok(answer) => C::abi_decode_returns_validate(&answer)
            .map(Ok)
            .map_err(|error| Error::permanent(format!("{contract} does not answer as {} does: {error}", C::SIGNATURE))),
    }
}

/// An account's balance in wei.
///
/// # Errors
/// Too many reads in this run.
pub fn balance(account: Address) -> Result<U256, Error> {
    world::balance(&account.to_vec()).map(|word| U256::from_be_slice(&word)).map_err(|error| named("balance", error))
}

/// A word of a contract's storage.
///
/// # Errors
/// Too many reads in this run.
pub fn storage(account: Address, slot: B256) -> Result<B256, Error> {
    let word = world::storage_at(&account.to_vec(), &slot.to_vec()).map_err(|error| named("storage", error))?;
    B256::try_from(word.as_slice()).map_err(|_| Error::permanent("a storage word that has not 32 bytes"))
}

/// keccak-256 of an account's code, that of nothing where it has none.
///
/// # Errors
/// Too many reads in this run.
pub fn code_hash(account: Address) -> Result<B256, Error> {
    let hash = world::code_hash(&account.to_vec()).map_err(|error| named("code hash", error))?;
    B256::try_from(hash.as_slice()).map_err(|_| Error::permanent("a code hash that has not 32 bytes"))
}

/// The events of a contract in these blocks, both included: at most 1,024 blocks, up to the run's own, and at most 256 events.
///
/// # Errors
/// More than that, or too many reads in this run.
pub fn events<E: SolEvent>(contract: Address, from_block: u64, to_block: u64) -> Result<Vec<E>, Error> {
    let topics = [Some(E::SIGNATURE_HASH.to_vec())];
    let logs = world::logs(&contract.to_vec(), &topics, from_block, to_block);
    logs.map_err(|error| named(E::SIGNATURE, error))?.iter().map(decode).collect()
}

/// A read that failed. A revert depends on the block, the rest on the job.
fn named(what: &str, error: ChainError) -> Error {
    match error {
        ChainError::Reverted(data) => Error::transient(format!("{what} reverted with {}", Bytes::from(data))),
        ChainError::Limit(why) | ChainError::Invalid(why) => Error::permanent(format!("{what}: {why}")),
    }
}
