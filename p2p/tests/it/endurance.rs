//! A registered peer floods in each way there is: an honest pair is heard as promptly as before, and nothing piles up.

use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::identity::Keypair;
use p2p::{Admission, Config, Event, Handle, Verdict};
use tokio::sync::Mutex;

use crate::node::{Node, config, until};
use crate::raw::{Attacker, attack, field, frame, number, once, repeat};
use crate::table::{ASSIGNMENTS, EVIDENCE, PARTIALS, wire_name};

/// One attack at a time: they measure time.
static ONE: Mutex<()> = Mutex::const_new(());
const HONEST: u32 = 40;
const PACE: Duration = Duration::from_millis(40);
/// What a keeper under load takes for each KiB that it looks at: sixty messages of 56 KiB are more than it can do.
const WORK: Duration = Duration::from_micros(300);
const FLAT_OUT: Duration = Duration::ZERO;

/// What the keeper of the victim does: looks at each message for a while, ignores what is not from the honest peer, and
/// tells when what the honest peer said arrived.
async fn keep(mut victim: Node, honest: PeerId, arrived: tokio::sync::mpsc::Sender<(u32, Instant)>) -> Node {
    let handle = victim.handle.clone();
    loop {
        let event = tokio::select! {
            event = victim.next() => event,
            () = arrived.closed() => return victim,
        };
        match event {
            Some(Event::Message { message, from, data, .. }) => {
                let (busy, work) = (Instant::now(), WORK * u32::try_from(data.len() / 1024 + 1).expect("small"));
                while busy.elapsed() < work {
                    std::hint::spin_loop();
                }
                let said = data.get(..4).and_then(|head| head.try_into().ok()).map(u32::from_be_bytes);
                if from == honest {
                    let _ = arrived.try_send((said.expect("a number"), Instant::now()));
                }
                handle.judge(message, if from == honest { Verdict::Accept } else { Verdict::Ignore }).await;
            }
            Some(Event::Request { id, .. }) => {
                let _ = handle.respond(id, vec![7; 128 * 1024]).await;
            }
            Some(_) => {}
            None => return victim,
        }
    }
}

/// The honest peer speaks 25 times a second; how long each word took, sorted.
async fn converse(honest: &Handle, arrived: &mut tokio::sync::mpsc::Receiver<(u32, Instant)>) -> Vec<Duration> {
    let mut turns = tokio::time::interval(PACE);
    let mut said = Vec::new();
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let first = NEXT.fetch_add(HONEST, std::sync::atomic::Ordering::Relaxed);
    for word in first..first + HONEST {
        turns.tick().await;
        said.push(Instant::now());
        honest.publish(PARTIALS, word.to_be_bytes().to_vec()).await.expect("published");
    }
    let mut took = Vec::new();
    while took.len() < said.len() {
        let word = tokio::time::timeout(Duration::from_secs(20), arrived.recv()).await;
        let (word, at) = word.expect("every word arrives").expect("open");
        if let Some(since) = word.checked_sub(first).and_then(|place| said.get(place as usize)) {
            took.push(at.duration_since(*since));
        }
    }
    took.sort_unstable();
    took
}

/// An honest pair, and a third registered peer that attacks one of them. Returns the victim afterwards.
pub(crate) async fn endure(name: &str, reads: bool, how: impl Fn(&mut Attacker, PeerId) + Send + 'static) -> Node {
    endure_until("", name, reads, how).await
}

/// The same; the attack goes on until a series of the victim has come up, however slow the attacker is on this machine.
async fn endure_until(
    series: &str,
    name: &str,
    reads: bool,
    how: impl Fn(&mut Attacker, PeerId) + Send + 'static,
) -> Node {
    let _alone = ONE.lock().await;
    let key = Keypair::generate_ed25519();
    let registered = |bootnodes: &[p2p::Multiaddr]| Config { admission: Admission::Registered, ..config(bootnodes) };
    let mut victim = Node::start(registered(&[]));
    let address = victim.address().await;
    let honest = Node::start(registered(std::slice::from_ref(&address)));
    let attacker: [u8; 32] = key.public().try_into_ed25519().expect("ed25519").to_bytes();
    let keys = vec![victim.identity.public_key(), honest.identity.public_key(), attacker];
    victim.handle.admit(keys.clone()).await;
    honest.handle.admit(keys).await;
    victim.wait_subscribed(honest.peer_id()).await;
    honest.wait_subscribed(victim.peer_id()).await;

    let (sender, mut arrived) = tokio::sync::mpsc::channel(1024);
    let (handle, peer) = (victim.handle.clone(), PeerId::from(key.public()));
    let tell = victim.teller();
    let keeper = tokio::spawn(keep(victim, honest.peer_id(), sender));
    let before = converse(&honest.handle, &mut arrived).await;
    let flood = attack(key, address, reads, how);
    until("the attacker", async || handle.peers().await.iter().any(|other| other.peer_id == peer)).await;
    let during = converse(&honest.handle, &mut arrived).await;
    until("the attack to have its end", async || tell().contains(series)).await;
    flood.abort();
    let middle = |took: &[Duration]| took[took.len() / 2];
    let (late, last) = (middle(&during), during[during.len() - 1]);
    assert!(late < middle(&before) + Duration::from_millis(100), "{name}: {during:?}");
    assert!(last < Duration::from_secs(2), "{name}: {during:?}");
    let peers = handle.peers().await;
    assert!(peers.iter().any(|other| other.peer_id == honest.peer_id()), "{name}: the honest peer stays");
    drop(arrived);
    let victim = keeper.await.expect("no panic");
    let told = |series: &str| victim.metric(series);
    eprintln!(
        "{name}: {:?} before, {late:?} and at most {last:?} during; {} dropped unread, {} faults, {} requests refused, {} bans",
        middle(&before),
        told("p2p_intake_dropped_total"),
        told("p2p_faults_total"),
        told("p2p_requests_refused_total"),
        told("p2p_peers_dropped_total"),
    );
    assert!(victim.metric("p2p_inbox_bytes") <= 16.0 * 1024.0 * 1024.0);
    assert!(victim.metric("p2p_commands_lost_total") < 1.0, "{name}: the swarm has time for its own keeper");
    victim
}

