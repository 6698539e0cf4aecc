//! Health that needs no server: what the core's checks, the mesh and the machine come to, in one table of rules, and who is
//! told when it changes.
//!
//! | room | what |
//! |---|---|
//! | `rules.rs` | the table: every check, its severity, what to do |
//! | `watch.rs` | the checks about the mesh, the machine and the wallet |
//! | `runway.rs` | how long the wallet lasts |
//! | `alerts.rs` | the webhook |
//!
//! Nothing of the protocol reads any of this.

mod alerts;
pub mod rules;
mod runway;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use alloy::primitives::U256;
use consensus::time::Time;

pub use alerts::{Alert, Alerts};
pub use watch::{Machine, free_space};

use crate::heartbeat::MeshView;
use crate::view::{Check, View};
use runway::Runway;

/// A red check as it goes on.
#[derive(Debug, Clone, Copy)]
struct Streak {
    since: u64,
    failures: u32,
}

/// What the rules go by besides what they look at.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Wei below which the wallet is low.
    pub min_balance: Option<U256>,
    /// Where the data directory is, whose disk is looked at.
    pub datadir: PathBuf,
}

/// Completes what a keeper shows: the checks that the core does not make, and of every check since when it is red.
#[derive(Debug)]
pub struct Health {
    limits: Limits,
    alerts: Alerts,
    runway: Runway,
    streaks: BTreeMap<String, Streak>,
    /// What was read of the machine last, and when.
    machine: Option<(u64, Machine)>,
}

impl Health {
    /// Of a keeper that has just begun.
    #[must_use]
    pub fn new(limits: Limits, alerts: Alerts) -> Self {
        Self { limits, alerts, runway: Runway::default(), streaks: BTreeMap::new(), machine: None }
    }

    /// Completes the view that the core has made at `now`, in this machine's time. `mesh` is the newest picture of it.
    pub fn complete(&mut self, view: &mut View, mesh: &MeshView, now: Time) {
        self.note_wallet(view, now);
        let machine = self.read_machine(now);
        watch::check(view, mesh, (&machine, &self.limits, &self.alerts));
        let changes = self.count(&mut view.checks, now.seconds());
        for (check, status) in changes {
            self.alerts.tell(alert(view, &check, status, now.seconds()));
        }
    }

    fn note_wallet(&mut self, view: &mut View, now: Time) {
        if let Some(wallet) = &mut view.wallet
            && let Ok(balance) = wallet.balance_wei.parse()
        {
            self.runway.note(balance, now);
            wallet.spent_wei = self.runway.spent().to_string();
            wallet.runway_seconds = self.runway.seconds(now);
        }
    }

    /// The machine, looked at every ten seconds.
    fn read_machine(&mut self, now: Time) -> Machine {
        let tens = now.seconds() / 10;
        match self.machine {
            Some((at, machine)) if at == tens => machine,
            _ => {
                let machine = Machine::read(&self.limits.datadir);
                self.machine = Some((tens, machine));
                machine
            }
        }
    }

    /// Counts how long checks are red; which have turned, and how: `failing` or `resolved`.
    fn count(&mut self, checks: &mut BTreeMap<String, Check>, second: u64) -> Vec<(String, &'static str)> {
        let mut changes = Vec::new();
        for (name, check) in checks.iter_mut().filter(|(_, check)| !check.ok) {
            let streak = self.streaks.entry(name.clone()).or_insert_with(|| {
                changes.push((name.clone(), "failing"));
                Streak { since: second, failures: 0 }
            });
            streak.failures = streak.failures.saturating_add(1);
            (check.since, check.consecutive_failures) = (Some(streak.since), streak.failures);
        }
        // A check that is not made any more is red no longer either.
        self.streaks.retain(|name, _| {
            let is_red = checks.get(name).is_some_and(|check| !check.ok);
            if !is_red {
                changes.push((name.clone(), "resolved"));
            }
            is_red
        });
        changes
    }
}

fn alert(view: &View, name: &str, status: &'static str, at: u64) -> Alert {
    let check = view.checks.get(name);
    let rule = rules::rule(name);
    Alert {
        schema: 1,
        status,
        check: name.to_owned(),
        severity: rule.map_or("critical", |rule| rule.severity.name()),
        message: check.map(|check| check.message.clone()).unwrap_or_default(),
        help: rule.map_or(String::new(), |rule| rule.help.to_owned()),
        at,
        operator: view.operator.clone(),
        peer_id: view.peer_id.clone(),
        chain_id: view.network.chain_id,
        version: env!("CARGO_PKG_VERSION"),
    }
}

#[cfg(test)]
mod tests;
