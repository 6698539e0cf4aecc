//! The chain reads a job can make, and their canonical bytes.
//!
//! These bytes cross the sandbox's seam and are hashed into the run's transcript, so there is one encoding for one value:
//! a tag byte followed by the Solidity ABI encoding of the fields named on each variant.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolValue;
use thiserror::Error;

/// A read of the chain at the run's anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainRequest {
    /// `eth_call`. Tag 1, `(address, bytes)`.
    Call {
        /// The contract.
        to: Address,
        /// Calldata.
        data: Bytes,
    },
    /// Balance in wei. Tag 2, `(address)`.
    Balance(Address),
    /// A storage word. Tag 3, `(address, bytes32)`.
    StorageAt {
        /// The contract.
        account: Address,
        /// The slot.
        slot: B256,
    },
    /// keccak-256 of an account's code. Tag 4, `(address)`.
    CodeHash(Address),
    /// Event logs of one contract. Tag 5, `(address, (bool, bytes32)[], uint64, uint64)`.
    Logs {
        /// The emitting contract.
        address: Address,
        /// Up to four topics; `None` matches any.
        topics: Vec<Option<B256>>,
        /// First block, inclusive.
        from_block: u64,
        /// Last block, inclusive, not above the anchor.
        to_block: u64,
    },
}

/// One event log of a [`ChainRequest::Logs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The emitting contract.
    pub address: Address,
    /// 0 to 4 topics.
    pub topics: Vec<B256>,
    /// The log's data.
    pub data: Bytes,
    /// Block number.
    pub block_number: u64,
    /// Block hash.
    pub block_hash: B256,
    /// Transaction hash.
    pub transaction_hash: B256,
    /// Index of the log in its block.
    pub log_index: u32,
}

/// What the chain, or the protocol's caps, answered. Equal on every honest keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainAnswer {
    /// Returned bytes: call data, a balance (32 bytes big-endian), a storage word or a code hash. Tag 0, `(bytes)`.
    Data(Bytes),
    /// Logs by block number and log index. Tag 1, `(address, bytes32[], bytes, uint64, bytes32, bytes32, uint32)[]`.
    Logs(Vec<LogEntry>),
    /// The call reverted with these bytes. Tag 2, `(bytes)`.
    Reverted(Bytes),
    /// The read is over a cap of the protocol. Tag 3, `(string)`.
    Limit(String),
    /// The read makes no sense. Tag 4, `(string)`.
    Invalid(String),
}

/// Bytes that are not a canonical chain read or answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a canonical chain read or answer")]
pub struct DecodeError;

/// Solidity tuple of a [`LogEntry`].
type LogTuple = (Address, Vec<B256>, Bytes, u64, B256, B256, u32);

impl ChainRequest {
    /// Canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Call { to, data } => tagged(1, (*to, data.clone()).abi_encode_params()),
            Self::Balance(account) => tagged(2, account.abi_encode()),
            Self::StorageAt { account, slot } => tagged(3, (*account, *slot).abi_encode_params()),
            Self::CodeHash(account) => tagged(4, account.abi_encode()),
            Self::Logs { address, topics, from_block, to_block } => {
                let topics: Vec<(bool, B256)> = topics.iter().map(|t| (t.is_some(), t.unwrap_or_default())).collect();
                tagged(5, (*address, topics, *from_block, *to_block).abi_encode_params())
            }
        }
    }

    /// Reads canonical bytes back.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not exactly what [`encode`](Self::encode) writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (tag, body) = bytes.split_first().ok_or(DecodeError)?;
        let request = match tag {
            1 => {
                let (to, data) = params::<(Address, Bytes)>(body)?;
                Self::Call { to, data }
            }
            2 => Self::Balance(value(body)?),
            3 => {
                let (account, slot) = params::<(Address, B256)>(body)?;
                Self::StorageAt { account, slot }
            }
            4 => Self::CodeHash(value(body)?),
            5 => {
                let (address, topics, from_block, to_block) = params::<(Address, Vec<(bool, B256)>, u64, u64)>(body)?;
                let topics = topics.into_iter().map(|(present, topic)| present.then_some(topic)).collect();
                Self::Logs { address, topics, from_block, to_block }
            }
            _ => return Err(DecodeError),
        };
        if request.encode() == bytes { Ok(request) } else { Err(DecodeError) }
    }
}

impl ChainAnswer {
    /// A 32-byte big-endian number as an answer.
    #[must_use]
    pub fn word(number: U256) -> Self {
        Self::Data(number.to_be_bytes::<32>().into())
    }

    /// Canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Data(data) => tagged(0, data.abi_encode()),
            Self::Logs(entries) => tagged(1, entries.iter().map(LogEntry::tuple).collect::<Vec<_>>().abi_encode()),
            Self::Reverted(data) => tagged(2, data.abi_encode()),
            Self::Limit(why) => tagged(3, why.abi_encode()),
            Self::Invalid(why) => tagged(4, why.abi_encode()),
        }
    }

    /// Reads canonical bytes back.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not exactly what [`encode`](Self::encode) writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (tag, body) = bytes.split_first().ok_or(DecodeError)?;
        let answer = match tag {
            0 => Self::Data(value(body)?),
            1 => Self::Logs(value::<Vec<LogTuple>>(body)?.into_iter().map(LogEntry::from_tuple).collect()),
            2 => Self::Reverted(value(body)?),
            3 => Self::Limit(value(body)?),
            4 => Self::Invalid(value(body)?),
            _ => return Err(DecodeError),
        };
        if answer.encode() == bytes { Ok(answer) } else { Err(DecodeError) }
    }
}

impl LogEntry {
    fn tuple(&self) -> LogTuple {
        (
            self.address,
            self.topics.clone(),
            self.data.clone(),
            self.block_number,
            self.block_hash,
            self.transaction_hash,
            self.log_index,
        )
    }

    fn from_tuple(tuple: LogTuple) -> Self {
        let (address, topics, data, block_number, block_hash, transaction_hash, log_index) = tuple;
        Self { address, topics, data, block_number, block_hash, transaction_hash, log_index }
    }
}

fn tagged(tag: u8, body: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + body.len());
    bytes.push(tag);
    bytes.extend(body);
    bytes
}

fn value<T>(body: &[u8]) -> Result<T, DecodeError>
where
    T: SolValue + From<<<T as SolValue>::SolType as alloy::sol_types::SolType>::RustType>,
{
    T::abi_decode(body).map_err(|_| DecodeError)
}

fn params<T>(body: &[u8]) -> Result<T, DecodeError>
where
    T: SolValue + From<<<T as SolValue>::SolType as alloy::sol_types::SolType>::RustType>,
    for<'a> <T as SolValue>::SolType: alloy::sol_types::SolType<Token<'a>: alloy::sol_types::abi::TokenSeq<'a>>,
{
    T::abi_decode_params(body).map_err(|_| DecodeError)
}

#[cfg(test)]
mod tests;
