//! Entries of old registries become jobs: `keeper job import` against the registries themselves.

use alloy::primitives::{Address, B256, Bytes, U256, hex};
use alloy::sol_types::{SolCall, SolValue};
use anyhow::Result;
use bootstrap::swarm::keepers::Keeper;
use bootstrap::swarm::network::fund_all;
use bootstrap::swarm::{Options, Swarm};
use serde_json::{Value, json};
use tests::keepers;
use tests::unchanged::abi::{AutomationRegistry, LogTriggerConfig};
use tests::unchanged::{Automate, Check, Contract, Due, Registered, Registry, Version, Workshop, resolvers, upkeeps};

use super::{log_trigger, registered};

/// A network that nobody keeps, and somebody who lists jobs in it.
struct Office {
    swarm: Swarm,
    workshop: Workshop,
    creator: Keeper,
}

impl Office {
    async fn open() -> Result<Self> {
        // Nobody here minds quick blocks.
        let mut swarm = Swarm::without_keepers(Options { block_milliseconds: Some(200), ..keepers(0) }).await?;
        let workshop = Workshop::new(swarm.anvil().provider().clone(), swarm.anvil().faucet())?;
        let creator = swarm.create_keeper("creator", &swarm.setting().network.clone()).await?;
        fund_all(swarm.anvil(), [creator.operator()]).await?;
        Ok(Self { swarm, workshop, creator })
    }

    async fn upkeep(&self, registry: Address, id: U256, flags: &[&str]) -> Result<Value> {
        let (registry, id) = (registry.to_string(), id.to_string());
        let flags = [&["chainlink-upkeep", "--json", "--registry", &registry, "--id", &id], flags].concat();
        Ok(serde_json::from_str(&self.creator.run(["job", "import"], &flags).await?)?)
    }

    async fn task(&self, automate: Automate, task: B256, flags: &[&str]) -> Result<Value> {
        let (automate, task) = (automate.address.to_string(), task.to_string());
        let flags = [&["gelato-task", "--json", "--automate", &automate, "--task-id", &task], flags].concat();
        Ok(serde_json::from_str(&self.creator.run(["job", "import"], &flags).await?)?)
    }

    async fn refuses_upkeep(&self, registry: &Registry, id: U256, name: &str) {
        let error = format!("{:#}", self.upkeep(registry.address, id, &[]).await.unwrap_err());
        assert!(error.contains(&format!("({name})")), "{error}");
    }

    async fn refuses_task(&self, automate: Automate, task: B256, name: &str) {
        let error = format!("{:#}", self.task(automate, task, &[]).await.unwrap_err());
        assert!(error.contains(&format!("({name})")), "{error}");
    }
}

/// The document's trigger of a contract.
fn trigger(contract: &Contract) -> Value {
    match &contract.due {
        Due::Condition { target, call } => json!({"kind": "condition", "target": target, "call": call}),
        Due::Log { emitter, topic0 } => {
            let topics = [*topic0, B256::ZERO, B256::ZERO, B256::ZERO];
            json!({"kind": "log", "emitter": emitter, "filter": 1, "topics": topics, "confirmations": 0})
        }
    }
}

fn action(contract: &Contract) -> Value {
    match &contract.check {
        Check::Upkeep { check_data } => json!({"kind": "upkeep", "check_data": check_data}),
        Check::Resolver { resolver, call } => json!({"kind": "resolver", "resolver": resolver, "call": call}),
    }
}

