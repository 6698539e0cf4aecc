use std::net::SocketAddr;

use p2p::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::view::{JobView, RunView};

/// A running API that shows `view`; stops when the token is cancelled.
async fn running(view: View) -> (SocketAddr, CancellationToken) {
    let (views, receiver) = watch::channel(Arc::new(view));
    let listener = bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        let _views = views;
        let (mesh, _events, service) =
            p2p::build(lonely(), &p2p::Identity::generate(), &mut Registry::default()).unwrap();
        tokio::spawn(service.run(stop.clone()));
        serve(listener, router(receiver, Liveness::new(), mesh), stop).await.unwrap();
    });
    (address, shutdown)
}

/// A mesh of one.
fn lonely() -> p2p::Config {
    p2p::Config { listen: Vec::new(), ..p2p::Config::default() }
}

fn sample() -> View {
    let mut view = View { operator: "0xabc".into(), peers: 4, ..View::default() };
    view.set_check("mesh", true, "4 peers");
    view.jobs.push(JobView { id: 7, status: "active".into(), ..JobView::default() });
    for run in [2, 1] {
        view.runs.push_back(RunView { job_id: 7, run, ..RunView::default() });
    }
    view
}

async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn every_route_answers_with_its_document() {
    let (address, _shutdown) = running(sample()).await;
    let (status, document) = get(address, "/v1/status").await;
    assert_eq!((status, &document["schema"], &document["peers"]), (200, &json!(1), &json!(4)));
    assert!(document.get("runs").is_none() && document.get("jobs").is_none());
    let (_, document) = get(address, "/v1/jobs").await;
    assert_eq!(document["jobs"][0]["id"], 7);
    let (_, document) = get(address, "/v1/runs").await;
    assert_eq!(document["runs"][0]["run"], 2, "newest first");
    let (_, document) = get(address, "/v1/peers").await;
    assert_eq!(document, json!({"schema": 1, "peers": []}));
    assert_eq!(get(address, "/ready").await.0, 200);
    assert_eq!(get(address, "/health").await.0, 200);
    let (status, document) = get(address, "/v2/status").await;
    assert_eq!(status, 404);
    assert!(document["error"]["message"].as_str().unwrap().contains("/v1/status"));
}

#[tokio::test]
async fn a_status_document_reads_back_as_a_view() {
    let view = sample();
    let read: View = serde_json::from_value(status_document(&view)).unwrap();
    assert_eq!(read, View { jobs: Vec::new(), runs: Default::default(), ..view });
}

#[tokio::test]
async fn names_of_domains_are_refused() {
    let (address, _shutdown) = running(sample()).await;
    for (host, status) in [("evil.example:7420", "403"), ("127.0.0.1.evil.example", "403"), ("localhost:1", "200")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[test]
fn hosts_are_addresses_or_localhost() {
    for host in ["127.0.0.1", "127.0.0.1:7420", "[::1]:7420", "[::1]", "localhost", "LocalHost:80", "10.1.2.3:1"] {
        assert!(names_no_domain(host), "{host}");
    }
    for host in ["", "example.com", "example.com:80", "localhost.example", "[evil]:80", "127.0.0.1:1:1"] {
        assert!(!names_no_domain(host), "{host}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_told_with_its_flag() {
    let listener = bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = bind(address, "--api-addr").await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("--api-addr"), "{error}");
}

#[tokio::test]
async fn silent_connections_do_not_hold_up_the_stop() {
    let (address, shutdown) = running(sample()).await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/health").await.0, 200);
    shutdown.cancel();
    // The listener goes away: new connections are refused, sooner or later.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
