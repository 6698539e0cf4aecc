//! A door in front of a TCP server: open, it passes everything on; shut, nobody gets through, not even those inside.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A door; it starts shut.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    behind: String,
    opened: Option<JoinHandle<()>>,
}

impl Door {
    /// A door in front of `behind` (`host:port`), on a free loopback port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn new(behind: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { address: listener.local_addr()?, behind: behind.to_owned(), opened: None })
    }

    /// Where it stands.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
        let behind = self.behind.clone();
        self.opened = Some(tokio::spawn(async move {
            // Aborting this task drops the set, which cuts every connection.
            let mut inside = JoinSet::new();
            while let Ok((mut visitor, _)) = listener.accept().await {
                let behind = behind.clone();
                inside.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(&behind).await {
                        let _ = tokio::io::copy_bidirectional(&mut visitor, &mut server).await;
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
