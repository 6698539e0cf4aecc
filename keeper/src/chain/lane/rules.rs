//! The decisions on which the lane's promises rest, each by itself, so that the simulator can plant a wrong one.

use crate::chain::refusal::{self, Kind};
use std::fmt::Debug;

/// Most raises of one content; then it waits for blocks to be cheaper, or its nonce goes to another.
pub const RAISES_MAX: u32 = 8;

/// What the lane decides by. Shipped programs use [`Sound`].
pub trait Rules: Debug + Send + Sync {
    /// What a node means.
    fn kind(&self, words: &str) -> Kind {
        refusal::classify(words)
    }

    /// Whether a content that was raised so often may be raised again.
    fn may_raise(&self, raises: u32) -> bool {
        raises < RAISES_MAX
    }

    /// Whether only what nodes hold, or refuse for its price, is offered more: others have not looked at the offer.
    fn raises_only_what_is_held(&self) -> bool {
        true
    }

    /// Whether what does not fit the fee policy may be offered all the same.
    fn ignores_caps(&self) -> bool {
        false
    }

    /// Whether a nonce below an open one that belongs to nothing is used up.
    fn fills_gaps(&self) -> bool {
        true
    }

    /// Whether a content is looked at before it is sent once more: at the start, after a reorganisation, before a raise.
    fn asks_before_sending_again(&self) -> bool {
        true
    }

    /// Whether a transaction leaves only when the ledger that knows it is on disk.
    fn waits_for_disk(&self) -> bool {
        true
    }

    /// Whether what a reorganisation took off the chain is taken up again.
    fn reopens(&self) -> bool {
        true
    }

    /// Whether a content that has a nonce waits for what becomes of it before it gets another.
    fn keeps_to_one_nonce(&self) -> bool {
        true
    }
}

/// The decisions as they should be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sound;

impl Rules for Sound {}
