//! What is handed to the chain once a batch is certified.

use std::sync::Arc;

use crate::certificate::Certificate;
use crate::message::BatchKey;
use crate::report::Report;
use crate::session::{Attempt, Session};
use crate::sessions::Sessions;
use crate::settlement::Settlement;
use crate::task::Outcome;

/// The certificate with the most signers: those that came in since the quorum are worth their bytes.
pub(crate) fn best(first: &Arc<Certificate>, newer: Option<Certificate>) -> Certificate {
    let better = |newer: &Certificate| newer.reports == first.reports && newer.signers.count() > first.signers.count();
    newer.filter(better).unwrap_or_else(|| Certificate::clone(first))
}

/// The certificate with this keeper's outcomes; `None` if it did not come to the same ones itself.
pub(crate) fn settlement(
    key: BatchKey,
    attempt: u8,
    certificate: Certificate,
    (committee_size, takeover): (usize, bool),
    sessions: &Sessions,
) -> Option<Settlement> {
    let mut outcomes = Vec::with_capacity(certificate.reports.len());
    let mut code_hashes = Vec::with_capacity(certificate.reports.len());
    let mut callback_gas = Vec::with_capacity(certificate.reports.len());
    for certified in &certificate.reports {
        let session = sessions.get(&certified.task)?;
        outcomes.push(outcome(session, attempt, certified)?.clone());
        code_hashes.push(session.due().code_hash);
        callback_gas.push(session.due().callback_gas);
    }
    Some(Settlement { key, certificate, outcomes, code_hashes, callback_gas, committee_size, takeover })
}

fn outcome<'a>(session: &'a Session, attempt: u8, certified: &Report) -> Option<&'a Outcome> {
    match session.said(attempt, certified.input_set)? {
        Attempt::Reported { report, outcome } | Attempt::Refused { report, outcome } if report == certified => {
            Some(outcome)
        }
        _ => None,
    }
}
