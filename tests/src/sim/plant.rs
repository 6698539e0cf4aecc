//! Bugs planted on purpose, for the simulator to find: proof that it would find them. Each breaks one of the laws that
//! an engine is given when it is made; nothing of them is in a shipped program (tests/layers.sh looks).

use std::sync::Arc;

use consensus::Laws;
use consensus::committee::{Committee, KeeperIndex, QUORUM_BPS};

/// How many blocks late [`Plant::StaleEpoch`] uses a new committee.
const STALE_BLOCKS: u64 = 3;

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
    /// A keeper that stands against more stake than agrees with it goes on signing.
    TableRootIgnored,
    /// The loop drops an order now and then (planted in the simulator's loop).
    OrderDropped,
    /// Two runs under way get each other's results (planted in the simulator's loop).
    AnswerOfAnotherRun,
    /// A task stays due when the block is orphaned in which it was seen.
    KeepsOrphaned,
    /// What a keeper sees while it catches up with the chain it forgets.
    ForgetsWaiting,
    /// No block number is searched for logs twice (planted in the simulator's loop).
    SearchesOnce,
    /// A log makes its job due without the blocks on top that the job asks for (planted in what the watcher tells).
    ShallowLogs,
    /// What any keeper saw is decided on, however little stake it has.
    SmallSets,
    /// A partial that went straight is never gossiped, whatever comes of it.
    NeverFallsBack,
    /// Partials that came straight count without a look at their sum.
    BelievesSums,
    /// Whatever condition a leader lists is taken to have held where it says (planted in the simulator's runs).
    BelievesLeaders,
}

/// All of them.
pub const ALL: [Plant; 21] = [
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
    Plant::KeepsOrphaned,
    Plant::ForgetsWaiting,
    Plant::SearchesOnce,
    Plant::ShallowLogs,
    Plant::BelievesLeaders,
    Plant::SmallSets,
    Plant::NeverFallsBack,
    Plant::BelievesSums,
];

impl Plant {
    /// The name on the command line.
    #[must_use]
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
            Self::KeepsOrphaned => "keeps-orphaned",
            Self::ForgetsWaiting => "forgets-waiting",
            Self::SearchesOnce => "searches-once",
            Self::ShallowLogs => "shallow-logs",
            Self::BelievesLeaders => "believes-leaders",
            Self::SmallSets => "small-sets",
            Self::NeverFallsBack => "never-falls-back",
            Self::BelievesSums => "believes-sums",
        }
    }

    /// The bug of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|plant| plant.name() == name)
    }
}

/// A keeper of an older version: it gossips what it says, however many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Old;

impl Laws for Old {
    fn goes_straight(&self, _: usize) -> bool {
        false
    }
}

/// The laws as a keeper with a bug has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planted {
    bug: Plant,
    keeper: usize,
}

impl Planted {
    /// Those of one keeper.
    pub(super) fn laws(bug: Plant, keeper: usize) -> Arc<dyn Laws> {
        Arc::new(Self { bug, keeper })
    }

    fn is(self, bug: Plant) -> bool {
        self.bug == bug
    }
}

impl Laws for Planted {
    fn epoch_block(&self, anchor: u64) -> u64 {
        anchor.saturating_sub(if self.is(Plant::StaleEpoch) { STALE_BLOCKS } else { 0 })
    }

    fn is_quorum(&self, committee: &Committee, stake: u128, quorum_bps: u16) -> bool {
        let one = committee.total_stake() / committee.size() as u128;
        let counted = if self.is(Plant::QuorumOffByOne) && stake > 0 { stake + one } else { stake };
        committee.is_quorum(counted, quorum_bps)
    }

    fn is_input_set(&self, committee: &Committee, stake: u128) -> bool {
        committee.is_quorum(stake, QUORUM_BPS) || (self.is(Plant::SmallSets) && stake > 0)
    }

    fn line(&self, mut drawn: Vec<KeeperIndex>) -> Vec<KeeperIndex> {
        if self.is(Plant::UnorderedLeaders) {
            let places = self.keeper % drawn.len().max(1);
            drawn.rotate_left(places);
        }
        drawn
    }

    fn silence_opens_a_stage(&self) -> bool {
        !self.is(Plant::SilentLeaderStalls)
    }

    fn awaits_journal(&self) -> bool {
        !self.is(Plant::SignBeforePersist)
    }

    fn holds(&self, verified: bool) -> bool {
        verified || self.is(Plant::UnverifiedPartials)
    }

    fn sum_holds(&self, verified: bool) -> bool {
        verified || self.is(Plant::BelievesSums)
    }

    fn falls_back(&self) -> bool {
        !self.is(Plant::NeverFallsBack)
    }

    fn counts_again(&self) -> bool {
        self.is(Plant::DuplicateSigner)
    }

    fn splits(&self) -> bool {
        !self.is(Plant::NoSingles)
    }

    fn heeds_doubt(&self) -> bool {
        !self.is(Plant::TableRootIgnored)
    }

    fn reopens(&self) -> bool {
        !self.is(Plant::NoReopening)
    }

    fn voids(&self) -> bool {
        !self.is(Plant::KeepsOrphaned)
    }

    fn tells_later(&self) -> bool {
        !self.is(Plant::ForgetsWaiting)
    }
}
