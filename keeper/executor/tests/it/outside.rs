//! Jobs that look outside: what they see through their keeper, and what they decide on.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use executor::{AllowList, Ended, KeeperSeen, Limits, Look, Observation, seen};

use crate::support::{Bench, PreparedChain, code, component, request};

/// Asks for what stands in the params, and sees the body, or the number of the error.
const LOOK: &str = "(call $fetch (i32.load offset=128 (local.get $context)) (i32.load offset=132 (local.get $context)))
    (if (result i32) (i32.load8_u (i32.const 64))
      (then (call $see (i32.const 68) (i32.const 1)))
      (else (call $see (i32.load (i32.const 80)) (i32.load (i32.const 84)))))";
/// Calls with what the first keeper saw first.
const FIRST: &str = "(call $call
    (i32.load offset=8 (i32.load offset=8 (i32.load offset=136 (local.get $context))))
    (i32.load offset=12 (i32.load offset=8 (i32.load offset=136 (local.get $context)))))";

fn observing(observe: &str, decide: &str) -> Vec<u8> {
    let text = include_str!("../../../tests/fixtures/observing.wat");
    let text = text.replace("(; observe ;)", observe).replace("(; decide ;)", decide);
    wat::parse_str(text).expect("the fixture is a component")
}

fn bench() -> Bench {
    Bench::new(Limits::default(), PreparedChain::new([]))
}

/// A server of a few pages; gives where it listens.
async fn server() -> SocketAddr {
    let pages = Router::new()
        .route("/price", get(|| async { "1234" }))
        .route("/moved", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/price")]) }))
        .route("/away", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/")]) }))
        .route("/long", get(|| async { vec![b'x'; 200_000] }))
        .route("/slow", get(|| async { std::future::pending::<&str>().await }))
        .route("/zipped", get(|| async { ([(header::CONTENT_ENCODING, "gzip")], vec![0x1f_u8, 0x8b, 1, 2, 3]) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, pages).await });
    address
}

async fn look(bench: &Bench, component: &[u8], host: &str, url: &str) -> Look {
    let hosts = AllowList::new(vec![host.to_owned()]).expect("a host");
    bench.executor.observe(request(code(component), url.as_bytes()), hosts).await
}

fn value(look: &Look) -> Vec<u8> {
    let bytes = look.seen.as_ref().unwrap_or_else(|ended| panic!("{ended:?}"));
    let items = seen::decode(bytes).expect("one encoding");
    assert_eq!((items.len(), items[0].key.as_str()), (1, "price"));
    items[0].value.clone()
}

#[tokio::test]
async fn a_job_sees_what_its_hosts_say_and_nothing_else() {
    let (bench, component, address) = (bench(), observing(LOOK, FIRST), server().await);
    let (host, at) = (address.to_string(), |path: &str| format!("http://{address}{path}"));
    assert_eq!(value(&look(&bench, &component, &host, &at("/price")).await), b"1234");
    assert_eq!(value(&look(&bench, &component, &host, &at("/moved")).await), b"1234", "a redirect on the list");
    assert_eq!(value(&look(&bench, &component, &host, &at("/zipped")).await), [0x1f, 0x8b, 1, 2, 3], "as it came");
    let [denied, timeout, too_large, failed] = [vec![0], vec![1], vec![2], vec![3]];
    assert_eq!(value(&look(&bench, &component, &host, &at("/away")).await), denied);
    assert_eq!(value(&look(&bench, &component, "another.example", &at("/price")).await), denied);
    assert_eq!(value(&look(&bench, &component, &host, "http://localhost/").await), denied);
    assert_eq!(value(&look(&bench, &component, &host, &at("/slow")).await), timeout);
    assert_eq!(value(&look(&bench, &component, &host, &at("/long")).await), too_large);
    assert_eq!(value(&look(&bench, &component, "127.0.0.1:1", "http://127.0.0.1:1/").await), failed);
}

#[tokio::test]
async fn it_decides_on_what_it_is_handed_and_cannot_look_then() {
    let (bench, address) = (bench(), server().await);
    let encoded =
        |value: &[u8]| seen::encode(&[Observation { key: "price".to_owned(), value: value.to_vec() }]).expect("short");
    let all = vec![
        KeeperSeen { keeper: 2, share: 300_000_000, bytes: encoded(b"7") },
        KeeperSeen { keeper: 5, share: 400_000_000, bytes: b"a lie".to_vec() },
    ];
    let decided = |component: Vec<u8>, seen: Vec<KeeperSeen>| {
        let (bench, url) = (&bench, format!("http://{address}/price"));
        async move { bench.executor.decide(request(code(&component), url.as_bytes()), seen).await.ended }
    };
    assert_eq!(decided(observing(LOOK, FIRST), all.clone()).await, Ended::Call(b"7".to_vec()));
    let whole = "(call $call (i32.load offset=136 (local.get $context))
        (i32.mul (i32.const 16) (i32.load offset=140 (local.get $context))))";
    let Ended::Call(rows) = decided(observing(LOOK, whole), all.clone()).await else { panic!("a call") };
    let word = |at: usize| u32::from_le_bytes(rows[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((rows.len(), rows[0], rows[16]), (32, 2, 5), "keepers");
    assert_eq!((word(4), word(20), word(12), word(28)), (300_000_000, 400_000_000, 1, 0), "shares, observations");
    // Whatever is fetched in `decide` would differ from keeper to keeper.
    let fetches = format!("(drop {LOOK}) (call $skip (i32.const 4096) (i32.const 3))");
    let trap = Ended::JobError("trap: call of an import outside the job world".to_owned());
    assert_eq!(decided(observing(LOOK, &fetches), all).await, trap);
}

#[tokio::test]
async fn code_of_the_other_world_is_told_apart_on_every_keeper_alike() {
    let bench = bench();
    let job = component("(call $skip (i32.const 4096) (i32.const 13))");
    let hosts = AllowList::new(vec!["a.example".to_owned()]).expect("a host");
    let looked = bench.executor.observe(request(code(&job), b""), hosts).await;
    assert!(matches!(&looked.seen, Err(Ended::JobError(why)) if why.contains("exports no `observe`")), "{looked:?}");
    let ran = bench.executor.run(request(code(&observing(LOOK, FIRST)), b"")).await;
    assert!(matches!(&ran.ended, Ended::JobError(why) if why.contains("has no allow-list")), "{ran:?}");
    // One that says too much has seen nothing.
    let floods = "(call $see (i32.const 0) (i32.const 16000))";
    let hosts = AllowList::new(vec!["a.example".to_owned()]).expect("a host");
    let flooded = bench.executor.observe(request(code(&observing(floods, FIRST)), b""), hosts).await;
    assert!(matches!(&flooded.seen, Err(Ended::JobError(why)) if why.contains("more than 15360")), "{flooded:?}");
}
