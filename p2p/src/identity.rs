//! Who this node is: an ed25519 key kept on disk, from which the peer id follows.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use libp2p::PeerId;
use libp2p::identity::Keypair;
use libp2p::multihash::Multihash;
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// A protobuf-encoded ed25519 key pair has 68 bytes; anything much longer is some other file.
const MOST_FILE_BYTES: u64 = 1024;
/// Multihash code "identity": the digest is the data itself.
const IDENTITY_HASH: u64 = 0;
/// What libp2p's protobuf `PublicKey` puts before the 32 bytes of an ed25519 key: type 1, then length 32.
const ED25519_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];

/// A node's ed25519 key pair. Registered on chain as the operator's peer key; a restart keeps the peer id.
#[derive(Clone)]
pub struct Identity {
    keypair: Keypair,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("peer_id", &self.peer_id()).finish_non_exhaustive()
    }
}

impl Identity {
    /// A new random identity, kept nowhere.
    #[must_use]
    pub fn generate() -> Self {
        Self { keypair: Keypair::generate_ed25519() }
    }

    /// Reads the identity at `path`, or makes one there when there is no file yet.
    ///
    /// Two processes must not do this at one path at once: the caller holds the lock of the data directory.
    ///
    /// # Errors
    /// [`IdentityError`] when the file cannot be read or written, others may read it, or it holds no key. A file that
    /// is there is never overwritten.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match Self::load(path) {
            Err(IdentityError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let identity = Self::generate();
                identity.store(path)?;
                Ok(identity)
            }
            other => other,
        }
    }

    /// Reads the identity at `path`: libp2p's protobuf encoding of an ed25519 key pair, mode 0600 or stricter.
    ///
    /// # Errors
    /// [`IdentityError`] when the file cannot be read, others may read it, or it holds no ed25519 key.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::File { action: "read", path: path.to_owned(), source };
        let corrupt = |reason: String| IdentityError::Corrupt { path: path.to_owned(), reason };
        let metadata = fs::metadata(path).map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::Permissions { path: path.to_owned(), mode });
        }
        if metadata.len() > MOST_FILE_BYTES {
            return Err(corrupt(format!("it has {} bytes", metadata.len())));
        }
        let bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
        let keypair = Keypair::from_protobuf_encoding(&bytes).map_err(|error| corrupt(error.to_string()))?;
        keypair.clone().try_into_ed25519().map_err(|error| corrupt(error.to_string()))?;
        Ok(Self { keypair })
    }

    /// Writes a temporary file beside `path`, then renames: a crash leaves the whole key or none.
    fn store(&self, path: &Path) -> Result<(), IdentityError> {
        let failed = |source| IdentityError::File { action: "write", path: path.to_owned(), source };
        let encoded = self
            .keypair
            .to_protobuf_encoding()
            .map_err(|error| IdentityError::Corrupt { path: path.to_owned(), reason: error.to_string() })?;
        let encoded = Zeroizing::new(encoded);
        let temporary = path.with_extension("tmp");
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
        file.write_all(&encoded).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&temporary, path).map_err(failed)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// The name under which peers know this node.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.keypair.public().to_peer_id()
    }

    /// The ed25519 public key (RFC 8032, 32 bytes), as the registry stores it.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        public_key_of(&self.peer_id()).expect("an ed25519 peer id carries its key")
    }

    /// The ed25519 secret seed (RFC 8032, 32 bytes), with which the keeper signs assignments. Wiped when dropped.
    #[must_use]
    pub fn secret_seed(&self) -> Zeroizing<[u8; 32]> {
        let keypair = self.keypair.clone().try_into_ed25519().expect("an Identity is always ed25519");
        let both = Zeroizing::new(keypair.to_bytes());
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&both[..32]);
        seed
    }

    pub(crate) fn keypair(&self) -> Keypair {
        self.keypair.clone()
    }
}

/// The peer id of an ed25519 public key (32 bytes), as the registry stores it. Bytes that are no point on the curve
/// give a peer id that nobody can own.
#[must_use]
pub fn peer_id_from_public_key(public_key: &[u8; 32]) -> PeerId {
    let encoded = [&ED25519_PREFIX[..], public_key].concat();
    let multihash = Multihash::wrap(IDENTITY_HASH, &encoded).expect("36 bytes fit a multihash of 64");
    PeerId::from_multihash(multihash).expect("an identity multihash of at most 42 bytes is a peer id")
}

/// The ed25519 public key inside a peer id; `None` for other kinds of key.
#[must_use]
pub fn public_key_of(peer: &PeerId) -> Option<[u8; 32]> {
    let multihash = peer.as_ref();
    if multihash.code() != IDENTITY_HASH {
        return None;
    }
    multihash.digest().strip_prefix(&ED25519_PREFIX)?.try_into().ok()
}

#[cfg(test)]
mod tests;
