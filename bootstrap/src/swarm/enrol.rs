//! Taking keepers into the network, in the way that anybody would: keys, coins, registration.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::keepers::{Keeper, Setting, binary};
use super::{Swarm, network};

/// Which run of the first job is certified wrong: one that settles when all others are under way.
pub(super) const WRONG_RUN: u64 = 2;

impl Swarm {
    /// The last keepers run the program that signs two results, as many as the options say.
    pub(super) fn choose_equivocators(&mut self) -> Result<()> {
        let honest = self.keepers.len().saturating_sub(usize::from(self.options.equivocate.unwrap_or(0)));
        for keeper in self.keepers.iter_mut().skip(honest) {
            keeper.run_with(binary("keeper-equivocate")?);
            self.equivocators.push(keeper.operator());
        }
        Ok(())
    }

    /// The last keepers run the program that says something wrong of one run, as many as the options say; the others stake so
    /// little that those are a quorum. Before the first epoch.
    pub(super) async fn choose_wrong(&mut self) -> Result<()> {
        let Some(wrong) = self.options.wrong_result else { return Ok(()) };
        let honest = self.keepers.len().saturating_sub(usize::from(wrong));
        let percent = self.options.honest_percent();
        for (place, keeper) in self.keepers.iter_mut().enumerate() {
            if place < honest {
                keeper.stake(percent).await?;
            } else {
                keeper.run_with(binary("keeper-equivocate")?);
                keeper.set("KEEPER_WRONG_RUN", &WRONG_RUN.to_string());
                self.wrong.push(keeper.operator());
            }
        }
        Ok(())
    }

    /// Makes keepers with keys, coins and a registration, without starting them.
    ///
    /// # Errors
    /// When the CLI or the chain refuses.
    pub async fn register(&mut self, names: &[String]) -> Result<()> {
        let mut created = tokio::task::JoinSet::new();
        for name in names {
            let (setting, name) = (Arc::clone(&self.setting), name.clone());
            created.spawn(async move { Keeper::create(setting, &name).await });
        }
        let mut keepers = created.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        keepers.sort_by_key(|keeper| (keeper.name().len(), keeper.name().to_owned()));
        let calm = self.calm().await;
        network::fund_all(&self.anvil, keepers.iter().map(Keeper::operator)).await?;
        if let Some(eigenlayer) = &self.eigenlayer {
            eigenlayer.enrol(keepers.iter().map(Keeper::operator)).await?;
        }
        let mut registered = tokio::task::JoinSet::new();
        for keeper in keepers {
            registered.spawn(async move { keeper.register().await.map(|()| keeper) });
        }
        let mut keepers = registered.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        keepers.sort_by_key(|keeper| (keeper.name().len(), keeper.name().to_owned()));
        self.spare(calm).await?;
        self.keepers.append(&mut keepers);
        Ok(())
    }

    /// Makes a keeper with keys that works with another network file, neither registered nor started, nor counted among
    /// [`Self::keepers`].
    ///
    /// # Errors
    /// When the CLI refuses.
    pub async fn create_keeper(&self, name: &str, network: &Path) -> Result<Keeper> {
        let setting = Setting { network: network.to_owned(), ..Setting::clone(&self.setting) };
        Keeper::create(Arc::new(setting), name).await
    }

    /// Starts one more keeper the way a stranger would: keys, coins, registration, join. The mesh takes it into the next
    /// epoch by itself.
    ///
    /// # Errors
    /// When the CLI or the chain refuses.
    pub async fn add_keeper(&mut self) -> Result<&mut Keeper> {
        let keeper = self.enrol_keeper().await?;
        keeper.join()?;
        Ok(keeper)
    }

    /// As [`Self::add_keeper`], without the start.
    ///
    /// # Errors
    /// When the CLI or the chain refuses.
    pub async fn enrol_keeper(&mut self) -> Result<&mut Keeper> {
        // Names stay with their data directories, also of keepers that have left.
        let taken = |name: &String| self.directory().join(name).exists();
        let name = (1..=u16::MAX).map(|number| format!("keeper-{number}")).find(|name| !taken(name));
        let name = name.context("there are too many keepers")?;
        self.register(std::slice::from_ref(&name)).await?;
        self.keepers.last_mut().ok_or_else(|| anyhow!("{name} was not added"))
    }
}
