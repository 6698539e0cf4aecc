use super::read;
use crate::chain::rpc::secrets::Secrets;
use alloy_json_rpc::{Id, Request, RequestPacket, ResponsePacket, SerializedRequest};

fn question(method: &'static str, id: u64) -> SerializedRequest {
    Request::new(method, Id::Number(id), ()).serialize().expect("it serialises")
}

#[test]
fn an_answer_is_believed_only_with_the_id_of_its_question() {
    let packet = RequestPacket::Single(question("eth_getBalance", 7));
    for (body, right) in [
        (r#"{"jsonrpc":"2.0","id":7,"result":"0x1"}"#, true),
        (r#"{"id":7,"result":"0x1","took":3,"extra":{"a":[]}}"#, true),
        (r#"{"id":"7","result":"0x1"}"#, true),
        (r#"[{"id":7,"result":"0x1"}]"#, true),
        (r#"{"id":7,"error":{"code":-32000,"message":"x"}}"#, true),
        (r#"{"id":8,"result":"0x1"}"#, false),
        (r#"{"id":null,"result":"0x1"}"#, false),
        (r#"{"id":null,"error":{"code":-32000,"message":"x"}}"#, false),
        (r#"{"id":7,"result":null}"#, false),
        (r#"{"id":7}"#, false),
        (r#"{"id":7,"result":"0x"#, false),
        ("null", false),
        ("[]", false),
        ("{}", false),
        ("", false),
        ("<html><body>Bad gateway</body></html>", false),
        ("\u{0}\u{1}\u{2}", false),
    ] {
        let answer = read(&packet, body.as_bytes(), &Secrets::default());
        assert_eq!(answer.is_ok(), right, "{body}: {answer:?}");
    }
    let nothing = br#"{"id":7,"result":null}"#;
    assert!(
        read(&RequestPacket::Single(question("eth_getBlockByNumber", 7)), nothing, &Secrets::default()).is_ok(),
        "no such block"
    );
}

#[test]
fn batches_may_come_in_any_order_but_not_in_part() {
    let packet = RequestPacket::Batch(vec![question("eth_chainId", 1), question("eth_blockNumber", 2)]);
    let swapped = br#"[{"id":2,"result":"0x2"},{"id":9,"result":"0x9"},{"id":1,"result":"0x1"}]"#;
    let Ok(ResponsePacket::Batch(answers)) = read(&packet, swapped, &Secrets::default()) else { panic!("a batch") };
    assert_eq!(answers.iter().map(|answer| answer.id.clone()).collect::<Vec<_>>(), [Id::Number(1), Id::Number(2)]);
    for part in [r#"[{"id":1,"result":"0x1"}]"#, r#"[{"id":1,"result":"0x1"},{"id":1,"result":"0x1"}]"#] {
        let why = read(&packet, part.as_bytes(), &Secrets::default()).expect_err("one is missing");
        assert!(why.contains("eth_blockNumber"), "{why}");
    }
}
