//! Showing how the keeper stands: to metrics, to the log, to the page, and to whoever watches the view.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Driver, now};
use crate::view::Check;

impl Driver {
    pub(super) fn show(&mut self) {
        let mut view = self.core.view(now());
        self.health.complete(&mut view, &self.services.pulse.picture(), now());
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.peers.get_or_create(&[("state", "connected")]).set(count(view.peers));
        self.metrics.executions_in_flight.set(count(self.runs.len()));
        self.metrics.ready.set(i64::from(view.ready));
        self.metrics.show_checks(&view.checks);
        self.metrics.health.show(&view, self.services.alerts.counts());
        self.metrics.roster.show(&view);
        tell_changes(&self.view.borrow().checks, &view.checks);
        self.services.scene.show(&view, self.core.engine().committee().map(|(committee, _)| committee));
        self.view.send_replace(Arc::new(view));
    }
}

/// Says which checks have turned red or have another cause, and which are fine again.
fn tell_changes(before: &BTreeMap<String, Check>, now: &BTreeMap<String, Check>) {
    for (name, check) in now {
        let was_ok = before.get(name).is_none_or(|before| before.ok);
        match (was_ok, check.ok) {
            (true, false) => tracing::warn!(check = name, why = check.message, "a check has failed"),
            (false, true) => tracing::info!(check = name, found = check.message, "a check is fine again"),
            _ => {}
        }
    }
}
