use alloy::primitives::{B256, hex};

use super::*;
use crate::chain::real_node::Anvil;

/// Contracts by what they answer to any call.
const YES: &str = "600160005260206000f3"; // mstore(0, 1) return(0, 32)
const NO: &str = "600060005260206000f3";
const SHORT: &str = "600160005260026000f3"; // two bytes
const REVERTS: &str = "60006000fd";
const BURNS: &str = "5b600056"; // jumps to where it is
const BOMBS: &str = "62ffffff6000f3"; // sixteen million bytes
const TOO_LONG: &str = "6001600052621000006000f3"; // a yes, and a mebibyte behind it
/// calldataload(0) == 0x01020304…
const ECHOES: &str = "60003560005260206000f3";

fn address(number: usize) -> Address {
    Address::from_word(B256::with_last_byte(0x80 + number as u8))
}

async fn place(anvil: &Anvil, codes: &[&str]) {
    for (number, code) in codes.iter().enumerate() {
        let code = format!("0x{code}");
        anvil.provider.raw_request::<_, ()>("anvil_setCode".into(), (address(number), code)).await.unwrap();
    }
}

async fn newest(anvil: &Anvil) -> BlockRef {
    let head = crate::chain::latest(&anvil.provider).await.unwrap().head;
    BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp }
}

fn question(job: u64, target: Address, call: &'static [u8]) -> Question {
    Question { job, target, call: Bytes::from_static(call) }
}

#[tokio::test]
async fn what_holds_is_told_from_what_does_not_fails_burns_and_bombs() {
    let anvil = Anvil::start(0, &[]).await;
    // gas() > 300_000 ? 1 : revert
    let needs_more = "620493e05a11600e5760006000fd5b600160005260206000f3";
    place(&anvil, &[YES, NO, SHORT, REVERTS, BURNS, BOMBS, needs_more, ECHOES, TOO_LONG]).await;
    let word: &'static [u8] = &[0, 0, 0, 1];
    let mut questions: Vec<Question> = (0..8).map(|number| question(number, address(number as usize), &[])).collect();
    questions.push(question(8, address(7), word));
    // An account without code answers nothing.
    questions.push(question(9, address(99), word));
    // What is longer than a question may bring nobody verifies.
    questions.push(question(10, address(8), &[]));
    let holding = probe(&anvil.provider, &newest(&anvil).await, &questions).await.unwrap();
    assert_eq!(holding.iter().copied().collect::<std::collections::BTreeSet<_>>(), [0, 6, 8].into());
}

/// One request for each 200, whatever they do, and a few for those that need more gas.
#[tokio::test]
async fn ten_thousand_conditions_are_fifty_questions() {
    let anvil = Anvil::start(0, &[]).await;
    place(&anvil, &[YES, NO]).await;
    let call: &'static [u8] = &[7; 36];
    let questions: Vec<Question> =
        (0..10_000).map(|number| question(number, address(usize::from(number % 100 != 0)), call)).collect();
    assert_eq!(cut(&questions).len(), 50);
    let holding = probe(&anvil.provider, &newest(&anvil).await, &questions).await.unwrap();
    assert_eq!(holding, (0..10_000).step_by(100).collect::<Vec<u64>>());
}

#[test]
fn long_calls_are_fewer_together_and_the_code_fits() {
    let long: &'static [u8] = &[1; 4_096];
    let questions: Vec<Question> = (0..100).map(|number| question(number, address(0), long)).collect();
    let parts = cut(&questions);
    assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), 100);
    assert!(parts.iter().all(|part| code(part).len() <= CODE_MAX) && parts.len() <= 10);
    let short: Vec<Question> = (0..200).map(|number| question(number, address(0), &[])).collect();
    let made = code(&short);
    assert!(made.len() <= CODE_MAX && made.len() <= 200 * QUESTION_CODE, "{}", hex::encode(&made[..80]));
}
