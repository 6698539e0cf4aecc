//! What nodes say when they do not take a transaction, and what follows from it.
//!
//! JSON-RPC has one code for nearly all of it (-32000), so the words decide. They differ from client to client and from
//! year to year: the table is tried from the top, and what nobody knows is `Unknown`, which is tried again a few times.

/// Longest text kept of a node's words.
const MAX_WORDS_CHARS: usize = 200;

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is in the pool already, which is as good as taken.
    Known,
    /// The chain has used the nonce.
    NonceTooLow,
    /// The node does not keep transactions whose predecessors are missing.
    NonceTooHigh,
    /// Another transaction holds the nonce in the pool; more is to be offered.
    ReplacementUnderpriced,
    /// The tip or the price is below what the node takes.
    Underpriced,
    /// The most the transaction pays is below the base fee.
    FeeCapBelowBaseFee,
    /// Gas limit times price is more than the node lets through (geth: `--rpc.txfeecap`).
    AboveNodeFeeCap,
    /// The account cannot pay.
    InsufficientFunds,
    /// The gas limit is below what the bytes alone cost.
    IntrinsicGas,
    /// The gas limit is above the block's or a transaction's.
    GasLimitTooHigh,
    /// The transaction has too many bytes.
    Oversized,
    /// The pool has no room.
    PoolFull,
    /// The account has delegated its code, or sends too many at a time (EIP-7702).
    InFlightLimit,
    /// Too many questions; the node asks for a pause.
    RateLimited,
    /// Words nobody knows.
    Unknown,
}

/// What is to be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it is there.
    Wait,
    /// The chain tells who used the nonce.
    Look,
    /// Offer more.
    Raise,
    /// Send the same again after a pause.
    Again,
    /// No node will ever take this: the nonce goes to something else.
    GiveUp,
}

/// What nodes say, in lower case, by how telling it is.
const WORDS: &[(&str, Kind)] = &[
    ("unknown transaction", Kind::Unknown),
    ("replacement transaction underpriced", Kind::ReplacementUnderpriced),
    ("replacement fee too low", Kind::ReplacementUnderpriced),
    ("could not replace existing tx", Kind::ReplacementUnderpriced),
    ("replacementnotallowed", Kind::ReplacementUnderpriced),
    ("gas price too low to replace", Kind::ReplacementUnderpriced),
    ("not enough to replace", Kind::ReplacementUnderpriced),
    ("already known", Kind::Known),
    ("alreadyknown", Kind::Known),
    ("already imported", Kind::Known),
    ("known transaction", Kind::Known),
    ("already in mempool", Kind::Known),
    ("already exists", Kind::Known),
    ("nonce too low", Kind::NonceTooLow),
    ("nonce is too low", Kind::NonceTooLow),
    ("oldnonce", Kind::NonceTooLow),
    ("nonce has already been used", Kind::NonceTooLow),
    ("nonce below", Kind::NonceTooLow),
    ("nonce too high", Kind::NonceTooHigh),
    ("nonce is too high", Kind::NonceTooHigh),
    ("nonce gap", Kind::NonceTooHigh),
    ("noncegap", Kind::NonceTooHigh),
    ("noncetoofarinfuture", Kind::NonceTooHigh),
    ("nonce too distant", Kind::NonceTooHigh),
    ("nonce is too distant", Kind::NonceTooHigh),
    ("in-flight transaction limit", Kind::InFlightLimit),
    ("delegated account", Kind::InFlightLimit),
    ("gapped-nonce tx from delegated", Kind::InFlightLimit),
    ("insufficient funds", Kind::InsufficientFunds),
    ("insufficientfunds", Kind::InsufficientFunds),
    ("upfront cost exceeds account balance", Kind::InsufficientFunds),
    ("insufficient balance", Kind::InsufficientFunds),
    ("exceeds the configured cap", Kind::AboveNodeFeeCap),
    ("fee cap exceeded", Kind::AboveNodeFeeCap),
    ("transaction fee too high", Kind::AboveNodeFeeCap),
    ("max fee per gas less than block base fee", Kind::FeeCapBelowBaseFee),
    ("feecap less than", Kind::FeeCapBelowBaseFee),
    ("fee cap less than block base fee", Kind::FeeCapBelowBaseFee),
    ("below current base fee", Kind::FeeCapBelowBaseFee),
    ("less than block base fee", Kind::FeeCapBelowBaseFee),
    ("intrinsic gas", Kind::IntrinsicGas),
    ("floor data gas", Kind::IntrinsicGas),
    ("gas limit below intrinsic", Kind::IntrinsicGas),
    ("exceeds block gas limit", Kind::GasLimitTooHigh),
    ("gas limit too high", Kind::GasLimitTooHigh),
    ("gas limit exceeded", Kind::GasLimitTooHigh),
    ("gaslimitexceeded", Kind::GasLimitTooHigh),
    ("greater than the block", Kind::GasLimitTooHigh),
    ("exceeds transaction gas limit", Kind::GasLimitTooHigh),
    ("gas limit is too high", Kind::GasLimitTooHigh),
    ("oversized data", Kind::Oversized),
    ("exceeds max initcode", Kind::Oversized),
    ("exceeds the size limit", Kind::Oversized),
    ("transaction size", Kind::Oversized),
    ("max tx size", Kind::Oversized),
    ("payload too large", Kind::Oversized),
    ("txpool is full", Kind::PoolFull),
    ("pool is full", Kind::PoolFull),
];

