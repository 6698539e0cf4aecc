//! What goes into the lane and what comes out of it.

use crate::chain::cost::DataPrice;
use crate::chain::fees::{Fees, Market, Policy};
use crate::chain::nonce::{Call, Ledger};
use crate::chain::receipt::Receipt;
use alloy::primitives::{Address, B256, Bytes, U256};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// What the lane goes by.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Usual time between two blocks.
    pub block_time: Duration,
    /// Longest time spent on one content before whoever wants it is told that it failed.
    pub patience: Duration,
    /// What may be offered.
    pub policy: Policy,
    /// Nodes there are to ask: what one alone says nobody else can confirm.
    pub nodes: usize,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time passed; comes once a poll.
    Tick,
    /// Somebody wants this content included. The key is the same for everybody who wants the same.
    Want {
        /// Name of the content, not zero.
        key: B256,
        /// The content.
        call: Call,
        /// The name of another that gets its nonce first, where both wait and nothing has kept that one from it.
        after: Option<B256>,
    },
    /// The chain as one node sees it; nothing if no node answered. Answers [`Order::Look`].
    Looked(Option<Look>),
    /// Answers [`Order::Check`].
    Checked {
        /// The content.
        key: B256,
        /// Which block was asked for.
        pending: bool,
        /// What it is worth.
        verdict: Verdict,
    },
    /// The ledger of this number is on the disk. Answers [`Order::Write`].
    Written(u64),
    /// It is not, and why. Answers [`Order::Write`].
    NotWritten(String),
    /// What each node said to a transaction. Answers [`Order::Send`].
    Answered {
        /// The transaction.
        tx: B256,
        /// One a node.
        answers: Vec<Answer>,
    },
}

/// Something to be done; all but `Done` are answered by an event.
#[derive(Clone, Debug)]
pub enum Order {
    /// Look at the chain, and for the receipts of these transactions.
    Look {
        /// The transactions.
        hashes: Vec<B256>,
        /// Whether to ask a second node how many nonces are used.
        second: bool,
    },
    /// Ask what a content would do, and its gas.
    Check {
        /// The content.
        key: B256,
        /// The same in full.
        call: Call,
        /// Whether to ask at the pending block, which has the next block's time and what the account sent already; else
        /// at the newest.
        pending: bool,
    },
    /// Write the ledger down and sync it.
    Write {
        /// Grows by one with every change.
        revision: u64,
        /// What to write.
        ledger: Ledger,
    },
    /// Send to every node.
    Send {
        /// Hash of the transaction.
        tx: B256,
        /// EIP-2718 bytes.
        raw: Bytes,
    },
    /// A content came to its end, for now: a reorganisation may take up again what was included.
    Done {
        /// The content.
        key: B256,
        /// How it ended.
        ended: Ended,
    },
}

/// The chain at a moment, by one node.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Number of the newest block.
    pub head: u64,
    /// What blocks ask for.
    pub market: Market,
    /// What data costs besides gas.
    pub data: DataPrice,
    /// Gas of a block.
    pub gas_limit: u64,
    /// Gas that the newest block used.
    pub gas_used: u64,
    /// How many of the account's transactions the chain has included.
    pub mined: u64,
    /// The same by another node, the most that any of them counts, where that was asked for and one has answered.
    pub second: Option<u64>,
    /// What the account has.
    pub balance: U256,
    /// Of the transactions asked for, those that are in a block.
    pub receipts: BTreeMap<B256, Receipt>,
}

/// What a content is worth in the present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would do something, with this much gas.
    Worth {
        /// The node's estimate.
        gas: u64,
    },
    /// It would go through and do nothing.
    Useless,
    /// The contract refuses it, with this data.
    Reverts(Bytes),
    /// The node refuses to say, with these words.
    Refused(String),
    /// No node answered.
    NoAnswer,
}

/// What a node said to a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has it now.
    Taken,
    /// It refuses, with these words.
    Refused(String),
    /// It gave no answer: it may have it.
    NoAnswer,
}

/// How a content ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It is in a block, succeeded or not.
    Included(Receipt),
    /// The contract refuses it with this data: most often, somebody else came first.
    Refused(Bytes),
    /// Nobody needs it any more.
    Useless,
    /// Given up: what, why and how to mend.
    Failed(String),
}

/// A transaction to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Nonce of the account.
    pub nonce: u64,
    /// Receiver.
    pub to: Address,
    /// Calldata.
    pub input: &'a Bytes,
    /// Gas limit.
    pub gas_limit: u64,
    /// What it offers.
    pub fees: Fees,
}

/// Signs for the account. The same draft always gives the same bytes: the lane keeps none.
pub trait Sign: Debug + Send + Sync {
    /// Hash and EIP-2718 bytes.
    ///
    /// # Errors
    /// The key cannot sign.
    fn sign(&self, draft: &Draft<'_>) -> Result<(B256, Bytes), String>;
}
