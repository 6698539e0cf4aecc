//! Generated bindings, one module per contract: the generator repeats the types of an interface in every module that
//! mentions them, and they must not meet.
#![expect(missing_docs, reason = "generated from the ABI; the documentation stands in contracts/src/interfaces")]

use alloy::sol;

pub(crate) mod registry {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        KeeperRegistry,
        "artifacts/KeeperRegistry.json"
    );
}

pub(crate) mod jobs {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        JobManager,
        "artifacts/JobManager.json"
    );
}

pub(crate) mod reader {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        JobReader,
        "artifacts/JobReader.json"
    );
}

pub(crate) mod tasks {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        TaskManager,
        "artifacts/TaskManager.json"
    );
}

pub(crate) mod service {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        ServiceManager,
        "artifacts/ServiceManager.json"
    );
}

pub(crate) mod challenger {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        Challenger,
        "artifacts/Challenger.json"
    );
}

pub(crate) mod forwarder {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        JobForwarder,
        "artifacts/JobForwarder.json"
    );
}

pub(crate) mod allocation {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        LocalAllocationManager,
        "artifacts/LocalAllocationManager.json"
    );
}

pub(crate) mod proxy {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        ERC1967Proxy,
        "artifacts/ERC1967Proxy.json"
    );
}

pub(crate) mod timelock {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        TimelockController,
        "artifacts/TimelockController.json"
    );
}

pub(crate) mod examples {
    use super::sol;
    sol!(
        #[sol(rpc, all_derives)]
        Counter,
        "artifacts/Counter.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        Feed,
        "artifacts/Feed.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        PlayMoney,
        "artifacts/PlayMoney.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        Resolved,
        "artifacts/Resolved.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        Ringer,
        "artifacts/Ringer.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        Tank,
        "artifacts/Tank.json"
    );
    sol!(
        #[sol(rpc, all_derives)]
        Upkept,
        "artifacts/Upkept.json"
    );
}
