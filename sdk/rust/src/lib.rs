//! Jobs of Keeper Mesh in Rust.
//!
//! ```
//! use keeper_job::{Context, Decision, Job, call, chain, params, skip, sol};
//!
//! sol! {
//!     function balanceOf(address account) view returns (uint256 balance);
//!     function refill(address account);
//! }
//!
//! struct Refill;
//!
//! impl Job for Refill {
//!     fn run(context: &Context) -> Decision {
//!         let (token, account): (keeper_job::Address, keeper_job::Address) = params(context)?;
//!         if chain::view(token, &balanceOfCall { account })? > keeper_job::U256::from(1_000) {
//!             return skip("there is enough");
//!         }
//!         call(&refillCall { account })
//!     }
//! }
//!
//! keeper_job::export!(Refill);
//! ```
//!
//! A run is a pure function of its [`Context`] and of the chain at `context.reference`: there is no clock, no network, no file,
//! and nothing is kept from one run to the next. Whatever ends a run with `?` ends it in an error that all keepers see alike.

#[doc(hidden)]
pub mod bindings;
pub mod chain;
mod decision;
mod log;

pub use alloy_primitives::{Address, B256, Bytes, U256};
pub use alloy_sol_types::{self, SolCall, SolEvent, SolValue};
pub use bindings::keeper::job::types::{BlockReference, Context, LogEntry, Outcome, Trigger};
pub use decision::{Decision, Error, call, event, params, skip};

#[doc(hidden)]
pub use bindings::keeper::job::types::JobError;
#[doc(hidden)]
pub use bindings::{Guest, as_guest, export_world};

/// What the author of a job writes.
pub trait Job {
    /// Decides what a run does: [`call`], [`skip`], or an error.
    ///
    /// # Errors
    /// Of the job's own, or of a chain read.
    fn run(context: &Context) -> Decision;
}

/// Calls, answers and events of contracts as Solidity writes them: `sol! { function balanceOf(address account) view returns (uint256); }`
/// makes a type `balanceOfCall`, see [`alloy_sol_types::sol`].
#[macro_export]
macro_rules! sol {
    ($($solidity:tt)*) => {
        $crate::alloy_sol_types::sol! {
            #![sol(alloy_sol_types = $crate::alloy_sol_types)]
            $($solidity)*
        }
    };
}

/// Makes a type that is a [`Job`] the component's.
#[macro_export]
macro_rules! export {
    ($job:ty) => {
        struct KeeperJobGuest;

        impl $crate::Guest for KeeperJobGuest {
            fn run(
                context: $crate::Context,
            ) -> ::core::result::Result<$crate::Outcome, $crate::JobError> {
                $crate::as_guest::<$job>(&context)
            }
        }

        $crate::export_world!(KeeperJobGuest with_types_in $crate::bindings);
    };
}
