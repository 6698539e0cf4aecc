use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use sha2::{Digest, Sha256};

use super::*;
use crate::fetch::tests::server::{Answer, Server};
use crate::source::Sought;

const COMPONENT: &[u8] = b"component";
const OWNER: Customer = [1; 20];

/// Others who answer one search after the other as prepared, and then no more.
#[derive(Debug, Default)]
struct Prepared {
    place: usize,
    answers: Mutex<VecDeque<Option<Vec<u8>>>>,
    /// Whether a search that nothing is prepared for never ends.
    hangs: bool,
    searches: AtomicUsize,
}

impl Prepared {
    fn at(place: usize, answers: impl IntoIterator<Item = Option<&'static [u8]>>) -> Arc<Self> {
        let answers = answers.into_iter().map(|answer| answer.map(<[u8]>::to_vec)).collect();
        Arc::new(Self { place, answers: Mutex::new(answers), ..Self::default() })
    }

    fn searches(&self) -> usize {
        self.searches.load(Ordering::SeqCst)
    }
}

impl CodeSource for Prepared {
    fn place(&self, _: [u8; 32]) -> Sought<'_, usize> {
        Box::pin(async { self.place })
    }

    fn find(&self, _: [u8; 32]) -> Sought<'_, Option<Vec<u8>>> {
        self.searches.fetch_add(1, Ordering::SeqCst);
        let prepared = self.answers.lock().expect("no panic").pop_front();
        Box::pin(async move {
            match prepared {
                Some(answer) => answer,
                None if self.hangs => std::future::pending().await,
                None => None,
            }
        })
    }
}

/// With a head start of so many milliseconds for each place.
fn among(others: &Arc<Prepared>, step: u64) -> Origins {
    let others: Arc<dyn CodeSource> = Arc::<Prepared>::clone(others);
    let origins = Origins::new(Fetcher::new(true).expect("a client"), Some(others));
    Origins { head_start: [Duration::from_millis(step), Duration::from_secs(8)], ..origins }
}

fn code(url: String) -> Code {
    Code { url, hash: Sha256::digest(COMPONENT).into() }
}

async fn server(body: &'static [u8]) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let server = Server::start(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Answer::ok(body)
    });
    (server.await, asked)
}

/// A URL at which nobody listens any more.
async fn dead() -> String {
    let (server, _) = server(COMPONENT).await;
    let url = server.url("/job.wasm");
    server.stop().await;
    url
}

#[tokio::test]
async fn a_server_is_left_alone_where_others_have_the_code() {
    let (server, asked) = server(COMPONENT).await;
    let others = Prepared::at(3, [Some(COMPONENT)]);
    let origins = among(&others, 60_000);
    assert_eq!(origins.get(&code(server.url("/job.wasm")), OWNER).await, Ok(COMPONENT.to_vec()));
    assert_eq!((asked.load(Ordering::SeqCst), others.searches()), (0, 1));
    assert_eq!(origins.had(), Had { from_others: 1, ..Had::default() });
}

#[tokio::test]
async fn others_are_asked_again_while_those_before_this_keeper_fetch() {
    let (server, asked) = server(COMPONENT).await;
    let others = Prepared::at(1, [None, None, Some(COMPONENT)]);
    let origins = among(&others, 60_000);
    assert_eq!(origins.get(&code(server.url("/job.wasm")), OWNER).await, Ok(COMPONENT.to_vec()));
    assert_eq!((asked.load(Ordering::SeqCst), others.searches()), (0, 3));
}

#[tokio::test]
async fn the_first_goes_to_the_url_at_once_whatever_others_do() {
    let (server, asked) = server(COMPONENT).await;
    let others = Arc::new(Prepared { hangs: true, ..Prepared::default() });
    let origins = among(&others, 60_000);
    let got = tokio::time::timeout(Duration::from_secs(5), origins.get(&code(server.url("/job.wasm")), OWNER)).await;
    assert_eq!(got.expect("nobody waits for those who do not answer"), Ok(COMPONENT.to_vec()));
    assert_eq!((asked.load(Ordering::SeqCst), origins.had().from_urls), (1, 1));
}

