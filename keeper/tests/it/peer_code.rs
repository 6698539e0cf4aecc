//! Job code from keeper to keeper, over real connections, into real caches and compilers.

mod memory;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use executor::{
    BlockReference, ChainReader, ChainRequest, Code, CodeSource, Executor, ExecutorConfig, Reading, WorkerProgram,
};
use keeper::peer_code::{PeerCode, lend};
use p2p::{Admission, Config, Event, Handle, Identity, Multiaddr, Protocol, Registry};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

const OWNER: [u8; 20] = [7; 20];
/// A URL at which nobody listens.
const DEAD: &str = "http://127.0.0.1:1/job.wasm";

#[derive(Debug)]
struct NoChain;

impl ChainReader for NoChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}

/// A keeper, as far as code is concerned: its mesh, and an executor with a cache of its own.
struct Keeper {
    handle: Handle,
    executor: Arc<Executor>,
    registry: Arc<Registry>,
    cache: TempDir,
    _stop: DropGuard,
}

/// What a keeper does with a peer's question.
type Answering = fn(&[u8]) -> Vec<u8>;

impl Keeper {
    fn start(bootnodes: &[Multiaddr]) -> Self {
        Self::answering(bootnodes, None)
    }

    /// One that answers as it likes.
    fn answering(bootnodes: &[Multiaddr], lies: Option<Answering>) -> Self {
        let config = Config {
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("well formed")],
            bootnodes: bootnodes.to_vec(),
            admission: Admission::Everybody,
            topics: keeper::topics::table(),
            requests: keeper::topics::requests(),
            ..Config::default()
        };
        let mut registry = Registry::default();
        let (handle, mut events, service) = p2p::build(config, &Identity::generate(), &mut registry).expect("built");
        let shutdown = CancellationToken::new();
        tokio::spawn(service.run(shutdown.clone()));
        let cache = TempDir::new().expect("a temporary directory");
        let executor = Arc::new(executor_on(cache.path(), handle.clone()));
        let (mesh, of_peers) = (handle.clone(), Arc::clone(&executor));
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Event::Request { id, from, protocol: Protocol::Code, data } = event else { continue };
                match lies {
                    Some(lies) => mesh.respond(id, lies(&data)).await.expect("short enough"),
                    None => lend(&mesh, &of_peers, (id, from), &data).await,
                }
            }
        });
        Self { handle, executor, registry: Arc::new(registry), cache, _stop: shutdown.drop_guard() }
    }

    async fn address(&self) -> Multiaddr {
        loop {
            if let Some(address) = self.handle.listeners().await.into_iter().next() {
                return address;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn meets(&self, others: usize) {
        let meeting = async {
            while self.handle.peers().await.len() < others {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), meeting).await.expect("connected in time");
    }

    fn has(&self, series: &str) -> bool {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("encoded");
        text.lines().any(|line| line == series)
    }

    /// Names of what lies in a directory of its cache.
    fn files(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.cache.path().join(directory)).expect("listed");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    }
}

fn executor_on(cache: &Path, handle: Handle) -> Executor {
    let config = ExecutorConfig {
        cache_dir: cache.to_owned(),
        allow_private_targets: true,
        max_concurrent: 1,
        worker: WorkerProgram::at(env!("CARGO_BIN_EXE_keeper")),
    };
    Executor::among(config, Arc::new(NoChain), Arc::new(PeerCode::new(handle))).expect("an executor")
}

/// A component that skips, made longer by a section that means nothing.
fn component(padding: usize) -> Vec<u8> {
    let text = include_str!("../fixtures/job.wat").replace("(; body ;)", "(call $skip (i32.const 4096) (i32.const 7))");
    let mut component = wat::parse_str(text).expect("the fixture is a component");
    if padding > 0 {
        let content = [&[3][..], b"pad", &vec![0x5a; padding]].concat();
        component.push(0);
        let mut length = content.len();
        while length >= 0x80 {
            component.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
            length >>= 7;
        }
        component.push(u8::try_from(length).expect("seven bits"));
        component.extend(content);
    }
    component
}

fn hash(component: &[u8]) -> [u8; 32] {
    Sha256::digest(component).into()
}

/// The same code at a file of this machine, and at a server that is gone.
fn published(component: &[u8], folder: &TempDir) -> [Code; 2] {
    let file = folder.path().join("job.wasm");
    std::fs::write(&file, component).expect("written");
    let url = url::Url::from_file_path(&file).expect("absolute").to_string();
    [url, DEAD.to_owned()].map(|url| Code { url, hash: hash(component) })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_keeper_has_it_the_server_may_die() {
    let folder = TempDir::new().expect("a temporary directory");
    let [here, dead] = published(&component(300_000), &folder);
    let first = Keeper::start(&[]);
    let nobody = first.executor.prepare(&dead, OWNER).await.expect_err("it is nowhere yet").to_string();
    assert!(nobody.contains("no other keeper"), "{nobody}");
    first.executor.prepare(&here, OWNER).await.expect("from the file");
    let second = Keeper::start(&[first.address().await]);
    second.meets(1).await;
    second.executor.prepare(&dead, OWNER).await.expect("from the first");
    let counts = second.executor.counts();
    assert_eq!((counts.codes_from_keepers, counts.codes_nowhere, counts.compilations), (1, 0, 1), "{counts:?}");
    assert_eq!(second.files("wasm"), first.files("wasm"));
    // The one who had it first is gone, too.
    let address = second.address().await;
    drop(first);
    let third = Keeper::start(&[address]);
    third.meets(1).await;
    third.executor.prepare(&dead, OWNER).await.expect("from the second");
    assert!(third.executor.is_ready(&dead));
    assert!(second.executor.counts().code_bytes_lent > 300_000);
}

/// A peer that gives something else in the place of each piece, and lies about nothing but the bytes.
fn liar(question: &[u8]) -> Vec<u8> {
    let length = u32::try_from(component(300_000).len()).expect("short");
    let count = u32::from_be_bytes(question[36..].try_into().expect("four bytes"));
    [&length.to_be_bytes()[..], &vec![0xee; count as usize]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_lie_are_charged_and_the_code_comes_from_the_honest_one() {
    let folder = TempDir::new().expect("a temporary directory");
    let [here, dead] = published(&component(300_000), &folder);
    let asking = Keeper::start(&[]);
    let address = [asking.address().await];
    let lies: [Answering; 3] = [liar, |_| vec![0xff; 100], |_| Vec::new()];
    let mut liars = Vec::new();
    for lie in lies {
        liars.push(Keeper::answering(&address, Some(lie)));
    }
    asking.meets(3).await;
    let source = PeerCode::new(asking.handle.clone());
    for _ in 0..3 {
        assert_eq!(source.find(dead.hash).await, None);
    }
    for (reason, times) in [("code_wrong", 1), ("code_malformed", 1)] {
        let series = format!("p2p_faults_total{{reason=\"{reason}\"}} {times}");
        assert!(asking.has(&series), "{series}: whoever lied is not asked again");
    }
    let honest = Keeper::start(&address);
    honest.executor.prepare(&here, OWNER).await.expect("from the file");
    asking.meets(4).await;
    assert_eq!(source.find(dead.hash).await.map(|found| hash(&found)), Some(dead.hash));
    // An executor of its own knows nothing of who has lied, and finds the honest one all the same.
    asking.executor.prepare(&dead, OWNER).await.expect("from the honest one");
    assert_eq!(asking.executor.counts().codes_from_keepers, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_questions_can_be_asked_and_only_components_are_given() {
    let folder = TempDir::new().expect("a temporary directory");
    let [here, _] = published(&component(0), &folder);
    let first = Keeper::start(&[]);
    first.executor.prepare(&here, OWNER).await.expect("from the file");
    let other = Keeper::start(&[first.address().await]);
    other.meets(1).await;
    let peer = first.handle.local_peer_id();
    let ask = async |question: Vec<u8>| other.handle.request(peer, Protocol::Code, question).await;
    let question =
        |hash: [u8; 32], offset: u32, count: u32| [&hash[..], &offset.to_be_bytes(), &count.to_be_bytes()].concat();
    let told = ask(question(here.hash, 0, 0)).await.expect("answered");
    assert_eq!(told.len(), 4);
    // Neither what is compiled, by whatever hash it has, nor what nobody has.
    let compiled = std::fs::read(first.cache.path().join("compiled").join(&first.files("compiled")[0])).expect("read");
    for unknown in [hash(&compiled), hash(&compiled[32..]), [0; 32]] {
        assert!(ask(question(unknown, 0, 4)).await.expect("answered").is_empty());
    }
    assert!(ask(question(here.hash, 4 << 20, 1)).await.expect("answered").is_empty());
    for wrong in [Vec::new(), vec![0; 39], question(here.hash, u32::MAX, 1), question(here.hash, 0, u32::MAX)] {
        assert!(ask(wrong).await.expect("answered").is_empty());
    }
    assert!(ask(vec![0; 41]).await.is_err(), "longer than any question");
    assert!(first.has(r#"p2p_faults_total{reason="code_question_malformed"} 4"#));
}