fn message(topic: p2p::TopicId, data: &[u8]) -> Vec<u8> {
    frame(&field(2, &[field(2, data), field(4, wire_name(topic).as_bytes())].concat()))
}

/// Bytes that differ each time.
fn garbage(number: u64, length: usize) -> Vec<u8> {
    number.to_be_bytes().iter().copied().cycle().take(length).collect()
}

fn identifiers(number: u64, field_number: usize, many: u64) -> Vec<u8> {
    (0..many).flat_map(|each| field(field_number, &garbage(number * many + each, 20))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_long_messages_a_second() {
    endure("60 messages of 56 KiB a second", true, |attacker, victim| {
        let script = repeat(Duration::from_micros(16_666), |turn| message(ASSIGNMENTS, &garbage(turn, 56 * 1024)));
        attacker.gossip.send_request(&victim, script);
    })
    .await;
}

/// One message costs one message: half of what a peer may say in a burst is heard to the last word.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_and_a_half_short_messages_at_once_are_all_heard() {
    const SAID: u64 = 1_500;
    let mut victim = Node::keeper(&[]);
    let key = Keypair::generate_ed25519();
    let crowd = attack(key, victim.address().await, true, |attacker, victim| {
        let all: Vec<u8> = (0..SAID).flat_map(|turn| message(PARTIALS, &garbage(turn, 64))).collect();
        attacker.gossip.send_request(&victim, repeat(Duration::from_secs(3600), move |_| all.clone()));
    });
    for _ in 0..100 {
        victim.message(Verdict::Ignore).await;
    }
    until("all of them", async || {
        let heard = victim.metric("gossipsub_topic_msg_recv_counts_unfiltered_total");
        heard + victim.metric("p2p_intake_dropped_total") >= SAID as f64
    })
    .await;
    assert!(victim.metric("p2p_intake_dropped_total") < 1.0, "{}", victim.text());
    crowd.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn long_messages_flat_out_end_in_a_ban() {
    let flood = r#"p2p_faults_total{reason="flood"}"#;
    let victim = endure_until(flood, "56 KiB messages flat out", true, |attacker, victim| {
        let script = repeat(FLAT_OUT, |turn| message(ASSIGNMENTS, &garbage(turn, 56 * 1024)));
        attacker.gossip.send_request(&victim, script);
    })
    .await;
    assert!(victim.text().contains(r#"p2p_intake_dropped_total{kind="Message"}"#), "{}", victim.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn short_messages_flat_out_in_many_topics() {
    endure("short messages flat out", true, |attacker, victim| {
        let script = repeat(FLAT_OUT, |turn| {
            let junk = frame(&field(2, &[field(2, &garbage(turn, 99)), field(4, b"junk")].concat()));
            [message(EVIDENCE, &garbage(turn, 24)), junk].concat()
        });
        attacker.gossip.send_request(&victim, script);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_of_what_is_not_there_and_requests_for_what_never_was() {
    endure("IHAVE and IWANT", true, |attacker, victim| {
        let script = repeat(Duration::from_millis(1), |turn| {
            let topic = field(1, wire_name(PARTIALS).as_bytes());
            let have = field(1, &[topic, identifiers(turn, 2, 350)].concat());
            let want = field(2, &identifiers(turn, 1, 350));
            frame(&field(3, &[have, want].concat()))
        });
        attacker.gossip.send_request(&victim, script);
    })
    .await;
}

/// What a keeper on a machine without a core to spare does: it offers what it then cannot deliver in time.
#[tokio::test(flavor = "multi_thread")]
async fn promises_that_are_not_kept_do_not_ban_and_wrong_messages_still_do() {
    let mut victim = Node::keeper(&[]);
    let key = Keypair::generate_ed25519();
    let peer = PeerId::from(key.public());
    let wrong = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now_wrong = wrong.clone();
    let liar = attack(key, victim.address().await, true, move |attacker, victim| {
        let wrong = wrong.clone();
        let script = repeat(Duration::from_millis(350), move |turn| {
            let topic = field(1, wire_name(PARTIALS).as_bytes());
            let offer = frame(&field(3, &field(1, &[topic, identifiers(turn, 2, 90)].concat())));
            let is_wrong = wrong.load(std::sync::atomic::Ordering::Relaxed);
            [offer, if is_wrong { message(PARTIALS, &garbage(turn, 64)) } else { Vec::new() }].concat()
        });
        attacker.gossip.send_request(&victim, script);
    });
    let score = async || victim.peer(peer).await.and_then(|summary| summary.score);
    until("a score that shows it", async || score().await.is_some_and(|score| score < -3_000.0)).await;
    assert!(victim.metric("p2p_peers_dropped_total") < 1.0, "nobody is sent away for being busy");
    now_wrong.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..15 {
        victim.message(Verdict::Reject).await;
    }
    let handle = victim.handle.clone();
    let rejecting = tokio::spawn(async move {
        while let Some(event) = victim.next().await {
            match event {
                Event::Message { message, .. } => victim.handle.judge(message, Verdict::Reject).await,
                Event::PeerDisconnected(gone) if gone == peer => return victim,
                _ => {}
            }
        }
        victim
    });
    let victim = tokio::time::timeout(crate::node::DEADLINE, rejecting).await.expect("a ban").expect("no panic");
    assert!(victim.text().contains(r#"p2p_peers_dropped_total{reason="offender"} 1"#));
    assert!(handle.peers().await.iter().all(|other| other.peer_id != peer));
    liar.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_subscriptions_grafts_and_prunes() {
    endure("subscriptions", true, |attacker, victim| {
        let script = repeat(Duration::from_millis(1), |turn| {
            let junk = |each: u64| [number(1, 1), field(2, format!("junk/{turn}/{each}").as_bytes())].concat();
            let subscriptions: Vec<u8> = (0..500).flat_map(|each| field(1, &junk(each))).collect();
            let topic = field(1, wire_name(PARTIALS).as_bytes());
            let graft: Vec<u8> = (0..50).flat_map(|_| field(3, &topic)).collect();
            let prune: Vec<u8> = (0..50).flat_map(|_| field(4, &topic)).collect();
            frame(&[subscriptions, field(3, &[graft, prune].concat())].concat())
        });
        attacker.gossip.send_request(&victim, script);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_end() {
    let victim = endure("questions", true, |attacker, victim| {
        for turn in 0..500 {
            let length = u32::try_from(16 * 1024).expect("small").to_be_bytes();
            attacker.questions.send_request(&victim, once([&length[..], &garbage(turn, 16 * 1024)].concat()));
        }
    })
    .await;
    assert!(victim.metric("p2p_faults_total") < 1.0, "what is refused costs nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_and_introductions_without_end() {
    endure("lookups and introductions", true, |attacker, victim| {
        // Kademlia: FIND_NODE (4) and ADD_PROVIDER (2), with peers that do not exist.
        let ask = |kind: usize| {
            repeat(FLAT_OUT, move |turn| {
                let id = [&[0, 36, 8, 1, 18, 32][..], &garbage(turn, 32)].concat();
                let address = [&[4, 10, 0, 0, 1, 6][..], &[29, 11]].concat();
                let peer = field(9, &[field(1, &id), field(2, &address)].concat());
                frame(&[number(1, kind), field(2, &id), peer].concat())
            })
        };
        for _ in 0..16 {
            attacker.lookups.send_request(&victim, ask(4));
            attacker.lookups.send_request(&victim, ask(2));
        }
        for turn in 0..500 {
            let addresses: Vec<u8> = (0..60).flat_map(|port| field(2, &[4, 10, 0, 0, 1, 6, 29, port])).collect();
            let who = [addresses, field(6, &garbage(turn, 3000))].concat();
            attacker.introductions.send_request(&victim, once(frame(&who)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_wants_everything_and_reads_nothing() {
    endure("a deaf peer", false, |attacker, victim| {
        let topics = [ASSIGNMENTS, PARTIALS, EVIDENCE];
        let wanted: Vec<u8> = topics
            .iter()
            .flat_map(|topic| field(1, &[number(1, 1), field(2, wire_name(*topic).as_bytes())].concat()))
            .collect();
        let script = repeat(Duration::from_secs(1), move |_| frame(&wanted));
        attacker.gossip.send_request(&victim, script);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_do_not_keep_anybody_out() {
    let mut victim = Node::keeper(&[]);
    let address = victim.address().await;
    let port = crate::node::port(&address);
    let mut held = Vec::new();
    for _ in 0..200 {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.2:0".parse().expect("an address")).expect("bound");
        held.push(socket.connect(([127, 0, 0, 1], port).into()).await.expect("open"));
    }
    until("refusals", async || victim.metric("p2p_connections_refused_total") >= 100.0).await;
    let began = Instant::now();
    let honest = Node::keeper(&[address]);
    victim.wait_connected(honest.peer_id()).await;
    assert!(began.elapsed() < Duration::from_secs(5), "before any handshake has timed out: {:?}", began.elapsed());
}
