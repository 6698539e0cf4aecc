//! Waiting for the chain at the start.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::Result;
use tokio::sync::watch;

use crate::chain::{ChainConfig, ChainError, Registration, Rpc, constants, registration};
use crate::view::View;

/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Waits until a chain node answers with the right contracts. What cannot mend itself, such as a wrong chain, is an
/// error; a node that is down is waited for, with the reason shown by `/ready` and `keeper status`.
pub(super) async fn reach(
    rpc: &Rpc,
    chain: &ChainConfig,
    operator: Address,
    view: &watch::Sender<Arc<View>>,
) -> Result<Registration> {
    let provider = rpc.provider();
    let mut pause = Duration::from_millis(250);
    loop {
        let reached = async {
            constants(&provider, chain).await?;
            registration(&provider, chain.network.contracts.keeper_registry, operator).await
        };
        match reached.await {
            Ok(registration) => return Ok(registration),
            Err(error @ (ChainError::MissingContract { .. } | ChainError::WrongDomain { .. })) => {
                return Err(error.into());
            }
            Err(error) if rpc.counts().contains_key("wrong_chain_id") => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be reached yet; trying again");
                view.send_modify(|view| Arc::make_mut(view).set_check("chain", false, error.to_string()));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
