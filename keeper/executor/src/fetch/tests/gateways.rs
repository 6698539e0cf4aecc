//! What has an `ipfs:` URL is asked of gateways, who are believed as little as any server.

use super::server::{Answer, Server};
use super::*;

fn through(fetcher: Fetcher, gateways: &[String]) -> Fetcher {
    let gateways: Vec<&'static str> = gateways.iter().map(|gateway| &*gateway.clone().leak()).collect();
    Fetcher { gateways: gateways.leak(), ..fetcher }
}

#[tokio::test]
async fn gateways_are_asked_one_after_the_other_until_one_has_what_has_the_hash() {
    let server = Server::start(|path| match path {
        "/down/ipfs/cid/job.wasm" => Answer { status: "503 Service Unavailable", ..Answer::ok(b"") },
        "/lies/ipfs/cid/job.wasm" => Answer::ok(b"another"),
        "/slow/ipfs/cid/job.wasm" => Answer { length: Some(100), ..Answer::ok(b"never complete") },
        "/good/ipfs/cid/job.wasm" => Answer::ok(b"component"),
        _ => Answer::to("https://127.0.0.1/"),
    })
    .await;
    let gateway = |name: &str| server.url(&format!("/{name}/ipfs/"));
    let code = code("ipfs://cid/job.wasm", b"component");
    let all = through(fetcher(true), &["down", "lies", "slow", "good"].map(gateway));
    assert_eq!(fetch(&all, &code).await, Ok(b"component".to_vec()));
    let none = through(fetcher(true), &["down", "lies"].map(gateway));
    assert_eq!(fetch(&none, &code).await, Err(Abstain::CodeHashMismatch));
}

/// A gateway that leads elsewhere leads to no place where a job's own URL may not lead.
#[tokio::test]
async fn gateways_lead_to_the_public_internet_only() {
    for gateway in
        ["https://127.0.0.1/ipfs/", "https://[::1]/ipfs/", "http://example.org/ipfs/", "https://localhost/ipfs/"]
    {
        let fetcher = through(fetcher(false), &[gateway.to_owned()]);
        let reason = fetch(&fetcher, &code("ipfs://cid", b"component")).await.expect_err(gateway);
        assert_eq!(reason.name(), "code_unavailable", "{reason}");
    }
    assert!(IPFS_GATEWAYS.iter().all(|gateway| allowed(gateway, false).is_ok()));
}
