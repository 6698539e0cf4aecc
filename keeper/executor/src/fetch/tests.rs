mod gateways;
mod hops;
pub(crate) mod server;
mod spellings;

use std::time::Duration;

use server::{Answer, Server};
use spellings::{MALFORMED, PRIVATE};

use super::*;

fn code(url: &str, bytes: &[u8]) -> Code {
    Code { url: url.to_owned(), hash: Sha256::digest(bytes).into() }
}

fn fetcher(allow_private: bool) -> Fetcher {
    Fetcher { deadline: Duration::from_secs(2), ..Fetcher::new(allow_private).expect("a client") }
}

async fn fetch(fetcher: &Fetcher, code: &Code) -> Result<Vec<u8>, Abstain> {
    fetcher.fetch(code, [1; 20]).await.map_err(|failed| failed.reason)
}

#[test]
fn private_addresses_are_refused_in_every_spelling() {
    assert!(PRIVATE.len() >= 120 && MALFORMED.len() >= 25, "{} and {}", PRIVATE.len(), MALFORMED.len());
    let all: std::collections::BTreeSet<_> = PRIVATE.iter().chain(MALFORMED).collect();
    assert_eq!(all.len(), PRIVATE.len() + MALFORMED.len(), "one is there twice");
    for url in PRIVATE.iter().chain(MALFORMED) {
        assert!(allowed(url, false).is_err(), "{url}");
    }
    for url in ["https://example.org/job.wasm", "https://1.1.1.1/", "https://[2606:4700::1111]/", "https://172.32.0.1/"]
    {
        assert!(allowed(url, false).is_ok(), "{url}");
    }
    assert!(allowed("http://127.0.0.1:8080/job.wasm", true).is_ok(), "a local network");
    assert!(allowed("ftp://127.0.0.1/", true).is_err());
    assert!(allowed(&format!("https://example.org/{}", "a".repeat(MAX_URL_BYTES)), false).is_err());
}

#[tokio::test]
async fn names_are_checked_after_they_are_resolved() {
    for url in ["https://localhost/job.wasm", "https://LOCALHOST/job.wasm", "https://l%6fcalhost/job.wasm"] {
        let error = fetch(&fetcher(false), &code(url, b"")).await.expect_err("a private name").to_string();
        assert!(error.contains("has no public address"), "{url}: {error}");
    }
}

#[tokio::test]
async fn refused_urls_say_what_to_use_instead() {
    for url in PRIVATE.iter().chain(MALFORMED) {
        let reason = fetch(&fetcher(false), &code(url, b"")).await.expect_err(url);
        assert_eq!(reason.name(), "code_unavailable", "{url}: {reason}");
    }
    for url in [
        "ipfs://",
        "ipfs://../x",
        "ipfs://a?b",
        "ipfs://a%2e",
        "ipfs:/a",
        "ipfs:abcdef",
        "ipfs:///a",
        "ipfs://a/../../b",
        "ipfs:é",
    ] {
        let error = fetch(&fetcher(false), &code(url, b"")).await.expect_err(url).to_string();
        assert!(error.contains("ipfs://<CID>"), "{url}: {error}");
    }
}

#[tokio::test]
async fn code_comes_over_http_from_files_and_from_the_url_itself() {
    let server = Server::start(|_| Answer::ok(b"component")).await;
    let fetcher = fetcher(true);
    assert_eq!(fetch(&fetcher, &code(&server.url("/job.wasm"), b"component")).await, Ok(b"component".to_vec()));

    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let path = directory.path().join("a job.wasm");
    std::fs::write(&path, b"component").expect("written");
    let url = Url::from_file_path(&path).expect("absolute").to_string();
    assert_eq!(fetch(&fetcher, &code(&url, b"component")).await, Ok(b"component".to_vec()));
    let missing = fetch(&fetcher, &code("file:///nowhere/job.wasm", b"")).await.expect_err("missing");
    assert_eq!(missing.name(), "code_unavailable");
    let device = fetch(&fetcher, &code("file:///dev/zero", b"")).await.expect_err("a device").to_string();
    assert!(device.contains("not a regular file"), "{device}");

    let url = "data:application/wasm;base64,Y29tcG9uZW50";
    assert_eq!(fetch(&fetcher, &code(url, b"component")).await, Ok(b"component".to_vec()));
}

#[tokio::test]
async fn a_wrong_hash_a_bad_status_and_a_dead_server_are_told_apart() {
    let server = Server::start(|path| match path {
        "/good" => Answer::ok(b"component"),
        _ => Answer { status: "404 Not Found", ..Answer::ok(b"component") },
    })
    .await;
    let fetcher = fetcher(true);
    assert_eq!(fetch(&fetcher, &code(&server.url("/good"), b"other")).await, Err(Abstain::CodeHashMismatch));
    let error = fetch(&fetcher, &code(&server.url("/gone"), b"component")).await.expect_err("404").to_string();
    assert!(error.contains("404"), "{error}");
    let dead = server.url("/good");
    server.stop().await;
    let reason = fetch(&fetcher, &code(&dead, b"component")).await.expect_err("nobody listens");
    assert_eq!(reason.name(), "code_unavailable");
    assert!(reason.to_string().contains("refused"), "{reason}");
}

