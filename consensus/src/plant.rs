//! Bugs planted on purpose, for the simulator to find: proof that it would find them. Compiled under the cargo feature
//! `simulation` alone, and asleep until [`plant`] is called, per thread.

use std::cell::Cell;

use crate::committee::KeeperIndex;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plant {
    /// The signature leaves before the journal has answered.
    SignBeforePersist,
    /// A crash loses the whole journal, and the keeper starts with an empty one (planted in the simulator's disk).
    ForgetJournal,
    /// A quorum may lack one keeper's stake.
    QuorumOffByOne,
    /// One signer's stake counts as often as its partial comes.
    DuplicateSigner,
    /// A new committee is used a few blocks late.
    StaleEpoch,
    /// Every keeper has a leader order of its own, as a hash map would give.
    UnorderedLeaders,
    /// A batch that failed is assigned again as it was.
    NoSingles,
    /// Nobody steps in for a leader that assigns nothing.
    SilentLeaderStalls,
    /// Partials count before their signatures are checked.
    UnverifiedPartials,
    /// A settlement that the chain undid stays settled for the keeper.
    NoReopening,
    /// What peers show of their operator sets counts for nothing.
    TableRootIgnored,
    /// The loop drops an order now and then (planted in the simulator's loop).
    OrderDropped,
    /// Two runs under way get each other's results (planted in the simulator's loop).
    AnswerOfAnotherRun,
}

/// All of them.
pub const ALL: [Plant; 13] = [
    Plant::SignBeforePersist,
    Plant::ForgetJournal,
    Plant::QuorumOffByOne,
    Plant::DuplicateSigner,
    Plant::StaleEpoch,
    Plant::UnorderedLeaders,
    Plant::NoSingles,
    Plant::SilentLeaderStalls,
    Plant::UnverifiedPartials,
    Plant::NoReopening,
    Plant::TableRootIgnored,
    Plant::OrderDropped,
    Plant::AnswerOfAnotherRun,
];

impl Plant {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignBeforePersist => "sign-before-persist",
            Self::ForgetJournal => "forget-journal",
            Self::QuorumOffByOne => "quorum-off-by-one",
            Self::DuplicateSigner => "duplicate-signer",
            Self::StaleEpoch => "stale-epoch",
            Self::UnorderedLeaders => "unordered-leaders",
            Self::NoSingles => "no-singles",
            Self::SilentLeaderStalls => "silent-leader-stalls",
            Self::UnverifiedPartials => "unverified-partials",
            Self::NoReopening => "no-reopening",
            Self::TableRootIgnored => "table-root-ignored",
            Self::OrderDropped => "order-dropped",
            Self::AnswerOfAnotherRun => "answer-of-another-run",
        }
    }

    /// The bug of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|plant| plant.name() == name)
    }
}

thread_local! {
    static PLANTED: Cell<Option<Plant>> = const { Cell::new(None) };
}

/// Plants a bug on this thread, or pulls it out again.
pub fn plant(bug: Option<Plant>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
pub fn is(bug: Plant) -> bool {
    PLANTED.get() == Some(bug)
}

/// [`Plant::UnorderedLeaders`]: the order as one keeper's hash map would have it.
pub(crate) fn scramble(order: &mut [KeeperIndex], salt: u8) {
    if is(Plant::UnorderedLeaders) {
        order.rotate_left(usize::from(salt) % order.len().max(1));
    }
}
