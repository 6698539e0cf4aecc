//! Each hop of a redirect is counted against the host it goes to.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::server::{Answer, Server};
use super::*;

/// Waits until so many have asked.
async fn until(asked: &AtomicUsize, number: usize) {
    let waiting = async {
        while asked.load(Ordering::SeqCst) < number {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("so many ask");
}

/// A server that never ends its answers to anything but `/good`, and counts how often it is asked.
async fn endless(asked: &Arc<AtomicUsize>) -> Server {
    let asked = Arc::clone(asked);
    Server::start(move |path| {
        asked.fetch_add(1, Ordering::SeqCst);
        match path {
            "/good" => Answer::ok(b"component"),
            _ => Answer { length: Some(100), ..Answer::ok(b"never complete") },
        }
    })
    .await
}

/// Ten owners, whose URLs lead from a host that is quick to one that is not.
fn led_on(fetcher: &Arc<Fetcher>, url: &str) -> JoinSet<Result<Vec<u8>, NotFetched>> {
    let mut led_on = JoinSet::new();
    for owner in 0..10 {
        let (fetcher, code) = (Arc::clone(fetcher), code(url, b"component"));
        led_on.spawn(async move { fetcher.fetch(&code, [owner; 20]).await });
    }
    led_on
}

#[tokio::test]
async fn a_host_that_many_are_sent_to_sees_two_at_a_time_and_the_one_that_sends_them_is_free() {
    let (asked, led) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let server = endless(&asked).await;
    let (target, count) = (server.url("/endless"), Arc::clone(&led));
    let door = Server::start(move |path| match path {
        "/good" => Answer::ok(b"component"),
        _ => {
            count.fetch_add(1, Ordering::SeqCst);
            Answer::to(&target)
        }
    })
    .await;
    let fetcher = Arc::new(Fetcher { deadline: Duration::from_secs(60), ..Fetcher::new(true).expect("a client") });
    let mut led_on = led_on(&fetcher, &door.url_by_name("/on"));
    until(&led, 10).await;
    until(&asked, 2).await;
    let good = fetcher.fetch(&code(&door.url_by_name("/good"), b"component"), [99; 20]).await;
    assert_eq!(good, Ok(b"component".to_vec()), "all who wait for the other host have left this one");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "and there two are at a time");
    led_on.abort_all();
    while led_on.join_next().await.is_some() {}
    let good = fetcher.fetch(&code(&server.url("/good"), b"component"), [99; 20]).await;
    assert_eq!(good, Ok(b"component".to_vec()), "nobody who has gone keeps a place");
}

#[tokio::test]
async fn hosts_that_lead_to_each_other_hold_nobody_up() {
    let server = Server::start(|_| Answer::ok(b"component")).await;
    let end = server.url("/end");
    let there = Server::start(move |_| Answer::to(&end)).await;
    let on = there.url_by_name("/on");
    let here = Server::start(move |_| Answer::to(&on)).await;
    let fetcher = Arc::new(fetcher(true));
    // From 127.0.0.1 to localhost and back, and the other way round.
    let mut all = led_on(&fetcher, &here.url("/"));
    let mut others = led_on(&fetcher, &there.url_by_name("/"));
    for set in [&mut all, &mut others] {
        while let Some(fetched) = set.join_next().await {
            assert_eq!(fetched.expect("no panic"), Ok(b"component".to_vec()));
        }
    }
}

#[tokio::test]
async fn redirects_have_one_deadline_together() {
    let asked = Arc::<AtomicUsize>::default();
    let server = endless(&asked).await;
    let target = server.url("/endless");
    let door = Server::start(move |_| Answer::to(&target)).await;
    let begun = Instant::now();
    let error = fetch(&fetcher(true), &code(&door.url_by_name("/"), b"component")).await.expect_err("slow").to_string();
    assert!(error.contains("not complete after 2 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_gateway_is_one_host_whatever_it_calls_itself() {
    let counted = |text: &str| counted_as(&Url::parse(text).expect("a URL"));
    for (url, host) in [
        ("https://ipfs.io/ipfs/cid", "ipfs.io"),
        ("https://dweb.link/ipfs/cid", "dweb.link"),
        ("https://cid.ipfs.dweb.link/", "dweb.link"),
        ("https://CID.ipfs.dweb.link./", "dweb.link"),
        ("https://gateway.pinata.cloud/ipfs/cid", "gateway.pinata.cloud"),
        ("https://notdweb.link/", "notdweb.link"),
        ("https://example.org./", "example.org"),
        ("https://a.example.org:8443/", "a.example.org"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]"),
    ] {
        assert_eq!(counted(url), host, "{url}");
    }
}
