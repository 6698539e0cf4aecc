//! Answers of RPC nodes, and their words, for fuzz targets (`tests/fuzz`).

use alloy_json_rpc::{ErrorPayload, Id, Request, RequestPacket, ResponsePacket, SerializedRequest};
use url::Url;

use super::secrets::Secrets;
use super::{answer, words};

/// A part of a URL that must not be shown.
const KEY: &str = "0123456789abcdef0123";
const METHODS: [&str; 3] = ["eth_call", "eth_getLogs", "eth_sendRawTransaction"];
/// Blocks asked for where a node proposes fewer.
const ASKED: u64 = 2_000;

fn secrets_of(url: &str) -> Secrets {
    Secrets::of(&Url::parse(url).expect("a URL"))
}

fn question(method: &'static str, id: u64) -> SerializedRequest {
    Request::new(method, Id::Number(id), ()).serialize().expect("it has no parameters")
}

/// A body that answers one question, or two.
pub(crate) fn read(bytes: &[u8]) {
    let secrets = secrets_of(&format!("https://node.example/v3/{KEY}"));
    let one = RequestPacket::Single(question("eth_getBalance", 1));
    if let Ok(read) = answer::read(&one, bytes, &secrets) {
        assert!(matches!(read, ResponsePacket::Single(answer) if answer.id == Id::Number(1)), "of its question");
    }
    let two = RequestPacket::Batch(vec![question("eth_chainId", 1), question("eth_getBlockByNumber", 2)]);
    match answer::read(&two, bytes, &secrets) {
        Ok(ResponsePacket::Batch(answers)) => {
            let ids: Vec<Id> = answers.into_iter().map(|answer| answer.id).collect();
            assert_eq!(ids, [Id::Number(1), Id::Number(2)], "one for each, in order");
        }
        Ok(ResponsePacket::Single(_)) => panic!("one answer to two questions"),
        Err(why) => assert!(!why.is_empty()),
    }
    let shown = answer::first_words(bytes, &secrets);
    assert!(shown.len() <= 4 * 200 && !shown.chars().any(char::is_control), "few words, on one line");
}

/// An answer.
pub fn answer(bytes: &[u8]) {
    read(bytes);
}

/// Answers as nodes write them, right and wrong.
#[must_use]
pub fn answer_seeds() -> Vec<Vec<u8>> {
    [
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#,
        r#"[{"id":2,"result":null},{"id":1,"result":{"a":[1,2.5,"x"]},"took":3}]"#,
        r#"{"id":1,"error":{"code":-32000,"message":"execution reverted","data":"0x08c379a0"}}"#,
        r#"{"id":null,"error":{"code":429,"message":"too many requests"}}"#,
        "<html><body>Route POST:/v3/0123456789abcdef0123 not found</body></html>",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// What a node says of an error: its code (two bytes), and its words.
pub fn words(bytes: &[u8]) {
    let Some((code, said)) = bytes.split_first_chunk::<2>() else { return };
    let message = String::from_utf8_lossy(said).into_owned();
    if let Some(blocks) = words::proposed_blocks(&message, ASKED) {
        assert!((1..ASKED).contains(&blocks), "fewer than were asked for");
    }
    let data = serde_json::value::to_raw_value(&message).ok();
    let error = ErrorPayload { code: i64::from(i16::from_be_bytes(*code)), message: message.into(), data };
    for method in METHODS {
        let _ = words::meaning(method, &error);
    }
    let _ = words::is_rate_limit(&error);
}

/// Words of some providers.
#[must_use]
pub fn words_seeds() -> Vec<Vec<u8>> {
    [
        (-32_005_i16, "query returned more than 10000 results. Try with this block range [0x1, 0x3e8]."),
        (-32_000, "eth_getLogs is limited to a 10,000 range, or 10k blocks"),
        (429, "rate limit: try again in 500 ms, retry after 2.5 s"),
        (3, "execution reverted: nothing to do"),
        (-32_603, "header not found"),
    ]
    .map(|(code, words)| [&code.to_be_bytes()[..], words.as_bytes()].concat())
    .to_vec()
}

/// A URL (up to the first line's end), and words of its server: nothing of the URL's own is shown.
pub fn secrets(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (url, words) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(url) = Url::parse(url) else { return };
    let masked = Secrets::of(&url).mask(words);
    let is_long = |part: &&str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for part in url.path().split('/').filter(is_long) {
        let shown = masked.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        assert!(!shown || "***".contains(part), "{part} of {url} is shown in {masked}");
    }
}

/// URLs with keys in them, and servers that say them.
#[must_use]
pub fn secrets_seeds() -> Vec<Vec<u8>> {
    [
        "https://node.example/v3/0123456789abcdef0123\nRoute POST:/v3/0123456789ABCDEF0123 not found",
        "https://name:pass%20word1@node.io/eth/rpc?apikey=SECRETKEY&net=1\nno route /eth/rpc?apikey=SECRETKEY",
        "http://127.0.0.1:8545/\u{43a}\u{43b}\u{44e}\u{447}\n/\u{43a}\u{43b}\u{44e}\u{447}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
