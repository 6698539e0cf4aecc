//! Bugs to plant: each turns one of the lane's decisions wrong.

use keeper::chain::lane::{RAISES_MAX, Rules, Sound};
use keeper::chain::refusal::{Kind, classify};

/// A bug that the simulator must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Fees are raised without end.
    RaiseWithoutEnd,
    /// Fees are raised for what no node has looked at.
    RaiseUnheld,
    /// A nonce below an open one stays unused.
    GapStays,
    /// What the ledger holds is sent again at the start, wanted or not.
    StaleRebroadcast,
    /// What a node refuses for good is sent again like after an outage.
    RefusalIsCrash,
    /// A transaction leaves before the ledger is written.
    SendBeforeWrite,
    /// A content that has a nonce gets a second one.
    SecondNonce,
    /// What a reorganisation took off the chain stays off.
    NoReopening,
}

/// All of them.
pub const ALL: &[Plant] = &[
    Plant::RaiseWithoutEnd,
    Plant::RaiseUnheld,
    Plant::GapStays,
    Plant::StaleRebroadcast,
    Plant::RefusalIsCrash,
    Plant::SendBeforeWrite,
    Plant::SecondNonce,
    Plant::NoReopening,
];

impl Plant {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RaiseWithoutEnd => "raise-without-end",
            Self::RaiseUnheld => "raise-unheld",
            Self::GapStays => "gap-stays",
            Self::StaleRebroadcast => "stale-rebroadcast",
            Self::RefusalIsCrash => "refusal-is-crash",
            Self::SendBeforeWrite => "send-before-write",
            Self::SecondNonce => "second-nonce",
            Self::NoReopening => "no-reopening",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|plant| plant.name() == name)
    }
}

/// The lane's decisions, all sound but the planted one.
pub(super) fn rules(plant: Option<Plant>) -> Box<dyn Rules> {
    plant.map_or_else(|| Box::new(Sound) as Box<dyn Rules>, |plant| Box::new(Planted(plant)))
}

#[derive(Debug)]
struct Planted(Plant);

impl Rules for Planted {
    fn kind(&self, words: &str) -> Kind {
        match classify(words) {
            Kind::Oversized | Kind::GasLimitTooHigh | Kind::IntrinsicGas | Kind::AboveNodeFeeCap
                if self.0 == Plant::RefusalIsCrash =>
            {
                Kind::PoolFull
            }
            kind => kind,
        }
    }

    fn may_raise(&self, raises: u32) -> bool {
        self.0 == Plant::RaiseWithoutEnd || raises < RAISES_MAX
    }

    fn raises_only_what_is_held(&self) -> bool {
        self.0 != Plant::RaiseUnheld
    }

    fn ignores_caps(&self) -> bool {
        self.0 == Plant::RaiseWithoutEnd
    }

    fn fills_gaps(&self) -> bool {
        self.0 != Plant::GapStays
    }

    fn asks_before_sending_again(&self) -> bool {
        self.0 != Plant::StaleRebroadcast
    }

    fn waits_for_disk(&self) -> bool {
        self.0 != Plant::SendBeforeWrite
    }

    fn reopens(&self) -> bool {
        self.0 != Plant::NoReopening
    }

    fn keeps_to_one_nonce(&self) -> bool {
        self.0 != Plant::SecondNonce
    }
}
