//! An RPC node: what it shows of the chain, what it keeps in its pool, and in which words it refuses.

use std::collections::BTreeMap;
use std::rc::Rc;

use keeper::chain::lane::Answer;

use super::chain::{Chain, Tx};
use super::plan::{Content, Odd};
use crate::sim::random::Random;

/// Largest transaction a node passes on.
const SIZE_MAX: u64 = 131_072;
/// Gas of a block.
pub(super) const BLOCK_GAS: u64 = 30_000_000;
/// Wei a transaction may cost at most (geth's `--rpc.txfeecap`).
const FEE_CAP: u128 = 1_000_000_000_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) down: bool,
    /// Blocks it is behind.
    pub(super) lag: u64,
    /// A fork it still follows.
    pub(super) fork: Option<Rc<Chain>>,
    /// Wei of tip it wants.
    pub(super) min_tip: u128,
    pub(super) full: bool,
    pub(super) limited: bool,
    /// Per mille of what it takes and forgets.
    pub(super) drops: u64,
    /// Per mille of receipts it does not know yet.
    pub(super) no_receipts: u64,
    /// Per mille of its answers that are lost.
    pub(super) deaf: u64,
    /// Per mille of receipts it shows of what is in no block.
    pub(super) false_receipts: u64,
    /// Nonces it shows as used that are not.
    pub(super) ahead: u64,
    /// Per mille of contents of which it says that they are worth nothing.
    pub(super) false_verdicts: u64,
    pub(super) odd: Option<Odd>,
    pub(super) pool: BTreeMap<u64, Tx>,
    /// Which client's words it uses.
    pub(super) client: usize,
}

/// What a node says to one transaction, client by client: geth, nethermind, besu, reth.
const NONCE_TOO_LOW: [&str; 4] =
    ["nonce too low", "OldNonce, Current nonce: 9", "Nonce too low", "nonce too low: next nonce 9"];
const KNOWN: [&str; 4] = ["already known", "AlreadyKnown", "Known transaction", "already known"];
const REPLACEMENT: [&str; 4] = [
    "replacement transaction underpriced",
    "ReplacementNotAllowed",
    "Transaction gas price not enough to replace pending",
    "replacement transaction underpriced",
];
const UNDERPRICED: [&str; 4] = [
    "transaction underpriced: gas tip cap 1, minimum needed 2",
    "FeeTooLow",
    "Gas price below configured minimum gas price",
    "transaction underpriced",
];
const OVERSIZED: [&str; 4] = [
    "oversized data: transaction size 200000, limit 131072",
    "MaxTxSizeExceeded, Transaction size 200000 exceeds max tx size 131072",
    "transaction size 200000 is too large",
    "transaction size exceeds the size limit: 131072",
];
const GAS_LIMIT: [&str; 4] = [
    "exceeds block gas limit",
    "GasLimitExceeded",
    "Transaction gas limit exceeds block gas limit",
    "transaction gas limit 99 is greater than the block gas limit 9",
];
const POOR: [&str; 4] = [
    "insufficient funds for gas * price + value: balance 1, tx cost 2",
    "InsufficientFunds, Account balance: 1",
    "Upfront cost exceeds account balance",
    "insufficient funds for gas * price + value",
];
const FULL: [&str; 4] = ["txpool is full", "txpool is full", "pool is full", "txpool is full"];

impl Node {
    /// The chain as it sees it, and up to which block.
    pub(super) fn view<'a>(&'a self, chain: &'a Chain) -> (&'a Chain, u64) {
        let seen = self.fork.as_deref().unwrap_or(chain);
        (seen, seen.head().saturating_sub(self.lag))
    }

    /// Takes a transaction into the pool, or says why not.
    pub(super) fn take(
        &mut self,
        tx: &Tx,
        content: Option<&Content>,
        chain: &Chain,
        balance: u128,
        random: &mut Random,
    ) -> Answer {
        if self.down {
            return Answer::NoAnswer;
        }
        if self.limited {
            return Answer::Refused("Too many requests: rate limit exceeded".to_owned());
        }
        let (seen, head) = self.view(chain);
        let mined = seen.mined(head);
        let say = |words: &[&str; 4]| Answer::Refused(words[self.client % 4].to_owned());
        let same = self.pool.get(&tx.nonce);
        let replaces = |old: &Tx| {
            let enough = |new: u128, old: u128| new * 10 >= old * 11;
            enough(tx.fees.max_fee, old.fees.max_fee) && enough(tx.fees.tip, old.fees.tip)
        };
        let refusal = if content.is_some_and(|content| content.size > SIZE_MAX) {
            Some(say(&OVERSIZED))
        } else if content.is_some_and(|content| content.over_gas) {
            Some(say(&GAS_LIMIT))
        } else if tx.nonce < mined {
            Some(say(&NONCE_TOO_LOW))
        } else if let Some(refusal) = self.odd_refusal(tx, mined) {
            Some(refusal)
        } else if same.is_some_and(|old| old.hash == tx.hash) {
            Some(say(&KNOWN))
        } else if tx.fees.tip < self.min_tip {
            Some(say(&UNDERPRICED))
        } else if u128::from(tx.gas_limit) * tx.fees.max_fee > FEE_CAP {
            Some(Answer::Refused("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)".to_owned()))
        } else if u128::from(tx.gas_limit) * tx.fees.max_fee > balance {
            Some(say(&POOR))
        } else if self.client == 3 && tx.fees.max_fee < chain.base_fee {
            Some(Answer::Refused("max fee per gas less than block base fee".to_owned()))
        } else if self.client == 1 && tx.nonce > mined + self.pool.len() as u64 {
            Some(Answer::Refused("NonceGap, Future nonce. Expected nonce: 4".to_owned()))
        } else if same.is_some_and(|old| !replaces(old)) {
            Some(say(&REPLACEMENT))
        } else if self.full && same.is_none() {
            Some(say(&FULL))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return refusal;
        }
        if !random.chance(self.drops) {
            self.pool.insert(tx.nonce, tx.clone());
        }
        Answer::Taken
    }

    fn odd_refusal(&self, tx: &Tx, mined: u64) -> Option<Answer> {
        let words = match self.odd? {
            Odd::OneAtATime if tx.nonce > mined => "in-flight transaction limit reached for delegated accounts",
            Odd::Unknown => "internal error: the moon is full",
            Odd::MoreGas if tx.gas_limit < 80_000 => "intrinsic gas too low: have 21000, want 60000",
            _ => return None,
        };
        Some(Answer::Refused(words.to_owned()))
    }

    /// The account's transactions that a block after the newest could hold, by this pool.
    pub(super) fn pick(&self, chain: &Chain, least_tip: u128, most: usize) -> Vec<Tx> {
        let from = chain.mined(chain.head());
        let fits =
            |tx: &&Tx| tx.fees.max_fee >= chain.base_fee + tx.fees.tip.min(least_tip) && tx.fees.tip >= least_tip;
        (from..).map_while(|nonce| self.pool.get(&nonce)).take_while(fits).take(most).cloned().collect()
    }

    /// Lets go of what the chain has used.
    pub(super) fn prune(&mut self, mined: u64) {
        self.pool = self.pool.split_off(&mined);
    }
}
