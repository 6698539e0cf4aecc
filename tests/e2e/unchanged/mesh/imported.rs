//! What old registries kept goes on here: imported while they still kept it, performed once they do no more.

use alloy::primitives::keccak256;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail, ensure};
use tests::unchanged::abi::{AutomationRegistry, Tally};
use tests::unchanged::{Automate, Check, Contract, Due, Registry, Version, counter, log_counter, resolvers};

use super::{IMPORTED_RUNS, Kept, Listed, Mesh, listed};
use crate::unchanged::registered;

/// What a registry answers about an upkeep while it is paused.
const REGISTRY_PAUSED: u8 = 9;

impl Mesh {
    /// Two upkeeps of each registry, which is paused then, and a task of Gelato's, which is ended.
    pub(super) async fn import(&mut self) -> Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for version in [Version::V2_1, Version::V2_3] {
            kept.extend(self.import_from(version).await.with_context(|| format!("{version:?}"))?);
        }
        kept.push(self.import_task().await?);
        Ok(kept)
    }

    async fn import_from(&mut self, version: Version) -> Result<Vec<Kept>> {
        let registry = Registry::start(&mut self.workshop, version).await?;
        let address = registry.address.to_string();
        let contracts = [counter(&mut self.workshop).await?, log_counter(&mut self.workshop).await?];
        let (mut ids, mut kept) = (Vec::new(), Vec::new());
        for contract in contracts {
            let id = registry.register(&mut self.workshop, &registered(&contract)).await?;
            ids.push(id);
            let id = id.to_string();
            let mut flags = vec!["chainlink-upkeep", "--registry", &address, "--id", &id];
            let most = IMPORTED_RUNS.to_string();
            if matches!(contract.due, Due::Log { .. }) {
                flags.extend(["--most-runs", &most]);
            }
            let job = self.import_as_shown(&contract, &flags).await?;
            kept.push(Kept { contract, job: job.id, before: 0, stirred: None });
        }
        registry.act(&mut self.workshop, &AutomationRegistry::pauseCall {}).await?;
        let reader = AutomationRegistry::new(registry.address, self.provider.clone());
        for (id, each) in ids.into_iter().zip(&mut kept) {
            if matches!(each.contract.due, Due::Condition { .. }) {
                let checked = reader.checkUpkeep(id).call().await?;
                ensure!(!checked.needed && checked.why == REGISTRY_PAUSED, "it would be performed: {}", checked.why);
            }
            each.before = each.contract.performed(&self.provider).await?;
            self.stir_once(&each.contract).await?;
        }
        Ok(kept)
    }

    async fn import_task(&mut self) -> Result<Kept> {
        let contract = resolvers(&mut self.workshop).await?.remove(0);
        let Check::Resolver { resolver, call } = contract.check.clone() else { bail!("no resolver") };
        let automate = Automate::real(&mut self.workshop).await?;
        let modules = [Automate::resolver(resolver, call), (Automate::PROXY, Vec::new())];
        let task = automate.create(&mut self.workshop, contract.target, Tally::tickCall::SELECTOR, &modules).await?;
        let (address, id) = (automate.address.to_string(), task.to_string());
        let job = self.import_as_shown(&contract, &["gelato-task", "--automate", &address, "--task-id", &id]).await?;
        automate.cancel(&mut self.workshop, task).await?;
        Ok(Kept { contract, job: job.id, before: 0, stirred: None })
    }

    /// Lists what a dry run has shown, once its address is let in: that one calls, and so much is set aside, as nobody names another
    /// amount.
    async fn import_as_shown(&mut self, contract: &Contract, flags: &[&str]) -> Result<Listed> {
        let salt = keccak256(flags.join(" ")).to_string();
        let flags = [flags, &["--salt", &salt]].concat();
        let shown = self.verb("import", &flags).await?;
        ensure!(shown["sent"] == false && shown["first_run"].is_object(), "{shown}");
        // Gas may have become dearer by a little in between.
        let paid: u64 = shown["runs_paid"].as_str().context("no runs")?.parse()?;
        ensure!(paid + 1 >= 10, "{shown}");
        self.admit(contract, shown["forwarder"].as_str().context("no forwarder")?.parse()?).await?;
        let made = self.verb("import", &[&flags[..], &["--broadcast"]].concat()).await?;
        ensure!(made["sent"] == true && made["can_pay"] == true, "{made}");
        for field in ["forwarder", "fee", "trigger", "action"] {
            ensure!(made[field] == shown[field], "{field}: {shown} {made}");
        }
        listed(&made)
    }
}
