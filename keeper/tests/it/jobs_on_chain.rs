//! Jobs created, changed and ended by the command line, on a real chain.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use serde_json::{Value, json};

use crate::keeper_process::Home;
use crate::on_chain::{Anvil, document, operator};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_listed_and_shown() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let code = home.write("job.wasm", "hello");
    let create = |extra: &[&str]| {
        let base = ["job", "create", "--broadcast", "--network", network, "--code-url", "http://127.0.0.1:1/job.wasm"];
        let base = [&base[..], &["--fee", "0.001ether"]].concat();
        home.keeper(&[&base, extra].concat())
    };

    let empty = document(&home, network, &["job", "list"]);
    assert_eq!((&empty["count"], empty["jobs"].as_array().unwrap().len()), (&0.into(), 0));
    let code_flag = code.to_str().unwrap();
    let good = [
        "--json", "--every", "2s", "--code", code_flag, "--target", &target, "--params", "0x0102", "--fund", "0.1ether",
    ];
    let made = create(&good).succeeded().json();
    assert_eq!((&made["id"], &made["interval"]), (&1.into(), &2.into()));
    let sha256_of_hello = "0x2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(made["code_hash"], sha256_of_hello);

    let shown = document(&home, network, &["job", "show", "1"]);
    assert_eq!(shown["code_url"], "http://127.0.0.1:1/job.wasm");
    assert_eq!((&shown["params"], &shown["status"]), (&"0x0102".into(), &"active".into()));
    assert_eq!((&shown["escrow"], &shown["fee"]), (&"100000000000000000".into(), &"1000000000000000".into()));
    assert_eq!(document(&home, network, &["job", "list"])["jobs"][0]["code_hash"], sha256_of_hello);
    let text = home.keeper(&["job", "show", "1", "--network", network]).succeeded();
    // At the most that each may cost: a settlement of its own, at the gas price of now.
    let left: u64 = shown["runs_left"].as_str().unwrap().parse().unwrap();
    assert!((40..100).contains(&left) && shown["can_pay"] == true, "{shown}");
    assert!(text.stdout.contains(&format!("runs left  {left}, each at up to 0.00")), "{text:?}");
    assert!(text.stdout.contains("can pay    yes"), "{text:?}");

    home.keeper(&["job", "show", "2", "--network", network]).failed(4, &["no job 2"]);
    let nobody = "0x00000000000000000000000000000000000000ff";
    let no_contract = ["--every", "2s", "--code", code_flag, "--target", nobody, "--fund", "1ether"];
    create(&no_contract).failed(6, &["InvalidTarget", nobody]);
    let cheap = ["--every", "2s", "--code", code_flag, "--target", &target, "--fund", "1ether", "--fee", "1wei"];
    let cheap =
        ["job", "create", "--network", network, "--code-url", "http://127.0.0.1:1/job.wasm"].into_iter().chain(cheap);
    home.keeper(&cheap.collect::<Vec<_>>()).failed(2, &["--fee", "FeeTooLow", "or more here"]);
    let poor = ["--json", "--every", "2s", "--code", code_flag, "--target", &target, "--fund", "1"];
    assert_eq!(create(&poor).succeeded().json()["can_pay"], false);
    let poor = document(&home, network, &["job", "show", "2"]);
    assert_eq!((&poor["can_pay"], &poor["runs_left"]), (&false.into(), &"0".into()));
    assert_eq!(poor["deposit"], "10000000000000000");
    let rich = document(&home, network, &["job", "fund", "2", "--amount", "1ether", "--broadcast"]);
    assert_eq!((&rich["can_pay"], &rich["escrow"]), (&true.into(), &"1000000000000000001".into()));
    let no_code = ["--every", "2s", "--code", "nowhere.wasm", "--target", &target, "--fund", "1ether"];
    create(&no_code).failed(4, &["nowhere.wasm", "--code"]);
    let no_params = ["--every", "2s", "--code", code_flag, "--target", &target, "--params", "xyz", "--fund", "1ether"];
    create(&no_params).failed(2, &["--params", "xyz", "@FILE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_kind_is_created_listed_and_shown() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let base = ["job", "create", "--broadcast", "--network", network, "--target", &target];
    let base = [&base[..], &["--fee", "1gwei", "--fund", "1ether"]].concat();
    let create = |extra: &[&str]| home.keeper(&[&base, extra].concat());
    let call = ["--action", "call", "--calldata", "0xd09de08a"];

    create(&[&call[..], &["--trigger", "once", "--at", "1"]].concat()).failed(2, &["--at is 1", "past"]);
    create(&[&call[..], &["--trigger", "once"]].concat()).failed(2, &["--at is missing"]);
    create(&[&call[..], &["--at", "now+1h"]].concat()).failed(2, &["--at goes with --trigger once"]);
    create(&["--every", "2s", "--action", "call"]).failed(2, &["--calldata is missing"]);
    create(&["--every", "2s", "--action", "call", "--calldata", "@nowhere"]).failed(4, &["nowhere", "--calldata"]);
    let with_code = ["--every", "2s", "--code-url", "http://127.0.0.1:1/job.wasm"];
    create(&[&call[..], &with_code].concat()).failed(2, &["--code-url goes with --action wasm"]);
    assert_eq!(document(&home, network, &["job", "list"])["count"], 0, "nothing of that was sent");

    let made = create(&[&call[..], &["--json", "--trigger", "once", "--at", "2100-01-01T00:00:00Z"]].concat());
    let made = made.succeeded().json();
    assert_eq!((&made["trigger"], &made["start"]), (&"once at 4102444800".into(), &4_102_444_800_u64.into()));
    let shown = document(&home, network, &["job", "show", "1"]);
    assert_eq!((&shown["trigger"], &shown["action"]), (&"once at 4102444800".into(), &"call".into()));
    assert_eq!((&shown["interval"], &shown["params"]), (&0.into(), &"0xd09de08a".into()));
    let list = home.keeper(&["job", "list", "--network", network]).succeeded();
    assert!(list.stdout.contains("call once at 4102444800"), "{list:?}");
    let text = home.keeper(&["job", "show", "1", "--network", network]).succeeded();
    assert!(text.stdout.contains("code hash  none") && !text.stdout.contains("code URL"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_code_is_a_contract_is_created_listed_and_shown() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    anvil.give(operator(&home), 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let base = ["job", "create", "--broadcast", "--network", network, "--target", &target, "--every", "2s"];
    let create = |extra: &[&str]| home.keeper(&[&base[..], &["--fee", "1gwei", "--fund", "1ether"], extra].concat());

    create(&["--action", "upkeep", "--check-data", "0x0102"]).succeeded();
    create(&["--action", "resolver"]).failed(2, &["--resolver is missing"]);
    create(&["--action", "resolver", "--resolver", &target]).succeeded();
    let shown = [1, 2].map(|id| document(&home, network, &["job", "show", &id.to_string()]));
    assert_eq!((&shown[0]["action"], &shown[0]["params"]), (&"upkeep".into(), &"0x0102".into()));
    assert_eq!(shown[1]["action"], "resolver");
    let text = |id| home.keeper(&["job", "show", id, "--network", network]).succeeded().stdout;
    assert!(text("1").contains("check data  0x0102"), "{}", text("1"));
    let resolver = text("2");
    assert!(resolver.contains(&target) && resolver.contains("checker data  0xcf5303cf"), "{resolver}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paused_resumed_cancelled_and_its_money_comes_back() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    let owner = operator(&home);
    anvil.give(owner, 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let code = home.write("job.wasm", "hello");
    let created = [
        "--code-url",
        "http://127.0.0.1:1/job.wasm",
        "--fee",
        "0.001ether",
        "--code",
        code.to_str().unwrap(),
        "--target",
        &target,
        "--fund",
        "1ether",
    ];
    document(&home, network, &[&["job", "create", "--broadcast", "--every", "2s"], &created[..]].concat());
    let run = |verb: &[&str]| home.keeper(&[verb, &["--network", network]].concat());
    let pass = async |seconds: u64| {
        anvil.ask("evm_increaseTime", json!([seconds])).await;
        anvil.ask("evm_mine", json!([])).await;
    };
    let escrow = || document(&home, network, &["job", "show", "1"])["escrow"].as_str().unwrap().to_owned();

    // Nobody else's business, and found out before anything is sent.
    let stranger = Home::with_keys();
    anvil.give(operator(&stranger), 10).await;
    for verb in ["pause", "resume", "cancel", "withdraw"] {
        stranger.keeper(&["job", verb, "1", "--network", network]).failed(5, &["belongs to", &owner.to_string()]);
        run(&["job", verb, "2"]).failed(4, &["no job 2"]);
    }
    assert_eq!(anvil.provider.get_transaction_count(operator(&stranger)).await.unwrap(), 0);
    // But anybody may pay.
    let funded = document(&stranger, network, &["job", "fund", "1", "--amount", "1ether", "--broadcast"]);
    assert_eq!(funded["escrow"], "2000000000000000000");

    run(&["job", "resume", "1"]).failed(6, &["active", "only a paused job"]);
    let paused = document(&home, network, &["job", "pause", "1", "--broadcast"]);
    assert_eq!(document(&home, network, &["job", "show", "1"])["status"], "paused");
    run(&["job", "pause", "1"]).failed(6, &["job 1 is paused"]);
    let from = paused["inactive_from"].as_u64().unwrap() + 3_600;
    run(&["job", "resume", "1"]).failed(6, &["can be resumed from", &from.to_string()]);
    pass(3_700).await;
    assert_eq!(document(&home, network, &["job", "resume", "1", "--broadcast"])["version"], 2);

    run(&["job", "withdraw", "1", "--amount", "3ether"]).failed(2, &["--amount is 3 ether", "2 ether left"]);
    run(&["job", "withdraw", "1", "--amount", "0"]).failed(2, &["--amount is zero"]);
    let asked = document(&home, network, &["job", "withdraw", "1", "--amount", "0.5ether", "--broadcast"]);
    assert_eq!((&asked["state"], &asked["amount"]), (&"requested".into(), &"500000000000000000".into()));
    let again = document(&home, network, &["job", "withdraw", "1", "--broadcast"]);
    assert_eq!((&again["available_at"], &again["transaction"]), (&asked["available_at"], &Value::Null));
    pass(3_700).await;
    let other = Address::repeat_byte(0x77);
    let paid = document(&home, network, &["job", "withdraw", "1", "--to", &other.to_string(), "--broadcast"]);
    assert_eq!((&paid["state"], &paid["escrow"]), (&"paid".into(), &"1500000000000000000".into()));
    assert_eq!(anvil.provider.get_balance(other).await.unwrap(), U256::from(5) * U256::from(10u64.pow(17)));

    document(&home, network, &["job", "cancel", "1", "--broadcast"]);
    run(&["job", "cancel", "1"]).failed(6, &["job 1 is cancelled", "keeper job withdraw"]);
    stranger.keeper(&["job", "fund", "1", "--amount", "1", "--network", network]).failed(2, &["cancelled"]);
    document(&home, network, &["job", "withdraw", "1", "--broadcast"]);
    pass(4_000).await;
    document(&home, network, &["job", "withdraw", "1", "--broadcast"]);
    assert_eq!(escrow(), "0");
    run(&["job", "withdraw", "1"]).failed(2, &["nothing of job 1's money is left"]);
    let manager = anvil.deployment.network.contracts.job_manager;
    assert_eq!(anvil.provider.get_balance(manager).await.unwrap(), U256::ZERO);
}

/// Without --broadcast nothing is sent, and no password asked for.
#[tokio::test(flavor = "multi_thread")]
async fn verbs_only_try_until_they_are_told_to_send() {
    let anvil = Anvil::start().await;
    let home = Home::with_keys();
    let file = home.path("network.toml");
    anvil.deployment.network.save(&file).unwrap();
    let network = file.to_str().unwrap();
    let owner = operator(&home);
    anvil.give(owner, 10).await;
    let target = anvil.deployment.examples.unwrap().counter.to_string();
    let call = ["job", "create", "--every", "2s", "--action", "call", "--calldata", "0xd09de08a", "--target", &target];
    let create = [&call[..], &["--fee", "0.001ether", "--fund", "1ether"]].concat();
    let tried = |verb: &[&str], says: &[&str]| {
        let line = [verb, &["--network", network]].concat();
        let said = home.keeper_with(&line, &home.path("nowhere")).succeeded();
        assert!(
            says.iter().all(|words| said.stdout.contains(words)) && said.stdout.contains("--broadcast"),
            "{said:?}"
        );
        let said = home.keeper_with(&[&line[..], &["--json"]].concat(), &home.path("nowhere")).succeeded().json();
        assert!(said["sent"] == false && said["gas_estimate"].as_u64().unwrap() > 21_000, "{said}");
        said
    };
    let salt = format!("0x{}", "5a".repeat(32));
    let proposed = tried(&[&create[..], &["--salt", &salt]].concat(), &["every 2s", &salt, "1.01 ether"]);
    assert_eq!(anvil.provider.get_transaction_count(owner).await.unwrap(), 0);
    let made = document(&home, network, &[&create[..], &["--salt", &salt, "--broadcast"]].concat());
    assert_eq!((&made["forwarder"], &made["sent"]), (&proposed["forwarder"], &true.into()));

    tried(&["job", "pause", "1"], &["would be paused"]);
    tried(&["job", "cancel", "1"], &["would end for good"]);
    tried(&["job", "fund", "1", "--amount", "1ether"], &["would get 1 ether"]);
    tried(&["job", "withdraw", "1"], &["1 ether of job 1 would be asked for"]);
    assert_eq!(anvil.provider.get_transaction_count(owner).await.unwrap(), 1);
    assert_eq!(document(&home, network, &["job", "show", "1"])["escrow"], "1000000000000000000");
}
