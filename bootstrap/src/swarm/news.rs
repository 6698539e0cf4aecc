//! One line of news a task, and where the page is.

use alloy::primitives::Address;
use contracts::terms::ended;

use super::Swarm;
use super::ledger::Settlement;

impl Swarm {
    /// Says where the page of the first keeper is, once that is known.
    pub(super) fn say_page(&self) {
        if let Some(page) = self.page() {
            self.progress.say(&format!("the page: {page}"));
        }
    }

    /// The address of the first keeper's page.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        let node = self.keepers.first()?.node().ok()?;
        Some(format!("http://{}/", node.api_addr))
    }

    /// Tells what has settled since the first `told` settlements; gives how many there are now. A reorganisation may have taken
    /// some back.
    pub(super) fn tell_news(&self, told: usize) -> usize {
        let settlements = self.follower.look(|ledger| ledger.settlements.clone());
        for each in settlements.iter().skip(told) {
            self.progress.say(&self.news(each));
        }
        settlements.len()
    }

    fn news(&self, each: &Settlement) -> String {
        let job = self.jobs.iter().find(|job| job.id == each.job_id);
        let (id, run) = (each.job_id, each.run);
        let name = job.map_or_else(|| format!("job {id}"), |job| format!("job {id} {}", job.name));
        let how = match each.status {
            ended::SKIP => "skipped",
            ended::JOB_ERROR => "ended in an error of its own",
            _ if each.delivered => "settled",
            _ => "settled, and its target did not take it",
        };
        let due = job.and_then(|job| job.due(run));
        let late = due.map_or_else(String::new, |due| {
            let late_ms = each.seen_ms.saturating_sub(due.saturating_mul(1_000));
            format!(", {}.{} s after due", late_ms / 1_000, late_ms % 1_000 / 100)
        });
        format!("{name} #{run} {how} in block {}{late}, brought by {}", each.block, self.named(each.submitter))
    }

    /// A keeper by its name, or the address of another account.
    pub(super) fn named(&self, operator: Address) -> String {
        let keeper = self.keepers.iter().find(|keeper| keeper.operator() == operator);
        keeper.map_or_else(|| operator.to_string(), |keeper| keeper.name().to_owned())
    }
}
