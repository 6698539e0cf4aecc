//! The world outside: every kind of fault of nodes, clocks, disks, files, keys, money and peers that was ever seen to stop
//! a keeper, in tables. Behind each the keeper goes on, or says red with the cause and the mend. Nothing fails in silence.
//!
//! | table | what is wrong | how it is made |
//! |---|---|---|
//! | `nodes.rs` | RPC nodes: errors, nonsense, caps, lags, chains that move | by script (`tests/rough`), in front of a real anvil |
//! | `verbs.rs` | some of the same, for what people type | by script, at the real program |
//! | `stands.rs` | clock, chain time, peers, journal, account, wallet, load, standing | by hand, at the whole core |
//! | `files.rs` | journals, keystores, passwords, secrets, words that forge | by hand, at the real program |
//!
//! A new fault is a new row. What a row cannot show stands beside its part: listening at the start in
//! `consensus/src/start/tests.rs`, disks that fail at any call in `keeper/src/journal/tests/faults.rs`, the sender of
//! transactions in `tests/src/sender`.

mod files;
mod nodes;
pub(crate) mod stands;
mod verbs;

/// The tables together: at least thirty kinds, no two under one name.
#[test]
fn every_kind_has_a_row_of_its_own() {
    let tables = [nodes::names(), stands::names(), files::names()].concat();
    let distinct: std::collections::BTreeSet<&str> = tables.iter().copied().collect();
    assert_eq!(distinct.len(), tables.len(), "two rows have one name");
    assert!(tables.len() >= 45, "{} rows", tables.len());
}
