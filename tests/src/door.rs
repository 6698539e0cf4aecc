//! A door in front of a TCP server: open, it passes everything on; shut, nobody gets through, not even those inside. It
//! can be made to lie: to put some bytes in the place of others in all that the server says.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A door; it starts shut.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    behind: String,
    opened: Option<JoinHandle<()>>,
    lie: Option<Lie>,
}

/// What the server says, and what those inside hear in its place; equally long, so that no frame notices.
#[derive(Clone, Debug)]
struct Lie {
    said: Vec<u8>,
    heard: Vec<u8>,
}

impl Door {
    /// A door in front of `behind` (`host:port`), on a free loopback port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn new(behind: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { address: listener.local_addr()?, behind: behind.to_owned(), opened: None, lie: None })
    }

    /// Where it stands.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whoever comes in from the next opening on hears `heard` where the server says `said`.
    ///
    /// # Panics
    /// When they are empty or not equally long.
    pub fn lie(&mut self, said: &str, heard: &str) {
        assert!(!said.is_empty() && said.len() == heard.len(), "{said:?} and {heard:?} must be equally long");
        self.lie = Some(Lie { said: said.as_bytes().to_vec(), heard: heard.as_bytes().to_vec() });
    }

    /// Opens it.
    ///
    /// # Errors
    /// When somebody else took its port.
    pub fn open(&mut self) -> Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address).with_context(|| format!("port {} was taken", self.address.port()))?;
        let listener = socket.listen(64)?;
        let (behind, lie) = (self.behind.clone(), self.lie.clone());
        self.opened = Some(tokio::spawn(async move {
            // Aborting this task drops the set, which cuts every connection.
            let mut inside = JoinSet::new();
            while let Ok((visitor, _)) = listener.accept().await {
                let (behind, lie) = (behind.clone(), lie.clone());
                inside.spawn(async move {
                    if let Ok(server) = TcpStream::connect(&behind).await {
                        pass(visitor, server, lie).await;
                    }
                });
                while inside.try_join_next().is_some() {}
            }
        }));
        Ok(())
    }

    /// Shuts it and cuts whoever is inside.
    pub async fn shut(&mut self) {
        if let Some(task) = self.opened.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

/// Carries everything in both directions until either side is done.
async fn pass(visitor: TcpStream, server: TcpStream, lie: Option<Lie>) {
    let ((mut asks, hears), (says, mut asked)) = (visitor.into_split(), server.into_split());
    tokio::select! {
        _ = tokio::io::copy(&mut asks, &mut asked) => {}
        _ = tell(says, hears, lie) => {}
    }
}

async fn tell(mut says: OwnedReadHalf, mut hears: OwnedWriteHalf, lie: Option<Lie>) -> std::io::Result<()> {
    let mut waiting = Vec::new();
    while says.read_buf(&mut waiting).await? > 0 {
        let ready = lie.as_ref().map_or(waiting.len(), |lie| lie.put_into(&mut waiting));
        hears.write_all(&waiting[..ready]).await?;
        waiting.drain(..ready);
    }
    hears.write_all(&waiting).await
}

impl Lie {
    /// Puts the lie into what was said, and returns how much of it may go out: an end that could be the beginning of
    /// what is lied about waits for the rest.
    fn put_into(&self, said: &mut [u8]) -> usize {
        let length = self.said.len();
        let mut at = 0;
        while at + length <= said.len() {
            if said[at..at + length] == self.said {
                said[at..at + length].copy_from_slice(&self.heard);
                at += length;
            } else {
                at += 1;
            }
        }
        let begins = |from: &usize| self.said.starts_with(&said[*from..]);
        (at..said.len()).find(begins).unwrap_or(said.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Lie;

    #[test]
    fn a_lie_is_told_also_when_the_truth_comes_in_pieces() {
        let lie = Lie { said: b"true".to_vec(), heard: b"fake".to_vec() };
        for cut in 0..=14 {
            let (mut heard, mut waiting) = (Vec::new(), Vec::new());
            for piece in [&b"ttrue and true"[..cut], &b"ttrue and true"[cut..]] {
                waiting.extend_from_slice(piece);
                let ready = lie.put_into(&mut waiting);
                heard.extend(waiting.drain(..ready));
            }
            heard.append(&mut waiting);
            assert_eq!(heard, b"tfake and fake", "cut at {cut}");
        }
    }
}
