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

/// What the chain says of the operator, as far as that matters.
pub(super) struct Known {
    /// Whether it was ever registered.
    pub(super) registered: bool,
    /// The block that an empty journal in place of a lost one must begin above.
    pub(super) floor: Option<u64>,
}

/// Waits until the chain nodes answer with the right contracts, and tells what they know of the operator. What cannot mend itself, such as a wrong chain, is an error; a node that is down is waited for, with the
/// reason shown by `/ready` and `keeper status`.
pub(super) async fn reach(
    rpc: &Rpc,
    chain: &ChainConfig,
    setup: &Setup,
    view: &watch::Sender<Arc<View>>,
) -> Result<Known> {
    let mut pause = Duration::from_millis(250);
    loop {
        let reached = async {
            chain::reach(rpc, chain).await?;
            // Asked only where the answer would make a lost journal a new one.
            if setup.paths.journal().exists() {
                return Ok(Known { registered: true, floor: None });
            }
            let now = crate::driver::now().seconds();
            let operator = setup.keys.wallet.address();
            let registered = match chain::was_registered(rpc, chain, operator, now).await {
                // The operator's own word stands for what the nodes cannot tell; it is on the safe side of both.
                Err(ChainError::Undecided(_)) if setup.accept_empty_journal => true,
                answer => answer?,
            };
            let floor = match registered && setup.accept_empty_journal {
                true => Some(chain::highest(rpc, chain, now).await?),
                false => None,
            };
            Ok(Known { registered, floor })
        };
        match reached.await {
            Ok(known) => return Ok(known),
            Err(
                error @ (ChainError::MissingContract { .. }
                | ChainError::WrongDomain { .. }
                | ChainError::WrongChainId(_)),
            ) => return Err(error.into()),
            Err(error) => {
                let why = rpc.masked(&error.to_string());
                tracing::warn!(error = why, "the chain cannot be reached yet; trying again");
                view.send_modify(|view| Arc::make_mut(view).set_check("chain", false, why));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
