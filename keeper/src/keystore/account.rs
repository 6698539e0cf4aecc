//! The key of the account that transactions are sent from: in a keystore here, or in the keeping of another program.

use std::path::Path;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::primitives::Address;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

use super::remote::Remote;
use super::{Error, Password, files, wallet};

/// Signs an account's transactions.
#[derive(Clone, Debug)]
pub enum Account {
    /// Its key is in this process.
    Here(PrivateKeySigner),
    /// Another program signs.
    Elsewhere(Remote),
}

impl Account {
    /// Opens what the file of a wallet holds. Nobody is asked where its key is elsewhere.
    pub(super) fn open(path: &Path, password: &Password) -> Result<Self, Error> {
        let text = files::read(path)?;
        match Remote::of(path, &text)? {
            Some(remote) => Ok(Self::Elsewhere(remote)),
            None => wallet::unlock(path, &text, password).map(Self::Here),
        }
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        match self {
            Self::Here(key) => key.address(),
            Self::Elsewhere(remote) => remote.address(),
        }
    }

    /// Signs a transaction. Where another program has the key this blocks until it has answered.
    ///
    /// # Errors
    /// The key cannot sign, or the program that has it does not; words for people.
    pub fn sign(&self, transaction: TxEip1559) -> Result<TxEnvelope, String> {
        match self {
            Self::Here(key) => {
                let signature = key.sign_hash_sync(&transaction.signature_hash());
                let signature = signature.map_err(|error| format!("the account's key cannot sign: {error}"))?;
                Ok(TxEnvelope::from(transaction.into_signed(signature)))
            }
            Self::Elsewhere(remote) => blocking(|| remote.sign(transaction)),
        }
    }
}

#[cfg(test)]
impl Account {
    /// The key itself; there is one in all tests but those of programs that have it.
    pub(super) fn key(&self) -> &PrivateKeySigner {
        match self {
            Self::Here(key) => key,
            Self::Elsewhere(remote) => panic!("{remote:?} has the key"),
        }
    }
}

impl From<PrivateKeySigner> for Account {
    fn from(key: PrivateKeySigner) -> Self {
        Self::Here(key)
    }
}

/// Runs what blocks so that other tasks go on, where there is a runtime that lets them.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let is_free = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_free { tokio::task::block_in_place(work) } else { work() }
}
