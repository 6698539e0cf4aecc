mod browser;
mod documents;
mod support;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use support::{get, running, said, sample};

#[tokio::test]
async fn every_route_answers_with_its_document() {
    let api = running(sample()).await;
    let address = api.address;
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
async fn an_address_in_use_is_told_with_its_flag() {
    let listener = bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = bind(address, "--api-addr").await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("--api-addr"), "{error}");
}

#[tokio::test]
async fn silent_connections_do_not_hold_up_the_stop() {
    let api = running(sample()).await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(api.address).await.unwrap());
    }
    assert_eq!(get(api.address, "/health").await.0, 200);
    api.shutdown.cancel();
    // The listener goes away: new connections are refused, sooner or later.
    while TcpStream::connect(api.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// What a server says to a request with these lines in its head.
async fn raw(address: SocketAddr, method: &str, path: &str, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{method} {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_stream_tells_how_the_keeper_stands_and_then_the_news() {
    let api = running(sample()).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", api.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let first = said(&mut stream, "event: pulse").await;
    assert!(first.contains("text/event-stream") && first.contains("\"window\":9"), "{first}");
    api.scene.entry(&support::due(7, 3));
    let told = said(&mut stream, "event: task").await;
    assert!(told.contains(r#""key":"7.1.3""#) && told.contains(r#""change":"due""#), "{told}");
    // What is shown has changed: the next pulse says so.
    api.view.send_modify(|view| *view = Arc::new(View { window: 10, ..View::clone(view) }));
    said(&mut stream, "\"window\":10").await;
}

#[tokio::test]
async fn pages_are_served_as_long_as_there_is_room_and_those_that_go_leave_theirs() {
    let api = running(sample()).await;
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", api.address);
    let mut streams = Vec::new();
    for _ in 0..crate::scene::READERS_MAX {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        said(&mut stream, "event: pulse").await;
        streams.push(stream);
    }
    assert_eq!(api.scene.readers().0, 16);
    let (status, document) = get(api.address, "/api/v1/events").await;
    assert_eq!(status, 503, "{document}");
    assert!(document["error"]["message"].as_str().unwrap().contains("16 pages"));
    drop(streams);
    // The server notices when it next has something to say.
    while api.scene.readers().0 > 0 {
        api.scene.entry(&support::due(7, 3));
        tokio::task::yield_now().await;
    }
}
