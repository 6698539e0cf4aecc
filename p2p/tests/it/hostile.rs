//! A peer that speaks libp2p but keeps no rules.

use std::io;

use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identify, noise, tcp, yamux};
use p2p::{Event, Protocol, RequestError, Verdict};
use tokio::io::AsyncWriteExt as _;

use crate::node::{DOMAIN, Node, until};
use crate::table::{EVIDENCE, PARTIALS, REQUESTS, TOPICS, topic, wire_name};

#[derive(NetworkBehaviour)]
struct Hostile {
    gossip: gossipsub::Behaviour,
    requests: request_response::Behaviour<Raw>,
    identify: identify::Behaviour,
}

/// Sends bytes as they are, without length or limit.
#[derive(Clone)]
pub(crate) struct Raw;

impl request_response::Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        self.read_response(&StreamProtocol::new("/any"), io).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

/// Connected to `address` and aware of its subscriptions.
async fn hostile(address: &Multiaddr) -> Swarm<Hostile> {
    let gossip_config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .max_transmit_size(1024 * 1024)
        .message_id_fn(|message: &gossipsub::Message| {
            MessageId::from([&message.data.len().to_be_bytes()[..], message.topic.as_str().as_bytes()].concat())
        })
        .build()
        .expect("valid");
    let want = StreamProtocol::try_from_owned(Protocol::Want.name(DOMAIN)).expect("a protocol name");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_behaviour(|key| Hostile {
            gossip: gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, gossip_config).expect("valid"),
            requests: request_response::Behaviour::with_codec(
                Raw,
                [(want, ProtocolSupport::Full)],
                request_response::Config::default(),
            ),
            identify: identify::Behaviour::new(identify::Config::new(format!("/kpr/{DOMAIN}/1"), key.public())),
        })
        .expect("infallible")
        .build();
    swarm.dial(address.clone()).expect("dials");
    let mut wanted = 0;
    while wanted < TOPICS.len() {
        if let SwarmEvent::Behaviour(HostileEvent::Gossip(gossipsub::Event::Subscribed { .. })) =
            swarm.select_next_some().await
        {
            wanted += 1;
        }
    }
    swarm
}

/// Keeps the hostile swarm running while something is awaited.
async fn during<T>(swarm: &mut Swarm<Hostile>, wanted: impl Future<Output = T>) -> T {
    tokio::pin!(wanted);
    loop {
        tokio::select! {
            found = &mut wanted => return found,
            _ = swarm.select_next_some() => {}
        }
    }
}

#[tokio::test]
async fn gossip_over_the_limit_is_never_shown_and_held_against_the_sender() {
    let mut node = Node::keeper(&[]);
    let mut swarm = hostile(&node.address().await).await;
    let sender = *swarm.local_peer_id();
    let partials = IdentTopic::new(wire_name(PARTIALS));
    let most = topic(PARTIALS).max_bytes;
    // One byte over, inside the room left for the envelope; then far over; then beyond any frame.
    for length in [most + 1, 2 * most, 512 * 1024] {
        swarm.behaviour_mut().gossip.publish(partials.clone(), vec![1; length]).expect("sent");
    }
    let lower = until("a lower score", async || {
        node.peer(sender).await.is_none_or(|summary| summary.score.is_some_and(|score| score < 0.0))
    });
    during(&mut swarm, lower).await;
    // A frame beyond every limit ends the stream; a peer that behaves is heard as before.
    let honest = Node::keeper(&[node.address().await]);
    honest.wait_subscribed(node.peer_id()).await;
    honest.handle.publish(PARTIALS, b"good".to_vec()).await.expect("published");
    let (_, data) = during(&mut swarm, node.message(Verdict::Accept)).await;
    assert_eq!(data, b"good");
}

