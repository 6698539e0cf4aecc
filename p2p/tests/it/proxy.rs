//! A TCP proxy that can turn into a black hole: connections stay open, nothing passes any more. To the peer behind it
//! this is what a machine looks like that lost its power.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    frozen: CancellationToken,
}

impl Proxy {
    /// Forwards connections to a port on loopback.
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("bound").port();
        let frozen = CancellationToken::new();
        let stop = frozen.clone();
        tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                let stop = stop.clone();
                tokio::spawn(forward(inbound, target, stop));
            }
        });
        Self { port, frozen }
    }

    /// From now on nothing passes and nothing closes.
    pub(crate) fn freeze(&self) {
        self.frozen.cancel();
    }
}

async fn forward(mut inbound: TcpStream, target: u16, frozen: CancellationToken) {
    let Ok(mut outbound) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut inbound, &mut outbound) => {}
        () = frozen.cancelled() => std::future::pending().await,
    }
}
