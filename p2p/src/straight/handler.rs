//! One connection: the stream that this node writes, and the one that it reads.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::futures::FutureExt;
use libp2p::futures::future::BoxFuture;
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol};
use libp2p::{Stream, StreamProtocol};
use tokio::time::Sleep;

use super::Written;
use super::stream::{IDLE, OPENING, SILENCE, read, write};
use crate::error::RequestError;
use crate::requests::is_too_long;

/// Most messages that wait for one peer to take them: as many as there are batches in a few windows.
const MOST_WAITING: usize = 64;

/// What is to be sent to the peer.
#[derive(Debug)]
pub(crate) struct Message {
    pub(super) data: Arc<[u8]>,
    pub(super) written: Written,
}

impl Message {
    fn end(self, end: Result<(), RequestError>) {
        // Nobody need wait for it.
        let _ = self.written.send(end);
    }
}

/// What the behaviour wants.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send this.
    Send(Message),
    /// Whether the peer may send anything.
    Welcome(bool),
    /// The peer is read over another connection.
    Drop,
}

/// What the peer did.
#[derive(Debug)]
pub(crate) enum Came {
    /// It opened a stream.
    Opened,
    /// A frame.
    Message(Vec<u8>),
    /// A frame over the limit.
    TooLong,
}

/// The stream that is written.
enum Outbound {
    None,
    Opening,
    Idle { stream: Stream, is_fresh: bool, until: Pin<Box<Sleep>> },
    Writing { message: Message, is_fresh: bool, io: BoxFuture<'static, io::Result<Stream>> },
}

/// One connection.
pub(crate) struct Handler {
    protocol: StreamProtocol,
    most: usize,
    is_welcome: bool,
    /// Whether the peer has opened a stream of which nobody has heard.
    has_opened: bool,
    inbound: Option<BoxFuture<'static, io::Result<(Stream, Vec<u8>)>>>,
    outbound: Outbound,
    waiting: VecDeque<Message>,
}

type Event = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Came>;

impl Handler {
    pub(super) fn new(protocol: StreamProtocol, most: usize, is_welcome: bool) -> Self {
        let (outbound, waiting) = (Outbound::None, VecDeque::new());
        Self { protocol, most, is_welcome, has_opened: false, inbound: None, outbound, waiting }
    }

    fn poll_inbound(&mut self, context: &mut Context<'_>) -> Poll<Came> {
        if std::mem::take(&mut self.has_opened) {
            return Poll::Ready(Came::Opened);
        }
        let Some(reading) = &mut self.inbound else { return Poll::Pending };
        match ready!(reading.poll_unpin(context)) {
            Ok((stream, data)) => {
                self.inbound = Some(read(stream, self.most, SILENCE).boxed());
                Poll::Ready(Came::Message(data))
            }
            Err(error) => {
                self.inbound = None;
                if is_too_long(&error) { Poll::Ready(Came::TooLong) } else { Poll::Pending }
            }
        }
    }

    fn poll_outbound(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        loop {
            self.outbound = match std::mem::replace(&mut self.outbound, Outbound::None) {
                Outbound::None if self.waiting.is_empty() => return Poll::Pending,
                Outbound::None => {
                    self.outbound = Outbound::Opening;
                    let upgrade = ReadyUpgrade::new(self.protocol.clone());
                    let protocol = SubstreamProtocol::new(upgrade, ()).with_timeout(OPENING);
                    return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
                }
                Outbound::Opening => {
                    self.outbound = Outbound::Opening;
                    return Poll::Pending;
                }
                Outbound::Idle { stream, is_fresh, mut until } => match self.waiting.pop_front() {
                    Some(message) => {
                        let io = write(stream, Arc::clone(&message.data), self.most).boxed();
                        Outbound::Writing { message, is_fresh, io }
                    }
                    None if until.poll_unpin(context).is_ready() => Outbound::None,
                    None => {
                        self.outbound = Outbound::Idle { stream, is_fresh, until };
                        return Poll::Pending;
                    }
                },
                Outbound::Writing { message, is_fresh, mut io } => match io.poll_unpin(context) {
                    Poll::Pending => {
                        self.outbound = Outbound::Writing { message, is_fresh, io };
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(stream)) => {
                        message.end(Ok(()));
                        idle(stream, false)
                    }
                    // An old stream may have been closed by the peer: once more, over a new one.
                    Poll::Ready(Err(error)) if !is_fresh && error.kind() != io::ErrorKind::TimedOut => {
                        self.waiting.push_front(message);
                        Outbound::None
                    }
                    Poll::Ready(Err(error)) => {
                        message.end(Err(RequestError::Stream(error.to_string())));
                        Outbound::None
                    }
                },
            };
        }
    }

    fn on_dial_failed(&mut self, error: &StreamUpgradeError<std::convert::Infallible>) {
        self.outbound = Outbound::None;
        for message in self.waiting.drain(..) {
            message.end(Err(match error {
                StreamUpgradeError::NegotiationFailed => RequestError::Unsupported,
                StreamUpgradeError::Timeout => RequestError::Timeout,
                StreamUpgradeError::Io(error) => RequestError::Stream(error.to_string()),
                StreamUpgradeError::Apply(never) => match *never {},
            }));
        }
    }
}

fn idle(stream: Stream, is_fresh: bool) -> Outbound {
    Outbound::Idle { stream, is_fresh, until: Box::pin(tokio::time::sleep(IDLE)) }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Command;
    type ToBehaviour = Came;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ()).with_timeout(OPENING)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(came) = self.poll_inbound(context) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(came));
        }
        self.poll_outbound(context)
    }

    fn on_behaviour_event(&mut self, command: Command) {
        match command {
            Command::Send(message) if self.waiting.len() >= MOST_WAITING => message.end(Err(RequestError::Busy)),
            Command::Send(message) => self.waiting.push_back(message),
            Command::Welcome(is_welcome) => {
                self.is_welcome = is_welcome;
                self.inbound = self.inbound.take().filter(|_| is_welcome);
            }
            Command::Drop => self.inbound = None,
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                // The one before, if there is one, is closed: a peer that has lost its end of it opens another.
                self.inbound = self.is_welcome.then(|| read(stream, self.most, SILENCE).boxed());
                self.has_opened = self.is_welcome;
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, .. }) => {
                self.outbound = idle(stream, true);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => self.on_dial_failed(&error),
            _ => {}
        }
    }
}