/// Words that are less telling than all of the above.
const VAGUE: &[(&str, Kind)] = &[
    ("gas tip cap", Kind::Underpriced),
    ("tip below", Kind::Underpriced),
    ("below configured minimum", Kind::Underpriced),
    ("priority fee", Kind::Underpriced),
    ("underpriced", Kind::Underpriced),
    ("gas price below", Kind::Underpriced),
    ("gas price is too low", Kind::Underpriced),
    ("feetoolow", Kind::Underpriced),
    ("fee too low", Kind::Underpriced),
    ("gas price supplied is too low", Kind::Underpriced),
    ("too many pending", Kind::PoolFull),
    ("rate limit", Kind::RateLimited),
    ("too many requests", Kind::RateLimited),
    ("limit exceeded", Kind::RateLimited),
    ("exceeded its", Kind::RateLimited),
    ("capacity", Kind::RateLimited),
    ("http 429", Kind::RateLimited),
    ("status 429", Kind::RateLimited),
    ("insufficient", Kind::InsufficientFunds),
    ("already been used", Kind::NonceTooLow),
];

/// The kind behind a node's words.
#[must_use]
pub fn classify(words: &str) -> Kind {
    let words = words.to_lowercase();
    let known = WORDS.iter().chain(VAGUE).find(|(part, _)| words.contains(part));
    known.map_or(Kind::Unknown, |(_, kind)| *kind)
}

impl Kind {
    /// Short name, the label of a counter.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "already_known",
            Self::NonceTooLow => "nonce_too_low",
            Self::NonceTooHigh => "nonce_too_high",
            Self::ReplacementUnderpriced => "replacement_underpriced",
            Self::Underpriced => "underpriced",
            Self::FeeCapBelowBaseFee => "fee_cap_below_base_fee",
            Self::AboveNodeFeeCap => "above_node_fee_cap",
            Self::InsufficientFunds => "insufficient_funds",
            Self::IntrinsicGas => "intrinsic_gas",
            Self::GasLimitTooHigh => "gas_limit_too_high",
            Self::Oversized => "oversized",
            Self::PoolFull => "pool_full",
            Self::InFlightLimit => "in_flight_limit",
            Self::RateLimited => "rate_limited",
            Self::Unknown => "unknown_refusal",
        }
    }

    /// What is to be done about it.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            Self::Known => Remedy::Wait,
            Self::NonceTooLow => Remedy::Look,
            Self::ReplacementUnderpriced | Self::Underpriced | Self::FeeCapBelowBaseFee => Remedy::Raise,
            Self::NonceTooHigh | Self::PoolFull | Self::InFlightLimit | Self::RateLimited | Self::Unknown => {
                Remedy::Again
            }
            Self::AboveNodeFeeCap
            | Self::InsufficientFunds
            | Self::IntrinsicGas
            | Self::GasLimitTooHigh
            | Self::Oversized => Remedy::GiveUp,
        }
    }

    /// How an operator mends it; empty where the program does by itself.
    #[must_use]
    pub fn mend(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "send the account some coin",
            Self::Underpriced | Self::FeeCapBelowBaseFee => {
                "this network's blocks are dearer than what is refunded; it is tried again when they are cheaper"
            }
            Self::AboveNodeFeeCap => "raise the node's fee cap (geth: --rpc.txfeecap) or use another node",
            Self::Oversized | Self::GasLimitTooHigh | Self::IntrinsicGas => {
                "no node takes it: list the job with smaller outcomes or less callback gas"
            }
            Self::PoolFull | Self::RateLimited => "add another URL to rpc_urls",
            Self::InFlightLimit => "take back the account's delegation (EIP-7702), or leave one transaction at a time",
            Self::Unknown => "look at the node's words; another URL in rpc_urls may do",
            Self::Known | Self::NonceTooLow | Self::NonceTooHigh | Self::ReplacementUnderpriced => "",
        }
    }
}

/// A refusal as it is remembered and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was understood.
    pub kind: Kind,
    /// The node's words, cut short, without control characters.
    pub words: String,
}

impl Refusal {
    /// Takes over a node's words.
    #[must_use]
    pub fn new(kind: Kind, words: &str) -> Self {
        Self { kind, words: words.chars().filter(|letter| !letter.is_control()).take(MAX_WORDS_CHARS).collect() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mend = self.kind.mend();
        let before = if mend.is_empty() { "" } else { "; " };
        write!(to, "{} ({}){before}{mend}", self.words, self.kind.name())
    }
}

#[cfg(test)]
mod tests;
