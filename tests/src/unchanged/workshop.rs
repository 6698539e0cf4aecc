//! Deploys what `tests/unchanged/compile.mjs` has compiled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alloy::contract::RawCallBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, hex, utils::parse_ether};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionReceipt;
use anyhow::{Context, Result};
use bootstrap::swarm::anvil::mined;
use serde::Deserialize;

use super::Deed;
use crate::purse::Purse;

/// An account that owns others' contracts, and their code.
#[derive(Debug)]
pub struct Workshop {
    /// The chain.
    pub provider: DynProvider,
    /// Whoever deploys, and owns what it deploys.
    pub owner: Purse,
    shelf: PathBuf,
}

/// A file of the shelf.
#[derive(Deserialize)]
struct Compiled {
    /// Creation code, 0x-hex; with libraries' addresses missing it is no hex.
    code: String,
    /// Library, and what stands for its address.
    links: BTreeMap<String, String>,
}

impl Workshop {
    /// A workshop of an account that the chain signs for.
    ///
    /// # Errors
    /// When nobody has compiled the contracts.
    pub fn new(provider: DynProvider, owner: Address) -> Result<Self> {
        let shelf = std::env::var_os("UNCHANGED");
        let shelf = shelf.context(
            "UNCHANGED is not set: it names the folder of contracts that tests/run.sh unchanged compiles, so start that",
        )?;
        let owner = Purse::new(provider.clone(), owner);
        Ok(Self { provider, owner, shelf: shelf.into() })
    }

    /// Deploys a contract; `arguments` are its constructor's, encoded.
    ///
    /// # Errors
    /// When it was not compiled, needs a library, or its constructor refuses.
    pub async fn deploy(&mut self, name: &str, arguments: Vec<u8>) -> Result<Address> {
        self.deploy_with(name, arguments, &[]).await
    }

    /// The same with libraries.
    ///
    /// # Errors
    /// The same.
    pub async fn deploy_with(
        &mut self,
        name: &str,
        arguments: Vec<u8>,
        libraries: &[(&str, Address)],
    ) -> Result<Address> {
        let file = self.shelf.join(format!("{name}.json"));
        let text = std::fs::read(&file).with_context(|| format!("{} is not there", file.display()))?;
        let Compiled { mut code, links } = serde_json::from_slice(&text)?;
        for (library, placeholder) in links {
            let address = libraries.iter().find(|(name, _)| *name == library);
            let (_, address) = address.with_context(|| format!("{name} needs the library {library}"))?;
            code = code.replace(&placeholder, &hex::encode(address));
        }
        let code =
            [hex::decode(code).with_context(|| format!("{} holds no code", file.display()))?, arguments].concat();
        let call = RawCallBuilder::new_raw_deploy(&self.provider, code.into());
        let receipt = self.owner.send(name, &call).await?;
        receipt.contract_address.with_context(|| format!("{name} has no address"))
    }

    /// Makes a call from the owner's account.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn act(&mut self, what: &str, to: Address, data: impl Into<Bytes>) -> Result<TransactionReceipt> {
        let call = RawCallBuilder::new_raw(&self.provider, data.into()).to(to);
        self.owner.send(what, &call).await
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn perform(&mut self, what: &str, deed: &Deed) -> Result<TransactionReceipt> {
        self.act(what, deed.to, deed.data.clone()).await
    }

    /// Sends coins.
    ///
    /// # Errors
    /// When they are not taken.
    pub async fn give(&mut self, to: Address, wei: U256) -> Result<()> {
        let call = RawCallBuilder::new_raw(&self.provider, Bytes::new()).to(to).value(wei);
        self.owner.send("coins", &call).await?;
        Ok(())
    }

    /// Makes a call from an account that nobody has the key of.
    ///
    /// # Errors
    /// When the chain does not take it; whether it failed, the receipt says.
    pub async fn act_as(&self, from: Address, deed: &Deed, gas: u64) -> Result<TransactionReceipt> {
        let () = self.provider.raw_request("anvil_impersonateAccount".into(), [from]).await?;
        let () = self.provider.raw_request("anvil_setBalance".into(), (from, parse_ether("1")?)).await?;
        let request = deed.request().from(from).gas_limit(gas);
        let sent: B256 = *self.provider.send_transaction(request).await?.tx_hash();
        mined(&self.provider, sent, "a call of another's").await
    }
}
