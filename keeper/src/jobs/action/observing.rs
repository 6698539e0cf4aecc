//! Runs code that looks outside first: `observe` on every keeper by itself, at the hosts that the job names on chain and nowhere
//! else, then `decide` on exactly what a leader has listed of what keepers saw. On chain it is the action `wasm`; its list stands
//! before its parameters.

use alloy::primitives::{Address, B256, Bytes};
use consensus::task::Abstention;
use contracts::terms::{ActionTerms, ObservingTerms};

use super::finding::abstention;
use super::wasm;
use super::{Hands, Made, Used, Work};
use crate::executor::{Abstain, AllowList, Ended, Executor, KeeperSeen, Look, Run};

/// Fetches and compiles the code, and checks the list.
pub(super) async fn prepare(executor: &Executor, terms: &ObservingTerms, owner: Address) -> Result<(), String> {
    AllowList::new(terms.hosts.clone()).map_err(|why| format!("bad_allow_list: {why}"))?;
    wasm::prepare(executor, &terms.code, owner).await
}

/// Looks outside.
pub(super) async fn observe(hands: Hands<'_>, work: &Work) -> Look {
    let ActionTerms::Observing(terms) = &work.plan.terms.action else {
        return without("the job does not look outside".to_owned());
    };
    let hosts = match AllowList::new(terms.hosts.clone()) {
        Ok(hosts) => hosts,
        Err(why) => return without(why),
    };
    let look = hands.executor.observe(wasm::request(hands, &terms.code, work), hosts).await;
    for line in &look.logs {
        tracing::debug!(job = work.due.task.job.0, "job says, looking: {line}");
    }
    look
}

/// Decides.
pub(super) async fn decide(hands: Hands<'_>, terms: &ObservingTerms, work: &Work) -> Made {
    let super::Part::Decide(inputs) = &work.part else {
        let why = Abstain::HostFailure("there is nothing to decide on".to_owned());
        return Made::without_code(Ended::Abstain(why), B256::ZERO, std::time::Duration::ZERO);
    };
    let seen = inputs.seen.iter();
    let seen = seen.map(|one| KeeperSeen { keeper: one.keeper.0, share: one.share, bytes: one.bytes.to_vec() });
    let request = wasm::request(hands, &terms.code, work);
    let run: Run = hands.executor.decide(request, seen.collect()).await;
    wasm::made(run, work)
}

/// What a look comes to for the protocol, and more about it for people.
pub(super) fn told(look: Look) -> (Result<Bytes, Abstention>, String) {
    match look.seen {
        Ok(seen) => (Ok(seen.into()), String::new()),
        Err(Ended::Abstain(why)) => (Err(abstention(&why)), format!("{}: {why}", why.name())),
        Err(Ended::JobError(why) | Ended::Skip(why)) => (Err(Abstention::NothingSeen), format!("observe: {why}")),
        Err(Ended::Call(_)) => (Err(Abstention::HostFailure), "observe ended in a call".to_owned()),
    }
}

/// One that did not take place: what is looked at before found that there is nothing to do.
pub(super) fn nothing(made: Made) -> Look {
    let Used { fuel, memory_bytes, logs } = made.used;
    Look { seen: Err(made.ended), fuel, memory_bytes, took: made.took, logs }
}

fn without(why: String) -> Look {
    let seen = Err(Ended::Abstain(Abstain::HostFailure(why)));
    Look { seen, fuel: 0, memory_bytes: 0, took: std::time::Duration::ZERO, logs: Vec::new() }
}

pub(super) fn rows(terms: &ObservingTerms) -> Vec<(&'static str, String)> {
    let mut rows = wasm::rows(&terms.code);
    rows.push(("allowed hosts", terms.hosts.join(", ")));
    rows
}

pub(super) fn flags(terms: &ObservingTerms) -> Vec<(&'static str, String)> {
    let mut flags = wasm::flags(&terms.code);
    flags.push(("allow-host", terms.hosts.join(",")));
    flags
}
