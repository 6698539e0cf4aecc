//! Whether an error says that a call was made and failed: it reverted, ran out of gas, or did what no contract may. Clients number and
//! word that differently, each again from version to version; nothing but the fact itself is the same everywhere.

use alloy_json_rpc::ErrorPayload;

/// Codes of a call that failed: geth's and those after it, and that of Parity, OpenEthereum and older Nethermind.
const CODES: [i64; 2] = [3, -32_015];
/// Codes of JSON-RPC itself, a node's internal error among them: what comes with these was no call, in whatever words.
const NOT_OF_CALLS: [i64; 5] = [-32_700, -32_600, -32_601, -32_602, -32_603];
/// How a call fails, in lower case and without anything between the words, as they are written in every way. What also happens to nodes
/// themselves, such as a time that is over, is not in it.
const WORDS: [&str; 10] = [
    "revert",
    "outofgas",
    // geth (Erigon, Nitro, the OP stack, newer Nethermind)
    "invalidopcode",
    "invalidjump",
    "stackunderflow",
    "stacklimitreached",
    "returndataoutofbounds",
    "gasuint64overflow",
    // reth. At the gas that a call has here, memory beyond any limit of a node cannot be paid for.
    "memorylimitexceededduringmemoryexpansion",
    // Besu, since it no longer calls that an internal error
    "transactionprocessingcouldnotbecompletedduetoanexception",
];
/// What reth and anvil say before the name of an end, and the names that a call gives rise to. To anvil all that is internal.
const EVM_ERROR: &str = "evmerror";
const ENDS: [&str; 11] = [
    "outofgas",
    "memoryoog",
    "memorylimitoog",
    "invalidoperandoog",
    "opcodenotfound",
    "invalidfeopcode",
    "invalidjump",
    "notactivated",
    "stackunderflow",
    "stackoverflow",
    "outofoffset",
];

/// Whether the answer to an `eth_call` says that the node made the call and it failed. An error in words that are not known is the
/// node's own.
#[must_use]
pub fn is_failed_call(error: &ErrorPayload) -> bool {
    // The words of whoever reverts are in it too, as many as their gas has room for; the node's come first.
    let letters = error.message.chars().take(200).filter(char::is_ascii_alphanumeric);
    let words = letters.collect::<String>().to_ascii_lowercase();
    if words.strip_prefix(EVM_ERROR).is_some_and(|end| ENDS.iter().any(|name| end.starts_with(name))) {
        return true;
    }
    let is_known = CODES.contains(&error.code) || WORDS.iter().any(|known| words.contains(known));
    is_known && !NOT_OF_CALLS.contains(&error.code)
}

#[cfg(test)]
mod tests;
