//! Reading and writing a stream, one frame at a time, each with an end to its patience.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use libp2p::futures::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::requests::{read_message, write_message};

/// How long a stream of this node's is kept without use. The one who opened it closes it: what is written after that goes over a
/// new one.
pub(super) const IDLE: Duration = Duration::from_secs(60);
/// How long a stream of a peer is kept on which no whole frame comes: longer than an honest peer keeps it.
pub(super) const SILENCE: Duration = Duration::from_secs(150);
/// How long the negotiation of a stream may take.
pub(super) const OPENING: Duration = Duration::from_secs(3);
/// How long a peer may take to take a frame: what goes straight is worth nothing late.
pub(super) const WRITING: Duration = Duration::from_secs(2);

/// The next frame.
pub(super) async fn read<T: AsyncRead + Unpin + Send>(
    mut stream: T,
    most: usize,
    patience: Duration,
) -> io::Result<(T, Vec<u8>)> {
    let data = within(patience, read_message(&mut stream, most)).await?;
    Ok((stream, data))
}

/// Writes a frame, and has it sent.
pub(super) async fn write<T: AsyncWrite + Unpin + Send>(mut stream: T, data: Arc<[u8]>, most: usize) -> io::Result<T> {
    let writing = async {
        write_message(&mut stream, &data, most).await?;
        stream.flush().await
    };
    within(WRITING, writing).await?;
    Ok(stream)
}

async fn within<T>(patience: Duration, io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    tokio::time::timeout(patience, io).await.map_err(late)?
}
