//! What operators ask when something is wrong, by the real binary: `doctor`, `peers`, `top`, `job why`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::routing::get;
use keeper::api;
use keeper::heartbeat::{self, KeeperView, MeshView, State};
use keeper::view::{JobView, View};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::keeper_process::{Home, Said};

/// Answers as a keeper that shows these pictures does, for as long as the runtime lives.
pub(crate) async fn serve(view: View, mesh: MeshView) -> SocketAddr {
    let listener = api::bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let address = listener.local_addr().unwrap();
    let documents = [
        ("/v1/status", api::status_document(&view)),
        ("/v1/jobs", json!({"schema": 1, "jobs": view.jobs})),
        ("/v1/runs", json!({"schema": 1, "runs": view.runs})),
    ];
    let (_, picture) = watch::channel(Arc::new(mesh));
    let routes = documents.into_iter().fold(heartbeat::routes(picture), |routes, (route, document)| {
        routes.route(route, get(move || async move { Json(document) }))
    });
    tokio::spawn(api::serve(listener, routes, CancellationToken::new()));
    address
}

pub(crate) async fn ask(home: &Arc<Home>, line: &[&str]) -> Said {
    let (home, line) = (home.clone(), line.iter().map(ToString::to_string).collect::<Vec<_>>());
    let run = move || home.keeper(&line.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn pictures() -> (View, MeshView) {
    let mut view = View { operator: "0xme".to_owned(), ..View::default() };
    view.set_check("mesh", true, "4 peers");
    view.jobs = vec![JobView { id: 7, status: "paused".to_owned(), ready: true, ..JobView::default() }];
    let keeper = |operator: &str, state| KeeperView { operator: operator.to_owned(), state, ..KeeperView::default() };
    let keepers = vec![KeeperView { own: true, ..keeper("0xme", State::Fine) }, keeper("0xother", State::Silent)];
    (view, MeshView { operator: "0xme".to_owned(), keepers, ..MeshView::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_keeper_shows_mesh_and_screen_and_why() {
    let home = Arc::new(Home::new());
    let (view, mesh) = pictures();
    let url = format!("http://{}", serve(view, mesh).await);
    let peers = ask(&home, &["peers", "--api-url", &url]).await.succeeded().stdout;
    assert!(peers.contains("0xother") && peers.contains("1 of 2 keepers are heard"), "{peers}");
    let peers = ask(&home, &["peers", "--json", "--api-url", &url]).await.succeeded().json();
    assert_eq!(peers["keepers"][1]["state"], "silent");
    let top = ask(&home, &["top", "--once", "--api-url", &url]).await.succeeded().stdout;
    assert!(top.contains("keeper 0xme  ready") && top.contains("0xother") && top.contains("paused"), "{top}");
    let top = ask(&home, &["top", "--json", "--api-url", &url]).await.succeeded().json();
    assert_eq!(top["jobs"][0]["id"], 7);
    let why = ask(&home, &["job", "why", "7", "--json", "--api-url", &url]).await.succeeded().json();
    assert_eq!((&why["cause"], &why["job_id"]), (&Value::from("paused"), &Value::from(7)), "{why}");
    let why = ask(&home, &["job", "why", "7", "--api-url", &url]).await.succeeded().stdout;
    assert!(why.contains("why") && why.contains("keeper job resume"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keeper_they_say_so_and_the_doctor_looks_all_the_same() {
    let home = Arc::new(Home::new());
    for verb in [&["peers", "--json"][..], &["top", "--once", "--json"]] {
        let said = ask(&home, verb).await;
        said.failed(3, &["node.json", "keeper join"]);
        assert_eq!(said.json()["error"]["exit"], 3);
    }
    let said = ask(&home, &["doctor", "--json"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    let found = said.json();
    let failed = |name: &str| {
        let checks = found["checks"].as_array().unwrap();
        checks.iter().any(|check| check["check"] == name && check["level"] == "fail" && check["fix"] != "")
    };
    assert!(failed("network") && failed("datadir"), "{found}");
    let report = home.path("report.json");
    let said = ask(&home, &["doctor", "--report", report.to_str().unwrap()]).await;
    assert!(said.stdout.contains("mend: ") && said.stdout.contains(" wrong"), "{said:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["level"], "fail");
    let why = ask(&home, &["job", "why", "7", "--json"]).await.succeeded().json();
    assert_eq!(why["cause"], "unknown");
    assert!(why["notes"].as_array().is_some_and(|notes| notes.len() == 2), "{why}");
}
