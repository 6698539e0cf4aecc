use std::sync::Mutex;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::*;

/// A webhook that takes nothing before it was called so often; what it was told.
async fn webhook(refuses: usize) -> (Url, Arc<Mutex<Vec<Value>>>) {
    type Told = (usize, Arc<Mutex<Vec<Value>>>);
    async fn take(State((refuses, told)): State<Told>, Json(alert): Json<Value>) -> StatusCode {
        let mut told = told.lock().unwrap();
        told.push(alert);
        if told.len() > refuses { StatusCode::NO_CONTENT } else { StatusCode::INTERNAL_SERVER_ERROR }
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/alerts", post(take)).with_state((refuses, told.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, told)
}

fn alert(check: &str) -> Alert {
    Alert {
        schema: 1,
        status: "failing",
        check: check.to_owned(),
        severity: "critical",
        message: "no peers".to_owned(),
        help: "keeper doctor".to_owned(),
        at: 7,
        operator: "0xaa".to_owned(),
        peer_id: "12D3".to_owned(),
        chain_id: 31_337,
        version: "0",
    }
}

async fn until(what: impl Fn() -> bool) {
    let waits = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it comes");
}

fn alerts(url: Url) -> Alerts {
    Alerts::with_pause(Some(url), Duration::from_millis(1), CancellationToken::new()).unwrap()
}

#[tokio::test]
async fn a_change_is_told_and_once_more_where_it_was_not_taken() {
    let (url, told) = webhook(1).await;
    let alerts = alerts(url);
    alerts.tell(alert("mesh"));
    until(|| alerts.counts() == (1, 0)).await;
    assert_eq!(alerts.in_vain(), 0, "the second call was taken");
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[1]["check"], &told[1]["status"], &told[1]["schema"]),
        (&"mesh".into(), &"failing".into(), &1.into())
    );
}

#[tokio::test]
async fn what_nobody_takes_is_counted_and_holds_up_nobody() {
    let closed = "http://127.0.0.1:1/".parse().unwrap();
    let alerts = alerts(closed);
    let many = QUEUE as u64 + 10;
    for _ in 0..many {
        alerts.tell(alert("mesh"));
    }
    until(|| alerts.counts() == (0, many)).await;
    assert!(alerts.in_vain() >= 3 * QUEUE as u64);
}

#[tokio::test]
async fn without_a_webhook_nobody_is_told_and_nothing_fails() {
    let alerts = Alerts::to(None, CancellationToken::new()).unwrap();
    alerts.tell(alert("mesh"));
    assert_eq!((alerts.counts(), alerts.in_vain()), ((0, 0), 0));
}
