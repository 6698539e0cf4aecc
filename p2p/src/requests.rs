//! Request and response: three protocols that carry raw bytes under hard limits.
//!
//! Each message is its length in 4 bytes, big endian, then that many bytes. A length over the limit ends the stream
//! before anything of the message is read or stored.

use std::io;
use std::time::Duration;

use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::{self, ProtocolSupport};

use crate::error::ConfigError;

/// How long an answer may take, from either side.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest message of any protocol, in bytes: it is held in memory whole.
const MOST_BYTES: usize = 1024 * 1024;

/// The longest messages of a protocol, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Longest request.
    pub request: usize,
    /// Longest answer.
    pub answer: usize,
}

/// How long requests and answers may be; whoever exceeds it has its stream closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestLimits {
    /// Of [`Protocol::Status`].
    pub status: Sizes,
    /// Of [`Protocol::Want`].
    pub want: Sizes,
    /// Of [`Protocol::Code`].
    pub code: Sizes,
}

impl RequestLimits {
    pub(crate) const fn of(&self, protocol: Protocol) -> Sizes {
        match protocol {
            Protocol::Status => self.status,
            Protocol::Want => self.want,
            Protocol::Code => self.code,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let Self { status, want, code } = self;
        let longest = [status, want, code].into_iter().map(|sizes| sizes.request.max(sizes.answer)).max().unwrap_or(0);
        check_longest(longest)
    }
}

/// Whether messages may be so long: each is held in memory whole.
pub(crate) const fn check_longest(longest: usize) -> Result<(), ConfigError> {
    if longest > MOST_BYTES {
        return Err(ConfigError::TooLongRequests { given: longest, most: MOST_BYTES });
    }
    Ok(())
}

/// A request/response protocol, called `/kpr/<domain8>/<status|want|code>/1` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Who and where a peer is: head, clock, what it signed.
    Status,
    /// Missing partials and certificates.
    Want,
    /// Long things, piece by piece. It has budgets and streams of its own, so that nobody who is fetching goes without a word
    /// about what is due now.
    Code,
}

impl Protocol {
    /// The name on the wire in the network `domain8`.
    #[must_use]
    pub fn name(self, domain8: &str) -> String {
        let word = match self {
            Self::Status => "status",
            Self::Want => "want",
            Self::Code => "code",
        };
        format!("/kpr/{domain8}/{word}/1")
    }
}

pub(crate) type Behaviour = request_response::Behaviour<Codec>;
pub(crate) type RequestEvent = request_response::Event<Vec<u8>, Vec<u8>>;

/// The libp2p behaviour of one protocol, whose name starts with a slash, and of which a connection carries so many requests at once.
pub(crate) fn behaviour(name: String, sizes: Sizes, streams: usize) -> Behaviour {
    let name = StreamProtocol::try_from_owned(name).expect("the name starts with a slash");
    let config =
        request_response::Config::default().with_request_timeout(REQUEST_TIMEOUT).with_max_concurrent_streams(streams);
    Behaviour::with_codec(Codec { sizes }, [(name, ProtocolSupport::Full)], config)
}

/// Moves bytes and knows the limits of its protocol.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    sizes: Sizes,
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_message(io, self.sizes.request).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_message(io, self.sizes.answer).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_message(io, &request, self.sizes.request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_message(io, &response, self.sizes.answer).await
    }
}

pub(crate) async fn read_message<T: AsyncRead + Unpin + Send>(io: &mut T, most: usize) -> io::Result<Vec<u8>> {
    let mut prefix = [0; 4];
    io.read_exact(&mut prefix).await?;
    let length = u32::from_be_bytes(prefix);
    if usize::try_from(length).map_or(true, |length| length > most) {
        return Err(too_long(u64::from(length), most));
    }
    // Grows with what really arrives, so that a bare length reserves no memory.
    let mut message = Vec::new();
    io.take(u64::from(length)).read_to_end(&mut message).await?;
    if message.len() as u64 != u64::from(length) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ended inside a message"));
    }
    Ok(message)
}

pub(crate) async fn write_message<T: AsyncWrite + Unpin + Send>(
    io: &mut T,
    message: &[u8],
    most: usize,
) -> io::Result<()> {
    let length = u32::try_from(message.len()).ok().filter(|_| message.len() <= most);
    let Some(length) = length else {
        return Err(too_long(message.len() as u64, most));
    };
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(message).await
}

/// A message longer than its protocol allows.
#[derive(Debug, thiserror::Error)]
#[error("a message of {length} bytes, the most is {most} bytes")]
struct TooLong {
    length: u64,
    most: usize,
}

fn too_long(length: u64, most: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, TooLong { length, most })
}

/// Whether a stream failed because the other side sent more than its protocol allows.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<TooLong>())
}

#[cfg(test)]
mod tests;