#[tokio::test]
#[ignore = "needs contracts that tests/run.sh unchanged compiles"]
async fn upkeeps_of_every_kind_are_proposed_as_the_jobs_they_are() {
    let _alone = tests::alone().await;
    let mut office = Office::open().await.unwrap();
    let contracts = upkeeps(&mut office.workshop).await.unwrap();
    for version in [Version::V2_1, Version::V2_3] {
        let registry = Registry::start(&mut office.workshop, version).await.unwrap();
        for contract in &contracts {
            let id = registry.register(&mut office.workshop, &registered(contract)).await.unwrap();
            let made = office.upkeep(registry.address, id, &[]).await.unwrap();
            assert!(made["sent"] == false && made["forwarder"].is_string() && made["first_run"].is_object(), "{made}");
            let name = contract.name;
            assert_eq!(
                (&made["entry"]["trigger"], &made["entry"]["action"]),
                (&trigger(contract), &action(contract)),
                "{name}"
            );
            assert_eq!(
                (&made["entry"]["target"], &made["entry"]["callback_gas"]),
                (&json!(contract.target), &json!(contract.gas))
            );
            let setters = made["entry"]["setters"].as_array().unwrap();
            let monitor = contract.admit.is_some().then(|| json!("setKeeperRegistryAddress(address)"));
            assert_eq!(setters.iter().collect::<Vec<_>>(), monitor.iter().collect::<Vec<_>>(), "{name}");
        }
        liars(&mut office, &registry, &contracts).await;
    }
    shown_to_people(&mut office, &contracts[0]).await;
    penniless(&mut office, &contracts[0]).await;
    let no_registry = office.upkeep(contracts[0].target, U256::from(1), &[]).await.unwrap_err();
    assert!(format!("{no_registry:#}").contains("(NoRegistry)"), "{no_registry:#}");
    office.swarm.stop().await;
}

/// Whom to admit, what it costs and what is not as before stands there in words, and is what programs are told.
async fn shown_to_people(office: &mut Office, contract: &Contract) {
    let registry = Registry::start(&mut office.workshop, Version::V2_1).await.unwrap();
    let id = registry.register(&mut office.workshop, &registered(contract)).await.unwrap();
    let (address, number, salt) = (registry.address.to_string(), id.to_string(), B256::repeat_byte(9).to_string());
    let flags = ["chainlink-upkeep", "--registry", &address, "--id", &number, "--salt", &salt];
    let text = office.creator.run(["job", "import"], &flags).await.unwrap();
    let made = office.upkeep(registry.address, id, &["--salt", &salt]).await.unwrap();
    let forwarder: Address = made["forwarder"].as_str().unwrap().parse().unwrap();
    let admits = format!("come from {forwarder} now: its owner lets that in by setKeeperRegistryAddress(address)");
    for says in [&admits, "10 runs at the most", "--fund", "cancel it, or both perform it", "add --broadcast"] {
        assert!(text.contains(says), "{says}: {text}");
    }
}

/// Whoever cannot pay for it sees the job all the same, and lists none.
async fn penniless(office: &mut Office, contract: &Contract) {
    let registry = Registry::start(&mut office.workshop, Version::V2_3).await.unwrap();
    let id = registry.register(&mut office.workshop, &registered(contract)).await.unwrap();
    let poor = office.swarm.create_keeper("poor", &office.swarm.setting().network.clone()).await.unwrap();
    office.creator = poor;
    let made = office.upkeep(registry.address, id, &[]).await.unwrap();
    assert_eq!((&made["sent"], &made["entry"]["target"]), (&json!(false), &json!(contract.target)));
    assert!(made["forwarder"].is_string() && made["why_not"].as_str().unwrap().contains("holds 0"), "{made}");
    let refused = format!("{:#}", office.upkeep(registry.address, id, &["--broadcast"]).await.unwrap_err());
    assert!(refused.contains("holds 0"), "{refused}");
}

/// What a real registry can be made to say that makes no job.
async fn liars(office: &mut Office, registry: &Registry, contracts: &[Contract]) {
    office.refuses_upkeep(registry, U256::from(7), "NoSuchUpkeep").await;
    let target = contracts[0].target;
    let good = Registered { target, gas: 200_000, ..Registered::default() };
    let config = |change: fn(&mut LogTriggerConfig)| {
        let mut config = LogTriggerConfig { contractAddress: target, topic0: B256::repeat_byte(1), ..log_trigger() };
        change(&mut config);
        Registered { log: config.abi_encode().into(), ..good.clone() }
    };
    let refused = [
        (Registered { gas: 5_000_000, ..good.clone() }, "TooMuchGas"),
        (Registered { check_data: vec![1; 4_097].into(), ..good.clone() }, "TooLong"),
        (Registered { log: vec![1; 5].into(), ..good.clone() }, "SenselessTrigger"),
        (config(|config| config.filterSelector = 8), "SenselessTrigger"),
        (config(|config| config.contractAddress = Address::ZERO), "SenselessTrigger"),
        (config(|config| config.topic0 = B256::ZERO), "SenselessTrigger"),
    ];
    for (upkeep, name) in refused {
        let id = registry.register(&mut office.workshop, &upkeep).await.unwrap();
        office.refuses_upkeep(registry, id, name).await;
    }
    // {"maxGasPrice": 2000000000}
    let offchain = Bytes::from(hex!("a16b6d617847617350726963651a77359400"));
    let id = registry.register(&mut office.workshop, &Registered { offchain, ..good }).await.unwrap();
    let made = office.upkeep(registry.address, id, &["--callback-gas", "300000"]).await.unwrap();
    assert_eq!(
        (&made["entry"]["most_gas_price_wei"], &made["entry"]["callback_gas"]),
        (&json!("2000000000"), &json!(300_000))
    );
    registry.act(&mut office.workshop, &AutomationRegistry::pauseUpkeepCall { id }).await.unwrap();
    let made = office.upkeep(registry.address, id, &[]).await.unwrap();
    assert!(made["entry"]["notes"].to_string().contains("paused there"), "{made}");
    registry.act(&mut office.workshop, &AutomationRegistry::cancelUpkeepCall { id }).await.unwrap();
    office.refuses_upkeep(registry, id, "Cancelled").await;
    let made = office.upkeep(registry.address, id, &["--cancelled"]).await.unwrap();
    assert!(made["entry"]["notes"].to_string().contains("cancelled there"), "{made}");
}