#[tokio::test]
async fn garbage_requests_end_their_stream_and_nothing_else() {
    let mut node = Node::keeper(&[]);
    let mut swarm = hostile(&node.address().await).await;
    let target = node.peer_id();
    let over = u32::try_from(REQUESTS.want.request + 1).expect("small");
    let garbage = [
        Vec::new(),
        vec![0],
        vec![0xff; 4],
        over.to_be_bytes().to_vec(),
        [&over.to_be_bytes()[..], &[7; 17 * 1024]].concat(),
        [&100_u32.to_be_bytes()[..], &[7; 50]].concat(),
        vec![0x5a; 1024 * 1024],
    ];
    for bytes in garbage {
        let length = bytes.len();
        let id = swarm.behaviour_mut().requests.send_request(&target, bytes);
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::Behaviour(HostileEvent::Requests(request_response::Event::OutboundFailure {
                    request_id,
                    ..
                })) if request_id == id => break,
                SwarmEvent::Behaviour(HostileEvent::Requests(request_response::Event::Message {
                    message: request_response::Message::Response { response, .. },
                    ..
                })) => {
                    assert!(response.is_empty(), "{length} bytes of garbage were answered");
                    break;
                }
                SwarmEvent::ConnectionClosed { .. } => panic!("{length} bytes of garbage closed the connection"),
                _ => {}
            }
        }
    }
    // The first request that reaches the keeper is the first well-formed one.
    let good = [&5_u32.to_be_bytes()[..], b"ready"].concat();
    swarm.behaviour_mut().requests.send_request(&target, good);
    let received = node.wait("request", |event| match event {
        Event::Request { data, .. } => Some(data),
        _ => None,
    });
    assert_eq!(during(&mut swarm, received).await, b"ready");
}

#[tokio::test]
async fn answers_over_the_limit_are_faults_and_twenty_end_the_connection() {
    let mut node = Node::keeper(&[]);
    let mut swarm = hostile(&node.address().await).await;
    let peer = *swarm.local_peer_id();
    let over = u32::try_from(REQUESTS.want.answer + 1).expect("small").to_be_bytes().to_vec();
    for number in 1..=20 {
        let asked = node.handle.request(peer, Protocol::Want, vec![1]);
        tokio::pin!(asked);
        let answer = loop {
            tokio::select! {
                answer = &mut asked => break answer,
                event = swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(HostileEvent::Requests(request_response::Event::Message {
                        message: request_response::Message::Request { channel, .. },
                        ..
                    })) = event {
                        swarm.behaviour_mut().requests.send_response(channel, over.clone()).expect("still open");
                    }
                }
            }
        };
        let error = answer.expect_err("too long");
        assert!(matches!(error, RequestError::Stream(_)), "answer {number}: {error}");
    }
    during(&mut swarm, node.wait_disconnected(peer)).await;
    assert!(node.text().contains(r#"p2p_faults_total{reason="answer_too_long"} 20"#));
}

#[tokio::test]
async fn subscriptions_to_foreign_topics_are_not_kept() {
    let mut node = Node::keeper(&[]);
    let mut swarm = hostile(&node.address().await).await;
    let sender = *swarm.local_peer_id();
    for number in 0..200 {
        swarm.behaviour_mut().gossip.subscribe(&IdentTopic::new(format!("junk/{number}"))).expect("subscribed");
    }
    swarm.behaviour_mut().gossip.subscribe(&IdentTopic::new(wire_name(EVIDENCE))).expect("subscribed");
    let ours = until("our topic among the junk", async || {
        node.peer(sender).await.is_some_and(|summary| summary.topics == ["evidence"])
    });
    during(&mut swarm, ours).await;
}

#[tokio::test]
async fn one_peer_gets_three_connections_and_no_more() {
    let mut node = Node::keeper(&[]);
    let address = node.address().await;
    let mut swarm = hostile(&address).await;
    for _ in 0..10 {
        let again = DialOpts::peer_id(node.peer_id()).addresses(vec![address.clone()]).condition(PeerCondition::Always);
        swarm.dial(again.allocate_new_port().build()).expect("dials");
    }
    let mut refused = 0;
    while refused < 8 {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => refused += 1,
            _ => {}
        }
    }
    let summary = node.peer(*swarm.local_peer_id()).await.expect("still connected");
    assert_eq!(summary.addresses.len(), 3, "{summary:?}");
}

#[tokio::test]
async fn bytes_that_are_no_libp2p_are_hung_up_on() {
    let mut node = Node::keeper(&[]);
    let address = node.address().await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], b"\x13/multistream/1.0.0\n\x07/noise\n\xff\xff"] {
        let mut stream =
            tokio::net::TcpStream::connect(("127.0.0.1", crate::node::port(&address))).await.expect("open");
        stream.write_all(bytes).await.expect("sent");
        stream.shutdown().await.expect("half closed");
    }
    let honest = Node::keeper(&[address]);
    node.wait_connected(honest.peer_id()).await;
}
