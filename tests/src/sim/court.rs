//! The contract's half of disputes, in arithmetic of its own.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use consensus::bls::aggregate_keys;
use consensus::committee::Committee;
use consensus::dispute::{AgreedRuling, Answer};
use consensus::report::{Domain, Report};
use keeper::chain::{BroughtResult, DisputeLog, convert};

/// Blocks after its opening in which a ruling is taken.
const OPEN_BLOCKS: u64 = 2_000;

/// A dispute as the contract has it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) report: Report,
    from_epoch: u32,
    /// What was ruled, once it was.
    pub(super) ruled: Option<Answer>,
    enforced: bool,
}

/// All disputes, by number, and what has been logged of them and stands in no block yet.
#[derive(Debug, Default)]
pub(super) struct Court {
    pub(super) cases: BTreeMap<u64, Case>,
    logs: Vec<(u64, DisputeLog)>,
}

impl Court {
    /// Somebody disputes a report; the newest epoch has this number, the newest block that.
    pub(super) fn open(&mut self, report: Report, from_epoch: u32, block: u64) {
        let id = self.cases.len() as u64 + 1;
        self.cases.insert(id, Case { report, from_epoch, ruled: None, enforced: false });
        let deadline = block + OPEN_BLOCKS;
        self.logs.push((id, DisputeLog::Opened { report: Box::new(convert::report(&report)), deadline }));
    }

    /// A ruling is brought; what becomes of it.
    pub(super) fn rule(&mut self, ruling: &AgreedRuling, committees: &[Committee], domain: &Domain) -> BroughtResult {
        let refused = |reason: &str| BroughtResult::Refused { reason: reason.to_owned() };
        let Some(case) = self.cases.get_mut(&ruling.dispute) else { return refused("UnknownDispute") };
        if case.ruled.is_some() {
            return refused("WrongDisputeStatus");
        }
        if ruling.epoch < case.from_epoch {
            return refused("RulingEpoch");
        }
        let Some(committee) = committees.iter().find(|committee| committee.epoch() == ruling.epoch) else {
            return refused("UnknownEpoch");
        };
        if let Err(why) = verify(ruling, case.report.leaf(), committee, domain) {
            return refused(why);
        }
        let answer = ruling.answer;
        let upheld = answer != Answer { status: case.report.status, outcome_hash: case.report.outcome_hash };
        case.ruled = Some(answer);
        self.logs.push((ruling.dispute, DisputeLog::Ruled { upheld }));
        BroughtResult::Mined { tx: B256::ZERO }
    }

    /// The signers of what was ruled wrong are punished.
    pub(super) fn enforce(&mut self, id: u64) -> BroughtResult {
        let case = self.cases.get_mut(&id).filter(|case| case.ruled.is_some());
        match case.map(|case| std::mem::replace(&mut case.enforced, true)) {
            None => BroughtResult::Refused { reason: "WrongDisputeStatus".to_owned() },
            Some(true) => BroughtResult::AllPunished,
            Some(false) => BroughtResult::Mined { tx: B256::ZERO },
        }
    }

    /// What the next block holds of it.
    pub(super) fn take_logs(&mut self) -> Vec<(u64, DisputeLog)> {
        std::mem::take(&mut self.logs)
    }
}

/// At least 80 % of all stake, each signer once.
fn verify(ruling: &AgreedRuling, leaf: B256, committee: &Committee, domain: &Domain) -> Result<(), &'static str> {
    let members = committee.members();
    let rows: Option<Vec<_>> = ruling.signers.iter().map(|index| members.get(usize::from(index.0))).collect();
    let rows = rows.filter(|rows| rows.iter().all(|member| member.stake > 0)).ok_or("InvalidSigners")?;
    let total: u128 = members.iter().map(|member| member.stake).sum();
    let signed: u128 = rows.iter().map(|member| member.stake).sum();
    if signed * 10_000 < total * 8_000 {
        return Err("QuorumNotReached");
    }
    let key = aggregate_keys(&rows.iter().map(|member| member.key).collect::<Vec<_>>()).ok_or("InvalidSigners")?;
    let digest = domain.ruling_digest(ruling.epoch, ruling.dispute, leaf, ruling.answer);
    if ruling.signature.verify(digest.as_slice(), &key) { Ok(()) } else { Err("InvalidSignature") }
}
