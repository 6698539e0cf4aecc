//! `keeper doctor` of planted faults: the real program, a real chain, a real bootnode, and one thing that is wrong. It names that one,
//! with its mend, and nothing else.
//!
//! | table | what is wrong | how it is made |
//! |---|---|---|
//! | `planted.rs` | files, keys, disks, ports, nodes, bootnodes, registration | in front of a keeper that does not run |
//! | `running.rs` | everything that a keeper that runs shows red (`outside/stands.rs`), and what the mesh shows | behind its API |

mod ground;
mod planted;
mod running;

/// At least twenty, no two under one name.
#[test]
fn every_planted_fault_has_a_row_of_its_own() {
    let (planted, running) = (planted::names(), running::names());
    assert!(planted.len() >= 20, "{} faults of a keeper that does not run", planted.len());
    let all = [planted, running].concat();
    let distinct: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len(), "two rows have one name");
    eprintln!("{} planted faults", all.len());
}
