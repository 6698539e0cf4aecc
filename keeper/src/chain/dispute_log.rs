//! What the Challenger logs of disputes.

use alloy::primitives::{Address, B256};
use alloy::rpc::types::Log;
use alloy::sol_types::{Error, SolEvent};
use contracts::terms::DisputeStatus;
use contracts::{Challenger, ReportLib};

use super::ChainEvent;

/// What happened to a dispute.
#[derive(Clone, Debug, PartialEq)]
pub enum DisputeLog {
    /// Somebody says that a certified report is wrong.
    Opened {
        /// The report.
        report: Box<ReportLib::Report>,
        /// The last block in which a ruling is taken.
        deadline: u64,
    },
    /// Another certificate of the report is held against its signers too.
    Joined,
    /// A quorum has said what the task gives.
    Ruled {
        /// Whether the report was wrong.
        upheld: bool,
    },
    /// Nobody ruled in time.
    Expired,
    /// A signer of a wrong report lost stake.
    Punished {
        /// Who.
        operator: Address,
    },
}

pub(super) const DISPUTES: [B256; 5] = [
    Challenger::DisputeOpened::SIGNATURE_HASH,
    Challenger::DisputeJoined::SIGNATURE_HASH,
    Challenger::DisputeRuled::SIGNATURE_HASH,
    Challenger::DisputeExpired::SIGNATURE_HASH,
    Challenger::WrongResultPunished::SIGNATURE_HASH,
];

/// # Errors
/// The log does not decode.
pub(super) fn decode(block: u64, topic: B256, log: &Log) -> Result<Option<ChainEvent>, Error> {
    let (id, event) = match topic {
        Challenger::DisputeOpened::SIGNATURE_HASH => {
            let event = Challenger::DisputeOpened::decode_log_validate(&log.inner)?.data;
            (event.disputeId, DisputeLog::Opened { report: Box::new(event.report), deadline: event.deadline })
        }
        Challenger::DisputeJoined::SIGNATURE_HASH => {
            (Challenger::DisputeJoined::decode_log_validate(&log.inner)?.data.disputeId, DisputeLog::Joined)
        }
        Challenger::DisputeRuled::SIGNATURE_HASH => {
            let event = Challenger::DisputeRuled::decode_log_validate(&log.inner)?.data;
            (event.disputeId, DisputeLog::Ruled { upheld: DisputeStatus::of(event.status) == DisputeStatus::Upheld })
        }
        Challenger::DisputeExpired::SIGNATURE_HASH => {
            (Challenger::DisputeExpired::decode_log_validate(&log.inner)?.data.disputeId, DisputeLog::Expired)
        }
        Challenger::WrongResultPunished::SIGNATURE_HASH => {
            let event = Challenger::WrongResultPunished::decode_log_validate(&log.inner)?.data;
            (event.disputeId, DisputeLog::Punished { operator: event.operator })
        }
        _ => return Ok(None),
    };
    Ok(Some(ChainEvent::Dispute { block, id, event }))
}
