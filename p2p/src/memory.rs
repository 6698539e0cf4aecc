//! The address book on disk: where peers were reached, so that keepers that all start again find each other although no
//! bootnode is there. A line for each address, `/ip4/203.0.113.7/tcp/7419/p2p/<peer id>`, and one for each record that a
//! peer has signed, `signed <envelope in hexadecimal>`, after a first line that says what the file is. It may be deleted at
//! any time.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::config::split_bootnode;

const HEADER: &str = "# keeper-mesh address book 1";
/// Before a signed record.
const SIGNED: &str = "signed ";
/// Longest file that is read: 1,024 peers with eight addresses and a record each, and room.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
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

    /// The addresses on disk; the records go to `restore`, which says whether they are true. A file that cannot be read is
    /// set aside, with a warning: the book is no reason not to start.
    pub(crate) fn load(&self, restore: impl FnMut(&[u8]) -> bool) -> Vec<(PeerId, Multiaddr)> {
        let Some(path) = &self.path else { return Vec::new() };
        let error = match read(path, restore) {
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

fn read(path: &Path, restore: impl FnMut(&[u8]) -> bool) -> io::Result<Vec<(PeerId, Multiaddr)>> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    parse(&text, restore)
}

/// Reads the text of a book.
pub(crate) fn parse(text: &str, mut restore: impl FnMut(&[u8]) -> bool) -> io::Result<Vec<(PeerId, Multiaddr)>> {
    let wrong = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
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
    let mut known = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        match line.strip_prefix(SIGNED) {
            Some(digits) => {
                let is_true = from_hexadecimal(digits).is_some_and(|bytes| restore(&bytes));
                is_true.then_some(()).ok_or_else(|| wrong("a record that its peer has not signed".to_owned()))?;
            }
            None => known.push(entry(line)?),
        }
    }
    Ok(known)
}

pub(crate) fn from_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |character: &u8| char::from(*character).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
    rest.is_empty().then(|| bytes.collect())?
}

/// Writes the book beside the old one, then in its place.
pub(crate) fn write(path: &Path, book: &[(PeerId, Vec<Multiaddr>)], records: &[Vec<u8>]) {
    if let Err(error) = try_write(path, book, records) {
        tracing::warn!(path = %path.display(), %error, "the address book could not be written: check disk and rights");
    }
}

/// The text of a book.
pub(crate) fn text(book: &[(PeerId, Vec<Multiaddr>)], records: &[Vec<u8>]) -> String {
    let mut text = format!("{HEADER}\n");
    for (peer, addresses) in book {
        for address in addresses {
            text += &format!("{}\n", address.clone().with(Protocol::P2p(*peer)));
        }
    }
    for record in records {
        let digits: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{SIGNED}{digits}\n");
    }
    text
}

fn try_write(path: &Path, book: &[(PeerId, Vec<Multiaddr>)], records: &[Vec<u8>]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text(book, records).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
