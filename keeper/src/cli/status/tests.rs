use axum::routing::get;
use axum::{Json, Router};

use super::*;
use crate::api;

/// A data directory whose keeper had this peer id and address.
fn datadir(node: &NodeFile) -> (tempfile::TempDir, Global) {
    let directory = tempfile::tempdir().expect("a directory");
    let global = Global { datadir: Some(directory.path().to_owned()), ..Global::default() };
    node.write(&global.paths().expect("it is named")).expect("it can be written");
    (directory, global)
}

/// Somebody who answers as a keeper with this view does.
async fn keeper(view: View) -> String {
    let listener = api::bind("127.0.0.1:0".parse().expect("an address"), "--api-addr").await.expect("a free port");
    let address = listener.local_addr().expect("it listens").to_string();
    let router = Router::new().route("/v1/status", get(move || async move { Json(api::status_document(&view)) }));
    tokio::spawn(api::serve(listener, router, tokio_util::sync::CancellationToken::new()));
    address
}

#[tokio::test]
async fn another_keeper_on_the_port_is_not_shown_for_this_one() {
    let view = |peer_id: &str, operator: &str| View {
        ready: true,
        peer_id: peer_id.to_owned(),
        operator: operator.to_owned(),
        ..View::default()
    };
    for (view, exit) in [
        (view("ours", "0xa"), Ok(Exit::Success)),
        (view("theirs", "0xa"), Err("theirs")),
        (view("", "0xa"), Ok(Exit::Success)),
        (view("", "0xb"), Err("0xb")),
    ] {
        let api_addr = keeper(view).await;
        let (peer_id, operator) = ("ours".to_owned(), "0xa".to_owned());
        let metrics_addr = "127.0.0.1:1".to_owned();
        let node = NodeFile { pid: 1, peer_id, operator, listen: Vec::new(), api_addr: api_addr.clone(), metrics_addr };
        let (_directory, global) = datadir(&node);
        match (run(&global, &StatusArgs::default()).await, exit) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
            (Err(error), Err(named)) => {
                assert_eq!(Exit::of(&error), Exit::NotReady);
                let words = error.to_string();
                assert!(words.contains(named) && words.contains(&api_addr), "{words}");
            }
            (found, wanted) => panic!("{found:?}, not {wanted:?}"),
        }
        let asked = StatusArgs { api_url: Some(format!("http://{api_addr}").parse().expect("a URL")) };
        assert_eq!(
            run(&global, &asked).await.expect("it was asked for"),
            Exit::Success,
            "whoever is asked for is shown"
        );
    }
}
