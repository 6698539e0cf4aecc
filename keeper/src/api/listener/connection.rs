//! A stream with deadlines.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::Patience;
use super::places::Place;

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// Until the head of its first request is there, however it comes.
    head: Duration,
    /// Between two requests, or two pieces of one.
    idle: Duration,
    /// In all, whatever goes over it: one that drips a byte now and then, or reads nothing of a long answer, is not silent.
    lifetime: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(5), idle: seconds(30), lifetime: seconds(120) }
    }
}

/// A stream that fails when one of its deadlines is over.
pub(super) struct Connection {
    stream: TcpStream,
    idle: Duration,
    /// When it has been silent for too long, or is over.
    silent: Pin<Box<Sleep>>,
    ends: Instant,
    /// What came of the head of the first request; none once it is whole.
    head: Option<Head>,
    /// Whether it is one that has no end of its own.
    patience: Patience,
    _room: (OwnedSemaphorePermit, Place),
}

/// A head that is on its way.
struct Head {
    until: Instant,
    /// Whether something else than line ends came: empty lines before a head are none of it.
    is_begun: bool,
    /// Whether its last line is an empty one so far.
    at_line_start: bool,
}

impl Head {
    /// Whether these bytes end it: an empty line does, be there carriage returns or not.
    fn is_ended_by(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| match byte {
            b'\n' => std::mem::replace(&mut self.at_line_start, true) && self.is_begun,
            b'\r' => false,
            _ => {
                (self.is_begun, self.at_line_start) = (true, false);
                false
            }
        })
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, room: (OwnedSemaphorePermit, Place), deadlines: Deadlines) -> Self {
        let Deadlines { head, idle, lifetime } = deadlines;
        let now = Instant::now();
        let (until, ends) = (now + head.min(lifetime), now + lifetime);
        let silent = Box::pin(tokio::time::sleep_until(until));
        let head = Some(Head { until, is_begun: false, at_line_start: false });
        Self { stream, idle, silent, ends, head, patience: Patience::default(), _room: room }
    }

    /// A handle by which it can be let last.
    pub(super) fn patience(&self) -> Patience {
        self.patience.clone()
    }

    /// When it is over, whatever comes until then.
    fn limit(&self) -> Instant {
        self.head.as_ref().map_or(self.ends, |head| head.until)
    }

    /// Something went out. That is all that is asked of one that lasts: it has nothing more to say itself.
    fn told(&mut self) {
        if self.patience.is_endless() {
            self.ends = Instant::now() + self.idle;
            let silent = self.ends;
            self.silent.as_mut().reset(silent);
        }
    }

    /// Something came.
    fn heard(&mut self, bytes: &[u8], now: Instant) {
        if self.head.as_mut().is_some_and(|head| head.is_ended_by(bytes)) {
            self.head = None;
        }
        // A head that is not whole has its one deadline already.
        if self.head.is_none() {
            let silent = (now + self.idle).min(self.ends);
            self.silent.as_mut().reset(silent);
        }
    }

    /// Fails when the time is up.
    fn over<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.silent.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (now, before) = (Instant::now(), buffer.filled().len());
        if now < self.limit()
            && let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer)
        {
            self.heard(&buffer.filled()[before..], now);
            return Poll::Ready(read);
        }
        self.over(cx)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, data) {
            Poll::Ready(written) => {
                self.told();
                Poll::Ready(written)
            }
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
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::super::places::Places;
    use super::*;

    /// A connection of ours with these deadlines, and the other end of it.
    async fn pair(deadlines: Deadlines) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let place = Places::default().take(Ipv4Addr::LOCALHOST.into()).unwrap();
        (Connection::new(stream, (permit, place), deadlines), theirs)
    }

    const LONG: Duration = Duration::from_secs(3_600);
    const SHORT: Duration = Duration::from_millis(400);

    /// Sends a byte again and again until the other side has had enough, and says how long that took.
    async fn drip(connection: &mut Connection, theirs: &mut TcpStream) -> Duration {
        let begun = Instant::now();
        loop {
            theirs.write_all(b"G").await.unwrap();
            if let Err(error) = connection.read_u8().await {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                return begun.elapsed();
            }
        }
    }

    #[tokio::test]
    async fn whoever_drips_or_reads_nothing_is_closed_all_the_same() {
        let deadlines = Deadlines { head: LONG, idle: SHORT / 2, lifetime: SHORT };
        let (mut dripping, mut theirs) = pair(deadlines).await;
        theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let took = drip(&mut dripping, &mut theirs).await;
        assert!(took > SHORT / 2, "not before its time, as it was not silent");
        let (mut unread, _silent) = pair(deadlines).await;
        let error = loop {
            if let Err(error) = unread.write_all(&[0; 65_536]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn the_first_head_has_a_deadline_that_no_dripping_moves() {
        let deadlines = Deadlines { head: SHORT, idle: LONG, lifetime: LONG };
        let (mut silent, _theirs) = pair(deadlines).await;
        assert_eq!(silent.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut dripping, mut theirs) = pair(deadlines).await;
        theirs.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        drip(&mut dripping, &mut theirs).await;
    }

    /// Once the head is there, a connection may rest for as long as one between two requests.
    #[tokio::test]
    async fn a_head_that_is_whole_has_met_its_deadline() {
        let deadlines = Deadlines { head: SHORT, idle: LONG, lifetime: SHORT * 3 };
        for head in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GET / HTTP/1.1\nA: b\n\n"] {
            let (mut connection, mut theirs) = pair(deadlines).await;
            theirs.write_all(head).await.unwrap();
            let begun = Instant::now();
            connection.read_exact(&mut vec![0; head.len()]).await.unwrap();
            assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(begun.elapsed() > SHORT * 2, "it had more time than a head has");
        }
    }

    /// A stream of events has no end; whoever takes nothing of it for a while is closed.
    #[tokio::test]
    async fn one_that_lasts_ends_when_its_other_end_takes_nothing() {
        let deadlines = Deadlines { head: LONG, idle: SHORT, lifetime: SHORT * 2 };
        let (mut connection, mut theirs) = pair(deadlines).await;
        connection.patience().lasts();
        let begun = Instant::now();
        while begun.elapsed() < SHORT * 4 {
            connection.write_all(b":\n\n").await.unwrap();
            theirs.read_exact(&mut [0; 3]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let error = loop {
            if let Err(error) = connection.write_all(&[0; 65_536]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn an_empty_line_ends_a_head_however_it_comes() {
        let whole = |pieces: &[&str]| {
            let mut head = Head { until: Instant::now(), is_begun: false, at_line_start: false };
            pieces.iter().any(|piece| head.is_ended_by(piece.as_bytes()))
        };
        assert!(whole(&["GET / HTTP/1.1\r\nHost: a\r", "\n", "\r\n"]));
        assert!(whole(&["GET / HTTP/1.1\n", "\n"]));
        assert!(!whole(&["GET / HTTP/1.1\r\nHost: a\r\n"]));
        assert!(!whole(&["\r\n\r\n", "\r\n\r\n", "G"]), "nobody buys time with empty lines");
        assert!(whole(&["\r\n\r\nGET / HTTP/1.1\r\n\r\n"]));
    }
}
