mod anvil;
mod bench;
mod nodes;

use clap::Parser;
use consensus::task::Status;

use super::*;
use crate::executor::Abstain;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    action: ActionFlags,
}

fn terms(line: &[&str]) -> Result<ActionTerms> {
    Line::try_parse_from([&["job"], line].concat()).unwrap().action.terms()
}

fn refuses(line: &[&str], says: &[&str]) {
    let error = terms(line).unwrap_err().to_string();
    assert!(says.iter().all(|part| error.contains(part)), "{line:?}: {error}");
}

const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const URL: &str = "https://example.org/job.wasm";
const TOOK: Duration = Duration::from_millis(7);

#[test]
fn code_needs_a_place_and_a_pin() {
    let made = terms(&["--code-url", URL, "--code-hash", HASH]).unwrap();
    assert_eq!((made.name(), made.code_hash()), ("wasm", HASH.parse().unwrap()));
    refuses(&["--code-hash", HASH], &["--code-url is missing"]);
    refuses(&["--code-url", URL], &["--code FILE", "--code-hash HASH"]);
    refuses(&["--code-url", URL, "--code", "nowhere.wasm"], &["nowhere.wasm", "--code"]);
    refuses(&["--code-url", URL, "--code-hash", HASH, "--params", "xyz"], &["--params", "@FILE"]);
}

#[test]
fn a_call_needs_its_bytes_and_takes_no_code() {
    let made = terms(&["--action", "call", "--calldata", "0x01ff"]).unwrap();
    assert_eq!((made.name(), made.code_hash()), ("call", B256::ZERO));
    let ActionTerms::Call(made) = made else { panic!("not a call") };
    let Ended::Call(bytes) = call::run(&made) else { panic!("no call") };
    assert_eq!(bytes, [1, 0xff]);
    refuses(&["--action", "call"], &["--calldata is missing"]);
    refuses(&["--action", "call", "--calldata", "01 ff"], &["--calldata", "01 ff", "@FILE"]);
    for code in [["--code-url", URL], ["--code-hash", HASH], ["--code", "x.wasm"], ["--params", "0x01"]] {
        let line = [&["--action", "call", "--calldata", "0x01"], &code[..]].concat();
        refuses(&line, &[code[0], "goes with --action wasm", "--action call"]);
    }
    refuses(&["--calldata", "0x01"], &["--calldata goes with --action call"]);
}

#[test]
fn an_upkeep_takes_check_data_or_none() {
    let made = terms(&["--action", "upkeep", "--check-data", "0x01ff"]).unwrap();
    assert_eq!((made.name(), made.code_hash()), ("upkeep", B256::ZERO));
    let ActionTerms::Upkeep(made) = made else { panic!("no upkeep") };
    assert_eq!(made.check_data.as_ref(), [1, 0xff]);
    let ActionTerms::Upkeep(made) = terms(&["--action", "upkeep"]).unwrap() else { panic!("no upkeep") };
    assert!(made.check_data.is_empty());
    assert_eq!(rows(&terms(&["--action", "upkeep"]).unwrap()), [("check data", "0x".to_owned())]);
    refuses(&["--action", "upkeep", "--check-data", "no"], &["--check-data", "@FILE"]);
    refuses(&["--action", "upkeep", "--params", "0x01"], &["--params goes with --action wasm"]);
    refuses(&["--action", "call", "--check-data", "0x01"], &["--check-data goes with --action upkeep"]);
}

#[test]
fn a_resolver_needs_its_address() {
    let address = "0x00000000000000000000000000000000000000AA";
    let made = terms(&["--action", "resolver", "--resolver", address, "--checker-data", "0x01ff"]).unwrap();
    assert_eq!((made.name(), made.code_hash()), ("resolver", B256::ZERO));
    let shown = [("resolver", address.to_owned()), ("checker data", "0x01ff".to_owned())];
    assert_eq!(rows(&made), shown);
    refuses(&["--action", "resolver"], &["--resolver is missing"]);
    let nobody = Address::ZERO.to_string();
    refuses(&["--action", "resolver", "--resolver", &nobody], &["--resolver is missing"]);
    refuses(&["--action", "resolver", "--resolver", address, "--checker-data", "no"], &["--checker-data", "@FILE"]);
    refuses(&["--action", "upkeep", "--resolver", address], &["--resolver goes with --action resolver"]);
    refuses(&["--checker-data", "0x01"], &["--checker-data goes with --action resolver"]);
}

#[test]
fn every_end_means_one_thing_to_the_protocol() {
    let transcript = B256::repeat_byte(3);
    let call = Finding::new(Ended::Call(vec![1]), transcript, TOOK);
    let outcome = call.result.unwrap();
    assert_eq!((outcome.status, outcome.data.as_ref(), outcome.transcript), (Status::Call, &[1][..], transcript));
    assert!(call.reason.is_empty() && call.took == TOOK);
    let skip = Finding::new(Ended::Skip("calm".to_owned()), transcript, TOOK);
    assert_eq!((skip.result.unwrap().data.as_ref(), skip.reason.as_str()), (&b"calm"[..], "calm"));
    let failed = Finding::new(Ended::JobError("trap".to_owned()), transcript, TOOK);
    assert_eq!(failed.result.unwrap().status, Status::JobError);
    let late = Finding::new(Ended::Abstain(Abstain::Timeout), transcript, TOOK);
    assert_eq!(late.result.unwrap_err(), Abstention::Timeout);
    assert!(late.reason.starts_with("timeout: "), "{}", late.reason);
}
