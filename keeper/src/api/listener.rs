//! A listener that cannot be worn out: a cap on connections, of one address and in all, and deadlines on silent ones.

mod connection;
mod places;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use connection::{Connection, Deadlines};
use places::Places;

/// Connections served at once, those of this machine and as many of others; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 192;

/// Listening failed.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address} ({flag}): {source}; pass another address, or port 0 for any free one")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// The flag that sets it.
    pub flag: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

/// Starts listening; `flag` names the setting in errors.
///
/// # Errors
/// [`BindError`].
pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, flag, source })
}

/// Answers requests until `shutdown`.
///
/// # Errors
/// Never in practice: failed accepts are retried.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let capped = Capped { listener, slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), places: Places::default() };
    // No graceful wait for open connections: there is nothing in flight worth it, and idle ones would hold the stop.
    tokio::select! {
        served = async { axum::serve(capped, router.into_make_service_with_connect_info::<Patience>()).await } => served,
        () = shutdown.cancelled() => Ok(()),
    }
}

/// How long a connection may last: clones share it with the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// Has the connection last for as long as its other end takes what it is sent.
    pub(super) fn lasts(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_endless(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Connected<IncomingStream<'_, Capped>> for Patience {
    fn connect_info(stream: IncomingStream<'_, Capped>) -> Self {
        stream.io().patience()
    }
}

struct Capped {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    places: Places,
}

impl axum::serve::Listener for Capped {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = self.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        loop {
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            // One that has its share is closed at once: in the queue it would keep others waiting behind it.
            if let Some(place) = self.places.take(address.ip()) {
                return (Connection::new(stream, (permit, place), Deadlines::default()), address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