/// What is in the URL itself will never be anything else; what a server has may be.
#[tokio::test]
async fn some_urls_are_wrong_for_good() {
    let server = Server::start(|_| Answer::ok(b"component")).await;
    let fetcher = fetcher(true);
    let is_final =
        async |url: &str| fetcher.fetch(&code(url, b"other"), [1; 20]).await.map_err(|failed| failed.is_final);
    for url in ["data:application/wasm;base64,Y29tcG9uZW50", "data:,x", "data:application/wasm;base64,?", "ftp://x/"] {
        assert_eq!(is_final(url).await, Err(true), "{url}");
    }
    assert_eq!(is_final(&server.url("/job.wasm")).await, Err(false));
    assert_eq!(is_final("file:///nowhere/job.wasm").await, Err(false));
}

/// Seven hundred jobs with dead URLs once had 1,166 connections open.
#[tokio::test]
async fn a_host_sees_two_at_a_time_and_one_owner_does_not_keep_others_from_it() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|path| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        match path {
            "/good" => Answer::ok(b"component"),
            _ => Answer { length: Some(100), ..Answer::ok(b"never complete") },
        }
    })
    .await;
    let fetcher = Arc::new(fetcher(true));
    let mut dead = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (fetcher, code) = (Arc::clone(&fetcher), code(&server.url(&format!("/{number}")), b"component"));
        dead.spawn(async move { fetcher.fetch(&code, [1; 20]).await });
    }
    while ASKED.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    let good = fetcher.fetch(&code(&server.url("/good"), b"component"), [2; 20]).await;
    assert_eq!(good, Ok(b"component".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(ASKED.load(Ordering::SeqCst), 2, "one of the twenty, and the good one");
    dead.abort_all();
}

#[tokio::test]
async fn too_much_and_too_slow_end() {
    let server = Server::start(|path| match path {
        "/announced" => Answer { length: Some(MAX_CODE_BYTES + 1), ..Answer::ok(b"") },
        "/endless" => Answer { length: None, repeat: usize::MAX, body: vec![0; 1 << 16], ..Answer::ok(b"") },
        _ => Answer { length: Some(100), ..Answer::ok(b"never complete") },
    })
    .await;
    let fetcher = fetcher(true);
    for path in ["/announced", "/endless"] {
        assert_eq!(fetch(&fetcher, &code(&server.url(path), b"")).await, Err(Abstain::CodeTooLarge), "{path}");
    }
    let error = fetch(&fetcher, &code(&server.url("/slow"), b"")).await.expect_err("slow").to_string();
    assert!(error.contains("not complete after 2 s"), "{error}");
}

/// Whatever a server says of its bytes: they are the component, or they are not. Nothing is unpacked.
#[tokio::test]
async fn lengths_that_lie_and_bytes_that_unpack_are_no_code() {
    // 64 KiB of zeros, as gzip packs them.
    const HEAD: &[u8] =
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 1, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 8, 0xa];
    const TAIL: &[u8] = &[0x6a, 0xeb, 0x8e, 0x97, 0xd7, 0, 0, 1, 0];
    let packed = [HEAD, &[0; 63], TAIL].concat();
    let sent = packed.clone();
    let server = Server::start(move |path| match path {
        "/packed" => Answer { status: "200 OK\r\ncontent-encoding: gzip", ..Answer::ok(&sent) },
        "/short" => Answer { length: Some(4), ..Answer::ok(b"component") },
        "/none" => Answer { length: None, ..Answer::ok(b"component") },
        _ => Answer { status: "200 OK\r\ncontent-length: 3", ..Answer::ok(b"component") },
    })
    .await;
    let fetcher = fetcher(true);
    let had = async |path: &str, bytes: &[u8]| fetch(&fetcher, &code(&server.url(path), bytes)).await;
    assert_eq!(had("/packed", &packed).await, Ok(packed.clone()), "as it came");
    assert_eq!(had("/packed", &[0; 1 << 16]).await, Err(Abstain::CodeHashMismatch));
    assert_eq!(had("/short", b"component").await, Err(Abstain::CodeHashMismatch));
    assert_eq!(had("/none", b"component").await, Ok(b"component".to_vec()));
    let twofold = had("/twofold", b"component").await.expect_err("two lengths");
    assert_eq!(twofold.name(), "code_unavailable", "{twofold}");
}

#[tokio::test]
async fn redirects_are_few_and_stay_within_the_policy() {
    let server = Server::start(|path| match path {
        "/1" => Answer::to("/2"),
        "/2" => Answer::to("/3"),
        "/3" => Answer::to("/end"),
        "/end" => Answer::ok(b"component"),
        "/elsewhere" => Answer::to("ftp://example.org/job.wasm"),
        "/nowhere" => Answer { location: None, ..Answer::to("/") },
        _ => Answer::to("/loop"),
    })
    .await;
    let fetcher = fetcher(true);
    assert_eq!(fetch(&fetcher, &code(&server.url("/1"), b"component")).await, Ok(b"component".to_vec()));
    for (path, text) in
        [("/loop", "more than 3 times"), ("/elsewhere", "redirects elsewhere"), ("/nowhere", "more than 3")]
    {
        let error = fetch(&fetcher, &code(&server.url(path), b"component")).await.expect_err(path).to_string();
        assert!(error.contains(text), "{path}: {error}");
    }
}

#[test]
fn what_is_shown_of_a_strangers_url_is_short_and_on_one_line() {
    let text = unavailable(&format!("https://x\n\u{1b}[2J{}", "y".repeat(10_000)), "why").to_string();
    assert!(text.len() < 400 && !text.chars().any(char::is_control), "{text}");
}
