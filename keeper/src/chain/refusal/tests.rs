use super::{Kind, Refusal, Remedy, classify};

/// Words as clients and providers say them.
const SAID: &[(&str, Kind)] = &[
    // geth and what descends from it
    ("already known", Kind::Known),
    ("nonce too low: next nonce 7, tx nonce 3", Kind::NonceTooLow),
    ("nonce too high", Kind::NonceTooHigh),
    ("replacement transaction underpriced", Kind::ReplacementUnderpriced),
    ("replacement transaction underpriced: new tx gas fee cap 5 <= 6 queued", Kind::ReplacementUnderpriced),
    ("transaction underpriced", Kind::Underpriced),
    ("transaction underpriced: gas tip cap 1, minimum needed 1000000", Kind::Underpriced),
    ("max fee per gas less than block base fee: address 0x09, maxFeePerGas: 1, baseFee: 7", Kind::FeeCapBelowBaseFee),
    ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", Kind::AboveNodeFeeCap),
    ("insufficient funds for gas * price + value: balance 3, tx cost 10, overshot 7", Kind::InsufficientFunds),
    ("intrinsic gas too low: gas 21000, minimum needed 21064", Kind::IntrinsicGas),
    ("insufficient gas for floor data gas cost: gas 30000, minimum needed 61000", Kind::IntrinsicGas),
    ("exceeds block gas limit", Kind::GasLimitTooHigh),
    ("transaction gas limit too high (cap: 16777216, tx: 30000000)", Kind::GasLimitTooHigh),
    ("oversized data: transaction size 200000, limit 131072", Kind::Oversized),
    ("txpool is full", Kind::PoolFull),
    ("in-flight transaction limit reached for delegated accounts", Kind::InFlightLimit),
    ("gapped-nonce tx from delegated accounts", Kind::InFlightLimit),
    // erigon
    ("INTERNAL_ERROR: existing tx with same hash: already known", Kind::Known),
    ("could not replace existing tx", Kind::ReplacementUnderpriced),
    ("fee cap less than block base fee: address 0x09", Kind::FeeCapBelowBaseFee),
    ("underpriced", Kind::Underpriced),
    // nethermind
    ("AlreadyKnown", Kind::Known),
    ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", Kind::NonceTooLow),
    ("ReplacementNotAllowed", Kind::ReplacementUnderpriced),
    ("FeeTooLow, MaxFeePerGas too low", Kind::Underpriced),
    ("FeeTooLowToCompete", Kind::Underpriced),
    ("InsufficientFunds, Account balance: 0, cumulative cost: 7", Kind::InsufficientFunds),
    ("NonceGap, Future nonce. Expected nonce: 4", Kind::NonceTooHigh),
    ("GasLimitExceeded, Gas limit: 30000000", Kind::GasLimitTooHigh),
    ("MaxTxSizeExceeded, Transaction size 200000 exceeds max tx size 131072", Kind::Oversized),
    // besu
    ("Known transaction", Kind::Known),
    ("Nonce too low", Kind::NonceTooLow),
    ("Nonce too distant from current sender nonce", Kind::NonceTooHigh),
    ("Gas price below current base fee", Kind::FeeCapBelowBaseFee),
    ("Gas price below configured minimum gas price", Kind::Underpriced),
    ("Upfront cost exceeds account balance", Kind::InsufficientFunds),
    ("Intrinsic gas exceeds gas limit", Kind::IntrinsicGas),
    ("Transaction gas limit exceeds block gas limit", Kind::GasLimitTooHigh),
    // reth
    ("transaction size exceeds the size limit: 131072", Kind::Oversized),
    ("transaction gas limit 30000000 is greater than the block limit", Kind::GasLimitTooHigh),
    // anvil
    ("transaction already imported", Kind::Known),
    ("max fee per gas less than block base fee", Kind::FeeCapBelowBaseFee),
    ("Insufficient funds for gas * price + value", Kind::InsufficientFunds),
    // providers
    ("Your app has exceeded its compute units per second capacity", Kind::RateLimited),
    ("daily request count exceeded, request rate limited", Kind::RateLimited),
    ("ALREADY_EXISTS: already known", Kind::Known),
];

#[test]
fn the_words_of_common_nodes_are_understood() {
    for (words, kind) in SAID {
        assert_eq!(classify(words), *kind, "{words}");
    }
    assert_eq!(classify("the moon is in the wrong house"), Kind::Unknown);
}

#[test]
fn every_refusal_has_a_remedy_and_says_its_mend() {
    for (words, _) in SAID {
        let refusal = Refusal::new(classify(words), words);
        let ends = refusal.kind.remedy() == Remedy::GiveUp;
        assert!(!ends || !refusal.kind.mend().is_empty(), "what ends a content names its mend: {refusal}");
        assert!(refusal.to_string().contains(refusal.kind.name()));
    }
}

#[test]
fn words_are_shown_short_and_without_control_characters() {
    let long = format!("\u{1b}[31m{}", "x".repeat(5_000));
    let shown = Refusal::new(classify(&long), &long).to_string();
    assert!(shown.len() < 400 && !shown.contains('\u{1b}'), "{shown}");
}
