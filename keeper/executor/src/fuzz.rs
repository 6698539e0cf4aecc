//! What workers, jobs and servers may say, for fuzz targets (`tests/fuzz`): each function takes any bytes, and panics where a
//! promise is broken; its seeds are what this crate itself writes.

mod addresses;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy_json_rpc::ErrorPayload;
use url::{Host, Url};

use crate::fetch;
use crate::limits::Limits;
use crate::outside::fuzz as outside;
use crate::run::{BlockReference, Trigger};
use crate::seen::{self as observed, KeeperSeen, Observation};
use crate::wire::{self, Call, ChainRead, Confinement, End, Hello, Input, Order, Output, Said};
use crate::{
    AllowList, ChainAnswer, ChainRequest, LogEntry, MAX_CODE_BYTES, WebAnswer, WebRequest, WebResponse, is_failed_call,
};

pub use addresses::*;

fn entry() -> LogEntry {
    LogEntry {
        address: Address::repeat_byte(5),
        topics: vec![B256::repeat_byte(6), B256::ZERO],
        data: Bytes::from_static(b"data"),
        block_number: 10,
        block_hash: B256::repeat_byte(4),
        transaction_hash: B256::repeat_byte(7),
        log_index: 8,
    }
}

/// A chain read of a job, as it crosses the sandbox.
pub fn chain_request(bytes: &[u8]) {
    if let Ok(request) = ChainRequest::decode(bytes) {
        assert_eq!(request.encode(), bytes, "a read has one encoding");
    }
}

/// A read of every kind.
#[must_use]
pub fn chain_request_seeds() -> Vec<Vec<u8>> {
    let account = Address::repeat_byte(1);
    let topics = vec![Some(B256::repeat_byte(2)), None, Some(B256::ZERO)];
    [
        ChainRequest::Call { to: account, data: Bytes::from_static(&[1, 2, 3]) },
        ChainRequest::Balance(account),
        ChainRequest::StorageAt { account, slot: B256::repeat_byte(3) },
        ChainRequest::CodeHash(account),
        ChainRequest::Logs { address: account, topics, from_block: 7, to_block: u64::MAX },
    ]
    .iter()
    .map(ChainRequest::encode)
    .collect()
}

/// The answer to one.
pub fn chain_answer(bytes: &[u8]) {
    if let Ok(answer) = ChainAnswer::decode(bytes) {
        assert_eq!(answer.encode(), bytes, "an answer has one encoding");
    }
}

/// An answer of every kind.
#[must_use]
pub fn chain_answer_seeds() -> Vec<Vec<u8>> {
    [
        ChainAnswer::word(U256::from(7)),
        ChainAnswer::Logs(vec![entry(), LogEntry { topics: Vec::new(), ..entry() }]),
        ChainAnswer::Reverted(Bytes::from_static(b"why")),
        ChainAnswer::Limit("too much".to_owned()),
        ChainAnswer::Invalid("ни".to_owned()),
    ]
    .iter()
    .map(ChainAnswer::encode)
    .collect()
}

/// A frame from a worker, its length in front.
pub fn said(bytes: &[u8]) {
    let Some(frame) = framed(bytes) else { return };
    if let Ok((number, said)) = Said::decode(frame) {
        let again = said.encode(number);
        // Bits of the hello that nobody reads are the one thing that may get lost.
        assert!(again[4..] == *frame || matches!(said, Said::Hello(_)), "{} has one encoding", said.name());
        assert_eq!(Said::decode(&again[4..]), Ok((number, said)), "it reads what it writes");
    }
}

/// The frame behind its length.
fn framed(bytes: &[u8]) -> Option<&[u8]> {
    let (field, rest) = bytes.split_first_chunk::<4>()?;
    let length = wire::length(*field, wire::MAX_RUNNING).ok()?;
    assert!((wire::HEAD..=wire::MAX_RUNNING).contains(&length), "no frame over its cap");
    rest.get(..length)
}

/// A frame of every kind.
#[must_use]
pub fn said_seeds() -> Vec<Vec<u8>> {
    let confinement = Confinement { limits: true, seccomp: true, landlock: false };
    let ends = [
        End::Call(vec![1, 2, 3]),
        End::Skip("nothing to do".to_owned()),
        End::JobError("why".to_owned()),
        End::Timeout,
        End::StackOverflow,
        End::Unanswered,
        End::HostFailure("host".to_owned()),
        End::Seen(vec![7]),
    ];
    let logs = vec!["info: one".to_owned(), String::new()];
    let done = ends.map(|end| Said::Done(Output { end, fuel: 5, memory_bytes: 65_536, logs: logs.clone() }));
    let others = [
        Said::Hello(Hello { engine: "0123abcd".to_owned(), confinement }),
        Said::Compiled(vec![1; 9]),
        Said::Invalid("no component".to_owned()),
        Said::Loaded,
        Said::Missing,
        Said::Read(ChainRead::Request(chain_request_seeds().remove(0))),
        Said::Read(ChainRead::TooLong([3; 32])),
        Said::Unloadable("no".to_owned()),
        Said::Fetch(web_request_seeds().remove(0)),
    ];
    others.into_iter().chain(done).map(|said| said.encode(9)).collect()
}

