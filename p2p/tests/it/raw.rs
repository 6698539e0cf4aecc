//! A peer that writes whatever bytes it likes into the protocols of a node, as fast as they are taken.

use std::io;
use std::time::Duration;

use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, ping, tcp, yamux};
use p2p::Protocol;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::node::DOMAIN;

/// What is written into a stream, piece by piece.
pub(crate) type Script = mpsc::Receiver<Vec<u8>>;

/// Writes a script, and reads nothing or throws away what it reads.
#[derive(Clone)]
pub(crate) struct Scripted {
    reads: bool,
}

impl request_response::Codec for Scripted {
    type Protocol = StreamProtocol;
    type Request = Script;
    type Response = ();

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        protocol: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Script> {
        self.read_response(protocol, io).await?;
        Ok(mpsc::channel(1).1)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<()> {
        if !self.reads {
            return std::future::pending().await;
        }
        let mut buffer = vec![0; 65_536];
        while io.read(&mut buffer).await? > 0 {}
        Ok(())
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        mut script: Script,
    ) -> io::Result<()> {
        while let Some(bytes) = script.recv().await {
            io.write_all(&bytes).await?;
            io.flush().await?;
        }
        Ok(())
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        _: &mut T,
        (): (),
    ) -> io::Result<()> {
        Ok(())
    }
}

type Streams = request_response::Behaviour<Scripted>;

#[derive(NetworkBehaviour)]
pub(crate) struct Attacker {
    pub(crate) gossip: Streams,
    pub(crate) lookups: Streams,
    pub(crate) questions: Streams,
    pub(crate) codes: Streams,
    pub(crate) introductions: Streams,
    pub(crate) straights: Streams,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

fn streams(name: &str, reads: bool) -> Streams {
    let name = StreamProtocol::try_from_owned(name.to_owned()).expect("a protocol name");
    let config = request_response::Config::default()
        .with_request_timeout(Duration::from_secs(3600))
        .with_max_concurrent_streams(1000);
    Streams::with_codec(Scripted { reads }, [(name, ProtocolSupport::Full)], config)
}

/// Connects, and again whenever it is sent away, and then does what `attack` says. Runs until the task is aborted.
pub(crate) fn attack(
    key: Keypair,
    victim: Multiaddr,
    reads: bool,
    attack: impl Fn(&mut Attacker, PeerId) + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut swarm = attacker(key, reads);
        loop {
            if swarm.dial(victim.clone()).is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => attack(swarm.behaviour_mut(), peer_id),
                    SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => break,
                    _ => {}
                }
            }
        }
    })
}

fn attacker(key: Keypair, reads: bool) -> Swarm<Attacker> {
    let want = Protocol::Want.name(DOMAIN);
    SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_behaviour(|key| Attacker {
            gossip: streams("/meshsub/1.1.0", reads),
            lookups: streams(&format!("/kpr/{DOMAIN}/kad/1"), reads),
            questions: streams(&want, reads),
            codes: streams(&Protocol::Code.name(DOMAIN), reads),
            introductions: streams("/ipfs/id/push/1.0.0", reads),
            straights: streams(&format!("/kpr/{DOMAIN}/straight/1"), reads),
            identify: identify::Behaviour::new(identify::Config::new(format!("/kpr/{DOMAIN}/1"), key.public())),
            ping: ping::Behaviour::default(),
        })
        .expect("infallible")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build()
}

/// The same over and over, with a pause in between.
pub(crate) fn repeat(pause: Duration, mut piece: impl FnMut(u64) -> Vec<u8> + Send + 'static) -> Script {
    let (sender, script) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(pause.max(Duration::from_micros(1)));
        for number in 0.. {
            if !pause.is_zero() {
                turns.tick().await;
            }
            if sender.send(piece(number)).await.is_err() {
                break;
            }
        }
    });
    script
}

/// One piece, and then the end.
pub(crate) fn once(piece: Vec<u8>) -> Script {
    let (sender, script) = mpsc::channel(1);
    sender.try_send(piece).expect("room for one");
    script
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// A protobuf field of bytes.
pub(crate) fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    varint(number << 3 | 2, &mut out);
    varint(bytes.len(), &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A protobuf field of a small number.
pub(crate) fn number(number: usize, value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3, &mut out);
    varint(value, &mut out);
    out
}

/// A frame: its length, then itself.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 4);
    varint(bytes.len(), &mut out);
    out.extend_from_slice(bytes);
    out
}
