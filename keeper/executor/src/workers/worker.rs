//! One worker process, seen from its keeper: it is started, says hello, and then answers what it is asked.
//!
//! Whatever it says may be hostile. Anything but an answer to the exchange at hand, in time, ends the worker: the caller
//! drops it.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::{Instant, timeout_at};

use super::complaints;
use super::nursery::{Nursery, Process};
use crate::Role;
use crate::wire::{self, Hello, MAX_HELLO, Malformed, Order, Said};

/// How long a worker may take from its start to its hello.
const HELLO_PATIENCE: Duration = Duration::from_secs(10);

/// Why a worker is of no more use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Broken {
    /// It could not be started.
    #[error("a worker cannot be started: {0}")]
    NotStarted(String),
    /// It ended.
    #[error("the worker ended")]
    Ended,
    /// It did not answer in time.
    #[error("the worker did not answer in time")]
    Silent,
    /// It said what no worker says.
    #[error("the worker broke the protocol: {0}")]
    Fault(String),
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Self::Fault(malformed.to_string())
    }
}

impl From<io::Error> for Broken {
    /// A pipe that fails has lost its other end.
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

/// A worker that has said hello.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    link: Link<Sender, Receiver>,
    hello: Hello,
}

impl Worker {
    /// Starts a worker and waits for its hello.
    pub(super) async fn start(nursery: &Nursery, role: Role) -> Result<Self, Broken> {
        let not_started = |error: io::Error| Broken::NotStarted(error.to_string());
        let mut process = nursery.start(role).await.map_err(not_started)?;
        let id = process.id();
        let child = process.child();
        let pipes = child.and_then(|child| Some((child.stdin.take()?, child.stdout.take()?, child.stderr.take()?)));
        let (stdin, stdout, stderr) = pipes.ok_or_else(|| Broken::NotStarted("it has no pipes".to_owned()))?;
        let orders = Sender::from_owned_fd(stdin.into()).map_err(not_started)?;
        let answers = Receiver::from_owned_fd(stdout.into()).map_err(not_started)?;
        tokio::spawn(complaints::pass_on(
            Receiver::from_owned_fd(stderr.into()).map_err(not_started)?,
            role,
            id,
            nursery.quota(),
        ));
        let mut link = Link::new(orders, answers);
        let said = link.hear(0, MAX_HELLO, Instant::now() + HELLO_PATIENCE).await?;
        let Said::Hello(hello) = said else {
            return Err(Broken::Fault(format!("{} in place of a hello", said.name())));
        };
        if !hello.confinement.limits {
            return Err(Broken::NotStarted("it could not limit itself".to_owned()));
        }
        Ok(Self { process, link, hello })
    }

    pub(super) const fn hello(&self) -> &Hello {
        &self.hello
    }

    pub(super) const fn link(&mut self) -> &mut Link<Sender, Receiver> {
        &mut self.link
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends the process and tells how it ended.
    pub(super) async fn end(self) -> Option<std::process::ExitStatus> {
        self.process.end().await
    }
}

/// The two pipes.
#[derive(Debug)]
pub(super) struct Link<W, R> {
    orders: W,
    answers: BufReader<R>,
    /// Whether anything was said since the exchange at hand began.
    mute: bool,
}

impl<W: tokio::io::AsyncWrite + Unpin, R: tokio::io::AsyncRead + Unpin> Link<W, R> {
    pub(super) fn new(orders: W, answers: R) -> Self {
        Self { orders, answers: BufReader::new(answers), mute: true }
    }

    /// Another exchange begins.
    pub(super) const fn begin(&mut self) {
        self.mute = true;
    }

    /// Whether the worker has said nothing in the exchange at hand.
    pub(super) const fn heard_nothing(&self) -> bool {
        self.mute
    }

    /// Says something in the exchange `number`.
    pub(super) async fn say(&mut self, number: u64, order: &Order, deadline: Instant) -> Result<(), Broken> {
        let frame = order.encode(number);
        timeout_at(deadline, self.orders.write_all(&frame)).await.map_err(|_| Broken::Silent)??;
        Ok(())
    }

    /// What the worker says next in the exchange `number`, of at most `cap` bytes.
    pub(super) async fn hear(&mut self, number: u64, cap: usize, deadline: Instant) -> Result<Said, Broken> {
        let read = async {
            let mut field = [0; 4];
            self.answers.read_exact(&mut field).await?;
            let mut frame = vec![0; wire::length(field, cap)?];
            self.answers.read_exact(&mut frame).await?;
            Ok::<_, Broken>(frame)
        };
        let frame = timeout_at(deadline, read).await.map_err(|_| Broken::Silent)??;
        self.mute = false;
        match Said::decode(&frame)? {
            (told, said) if told == number => Ok(said),
            (_, said) => Err(Broken::Fault(format!("{} of another exchange", said.name()))),
        }
    }
}

#[cfg(test)]
mod tests;
