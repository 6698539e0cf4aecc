//! What of a receipt can be checked by itself: no chain is asked, and nobody's word taken.
//!
//! | field refused | it is not |
//! |---|---|
//! | `task.id`, `task.run` | what follows from job, version and instance |
//! | `terms`, `outcome.code_hash` | canonical terms of a job, with that code |
//! | `outcome.status`, `outcome.data`, `outcome.hash` | a status; what there is to be of it; the hash of the parts |
//! | `report` | the hash of task, anchor, input hash, status and outcome hash |
//! | `batch.proof`, `batch.digest` | a way from the report to the root; what is signed under root, epoch and domain |
//! | `committee.…` | a table whose rows hash to its root, in force at the anchor |
//! | `certificate.…` | a bitmap of rows with stake; their stake; a quorum; their signature on the digest |
//! | `run.…` | the run of this task, at this anchor, by these terms, with this outcome |

use alloy::primitives::Address;
use alloy::sol_types::SolValue;
use consensus::bls::{PublicKey, Signature};
use consensus::committee::{Committee, Member, PeerKey, QUORUM_BPS, SignerSet};
use consensus::merkle;
use contracts::IJobManager::JobParams;
use contracts::terms::Terms;

use super::{MemberPart, Receipt, table};
use crate::chain::convert::run_number;

/// Why a receipt does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field at fault, as the file has it; of what only fits together or not, the one that says how.
    pub field: String,
    /// What it says, and what it would have to say.
    pub why: String,
}

impl Refusal {
    /// Of a field, for a reason.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// What a receipt that holds has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// What the job asked for.
    pub terms: Terms,
    /// Who signed, by the table's rows.
    pub signers: Vec<Address>,
    /// Share of stake that signed, in hundredths of a percent, rounded down.
    pub signed_bps: u128,
}

/// Checks all of it.
///
/// # Errors
/// Every field at fault, in the order of the file.
pub fn check(receipt: &Receipt) -> Result<Proven, Vec<Refusal>> {
    let mut refused = Refused(Vec::new());
    refused.task(receipt);
    let terms = refused.terms(receipt);
    refused.outcome(receipt);
    refused.batch(receipt);
    let committee = refused.committee(receipt);
    let signed = match (&committee, &terms) {
        (Some(committee), Some(terms)) => refused.certificate(receipt, committee, terms.quorum_bps),
        _ => None,
    };
    if let Some(terms) = &terms {
        refused.run(receipt, terms);
    }
    match (refused.0.is_empty(), terms, committee, signed) {
        (true, Some(terms), Some(committee), Some(signers)) => {
            let operators =
                signers.iter().filter_map(|index| committee.member(index).map(|member| member.operator)).collect();
            let signed_bps = receipt.certificate.signed_stake * 10_000 / committee.total_stake();
            Ok(Proven { terms, signers: operators, signed_bps })
        }
        _ => Err(refused.0),
    }
}

struct Refused(Vec<Refusal>);

impl Refused {
    fn note(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.0.push(Refusal::new(field, why));
    }

