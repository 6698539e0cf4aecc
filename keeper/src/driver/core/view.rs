//! What a keeper shows of itself, made from its state when somebody is to be shown.

use std::collections::BTreeSet;

use consensus::anchor::BlockRef;
use consensus::committee::{Member, PeerKey};
use consensus::engine::WindowView;
use consensus::time::Time;

use super::Core;
use super::house::{SHOWN_AT_ONCE, is_live};
use crate::chain::NodeView;
use crate::chain::lane::{Account, UnderWay};
use crate::jobs::trigger::{Trigger, Watch};
use crate::jobs::{Activity, Job};
use crate::view::{
    AccountView, EpochView, HeadView, JobView, MemberView, NetworkView, Operator, RpcNodeView, TransactionView,
    TurnView, View,
};

/// Due moments of a job that are shown ahead, and how far ahead; where jobs are many, only the next one is.
const AHEAD_MAX: usize = 24;
const AHEAD_SECONDS: u64 = 24 * 3_600;
const YEAR_SECONDS: u64 = 366 * 24 * 3_600;
/// States of runs that have come to an end.
const ENDED: [&str; 4] = ["settled", "skipped", "job_error", "expired"];

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
            head: head.map(|head| head_view(&head)).unwrap_or_default(),
            epoch: epoch.unwrap_or_default(),
            time_ms: self.chain_time(now).0,
            window: self.about.pace.window_at(now),
            leader: leader(0).unwrap_or_default(),
            next_leader: leader(1).unwrap_or_default(),
            jobs: self.book.jobs().map(|job| self.job_view(job, self.chain_time(now))).collect(),
            runs: self.history.views(self.chain_time(now).seconds()).into(),
            missed: self.history.missed(),
            turns: self.turn_views(now),
            members: self.member_views(),
            nodes: self.readings.nodes.iter().map(node_view).collect(),
            account: self.account_view(),
            operators: self.operators(),
            ..View::default()
        };
        let second = self.chain_time(now).seconds();
        view.queue = view.runs.iter().filter(|run| run.due <= second && !ENDED.contains(&&*run.state)).count();
        self.add_checks(&mut view, now);
        view
    }

    /// Who is registered, with its row in the committee in force.
    fn operators(&self) -> Vec<Operator> {
        let committee = self.engine.committee().map(|(committee, _)| committee);
        let row = |key: [u8; 32]| committee.as_ref().and_then(|committee| committee.index_of(PeerKey(key)));
        let registered = self.admission.registered();
        registered
            .map(|(operator, peer_key)| Operator { operator, peer_key, index: row(peer_key).map(|row| row.0) })
            .collect()
    }

    /// How many of the connected peers are members of a committee.
    #[must_use]
    pub fn members_connected(&self) -> usize {
        self.peers.keys().filter(|&peer| self.engine.is_member(peer)).count()
    }

    /// The current window and the next one, and those who lead them.
    fn turn_views(&self, now: Time) -> Vec<TurnView> {
        let length = self.about.pace.window_seconds();
        let turn = |ahead| {
            let WindowView { window, order, committee } = self.engine.window(now, ahead)?;
            let begins_ms = window.saturating_mul(length).saturating_mul(1_000);
            let line = order.iter().filter_map(|&index| Some(committee.member(index)?.operator.to_string())).collect();
            Some(TurnView { window, begins_ms, ends_ms: begins_ms.saturating_add(length * 1_000), line })
        };
        (0..2).filter_map(turn).collect()
    }

    fn member_views(&self) -> Vec<MemberView> {
        let connected: BTreeSet<_> = self.peers.keys().collect();
        let committee = self.engine.committee().map(|(committee, _)| committee);
        let rows = committee.iter().flat_map(|committee| (0_u16..).zip(committee.members()));
        let member = |(index, member): (u16, &Member)| MemberView {
            index,
            operator: member.operator.to_string(),
            peer_id: p2p::peer_id_from_public_key(&member.peer_key.0).to_string(),
            stake: member.stake.to_string(),
            connected: connected.contains(&member.peer_key),
        };
        rows.map(member).collect()
    }

    fn account_view(&self) -> AccountView {
        let Account { open, waiting, oldest_seconds, mined, raises, .. } = self.readings.account;
        let refusal = self.readings.account.last_refusal.as_ref();
        let transaction = |under_way: &UnderWay| TransactionView {
            nonce: under_way.nonce,
            hash: under_way.offered.map(|(hash, _)| hash.to_string()),
            max_fee: under_way.offered.map(|(_, max_fee)| max_fee.to_string()),
            seconds: under_way.seconds,
        };
        AccountView {
            under_way: self.readings.account.under_way.iter().map(transaction).collect(),
            open,
            waiting,
            oldest_seconds,
            mined,
            raises,
            balance: self.wallet.map(|wallet| wallet.balance.to_string()),
            gas_price: self.wallet.map(|wallet| wallet.gas_price.to_string()),
            refusal: refusal.map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Why a job that could be run is not seen to be due.
    fn unseen(&self, job: &Job, now: Time) -> Option<String> {
        let state = job.state();
        if let Some(why) = self.lookout.troubles.of((job.id, state.version), now) {
            return Some(why.to_owned());
        }
        let head = self.engine.head()?.number;
        far_off(&state.plan.as_ref().ok()?.trigger, head, self.about.pace.block_seconds)
    }

    fn job_view(&self, job: &Job, now: Time) -> JobView {
        let state = job.state();
        let code = self.codes.get(job.id);
        let trigger = state.plan.as_ref().ok().map(|plan| &plan.trigger);
        let second = now.seconds();
        let live = trigger.filter(|_| is_live(job, now));
        let upcoming = match live {
            Some(trigger) if self.book.count() <= SHOWN_AT_ONCE => ahead(trigger, second),
            _ => Vec::new(),
        };
        let next = live.and_then(|trigger| trigger.first(second));
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
            upcoming,
            last_result: self.history.last_result(job.id).unwrap_or_default().to_owned(),
            ready: state.can_pay && matches!(code, Some(Ok(()))),
            reason: match (code, &state.plan) {
                (_, Err(why)) => why.to_string(),
                _ if !state.can_pay => "it cannot pay for a run: `keeper job show` says what one costs".to_owned(),
                (Some(Ok(())), _) => self.unseen(job, now).unwrap_or_default(),
                (Some(Err(why)), _) => why.clone(),
                (None, _) => "its code is being fetched".to_owned(),
            },
        }
    }
}

