//! The address book on disk: where peers were reached, so that keepers that all start again find each other although no
//! bootnode is there. A line for each address, `/ip4/203.0.113.7/tcp/7419/p2p/<peer id>`, after a first line that says
//! what the file is. It may be deleted at any time.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::config::split_bootnode;

const HEADER: &str = "# keeper-mesh address book 1";
/// Longest file that is read: 1,024 peers with eight addresses each, and room.
const MOST_BYTES: u64 = 2 * 1024 * 1024;
/// Between two writes.
const PAUSE: Duration = Duration::from_secs(60);
/// After a first change: others come within moments.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// When to write the book, and where. Time is passed in.
pub(crate) struct Memory {
    path: Option<PathBuf>,
    /// Since when there is something to write.
    changed: Option<Instant>,
    written: Option<Instant>,
}

impl Memory {
    /// Without a path nothing is ever read or written.
    pub(crate) const fn new(path: Option<PathBuf>) -> Self {
        Self { path, changed: None, written: None }
    }

    /// The addresses on disk. A file that cannot be read is set aside, with a warning: the book is no reason not to
    /// start.
    pub(crate) fn load(&self) -> Vec<(PeerId, Multiaddr)> {
        let Some(path) = &self.path else { return Vec::new() };
        let error = match read(path) {
            Ok(known) => return known,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => error,
        };
        let aside = path.with_extension("broken");
        let moved = fs::rename(path, &aside);
        tracing::warn!(
            path = %path.display(), %error, aside = %aside.display(), moved = moved.is_ok(),
            "the address book cannot be read: set aside; peers are looked for through the bootnodes"
        );
        Vec::new()
    }

    /// There is something new in the book.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// The path to write to, if it is time to.
    pub(crate) fn due(&mut self, now: Instant) -> Option<PathBuf> {
        let changed = self.changed?;
        let rested = self.written.is_none_or(|written| now >= written + PAUSE);
        if !rested || now < changed + FIRST_PAUSE {
            return None;
        }
        (self.changed, self.written) = (None, Some(now));
        self.path.clone()
    }

    /// The path to write to at the end, if anything is unwritten.
    pub(crate) fn rest(&mut self) -> Option<PathBuf> {
        self.changed.take().and_then(|_| self.path.clone())
    }
}

fn read(path: &Path) -> io::Result<Vec<(PeerId, Multiaddr)>> {
    let wrong = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("longer than {MOST_BYTES} bytes")));
    }
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(wrong("the first line does not say that this is an address book".to_owned()));
    }
    let entry = |line: &str| {
        let address: Multiaddr = line.parse().map_err(|_| wrong(format!("no address: {line:?}")))?;
        split_bootnode(&address).map_err(|error| wrong(error.to_string()))
    };
    lines.filter(|line| !line.is_empty()).map(entry).collect()
}

/// Writes the book beside the old one, then in its place.
pub(crate) fn write(path: &Path, book: &[(PeerId, Vec<Multiaddr>)]) {
    if let Err(error) = try_write(path, book) {
        tracing::warn!(path = %path.display(), %error, "the address book could not be written: check disk and rights");
    }
}

fn try_write(path: &Path, book: &[(PeerId, Vec<Multiaddr>)]) -> io::Result<()> {
    let mut text = format!("{HEADER}\n");
    for (peer, addresses) in book {
        for address in addresses {
            text += &format!("{}\n", address.clone().with(Protocol::P2p(*peer)));
        }
    }
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