    /// Notes a field that says something else than follows from the others.
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, field: &str, said: &T, follows: &T) {
        if said != follows {
            self.note(field, format!("it says {said:?}, and {follows:?} follows from the rest"));
        }
    }

    fn task(&mut self, receipt: &Receipt) {
        self.equal("task.id", &receipt.task.id, &receipt.task().id().0);
        self.equal("task.run", &receipt.task.run, &run_number(receipt.task.instance));
    }

    fn terms(&mut self, receipt: &Receipt) -> Option<Terms> {
        let params = JobParams::abi_decode(&receipt.terms).ok();
        let terms = params.as_ref().and_then(|params| Terms::try_from(params).ok());
        // Bytes that decode to the same and are others would be other terms with the same effect: there are none.
        let Some(terms) = terms.filter(|terms| terms.params().abi_encode()[..] == receipt.terms[..]) else {
            self.note("terms", "it is no job that this program knows");
            return None;
        };
        self.equal("outcome.code_hash", &receipt.outcome.code_hash, &terms.action.code_hash());
        Some(terms)
    }

    fn outcome(&mut self, receipt: &Receipt) {
        let part = &receipt.outcome;
        if super::status_of(&part.status).is_none() {
            return self.note("outcome.status", format!("{:?} is none of call, skip and error", part.status));
        }
        if let Some(outcome) = receipt.outcome() {
            return self.equal("outcome.hash", &part.hash, &outcome.hash(part.code_hash));
        }
        let is_bare = part.data.is_none() && part.state_after_root.is_none() && part.transcript_root.is_none();
        if part.status == "call" || !is_bare {
            self.note(
                "outcome.data",
                "data, state_after_root and transcript_root are there together, and always of a call",
            );
        }
    }

    fn batch(&mut self, receipt: &Receipt) {
        let Some(report) = receipt.report() else { return };
        let leaf = report.leaf();
        self.equal("report", &receipt.report, &leaf);
        let batch = &receipt.batch;
        if !merkle::verify(leaf, &batch.proof, batch.root) {
            self.note("batch.proof", format!("it does not lead from the report to the root {}", batch.root));
        }
        self.equal("batch.digest", &batch.digest, &receipt.domain().batch_digest(batch.epoch, batch.root));
    }

    fn committee(&mut self, receipt: &Receipt) -> Option<Committee> {
        let part = &receipt.committee;
        let mut members = Vec::with_capacity(part.members.len());
        for (index, MemberPart { operator, stake, bls_key }) in part.members.iter().enumerate() {
            match PublicKey::from_chain_bytes(bls_key) {
                // The mesh's keys are no part of what is shown here.
                Ok(key) => members.push(Member { operator: *operator, stake: *stake, peer_key: PeerKey([0; 32]), key }),
                Err(error) => self.note(format!("committee.members.{index}.bls_key"), error.to_string()),
            }
        }
        if members.len() != part.members.len() {
            return None;
        }
        let committee = Committee::new(receipt.batch.epoch, part.active_from, part.table_root, members);
        let committee = committee.map_err(|error| self.note("committee.members", error.to_string())).ok()?;
        self.equal("committee.total_stake", &part.total_stake, &committee.total_stake());
        match table::root(&committee, &part.key_chunks) {
            Some(root) => self.equal("committee.table_root", &part.table_root, &root),
            None => self.note("committee.key_chunks", "they do not fit the rows: there is one for every 64"),
        }
        if part.active_from > receipt.anchor.number {
            let anchor = receipt.anchor.number;
            let from = part.active_from;
            self.note("committee.active_from", format!("it is in force from block {from}, and the anchor is {anchor}"));
        }
        Some(committee)
    }

    fn certificate(&mut self, receipt: &Receipt, committee: &Committee, quorum_bps: u16) -> Option<SignerSet> {
        let part = &receipt.certificate;
        let set = SignerSet::from_bytes(&part.signers, committee.size());
        let known = set.and_then(|set| Some((set, committee.stake_of(&set)?, committee.key_of(&set)?)));
        let Some((set, stake, key)) = known else {
            self.note("certificate.signers", "it is no bitmap of rows with stake");
            return None;
        };
        self.equal("certificate.signed_stake", &part.signed_stake, &stake);
        if !committee.is_quorum(stake, quorum_bps) {
            let (total, least) = (committee.total_stake(), quorum_bps.max(QUORUM_BPS));
            self.note(
                "certificate.signers",
                format!("their stake of {stake} of {total} is less than {least} of 10000"),
            );
        }
        match Signature::from_bytes(&part.signature) {
            Ok(signature) if signature.verify(receipt.batch.digest.as_slice(), &key) => {}
            Ok(_) => self.note("certificate.signature", "it is not the signers' signature on the digest"),
            Err(error) => self.note("certificate.signature", error.to_string()),
        }
        Some(set)
    }

    /// Whether the run that is in it is that of its task. What it read, and what it used, a replay shows.
    fn run(&mut self, receipt: &Receipt, terms: &Terms) {
        let Some(tape) = &receipt.run else { return };
        let trial = &tape.trial;
        self.equal("run.chain_id", &trial.chain_id, &receipt.chain_id);
        self.equal("run.job", &*trial.terms, terms);
        self.equal("run.instance", &trial.task(), &receipt.task());
        self.equal(
            "run.anchor",
            &(trial.anchor.number, trial.anchor.hash),
            &(receipt.anchor.number, receipt.anchor.hash),
        );
        self.equal("run.end.outcome", &tape.ended.outcome, &receipt.outcome.status);
        if let Some(outcome) = receipt.outcome() {
            self.equal("run.end.data", &tape.ended.data, &outcome.data.to_vec());
            self.equal("run.end.transcript", &tape.ended.transcript, &outcome.transcript.0);
        } else {
            self.note("run", "the run is there, and what it gave is not in outcome");
        }
    }
}
