//! Waiting for the chain at the start.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;

use super::Setup;
use crate::chain::{self, ChainConfig, ChainError, Rpc};
use crate::view::View;

/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Waits until the chain nodes answer with the right contracts, and tells whether the operator was ever registered where
/// that matters, and the network's tip in wei. What cannot mend itself, such as a wrong chain, is an error; a node that is down is waited for, with the
/// reason shown by `/ready` and `keeper status`.
pub(super) async fn reach(
    rpc: &Rpc,
    chain: &ChainConfig,
    setup: &Setup,
    view: &watch::Sender<Arc<View>>,
) -> Result<(bool, u128)> {
    let mut pause = Duration::from_millis(250);
    loop {
        let reached = async {
            let tip = chain::reach(rpc, chain).await?.tip;
            // Asked only where the answer would make a lost journal a new one.
            if setup.paths.journal().exists() {
                return Ok((true, tip));
            }
            let operator = setup.keys.wallet.address();
            match chain::was_registered(rpc, chain, operator, crate::driver::now().seconds()).await {
                // The operator's own word stands for what the nodes cannot tell; it is on the safe side of both.
                Err(ChainError::Undecided(_)) if setup.accept_empty_journal => Ok((true, tip)),
                answer => answer.map(|registered| (registered, tip)),
            }
        };
        match reached.await {
            Ok(reached) => return Ok(reached),
            Err(
                error @ (ChainError::MissingContract { .. }
                | ChainError::WrongDomain { .. }
                | ChainError::WrongChainId(_)),
            ) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be reached yet; trying again");
                view.send_modify(|view| Arc::make_mut(view).set_check("chain", false, error.to_string()));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