#[tokio::test]
#[ignore = "needs contracts that tests/run.sh unchanged compiles"]
async fn tasks_of_every_kind_are_proposed_as_the_jobs_they_are() {
    let _alone = tests::alone().await;
    let mut office = Office::open().await.unwrap();
    let fickle = resolvers(&mut office.workshop).await.unwrap().remove(0);
    let Check::Resolver { resolver, call } = fickle.check.clone() else { panic!("no resolver") };
    let proxy = || (Automate::PROXY, Vec::new());
    let asked = Automate::resolver(resolver, call);
    let automate = Automate::real(&mut office.workshop).await.unwrap();
    let selector = tests::unchanged::abi::Tally::tickCall::SELECTOR;
    let modules = [asked.clone(), proxy(), (Automate::SINGLE_EXEC, Vec::new())];
    for modules in [&modules[..2], &modules] {
        let task = automate.create(&mut office.workshop, fickle.target, selector, modules).await.unwrap();
        let made = office.task(automate, task, &[]).await.unwrap();
        assert_eq!((&made["entry"]["trigger"], &made["entry"]["action"]), (&trigger(&fickle), &action(&fickle)));
        assert_eq!(
            (&made["entry"]["target"], &made["entry"]["most_runs"]),
            (&json!(fickle.target), &json!(modules.len() - 2))
        );
        automate.cancel(&mut office.workshop, task).await.unwrap();
        office.refuses_task(automate, task, "TaskEnded").await;
    }
    office.refuses_task(automate, B256::repeat_byte(1), "NoSuchTask").await;

    let stand_in = Automate::stand_in(&mut office.workshop).await.unwrap();
    let topic = B256::repeat_byte(5);
    let cases = [
        (vec![proxy(), Automate::every(0, 60_000)], json!({"kind": "interval", "start": 0, "interval": 60})),
        (vec![proxy(), Automate::cron("0 9 * * 1-5")], json!({"kind": "cron", "pattern": "0 9 * * 1-5"})),
        (vec![proxy(), Automate::block()], json!({"kind": "blocks", "every": 1})),
        (
            vec![proxy(), Automate::event(fickle.target, vec![vec![topic]], 3)],
            json!({"kind": "log", "emitter": fickle.target, "filter": 1, "confirmations": 3,
                "topics": [topic, B256::ZERO, B256::ZERO, B256::ZERO]}),
        ),
        (vec![asked.clone(), proxy(), Automate::block()], trigger(&fickle)),
    ];
    for (modules, trigger) in cases {
        let task = stand_in.create(&mut office.workshop, fickle.target, [1, 2, 3, 4], &modules).await.unwrap();
        let made = office.task(stand_in, task, &[]).await.unwrap();
        assert_eq!(made["entry"]["trigger"], trigger, "{made}");
    }
    let code = (Automate::WEB3_FUNCTION, ("QmCode".to_owned(), Bytes::new()).abi_encode_params());
    let task = stand_in.create(&mut office.workshop, fickle.target, [1; 4], &[proxy(), code]).await.unwrap();
    office.refuses_task(stand_in, task, "OffChainCode").await;
    office.swarm.stop().await;
}
