//! The dispute of a wrong result (`--wrong-result`): opened by an honest keeper's operator with the CLI that users have, as soon as
//! the result has settled.

use anyhow::{Context, Result};
use contracts::terms::DisputeStatus;
use contracts::{Challenger, network::Network};
use serde::Serialize;

use super::enrol::WRONG_RUN;
use super::{Swarm, slashing};

/// How disputes ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Disputes {
    /// Opened at all.
    pub opened: u64,
    /// Ruled: the result was wrong.
    pub upheld: u64,
    /// Ruled: the result was right.
    pub rejected: u64,
}

impl Swarm {
    /// Disputes the wrong result once it has settled, and looks whether those who certified it have been slashed.
    pub(super) async fn press_dispute(&mut self) -> Result<()> {
        if self.wrong.is_empty() || self.all_ruled_against {
            return Ok(());
        }
        if self.dispute.is_none() {
            return self.open_dispute().await;
        }
        let slashed = slashing::slashed(self.anvil.provider(), &self.deployed.network).await?;
        self.all_ruled_against = self.wrong.iter().all(|operator| slashed.contains_key(operator));
        Ok(())
    }

    async fn open_dispute(&mut self) -> Result<()> {
        let first = self.jobs.iter().map(|job| job.id).min().context("no jobs were listed")?;
        let is_it = |job: u64, run: u64| job == first && run == WRONG_RUN;
        if !self.follower.look(|ledger| ledger.settlements.iter().any(|each| is_it(each.job_id, each.run))) {
            return Ok(());
        }
        let (job, run) = (first.to_string(), WRONG_RUN.to_string());
        let keeper = self.keepers.first().context("there are no keepers")?;
        let calm = self.calm().await;
        let opened = keeper.run(["dispute", "open"], &["--json", "--job", &job, "--run", &run]).await;
        self.spare(calm).await?;
        match opened {
            Ok(answer) => {
                let answer: serde_json::Value = serde_json::from_str(&answer)?;
                self.dispute = answer["id"].as_u64();
                self.progress.say(&format!("run {run} of job {job} is certified wrong, and disputed"));
            }
            // Its node may be a block or two behind, or have lost only the answer: the next block brings another try.
            Err(error) => {
                self.dispute = Some(self.disputes().await?.opened).filter(|opened| *opened > 0);
                self.progress.say(&format!("the command to dispute the wrong result failed: {error:#}"));
            }
        }
        Ok(())
    }

    /// How disputes stand on chain.
    pub(super) async fn disputes(&self) -> Result<Disputes> {
        let Network { contracts, .. } = &self.deployed.network;
        let challenger = Challenger::new(contracts.challenger, self.anvil.provider());
        let opened = challenger.disputeCount().call().await.context("reading the disputes")?;
        let mut disputes = Disputes { opened, ..Disputes::default() };
        for id in 1..=opened {
            match DisputeStatus::of(challenger.dispute(id).call().await.context("reading a dispute")?.status) {
                DisputeStatus::Upheld => disputes.upheld += 1,
                DisputeStatus::Rejected => disputes.rejected += 1,
                DisputeStatus::None | DisputeStatus::Open | DisputeStatus::Expired => {}
            }
        }
        Ok(disputes)
    }
}
