//! `keeper status` against a real API, and against things that are none.

use std::net::SocketAddr;
use std::sync::Arc;

use keeper::api;
use keeper::cli::NodeFile;
use keeper::metrics::Liveness;
use keeper::paths::Paths;
use keeper::scene::Scene;
use keeper::view::View;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::keeper_process::{Home, Said};

/// Serves a view for as long as the runtime lives.
async fn serve(view: View) -> SocketAddr {
    let (views, receiver) = watch::channel(Arc::new(view));
    let listener = api::bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let _views = views;
        let alone = p2p::Config { listen: Vec::new(), ..p2p::Config::default() };
        let mut registry = p2p::Registry::default();
        let (mesh, ..) = p2p::build(alone, &p2p::Identity::generate(), &mut registry).unwrap();
        let domain = consensus::report::Domain { chain_id: 1, task_manager: Default::default() };
        let scene = Scene::register(&mut registry, domain);
        let (liveness, archive, purse) = (Liveness::new(), "nowhere".into(), api::Purse::default());
        let router = api::router(api::Sources { view: receiver, liveness, mesh, scene, archive, purse });
        api::serve(listener, router, CancellationToken::new()).await
    });
    address
}

fn view(ready: bool) -> View {
    let mut view = View { operator: "0x00000000000000000000000000000000000000aa".into(), peers: 4, ..View::default() };
    view.set_check("mesh", ready, "0 of 1 peers; check the bootnodes");
    view
}

async fn ask(home: Arc<Home>, arguments: Vec<String>) -> Said {
    let run = move || home.keeper(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn arguments(line: &[&str]) -> Vec<String> {
    line.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_whether_the_keeper_is_ready() {
    let home = Arc::new(Home::new());
    for (ready, code) in [(true, 0), (false, 3)] {
        let url = format!("http://{}", serve(view(ready)).await);
        let said = ask(home.clone(), arguments(&["status", "--json", "--api-url", &url])).await;
        assert_eq!(said.code, code, "{said:?}");
        assert_eq!(said.json()["ready"], ready);
        let said = ask(home.clone(), arguments(&["status", "--api-url", &url])).await;
        assert!(said.stdout.contains("check the bootnodes") && said.stdout.contains("peers"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_comes_from_the_data_directory() {
    let home = Arc::new(Home::new());
    let paths = Paths::resolve(Some(&home.data())).unwrap();
    paths.create().unwrap();
    let api_addr = serve(view(true)).await.to_string();
    let node = NodeFile {
        pid: 1,
        peer_id: String::new(),
        operator: view(true).operator,
        listen: Vec::new(),
        api_addr,
        metrics_addr: String::new(),
    };
    node.write(&paths).unwrap();
    assert_eq!(NodeFile::read(&paths).unwrap(), node);
    let said = ask(home, arguments(&["status", "--json"])).await.succeeded();
    assert_eq!(said.json()["peers"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_strangers_are_not_ready() {
    let home = Arc::new(Home::new());
    ask(home.clone(), arguments(&["status"])).await.failed(3, &["node.json", "keeper join"]);
    let nobody = ["status", "--json", "--api-url", "http://127.0.0.1:1"];
    let said = ask(home.clone(), arguments(&nobody)).await;
    said.failed(3, &["no keeper answers", "http://127.0.0.1:1"]);
    assert_eq!(said.json()["error"]["exit"], 3);
    let listener = api::bind("127.0.0.1:0".parse().unwrap(), "--api-addr").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stranger = axum::Router::new().fallback(|| async { "I am a teapot" });
    tokio::spawn(api::serve(listener, stranger, CancellationToken::new()));
    ask(home, arguments(&["status", "--api-url", &url])).await.failed(3, &["does not answer with JSON", &url]);
}
