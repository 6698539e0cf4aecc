//! What a keeper shows of itself, made from its state when somebody is to be shown.

use consensus::time::Time;

use super::Core;
use super::house::is_live;
use crate::jobs::{Activity, Job};
use crate::view::{EpochView, HeadView, JobView, NetworkView, View};

impl Core {
    /// The keeper as it stands at `now`.
    #[must_use]
    pub fn view(&self, now: Time) -> View {
        let leader = |ahead| {
            let window = self.engine.window(now, ahead)?;
            window.committee.member(*window.order.first()?).map(|member| member.operator.to_string())
        };
        let committee = self.engine.committee();
        let epoch = committee.map(|(committee, index)| EpochView {
            number: committee.epoch(),
            size: committee.size(),
            index: index.map(|index| index.0),
        });
        let head = self.engine.head();
        let mut view = View {
            peer_id: self.about.peer_id.clone(),
            operator: self.about.operator.to_string(),
            network: NetworkView { chain_id: self.about.chain_id, domain: self.about.domain.clone() },
            listen: self.listeners.clone(),
            peers: self.peers.count(),
            head: head.map(|head| HeadView { number: head.number, timestamp: head.timestamp }).unwrap_or_default(),
            epoch: epoch.unwrap_or_default(),
            window: self.about.pace.window_at(now),
            leader: leader(0).unwrap_or_default(),
            next_leader: leader(1).unwrap_or_default(),
            jobs: self.book.jobs().map(|job| self.job_view(job, self.chain_time(now))).collect(),
            runs: self.history.views(self.chain_time(now).seconds()).into(),
            missed: self.history.missed(),
            ..View::default()
        };
        self.add_checks(&mut view, now);
        view
    }

    /// How many of the connected peers are members of a committee.
    #[must_use]
    pub fn members_connected(&self) -> usize {
        self.peers.keys().filter(|&peer| self.engine.is_member(peer)).count()
    }

    fn job_view(&self, job: &Job, now: Time) -> JobView {
        let state = job.state();
        let code = self.codes.get(job.id);
        let trigger = state.plan.as_ref().ok().map(|plan| &plan.trigger);
        let next = trigger.filter(|_| is_live(job, now)).and_then(|trigger| trigger.first(now.seconds()));
        JobView {
            id: job.id,
            version: state.version,
            trigger: trigger.map(|trigger| trigger.to_string()).unwrap_or_default(),
            action: job.terms().map(|terms| terms.action.name().to_owned()).unwrap_or_default(),
            status: match state.activity {
                Activity::Active => "active",
                Activity::PausedFrom(_) => "paused",
                Activity::CancelledFrom(_) => "cancelled",
            }
            .to_owned(),
            next_due: next.map(|run| run.due),
            last_result: self.history.last_result(job.id).unwrap_or_default().to_owned(),
            ready: state.can_pay && matches!(code, Some(Ok(()))),
            reason: match (code, &state.plan) {
                (_, Err(why)) => why.to_string(),
                _ if !state.can_pay => "it cannot pay for a run: `keeper job show` says what one costs".to_owned(),
                (Some(Ok(())), _) => String::new(),
                (Some(Err(why)), _) => why.clone(),
                (None, _) => "its code is being fetched".to_owned(),
            },
        }
    }
}
