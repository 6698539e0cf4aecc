//! The operator table as the chain keeps it, made again from its rows: `contracts/src/libraries/EpochTable.sol`.
//!
//! Its hash commits to the sum of all keys, to every stake and to the contracts that hold the keys. Keys by themselves are
//! committed to by their sum alone: whose each is, only the chain tells.

use alloy::primitives::{Address, B256, keccak256};
use consensus::bls::aggregate_keys;
use consensus::committee::Committee;

use super::file::CHUNK_ROWS;

/// What comes before the rows: aggregate key, bitmap of rows with stake, total stake, number of rows with stake.
const HEAD_BYTES: usize = 256 + 32 + 12 + 2;
/// Bytes of an address.
const ADDRESS_BYTES: usize = 20;
/// Bytes of a stake.
const STAKE_BYTES: usize = 12;
/// Bytes of a coordinate on chain, and as the precompiles take it.
const COORDINATE: usize = 48;
const PADDED: usize = 64;
/// What the code of such a contract begins with: it stops at once.
const STOP: u8 = 0;

/// Hash of a committee's table whose keys lie in `chunks`; `None` where those do not fit it.
pub(super) fn root(committee: &Committee, chunks: &[Address]) -> Option<B256> {
    let members = committee.members();
    if chunks.len() != members.len().div_ceil(CHUNK_ROWS) {
        return None;
    }
    let staked = || members.iter().filter(|member| member.stake > 0);
    let keys: Vec<_> = staked().map(|member| member.key).collect();
    let mut table = vec![STOP];
    for coordinate in aggregate_keys(&keys)?.to_chain_bytes().chunks(COORDINATE) {
        table.extend([0; PADDED - COORDINATE]);
        table.extend(coordinate);
    }
    let mut bitmap = [0; 32];
    for (row, _) in members.iter().enumerate().filter(|(_, member)| member.stake > 0) {
        bitmap[31 - row / 8] |= 1 << (row % 8);
    }
    table.extend(bitmap);
    table.extend(stake(committee.total_stake()));
    table.extend(u16::try_from(keys.len()).ok()?.to_be_bytes());
    for (rows, chunk) in members.chunks(CHUNK_ROWS).zip(chunks) {
        table.extend(chunk.as_slice());
        rows.iter().for_each(|member| table.extend(stake(member.stake)));
    }
    Some(keccak256(table))
}

/// The contracts that hold a table's keys, by the table's code on chain; `None` where it is too short for so many rows.
#[must_use]
pub fn chunks_of(code: &[u8], rows: usize) -> Option<Vec<Address>> {
    let mut rest = code.get(1 + HEAD_BYTES..)?;
    let mut chunks = Vec::new();
    for first in (0..rows).step_by(CHUNK_ROWS) {
        let (chunk, stakes) = rest.split_at_checked(ADDRESS_BYTES)?;
        chunks.push(Address::from_slice(chunk));
        rest = stakes.get(STAKE_BYTES * (rows - first).min(CHUNK_ROWS)..)?;
    }
    rest.is_empty().then_some(chunks)
}

/// The lower 96 bits: a committee's stakes have no more.
fn stake(stake: u128) -> [u8; STAKE_BYTES] {
    let mut bytes = [0; STAKE_BYTES];
    bytes.copy_from_slice(&stake.to_be_bytes()[16 - STAKE_BYTES..]);
    bytes
}
