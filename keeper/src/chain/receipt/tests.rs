use super::{is_error, reason};
use alloy::primitives::U256;
use alloy::sol_types::{Revert, SolError};
use contracts::{KeeperRegistry, TaskManager};

#[test]
fn custom_errors_are_named_with_their_arguments() {
    let data = TaskManager::QuorumNotReached { signedStake: U256::from(1), totalStake: U256::from(5) }.abi_encode();
    assert_eq!(reason(&data), "QuorumNotReached { signedStake: 1, totalStake: 5 }");
    assert_eq!(reason(&TaskManager::EmptyBatch {}.abi_encode()), "EmptyBatch");
    let data = KeeperRegistry::EpochNotDue { dueAt: U256::from(9) }.abi_encode();
    assert_eq!(reason(&data), "EpochNotDue { dueAt: 9 }");
    assert!(is_error(&data, KeeperRegistry::EpochNotDue::SELECTOR));
}

#[test]
fn anything_else_is_told_without_panic() {
    assert_eq!(reason(&[]), "no reason given");
    assert_eq!(reason(&[1, 2, 3]), "no reason given");
    assert_eq!(reason(&[0xde, 0xad, 0xbe, 0xef, 0]), "unknown error 0xdeadbeef");
    assert!(reason(&Revert::from("not today").abi_encode()).contains("not today"));
    let long = reason(&Revert::from("x\n".repeat(10_000)).abi_encode());
    assert!(long.len() <= 256 && !long.contains('\n'));
    let whole = TaskManager::QuorumNotReached { signedStake: U256::from(1), totalStake: U256::from(5) }.abi_encode();
    for cut in 0..whole.len() {
        let _ = reason(&whole[..cut]);
        assert!(cut >= 4 || !is_error(&whole[..cut], TaskManager::QuorumNotReached::SELECTOR));
    }
}

#[test]
fn reasons_of_ineligibility_are_those_of_the_interface() {
    use crate::chain::Ineligible;
    let source = include_str!("../../../../contracts/src/interfaces/ITaskManager.sol");
    let names = source.split_once("enum Ineligible {").and_then(|(_, rest)| rest.split_once('}')).expect("the enum").0;
    let lines: Vec<_> = names.lines().filter(|line| !line.trim_start().starts_with("///")).collect();
    let names = lines.concat();
    let names: Vec<_> = names.split(',').map(str::trim).collect();
    for (number, name) in names.iter().enumerate() {
        let number = u8::try_from(number).expect("few");
        assert_eq!(format!("{:?}", Ineligible::from(number)), *name);
    }
    assert_eq!(Ineligible::from(11), Ineligible::Other(11));
    assert_eq!(names.len(), 11);
}
