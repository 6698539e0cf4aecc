//! News as they go to pages: a kind, and one JSON object that is written once for all of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Sight, key};
use crate::archive::{Change, Entry, result_of};

/// Most tasks named in one piece of news; the rest of a large batch is told by number.
const NAMED_MAX: usize = 32;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// `task`, `partial` or `certificate`.
    pub kind: &'static str,
    /// The object, on one line.
    pub data: Arc<str>,
}

impl News {
    fn new(kind: &'static str, data: &Value) -> Self {
        Self { kind, data: data.to_string().into() }
    }

    /// What happened to a task.
    pub(super) fn of_entry(entry: &Entry) -> Self {
        let (change, more) = match &entry.change {
            Change::Due { due } => ("due", json!({ "due": due })),
            Change::Started { attempt, anchor, leader } => {
                ("started", json!({ "attempt": attempt, "anchor": anchor, "leader": leader }))
            }
            Change::Ran { result, reason } => {
                ("ran", json!({ "result": crate::archive::word_of(result.as_ref().ok().copied()), "reason": reason }))
            }
            Change::Signed => ("signed", json!({})),
            Change::Certified => ("certified", json!({})),
            Change::Sent => ("sent", json!({})),
            Change::Paid { gas } => ("paid", json!({ "gas": gas })),
            Change::Settled(settled) => (
                "settled",
                json!({
                    "block": settled.block, "submitter": settled.submitter, "delivered": settled.delivered,
                    "result": result_of(settled.status), "seconds_late": settled.seconds_late,
                }),
            ),
            Change::Undelivered { why } => ("undelivered", json!({ "reason": why })),
            Change::Ineligible { reason } => ("ineligible", json!({ "reason": reason })),
            Change::Refused { why } => ("refused", json!({ "reason": why })),
            Change::Voices { words } => ("voices", json!({ "words": words })),
            Change::Reopened => ("reopened", json!({})),
            Change::Expired => ("expired", json!({})),
        };
        let mut data =
            json!({ "key": key(&entry.task), "job": entry.task.job.0, "at_ms": entry.at.0, "change": change });
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        Self::new("task", &data)
    }

    /// What was seen of a batch; outcomes are asked for when they are looked at.
    pub(super) fn of_sight(sight: &Sight) -> Option<Self> {
        match sight {
            Sight::Heard { tasks, keeper, abstains, at } => {
                let named: Vec<String> = tasks.iter().take(NAMED_MAX).map(key).collect();
                let data = json!({
                    "tasks": named, "count": tasks.len(), "keeper": keeper.0, "abstains": abstains, "at_ms": at.0,
                });
                Some(Self::new("partial", &data))
            }
            Sight::Certified { certificate, at } => {
                let reports = &certificate.reports;
                let named: Vec<String> = reports.iter().take(NAMED_MAX).map(|report| key(&report.task)).collect();
                let signers: Vec<u16> = certificate.signers.iter().map(|index| index.0).collect();
                let data = json!({
                    "tasks": named, "count": reports.len(), "epoch": certificate.epoch, "signers": signers, "at_ms": at.0,
                });
                Some(Self::new("certificate", &data))
            }
            Sight::Outcome { .. } => None,
        }
    }
}
