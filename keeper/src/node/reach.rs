//! Waiting for the chain at the start.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;

use super::Setup;
use crate::chain::{self, ChainConfig, ChainError, Constants, Rpc};
use crate::metrics::Liveness;
use crate::view::View;

/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often a sign of life is given while the chain is waited for.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// What the chain says of the operator, as far as that matters, and of the network.
pub(super) struct Known {
    /// Whether it was ever registered.
    pub(super) registered: bool,
    /// The block that an empty journal in place of a lost one must begin above.
    pub(super) floor: Option<u64>,
    /// What the contracts were deployed with.
    pub(super) constants: Constants,
}

/// Gives signs of life while `work` goes on: before the driver's loop there is nobody else to give them, and a keeper that waits
/// for its node is not to be ended for it.
pub(super) async fn alive_during<T>(liveness: &Liveness, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        liveness.tick();
        if let Ok(done) = tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
            return done;
        }
    }
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
            let constants = chain::reach(rpc, chain).await?;
            // Asked only where the answer would make a lost journal a new one, or where a journal is older than its key may be.
            let is_restored = setup.paths.restored().exists();
            if setup.paths.journal().exists() && !is_restored {
                return Ok(Known { registered: true, floor: None, constants });
            }
            let now = crate::driver::now().seconds();
            let operator = setup.keys.wallet.address();
            let registered = match chain::was_registered(rpc, chain, operator, now).await {
                // The operator's own word stands for what the nodes cannot tell; it is on the safe side of both.
                Err(ChainError::Undecided(_)) if setup.accept_empty_journal || is_restored => true,
                answer => answer?,
            };
            let floor = match registered && (setup.accept_empty_journal || is_restored) {
                true => Some(chain::highest(rpc, chain, now).await?),
                false => None,
            };
            Ok(Known { registered, floor, constants })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `/health` once answered 503 from ten seconds on, and supervisors ended keepers whose node was still starting.
    #[tokio::test]
    async fn whoever_waits_for_the_chain_is_alive() {
        let liveness = Liveness::started_ago(Duration::from_secs(60));
        let waiting = async {
            let mut silence = liveness.stalled_for();
            assert!(silence < Duration::from_secs(5), "from the first moment on");
            // Until there is another sign.
            while silence <= liveness.stalled_for() {
                silence = liveness.stalled_for();
                tokio::task::yield_now().await;
            }
            7
        };
        assert_eq!(alive_during(&liveness, waiting).await, 7);
    }
}
