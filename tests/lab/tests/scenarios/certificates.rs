//! What keepers have certified, by their own word: no two may say different things of one task at one block.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bootstrap::swarm::Swarm;
use bootstrap::swarm::ledger::Settlement;
use serde_json::Value;

/// Everything that any keeper has shown, by where it was said.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    /// Task, anchor and input set, and what was certified there.
    said: BTreeMap<String, String>,
    /// How many were looked at.
    pub(crate) seen: usize,
}

impl Certificates {
    /// Asks every keeper for its certificates of some tasks.
    ///
    /// # Errors
    /// Two that contradict each other.
    pub(crate) async fn collect(&mut self, swarm: &Swarm, tasks: &[Settlement]) -> Result<()> {
        for task in tasks {
            for keeper in &swarm.keepers {
                let route = format!("/api/v1/certificates/{}.1.{}", task.job_id, task.run);
                // One that was away keeps no certificate of what settled without it.
                let Ok(document) = keeper.get::<Value>(&route).await else { continue };
                for report in document["reports"].as_array().into_iter().flatten() {
                    self.enter(report)?;
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, report: &Value) -> Result<()> {
        let all = |names: &[&str]| names.iter().map(|name| report[name].to_string()).collect::<Vec<_>>().join(" ");
        let place = all(&["job_id", "job_version", "instance_key", "anchor_number", "anchor_hash", "input_hash"]);
        let said = all(&["status", "outcome_hash"]);
        self.seen += 1;
        match self.said.insert(place.clone(), said.clone()) {
            Some(before) if before != said => bail!("two results are certified at {place}: {before}, and {said}"),
            _ => Ok(()),
        }
    }
}
