//! Whether keepers can rule on a dispute at all: they run the task again at its block, and nodes without history forget the state there within
//! minutes. Whoever opens one learns it from their own nodes before the bond is sent.

use alloy::eips::BlockId;
use alloy::primitives::U256;
use contracts::{JobManager, ReportLib};

use crate::cli::chain::{Chain, coin};

/// Why keepers may not be able to rule on a report, and what to do about it; nothing where a node here has the state at its anchor.
pub(super) async fn doubt(chain: &Chain, report: &ReportLib::Report, bond: U256) -> Option<String> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let asked = manager.job(report.jobId).block(BlockId::hash_canonical(report.anchorHash)).call().await;
    let error = asked.err()?;
    Some(format!(
        "No node in rpc_urls has the chain's state at block {}, which the run is pinned to ({error}). If keepers' nodes have forgotten it too, \
         most of them cannot run the task again: then nobody rules, nobody is slashed, and the bond of {} stays in the contract until the \
         dispute's deadline. With a node in rpc_urls that keeps history you can look first what the run gives (`keeper audit {}`); with --yes \
         the dispute is opened all the same.",
        report.anchorNumber,
        coin(bond),
        report.jobId
    ))
}

#[cfg(test)]
mod tests;
