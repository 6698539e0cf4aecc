//! The registries of old come up, and know what was registered in them.

use alloy::primitives::U256;
use tests::unchanged::abi::AutomationRegistry;
use tests::unchanged::{Automate, Due, Registry, Version, upkeeps};

use super::{Bench, registered};

#[tokio::test]
#[ignore = "needs contracts that tests/run.sh unchanged compiles"]
async fn old_registries_come_up_and_know_their_upkeeps() {
    let _alone = tests::alone().await;
    let mut bench = Bench::start().await.unwrap();
    let workshop = &mut bench.workshop;
    let contracts = upkeeps(workshop).await.unwrap();
    for (version, name) in [(Version::V2_1, "KeeperRegistry 2.1.0"), (Version::V2_3, "AutomationRegistry 2.3.0")] {
        let registry = Registry::start(workshop, version).await.unwrap();
        let reader = AutomationRegistry::new(registry.address, workshop.provider.clone());
        assert_eq!(reader.typeAndVersion().call().await.unwrap(), name);
        for contract in &contracts {
            let upkeep = registered(contract);
            let id = registry.register(workshop, &upkeep).await.unwrap();
            let shown = reader.getUpkeep(id).call().await.unwrap();
            assert_eq!((shown.target, shown.performGas), (contract.target, contract.gas), "{}", contract.name);
            assert!(U256::from(shown.balance) > U256::from(reader.getMinBalance(id).call().await.unwrap()));
            let trigger = reader.getTriggerType(id).call().await.unwrap();
            assert_eq!(trigger == 1, matches!(contract.due, Due::Log { .. }));
            assert_eq!(reader.getUpkeepTriggerConfig(id).call().await.unwrap(), upkeep.log);
            if contract.name == "UpkeepCounter" {
                let checked = reader.checkUpkeep(id).call().await.unwrap();
                assert!(checked.needed && checked.why == 0, "needed by the registry's own word: {}", checked.why);
            }
            registry.act(workshop, &AutomationRegistry::pauseUpkeepCall { id }).await.unwrap();
            assert!(reader.getUpkeep(id).call().await.unwrap().paused);
            registry.act(workshop, &AutomationRegistry::cancelUpkeepCall { id }).await.unwrap();
            let last = reader.getUpkeep(id).call().await.unwrap().maxValidBlocknumber;
            assert!(last < u64::from(u32::MAX), "cancelled at {last}");
        }
    }
    let target = contracts[0].target;
    let automate = Automate::real(workshop).await.unwrap();
    let task = automate.create(workshop, target, [1, 2, 3, 4], &[(Automate::PROXY, Vec::new())]).await.unwrap();
    automate.cancel(workshop, task).await.unwrap();
    let automate = Automate::stand_in(workshop).await.unwrap();
    let modules = [(Automate::PROXY, Vec::new()), Automate::every(0, 60_000)];
    let task = automate.create(workshop, target, [1, 2, 3, 4], &modules).await.unwrap();
    automate.cancel(workshop, task).await.unwrap();
}