#[tokio::test]
async fn others_who_lie_or_never_answer_cost_the_head_start_and_nothing_more() {
    let (server, asked) = server(COMPONENT).await;
    for others in [
        Prepared::at(2, [Some(&b"something else"[..]), Some(b"")]),
        Arc::new(Prepared { place: 2, hangs: true, ..Prepared::default() }),
    ] {
        let (origins, begun) = (among(&others, 300), Instant::now());
        assert_eq!(origins.get(&code(server.url("/job.wasm")), OWNER).await, Ok(COMPONENT.to_vec()));
        assert!((600..5_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        assert_eq!(origins.had(), Had { from_urls: 1, ..Had::default() });
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_dead_server_costs_nothing_where_others_have_the_code() {
    let url = dead().await;
    // The last of these gives it while the URL has failed already.
    for answers in [vec![Some(COMPONENT)], vec![None, Some(COMPONENT)]] {
        let others = Prepared::at(1, answers);
        let origins = among(&others, 600);
        assert_eq!(origins.get(&code(url.clone()), OWNER).await, Ok(COMPONENT.to_vec()));
        assert_eq!(origins.had(), Had { from_others: 1, ..Had::default() });
    }
}

#[tokio::test]
async fn what_is_nowhere_says_so_and_nobody_is_asked_without_end() {
    let url = dead().await;
    let others = Prepared::at(1, []);
    let origins = among(&others, 1_000);
    let failed = origins.get(&code(url.clone()), OWNER).await.expect_err("nobody has it");
    assert_eq!((failed.reason.name(), failed.is_final), ("code_unavailable", false));
    let text = failed.reason.to_string();
    assert!(text.contains(&url) && text.contains("refused") && text.contains("no other keeper"), "{text}");
    assert!((2..=4).contains(&others.searches()), "{} searches", others.searches());
    assert_eq!(origins.had(), Had { nowhere: 1, ..Had::default() });
    // What is wrong with the file at the URL is said, not that others have none.
    let (server, _) = server(b"another").await;
    let failed = origins.get(&code(server.url("/job.wasm")), OWNER).await.expect_err("another file");
    assert_eq!(failed.reason, Abstain::CodeHashMismatch);
}

#[tokio::test]
async fn what_is_in_the_url_or_on_this_machine_is_asked_of_nobody() {
    let others = Prepared::at(0, [Some(COMPONENT)]);
    let origins = among(&others, 60_000);
    for url in ["data:application/wasm;base64,Y29tcG9uZW50", "data:,x", "file:///nowhere", "ftp://example.org/"] {
        let got = origins.get(&code(url.to_owned()), OWNER).await;
        assert_eq!(got.is_ok(), url.ends_with("Y29tcG9uZW50"), "{url}");
    }
    assert_eq!(others.searches(), 0);
    assert!(["https://x/", "HTTP://x/", "ipfs://cid", "IPFS://cid"].into_iter().all(is_far));
}

/// One owner's codes that nobody has do not keep another's waiting.
#[tokio::test]
async fn searches_are_shared_by_turns() {
    let others = Arc::new(Prepared { hangs: true, ..Prepared::default() });
    let origins = Arc::new(among(&others, 0));
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (origins, code) = (Arc::clone(&origins), code(dead().await));
        hanging.spawn(async move { origins.get(&code, OWNER).await });
    }
    while origins.searches.waiting() < 18 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(others.searches(), 2, "of one owner");
    others.answers.lock().expect("no panic").push_back(Some(COMPONENT.to_vec()));
    let other = origins.get(&code(dead().await), [2; 20]).await;
    assert_eq!(other, Ok(COMPONENT.to_vec()));
    hanging.abort_all();
}
