//! What a contract of ours means by a revert.

use std::fmt::Debug;

use alloy::sol_types::SolInterface;

use crate::{Challenger, JobManager, KeeperRegistry, LocalAllocationManager, PlayMoney, ServiceManager, TaskManager};

type Decoder = fn(&[u8]) -> Option<String>;

/// A decoder for each contract that names its errors; the last one stands for the tokens of others, whose errors EIP-6093 names.
const CONTRACTS: [Decoder; 7] = [
    named::<TaskManager::TaskManagerErrors>,
    named::<JobManager::JobManagerErrors>,
    named::<KeeperRegistry::KeeperRegistryErrors>,
    named::<Challenger::ChallengerErrors>,
    named::<ServiceManager::ServiceManagerErrors>,
    named::<LocalAllocationManager::LocalAllocationManagerErrors>,
    named::<PlayMoney::PlayMoneyErrors>,
];

/// Name and arguments of the custom error behind revert data, whichever of our contracts it comes from: `EpochNotDue {
/// dueAt: 9 }`. None for anything else.
#[must_use]
pub fn error_name(revert: &[u8]) -> Option<String> {
    CONTRACTS.iter().find_map(|decode| decode(revert))
}

fn named<E: SolInterface + Debug>(revert: &[u8]) -> Option<String> {
    let text = format!("{:?}", E::abi_decode_validate(revert).ok()?);
    // the error's own name stands within that of the variant: `Variant(Error { field: 1 })`
    Some(match text.split_once('(') {
        Some((_, rest)) => rest.strip_suffix(')').unwrap_or(rest).to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U256, keccak256};
    use alloy::sol_types::SolError;
    use serde_json::Value;

    use super::error_name;
    use crate::{Challenger, KeeperRegistry};

    #[test]
    fn errors_are_named_with_their_arguments() {
        let data = KeeperRegistry::EpochNotDue { dueAt: U256::from(9) }.abi_encode();
        assert_eq!(error_name(&data).as_deref(), Some("EpochNotDue { dueAt: 9 }"));
        assert_eq!(error_name(&Challenger::AlreadyProven {}.abi_encode()).as_deref(), Some("AlreadyProven"));
        assert_eq!(error_name(&data[..20]), None, "cut short");
        assert_eq!(error_name(&[0xde, 0xad, 0xbe, 0xef]), None, "nobody's");
        assert_eq!(error_name(&[]), None);
    }

    /// Every error without arguments in the ABI of a contract that operators and creators send to; the others' names are
    /// made by the same code.
    #[test]
    fn no_contract_is_left_out() {
        let artifacts = [
            include_str!("../artifacts/Challenger.json"),
            include_str!("../artifacts/JobManager.json"),
            include_str!("../artifacts/KeeperRegistry.json"),
            include_str!("../artifacts/LocalAllocationManager.json"),
            include_str!("../artifacts/ServiceManager.json"),
            include_str!("../artifacts/TaskManager.json"),
        ];
        for artifact in artifacts {
            let artifact: Value = serde_json::from_str(artifact).expect("JSON");
            let abi = artifact["abi"].as_array().expect("an ABI");
            let plain = abi.iter().filter(|item| item["type"] == "error" && item["inputs"] == Value::Array(Vec::new()));
            let mut found = 0;
            for name in plain.filter_map(|item| item["name"].as_str()) {
                let hash = keccak256(format!("{name}()"));
                assert_eq!(error_name(&hash[..4]).as_deref(), Some(name), "{}", artifact["contractName"]);
                found += 1;
            }
            assert!(found > 0, "{} has no errors", artifact["contractName"]);
        }
    }
}