/// What to say of a job that is due at blocks where the next of them, after block `head`, is years away: as good as never.
fn far_off(trigger: &Trigger, head: u64, block_seconds: u64) -> Option<String> {
    let Watch::Blocks(blocks) = trigger.watch() else { return None };
    let mend = "its owner may give it another trigger with `keeper job update`";
    let Some(next) = blocks.next(head) else { return Some(format!("far_off: no block makes it due any more: {mend}")) };
    let years = (next - head).saturating_mul(block_seconds.max(1)) / YEAR_SECONDS;
    (years > 0).then(|| format!("far_off: block {next} makes it due next, {years} years from now: {mend}"))
}

/// The next due moments of a trigger from a second on.
fn ahead(trigger: &Trigger, second: u64) -> Vec<u64> {
    trigger.runs(second, second.saturating_add(AHEAD_SECONDS)).take(AHEAD_MAX).map(|run| run.due).collect()
}

fn node_view(node: &NodeView) -> RpcNodeView {
    let NodeView { origin, state, head, lag, last_error, answers, failures } = node.clone();
    let (state, last_error) = (state.to_owned(), last_error.unwrap_or_default());
    RpcNodeView { origin, state, head, lag, last_error, answers, failures }
}

fn head_view(head: &BlockRef) -> HeadView {
    HeadView { number: head.number, timestamp: head.timestamp, hash: head.hash.to_string() }
}
