//! What the contracts mean by their errors, for whoever typed the verb.

/// What to make of an error of the contracts, by its name; nothing where the name says it all.
pub(super) fn meaning(error: &str) -> Option<&'static str> {
    let name = error.split([' ', '(', '{']).next().unwrap_or_default();
    MEANINGS.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

const MEANINGS: [(&str, &str); 20] = [
    (
        "DepositMissing",
        "listing a job takes this deposit in the chain's coin besides, and it has just become higher: try again",
    ),
    (
        "ERC20InsufficientAllowance",
        "the JobManager may not take so much of the token: with --broadcast that is approved first",
    ),
    ("ERC20InsufficientBalance", "the account does not hold so much of the token"),
    ("EnforcedPause", "the network's guardian has stopped new jobs and funding for now"),
    ("EscrowTooLarge", "a job holds no more than that, in the smallest unit"),
    ("FeeTooHigh", "a run costs no more than that, in the smallest unit: look at --fee"),
    ("FeeTooLow", "a run must cost that or more, in the smallest unit: look at --fee"),
    ("InvalidCallbackGas", "look at --callback-gas: at least 1, and no more than a settlement has room for"),
    ("InvalidCode", "look at --code-url: a URL of 512 bytes at the most, and a hash"),
    ("InvalidInterval", "look at how often the job runs"),
    (
        "InvalidLimits",
        "the job would be over before its first run, or its trigger has no such limit: look at --until, --most-runs, --punctual",
    ),
    ("InvalidQuorum", "look at --quorum-bps: 6667 to 10000"),
    ("InvalidTarget", "look at --target: it has no code, is a contract of Keeper Mesh itself, or a job's forwarder"),
    ("InvalidTrigger", "its first run must lie ahead, and a job keeps its kind of trigger"),
    ("ParamsTooLong", "what the action takes is more than 4096 bytes"),
    (
        "SaltTaken",
        "a job of this account was listed with this --salt already, and has that forwarder: choose another one",
    ),
    ("TokenNotListed", "no job may pay in this token any more, nor be funded with it"),
    ("TokenTakesFees", "the token delivers less than is sent: jobs cannot pay in it"),
    ("TooEarly", "not before this moment in unix seconds, or this block where runs are counted in blocks"),
    ("WithdrawalLapsed", "it could be taken for a day: ask for it anew"),
];

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use alloy::sol_types::SolError;
    use contracts::{JobManager, PlayMoney};

    use super::meaning;

    #[test]
    fn what_has_a_meaning_is_an_error_that_there_is() {
        let named = |data: Vec<u8>| meaning(&contracts::error_name(&data).unwrap()).unwrap();
        assert!(named(JobManager::InvalidTarget { target: [0; 20].into() }.abi_encode()).contains("--target"));
        assert!(named(JobManager::InvalidCode {}.abi_encode()).contains("--code-url"));
        let (needed, allowance) = (U256::from(2), U256::from(1));
        let missing = PlayMoney::ERC20InsufficientAllowance { spender: [1; 20].into(), allowance, needed };
        assert!(named(missing.abi_encode()).contains("approved"));
        assert_eq!((meaning("NotOwner"), meaning("")), (None, None));
        let abi = [
            include_str!("../../../../contracts/artifacts/JobManager.json"),
            include_str!("../../../../contracts/artifacts/PlayMoney.json"),
        ];
        for (name, _) in super::MEANINGS {
            let entry = format!("\"type\":\"error\",\"name\":\"{name}\"");
            assert!(abi.iter().any(|abi| abi.contains(&entry)), "{name}");
        }
    }
}
