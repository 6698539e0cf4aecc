//! The files and the chain of a real keeper, under the steps of a newcomer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result};

use super::{Ground, Standing};
use crate::cli::chain::Chain;
use crate::cli::operator::{enroll, read_registration};
use crate::cli::{Global, NodeFlags, init};
use crate::config::read_capped;
use crate::keystore::{Error, Keystore, Password, Strength, write_private};

/// Between two looks at an account.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the chain is waited for before the walk goes on without it.
const PATIENCE: Duration = Duration::from_secs(15);

/// A data directory and its network.
pub(super) struct Place {
    global: Global,
    node: NodeFlags,
    password: Option<Password>,
}

impl Place {
    pub(super) fn new(global: Global, node: NodeFlags) -> Self {
        Self { global, node, password: None }
    }

    /// What the walk came to.
    pub(super) fn leave(self) -> (Global, Option<Password>) {
        (self.global, self.password)
    }

    fn keystore(&self) -> Result<Keystore> {
        Ok(Keystore::at(&self.global.paths()?.keystores()))
    }

    async fn look(&self, operator: Address) -> Result<Standing> {
        let chain = Chain::connect(&self.global, &self.global.settings()?).await?;
        if read_registration(&chain, operator).await?.registered {
            return Ok(Standing::Registered);
        }
        let (has, needs) = chain.purse(operator).await?;
        Ok(if has < needs { Standing::Poor { has, needs } } else { Standing::Able })
    }
}

impl Ground for Place {
    fn network(&self) -> Result<Option<PathBuf>> {
        Ok(self.node.settings(&self.global)?.network)
    }

    fn name_network(&mut self, file: &Path) -> Result<()> {
        let (config, _) = init::make(&self.global)?;
        let text = read_capped(&config).with_context(|| format!("could not read {}", config.display()))?;
        let value = toml::Value::String(file.display().to_string());
        write_private(&config, format!("{}\n\nnetwork = {value}\n", text.trim_end()).as_bytes())?;
        self.global.network = Some(file.to_owned());
        Ok(())
    }

    fn operator(&self) -> Result<Option<Address>> {
        match self.keystore()?.public() {
            Ok(keys) => Ok(Some(keys.operator)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn make_keys(&mut self) -> Result<Address> {
        init::make(&self.global)?;
        let password = self.global.password(&self.node.settings(&self.global)?, true)?;
        let _lock = self.global.paths()?.lock()?;
        let keystore = self.keystore()?;
        keystore.create(&password, Strength::Standard)?;
        self.password = Some(password);
        Ok(keystore.public()?.operator)
    }

    async fn standing(&mut self, operator: Address) -> Standing {
        match tokio::time::timeout(PATIENCE, Box::pin(self.look(operator))).await {
            Ok(Ok(standing)) => standing,
            Ok(Err(error)) => Standing::Unknown(format!("{error:#}")),
            Err(_) => Standing::Unknown(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn pause(&mut self) {
        tokio::time::sleep(PAUSE).await;
    }

    async fn register(&mut self) -> Result<u16> {
        let settings = self.node.settings(&self.global)?;
        let password = match self.password.take() {
            Some(password) => password,
            None => self.global.password(&settings, false)?,
        };
        let keys = self.keystore()?.open(&password)?;
        self.password = Some(password);
        let chain = Chain::connect(&self.global, &settings).await?;
        Ok(enroll(&self.global.paths()?, &chain, &keys).await?.index)
    }
}
