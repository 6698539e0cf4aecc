//! A UDP proxy that can turn into a black hole, and a port from which nothing ever comes back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;

/// Longest datagram.
const MOST: usize = 65_536;

pub(crate) struct UdpProxy {
    pub(crate) port: u16,
    frozen: Arc<AtomicBool>,
}

impl UdpProxy {
    /// Forwards datagrams to a port on loopback, and what comes back.
    pub(crate) async fn start(target: u16) -> Self {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
        let port = front.local_addr().expect("bound").port();
        let frozen = Arc::new(AtomicBool::new(false));
        let is_frozen = Arc::clone(&frozen);
        tokio::spawn(async move {
            let mut backs: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
            let mut datagram = vec![0; MOST];
            while let Ok((length, from)) = front.recv_from(&mut datagram).await {
                if is_frozen.load(Ordering::Relaxed) {
                    continue;
                }
                let back = match backs.get(&from) {
                    Some(back) => Arc::clone(back),
                    None => {
                        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
                        back.connect(("127.0.0.1", target)).await.expect("connects");
                        tokio::spawn(answer(Arc::clone(&back), Arc::clone(&front), from, Arc::clone(&is_frozen)));
                        backs.insert(from, Arc::clone(&back));
                        back
                    }
                };
                let _ = back.send(&datagram[..length]).await;
            }
        });
        Self { port, frozen }
    }

    /// From now on nothing passes.
    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }
}

async fn answer(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, frozen: Arc<AtomicBool>) {
    let mut datagram = vec![0; MOST];
    while let Ok(length) = back.recv(&mut datagram).await {
        if !frozen.load(Ordering::Relaxed) {
            let _ = front.send_to(&datagram[..length], to).await;
        }
    }
}

/// A port that takes what comes and says nothing, as a firewall that drops UDP looks from outside.
pub(crate) struct Hole {
    socket: std::net::UdpSocket,
}

impl Hole {
    pub(crate) fn new() -> Self {
        Self { socket: std::net::UdpSocket::bind("127.0.0.1:0").expect("binds") }
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().expect("bound").port()
    }

    /// Whether anything has come.
    pub(crate) fn was_tried(&self) -> bool {
        self.socket.set_nonblocking(true).expect("set");
        self.socket.recv_from(&mut [0; 1]).is_ok()
    }
}