/// A frame from a keeper, as its worker reads it.
pub fn order(bytes: &[u8]) {
    let Some(frame) = framed(bytes) else { return };
    if let Ok((number, order)) = Order::decode(frame) {
        let again = order.encode(number);
        // Flags that are any number but zero, and an answer beside the word that there is none.
        assert!(again[4..] == *frame || matches!(order, Order::Answer(_)), "an order has one encoding");
        assert_eq!(Order::decode(&again[4..]), Ok((number, order)), "it reads what it writes");
    }
}

/// A frame of every kind, runs with each trigger and each call among them.
#[must_use]
pub fn order_seeds() -> Vec<Vec<u8>> {
    let reference = BlockReference { chain_id: 1, number: 10, hash: [4; 32], timestamp: 11 };
    let run = |trigger, call| {
        let (job_id, task_id, sequence, due, params) = (6, [1; 32], 5, 12, b"params".to_vec());
        let input = Input { job_id, task_id, sequence, trigger, due, params, reference: reference.clone(), call };
        let limits = Limits { wall_clock: Duration::from_secs(5), ..Limits::default() };
        Order::Run { hash: [2; 32], limits, input }
    };
    let seen = KeeperSeen { keeper: 3, share: 250_000_000, bytes: vec![7; 5] };
    [
        Order::Compile(b"component".to_vec()),
        Order::Load { hash: [2; 32], code: vec![1; 9] },
        run(Trigger::Time(12), Call::Run),
        run(Trigger::Block { number: 10, hash: [4; 32], timestamp: 11 }, Call::Observe),
        run(Trigger::Log(Box::new(entry())), Call::Decide(vec![seen.clone(), seen])),
        run(Trigger::Condition(vec![1; 32]), Call::Run),
        Order::Answer(Some(chain_answer_seeds().remove(0))),
        Order::Answer(None),
    ]
    .iter()
    .map(|order| order.encode(9))
    .collect()
}

/// What a keeper saw, by its own word.
pub fn seen(bytes: &[u8]) {
    if let Some(seen) = observed::decode(bytes) {
        assert!(bytes.len() <= observed::MAX_SEEN_BYTES, "over the limit");
        assert_eq!(observed::encode(&seen).as_deref(), Ok(bytes), "what was seen has one encoding");
    }
}

/// Observations: none, one, and several.
#[must_use]
pub fn seen_seeds() -> Vec<Vec<u8>> {
    let row = |key: &str, length: usize| Observation { key: key.to_owned(), value: vec![9; length] };
    let all = [vec![], vec![row("price", 32)], vec![row("", 0), row("ключ", 33), row("volume", 64)]];
    all.iter().map(|rows| observed::encode(rows).expect("short")).collect()
}

/// A job's request to the web.
pub fn web_request(bytes: &[u8]) {
    if let Ok(request) = WebRequest::decode(bytes) {
        assert_eq!(request.encode().as_deref(), Ok(bytes), "a request has one encoding");
    }
}

fn request() -> WebRequest {
    let headers = vec![("authorization".to_owned(), "Bearer {{secret:KEY}}".to_owned())];
    let url = "https://api.example.com/v1?x=1".to_owned();
    WebRequest { method: "GET".to_owned(), url, headers, body: Vec::new() }
}

/// Requests of both methods.
#[must_use]
pub fn web_request_seeds() -> Vec<Vec<u8>> {
    let post = WebRequest { method: "POST".to_owned(), body: b"{}".to_vec(), headers: Vec::new(), ..request() };
    [request(), post].iter().map(|request| request.encode().expect("within every cap")).collect()
}

/// What came of one.
pub fn web_answer(bytes: &[u8]) {
    if let Ok(answer) = WebAnswer::decode(bytes) {
        assert_eq!(answer.encode(), bytes, "an answer has one encoding");
        assert_eq!(answer.clone().within_caps(), answer, "nothing over a cap is read");
    }
}

/// An answer of every kind.
#[must_use]
pub fn web_answer_seeds() -> Vec<Vec<u8>> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    [
        WebAnswer::Response(WebResponse { status: 200, headers, body: b"{\"price\": 7}".to_vec() }),
        WebAnswer::Denied("why".to_owned()),
        WebAnswer::Timeout,
        WebAnswer::TooLarge,
        WebAnswer::Failed("how".to_owned()),
    ]
    .iter()
    .map(WebAnswer::encode)
    .collect()
}
