//! A listener that cannot be worn out: a cap on connections, and a deadline on silent ones.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

/// Connections served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// A connection that sends nothing for this long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// A connection is closed after this, whatever goes over it: one that drips a byte now and then, or reads nothing of a long answer,
/// is not silent.
const LIFETIME: Duration = Duration::from_secs(120);

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
    let capped = Capped { listener, slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
    // No graceful wait for open connections: there is nothing in flight worth it, and idle ones would hold the stop.
    tokio::select! {
        served = async { axum::serve(capped, router).await } => served,
        () = shutdown.cancelled() => Ok(()),
    }
}

struct Capped {
    listener: TcpListener,
    slots: Arc<Semaphore>,
}

impl axum::serve::Listener for Capped {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = self.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        (Connection::new(stream, permit, IDLE, LIFETIME), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A stream that fails once nothing has come for [`IDLE`], or its [`LIFETIME`] is over.
struct Connection {
    stream: TcpStream,
    /// How long it may be silent, and when that is over.
    pause: Duration,
    idle: Pin<Box<Sleep>>,
    ends: Instant,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let now = Instant::now();
        if now < self.ends
            && let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer)
        {
            let silent = (now + self.pause).min(self.ends);
            self.idle.as_mut().reset(silent);
            return Poll::Ready(read);
        }
        self.over(cx)
    }
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit, pause: Duration, lifetime: Duration) -> Self {
        let idle = Box::pin(tokio::time::sleep(pause));
        Self { stream, pause, idle, ends: Instant::now() + lifetime, _permit: permit }
    }

    /// Fails when the time is up.
    fn over<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.idle.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, data) {
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => self.over(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A connection of ours that lives for so long, and the other end of it.
    async fn pair(lifetime: Duration) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        (Connection::new(stream, permit, lifetime / 2, lifetime), theirs)
    }

    #[tokio::test]
    async fn whoever_drips_or_reads_nothing_is_closed_all_the_same() {
        let lifetime = Duration::from_millis(400);
        let (mut dripping, mut theirs) = pair(lifetime).await;
        let begun = Instant::now();
        let error = loop {
            theirs.write_all(b"G").await.unwrap();
            if let Err(error) = dripping.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= lifetime, "not before its time, as it was not silent");
        let (mut unread, _silent) = pair(lifetime).await;
        let error = loop {
            if let Err(error) = unread.write_all(&[0; 65_536]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
