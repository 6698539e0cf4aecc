//! What `keeper job new` makes builds and runs as it is, and so does what docs/jobs.md shows.

use std::path::Path;
use std::process::Command;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use serde_json::{Value, json};

use super::{Desk, path};

const NEEDS: &str = "needs Node, and a Rust compiler for WebAssembly: tests/run.sh has both";

/// With the machine's own tools, which a build needs.
fn keeper(desk: &Desk, line: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keeper"));
    command.args(line).arg("--json").arg("--datadir").arg(desk.home.data());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{line:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn made(desk: &Desk, template: &str) -> (String, Value) {
    let folder = desk.home.path(template);
    let folder = path(&folder).to_owned();
    keeper(desk, &["job", "new", &folder, "--template", template]);
    let built = keeper(desk, &["job", "build", &folder]);
    (folder, built)
}

fn tried(desk: &Desk, folder: &str, flags: &[&str]) -> Value {
    keeper(desk, &[&["job", "test", folder, "--rpc", &desk.url], flags].concat())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and a Rust compiler for WebAssembly: tests/run.sh has both"]
async fn the_rust_templates_build_and_run() {
    let desk = Desk::start().await;
    let (folder, built) = made(&desk, "top-up");
    assert!(built["bytes"].as_u64().unwrap() < 200_000 && built["outside"] == json!([]), "{built}: {NEEDS}");
    let poor = tried(&desk, &folder, &["--expect", "call"]);
    assert!(poor["calldata"].as_str().unwrap().starts_with("0x"), "{poor}");
    assert!(poor["logs"][0].as_str().unwrap().contains("has 0 wei"), "{poor}");
    desk.anvil.ask("anvil_setBalance", json!([Address::from_word(beef()), "0xde0b6b3a7640000"])).await;
    desk.anvil.ask("evm_mine", json!([])).await;
    let rich = tried(&desk, &folder, &["--expect", "skip"]);
    assert_eq!(rich["reason"], "1000000000000000000 wei is enough");
    let tape = desk.home.path("run.json");
    tried(&desk, &folder, &["--record", path(&tape)]);
    let again = keeper(&desk, &["job", "test", &folder, "--replay", path(&tape)]);
    assert_eq!(again["differences"], json!([]));

    let (folder, _) = made(&desk, "health-check");
    // A pool that says six words: debt of 7, health of 5. PUSH1 7, PUSH1 32, MSTORE, PUSH1 5, PUSH1 160, MSTORE, PUSH1 192, PUSH1 0, RETURN.
    let pool = Address::with_last_byte(0xbb);
    desk.anvil.ask("anvil_setCode", json!([pool, "0x6007602052600560a05260c06000f3"])).await;
    desk.anvil.ask("evm_mine", json!([])).await;
    let danger = tried(&desk, &folder, &["--expect", "call"]);
    assert!(danger["calldata"].as_str().unwrap().ends_with("05"), "{danger}");
    desk.anvil.ask("anvil_setCode", json!([pool, "0x60006000fd"])).await;
    desk.anvil.ask("evm_mine", json!([])).await;
    let gone = tried(&desk, &folder, &["--expect", "error"]);
    assert!(gone["reason"].as_str().unwrap().starts_with("transient: getUserAccountData(address) reverted"), "{gone}");
}

fn beef() -> alloy::primitives::B256 {
    alloy::primitives::B256::left_padding_from(&[0xbe, 0xef])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node and npm: tests/run.sh has both"]
async fn the_other_templates_build_and_run() {
    let desk = Desk::start().await;
    let (folder, built) = made(&desk, "log-reaction");
    assert!(built["bytes"].as_u64().unwrap() < 3_000_000 && built["outside"] == json!([]), "{built}");
    let account = format!("0x{:0>64}", "beef");
    let topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let log = |amount: u64| {
        tried(&desk, &folder, &["--log-topics", topic, &account, &account, "--log-data", &format!("{amount:#066x}")])
    };
    let much = log(2_000_000);
    let end = format!("{:064x}", 2_000_000);
    assert!(much["calldata"].as_str().unwrap().ends_with(&end), "{much}");
    assert!(much["logs"][0].as_str().unwrap().contains("sent 2000000 to 0x"), "{much}");
    assert_eq!(log(5)["reason"], "5 is less than 1000000");

    let (folder, built) = made(&desk, "price-median");
    assert_eq!(built["outside"], json!([]), "{built}");
    let median = tried(&desk, &folder, &["--http", &format!("{folder}/http.json"), "--expect", "call"]);
    let end = format!("{:064x}", 300_125_000_000_u64);
    assert!(median["calldata"].as_str().unwrap().ends_with(&end), "{median}");
    assert_eq!(median["looks"]["differs"], json!([]), "the middle of any four is the same: {median}");

    let (folder, built) = made(&desk, "payment");
    assert_eq!(built["schema"], 1);
    let payment = tried(&desk, &folder, &["--expect", "call"]);
    assert_eq!((&payment["calldata"], &payment["price"]["runs_in_year"]), (&"0x1b9265b8".into(), &12.into()));

    let (folder, built) = made(&desk, "upkeep");
    let code = std::fs::read_to_string(built["contracts"][0]["file"].as_str().unwrap()).unwrap();
    let code: Bytes = code.trim().parse().unwrap();
    let request = TransactionRequest::default().with_from(desk.anvil.account).with_deploy_code(code);
    let receipt = desk.anvil.provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
    let upkeep = receipt.contract_address.unwrap().to_string();
    let needed = tried(&desk, &folder, &["--target", &upkeep, "--expect", "call"]);
    assert_eq!(needed["delivery"]["outcome"], "taken", "{needed}");
}

/// The commands of the blocks that docs/jobs.md marks, as a reader would type them.
fn shown() -> Vec<String> {
    let text = include_str!("../../../../docs/jobs.md");
    let blocks = text.split("<!-- tested -->\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and a Rust compiler for WebAssembly: tests/run.sh has both"]
async fn every_command_of_the_documentation_works() {
    let desk = Desk::start().await;
    let blocks = shown();
    assert!(blocks.len() >= 2, "docs/jobs.md marks its blocks with <!-- tested -->");
    let program = Path::new(env!("CARGO_BIN_EXE_keeper")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    for block in blocks {
        let script = block.replace("http://127.0.0.1:8545", &desk.url);
        let output = Command::new("bash")
            .args(["-euc", &script])
            .current_dir(desk.home.path(""))
            .env("PATH", format!("{}:{path}", program.display()))
            .env("KEEPER_DATADIR", desk.home.data())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}: {said}");
    }
}
