//! Who a verb acts for: without `--broadcast` its calls are only tried, with it they are sent.

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result};
use clap::Args;

use super::sender::tried;
use super::{Chain, Sender};
use crate::chain::{ChainProvider, Receipt};
use crate::cli::Global;
use crate::config::Settings;
use crate::keystore::{Account, Keystore};

/// Whether a verb sends what it has tried.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Broadcast {
    /// Send it: without this a node only tries the call, and what would happen is shown
    #[arg(long)]
    broadcast: bool,
}

/// Whose a verb's calls are.
pub(in crate::cli) enum Key {
    /// Known by its address, which needs no password.
    Closed(Address),
    /// Ready to sign.
    Open(Account),
}

/// An account, and what is done with calls from it.
pub(in crate::cli) enum Actor {
    /// They are tried.
    Dry(ChainProvider, Address),
    /// They are sent.
    Sends(Box<Sender>),
}

/// What became of a call.
pub(in crate::cli) enum Done {
    /// It would succeed, and take so much gas.
    Tried(u64),
    /// It succeeded.
    Sent(Box<Receipt>),
}

impl Broadcast {
    /// Whether it does.
    pub(in crate::cli) const fn is_asked(self) -> bool {
        self.broadcast
    }

    /// The wallet; opened, which needs its password, only where something is to be sent.
    pub(in crate::cli) fn key(self, global: &Global, settings: &Settings) -> Result<Key> {
        let keystore = Keystore::at(&global.paths()?.keystores());
        if !self.broadcast {
            return Ok(Key::Closed(keystore.wallet_address()?));
        }
        let password = global.password(settings, false)?;
        Ok(Key::Open(keystore.open_wallet(&password)?))
    }
}

impl Key {
    /// The account.
    pub(in crate::cli) fn address(&self) -> Address {
        match self {
            Self::Closed(address) => *address,
            Self::Open(wallet) => wallet.address(),
        }
    }

    /// What acts for it on a chain. It must hold enough coin for one verb, see [`Chain::sender`].
    pub(in crate::cli) async fn on(self, chain: &Chain) -> Result<Actor> {
        Ok(match self {
            Self::Closed(account) => {
                chain.check_balance(account).await?;
                Actor::Dry(chain.provider.clone(), account)
            }
            Self::Open(wallet) => Actor::Sends(Box::new(chain.sender(wallet).await?)),
        })
    }
}

impl Actor {
    /// The account.
    pub(in crate::cli) fn account(&self) -> Address {
        match self {
            Self::Dry(_, account) => *account,
            Self::Sends(sender) => sender.account,
        }
    }

    /// Tries a call, and sends it if that is what was asked for. `what` names it in errors.
    pub(in crate::cli) async fn act(&self, what: &str, to: Address, call: &impl SolCall, value: U256) -> Result<Done> {
        match self {
            Self::Sends(sender) => Ok(Done::Sent(Box::new(sender.send(what, to, call, value).await?))),
            Self::Dry(reader, account) => {
                let request = TransactionRequest::default()
                    .with_from(*account)
                    .with_to(to)
                    .with_input(call.abi_encode())
                    .with_value(value);
                let gas = tried(reader, request, BlockId::latest()).await;
                Ok(Done::Tried(gas.with_context(|| format!("could not {what}"))?))
            }
        }
    }
}
