//! A receipt's file: one JSON document, which may come from anybody.

use std::path::Path;

use anyhow::{Context, Result};
use consensus::committee::MEMBERS_MAX;
use serde::Deserialize;

use super::{Receipt, SCHEMA};

/// Longest file that is read, in bytes: 256 rows of a table, and a run with all the reads there may be, in hexadecimal.
const MAX_BYTES: u64 = 4 << 20;
/// Siblings on the way up from one of 256 leaves.
const MAX_PROOF: usize = 8;
/// Rows whose keys lie in one contract.
pub(super) const CHUNK_ROWS: usize = 64;

/// Why a file is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not what this program writes.
    #[error("it is no receipt: {0}; make one with `keeper job receipt JOB RUN --out FILE`")]
    Malformed(String),
    /// It is of another version.
    #[error("it has version {0} of the format, and this program reads version {SCHEMA}: make the receipt again")]
    Version(u32),
}

impl Receipt {
    /// Reads a file's text.
    ///
    /// # Errors
    /// It is no receipt, or one of another version.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let wrong = |error: serde_json::Error| Unreadable::Malformed(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(wrong)?;
        if head.schema != SCHEMA {
            return Err(Unreadable::Version(head.schema));
        }
        let receipt: Self = serde_json::from_str(text).map_err(wrong)?;
        let (rows, chunks, proof) =
            (receipt.committee.members.len(), receipt.committee.key_chunks.len(), receipt.batch.proof.len());
        for (what, count, most) in [
            ("committee.members", rows, MEMBERS_MAX),
            ("committee.key_chunks", chunks, MEMBERS_MAX / CHUNK_ROWS),
            ("batch.proof", proof, MAX_PROOF),
        ] {
            if count > most {
                return Err(Unreadable::Malformed(format!("{what} has {count} entries, more than {most}")));
            }
        }
        Ok(receipt)
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// It cannot be read (an [`std::io::Error`]), or is no receipt ([`Unreadable`]).
pub fn read_from(path: &Path) -> Result<Receipt> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("could not read {}", path.display()))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) if text.len() as u64 <= MAX_BYTES => Ok(text),
        Ok(_) => Err(Unreadable::Malformed(format!("it is longer than {MAX_BYTES} bytes"))),
        Err(_) => Err(Unreadable::Malformed("it is no text".to_owned())),
    };
    let read = text.and_then(|text| Receipt::read(&text));
    read.with_context(|| path.display().to_string())
}

/// Stakes: JSON's numbers lose what is beyond 53 bits with many readers.
pub(super) mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in super::super) fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in super::super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        let value: u128 = text.parse().map_err(|_| de::Error::custom(format!("{text:?} is no number of wei")))?;
        // One number, one spelling.
        if value.to_string() == text { Ok(value) } else { Err(de::Error::custom(format!("{text:?} is written oddly"))) }
    }
}
