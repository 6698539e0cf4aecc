//! Who led which window, and what came of it.

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::Address;
use serde::Serialize;

use crate::view::TurnView;

/// Windows that are remembered.
const TURNS_MAX: usize = 240;

/// One window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Its number.
    pub window: u64,
    /// When it begins, in milliseconds of the chain's time.
    pub begins_ms: u64,
    /// When it ends.
    pub ends_ms: u64,
    /// Operators by stage: the first leads, the others take over in this order.
    pub line: Vec<Address>,
    /// Tasks due in it that each operator brought on chain.
    pub settled: BTreeMap<Address, u32>,
    /// Seconds that the latest of them came after it was due.
    pub seconds_late: u64,
}

/// The newest windows, in order.
#[derive(Debug, Default)]
pub(super) struct Turns(VecDeque<Turn>);

impl Turns {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        self.0.iter()
    }

    /// Takes in who leads now and next. An order that has changed since, because a turn was missed, is the right one.
    pub(super) fn show(&mut self, views: &[TurnView]) {
        for view in views {
            let line: Vec<Address> = view.line.iter().filter_map(|operator| operator.parse().ok()).collect();
            if let Some(known) = self.0.iter_mut().rev().find(|turn| turn.window == view.window) {
                known.line = line;
            } else if self.0.back().is_none_or(|newest| newest.window < view.window) {
                let TurnView { window, begins_ms, ends_ms, .. } = *view;
                let settled = BTreeMap::new();
                self.0.push_back(Turn { window, begins_ms, ends_ms, line, settled, seconds_late: 0 });
                if self.0.len() > TURNS_MAX {
                    self.0.pop_front();
                }
            }
        }
    }

    /// A task due at a moment in Unix seconds has settled; gives who was first to lead its window, where that is remembered.
    pub(super) fn settled(&mut self, due: u64, submitter: Address, seconds_late: u64) -> Option<Address> {
        let due_ms = due.saturating_mul(1_000);
        let turn = self.0.iter_mut().rev().find(|turn| (turn.begins_ms..turn.ends_ms).contains(&due_ms))?;
        *turn.settled.entry(submitter).or_default() += 1;
        turn.seconds_late = turn.seconds_late.max(seconds_late);
        turn.line.first().copied()
    }

    /// A settlement of a task due then is on chain no more.
    pub(super) fn undone(&mut self, due: u64, submitter: Address) {
        let due_ms = due.saturating_mul(1_000);
        let found = self.0.iter_mut().rev().find(|turn| (turn.begins_ms..turn.ends_ms).contains(&due_ms));
        let Some(turn) = found else { return };
        if let Some(tasks) = turn.settled.get_mut(&submitter) {
            *tasks = tasks.saturating_sub(1);
        }
        turn.settled.retain(|_, tasks| *tasks > 0);
        // How late the others were is not kept.
        if turn.settled.is_empty() {
            turn.seconds_late = 0;
        }
    }
}
