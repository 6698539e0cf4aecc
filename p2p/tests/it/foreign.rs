//! A libp2p node of another make (`tests/foreign`, js-libp2p): it dials ours and is dialled, over QUIC and TCP, and both gossip.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use p2p::{Config, Multiaddr, PeerId, Verdict};

use crate::node::{DEADLINE, DOMAIN, Node, config, until};
use crate::table::{PARTIALS, wire_name};

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/foreign");
const WORD: &str = "a word from elsewhere";
const ANSWER: &str = "and a word back";

/// The foreign node; it ends with this.
struct Foreign {
    process: Child,
    said: mpsc::Receiver<String>,
    heard: Vec<String>,
    _setting: tempfile::TempDir,
}

impl Foreign {
    fn start(transport: &str, dial: Option<&Multiaddr>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let setting = folder.path().join("setting.json");
        let dial = dial.map_or("null".to_owned(), |address| format!("\"{address}\""));
        let topic = wire_name(PARTIALS);
        let text = format!(
            r#"{{"transport":"{transport}","domain8":"{DOMAIN}","topic":"{topic}","word":"{WORD}","answer":"{ANSWER}","dial":{dial}}}"#
        );
        std::fs::write(&setting, text).expect("written");
        let mut process = Command::new("node")
            .arg(Path::new(HOME).join("greet.mjs"))
            .arg(setting)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        // A bound that is never reached: it says five things.
        let (sender, said) = mpsc::sync_channel(256);
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, said, heard: Vec::new(), _setting: folder }
    }

    /// What it has said, or says, of this kind: the text after the key, up to the next quote or the end.
    fn wait(&mut self, key: &str) -> String {
        let of = |line: &String| {
            let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
            Some(rest.trim_start_matches(['[', '"']).split(['"', '}']).next()?.to_owned())
        };
        loop {
            if let Some(said) = self.heard.iter().find_map(of) {
                return said;
            }
            let line = self.said.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("it says nothing of {key}, but {:?}", self.heard));
            assert!(!line.contains("\"failed\""), "{line}");
            self.heard.push(line);
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_there() -> bool {
    let there = Path::new(HOME).join("node_modules/@chainsafe/libp2p-quic").is_dir();
    if !there {
        eprintln!("tests/foreign has no packages, so no foreign node is met: npm ci --ignore-scripts in it");
    }
    there
}

/// Ours hears its word, and it hears ours.
async fn talk(ours: &mut Node, foreign: &mut Foreign, transport: &str) {
    let (topic, data) = ours.message(Verdict::Accept).await;
    assert_eq!((topic, data.as_slice()), (PARTIALS, WORD.as_bytes()));
    let peers = ours.handle.peers().await;
    let [peer] = peers.as_slice() else { panic!("one peer, not {peers:?}") };
    assert!(peer.addresses[0].to_string().contains(transport), "{peer:?}");
    until("its subscription", async || ours.handle.peers().await.iter().any(|peer| peer.topics.contains(&"partials")))
        .await;
    ours.handle.publish(PARTIALS, ANSWER.into()).await.expect("published");
    let ping = foreign.wait("ping");
    assert_eq!(foreign.wait("heard"), ANSWER);
    eprintln!("js-libp2p over {transport}: a ping of its takes {ping} ms");
}

async fn meet(transport: &'static str, part: &'static str, listen: &'static str) {
    if !is_there() {
        return;
    }
    let listen: Multiaddr = listen.parse().expect("well formed");
    // It dials ours.
    let mut ours = Node::start(Config { listen: vec![listen.clone()], ..config(&[]) });
    let mut foreign = Foreign::start(transport, Some(&ours.address_over(part).await));
    talk(&mut ours, &mut foreign, part).await;
    drop(foreign);
    // Ours dials it.
    let mut foreign = Foreign::start(transport, None);
    let address: Multiaddr = foreign.wait("listening").parse().expect("an address");
    let peer = address.to_string();
    let _: PeerId = peer.rsplit('/').next().expect("it ends in its peer id").parse().expect("a peer id");
    let mut ours = Node::start(Config { listen: vec![listen], ..config(&[address]) });
    talk(&mut ours, &mut foreign, part).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_libp2p_is_met_over_quic_either_way() {
    meet("quic", "quic-v1", "/ip4/127.0.0.1/udp/0/quic-v1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_libp2p_is_met_over_tcp_either_way() {
    meet("tcp", "tcp", "/ip4/127.0.0.1/tcp/0").await;
}
