//! The documents of `/api/v1`, made of what is shown, seen and recorded.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use consensus::committee::{Committee, QUORUM_BPS};
use consensus::report::{Domain, Report};
use consensus::task::Task;
use serde_json::{Map, Value, json};

use super::SCHEMA;
use super::purse::Earned;
use crate::archive::{Found, Settlement, result_of, word_of};
use crate::chain::convert;
use crate::scene::{self, Memory, Said};
use crate::view::View;

/// The chain's time as far as the view tells, in Unix seconds.
pub(super) fn now(view: &View) -> u64 {
    view.head.timestamp
}

/// What a page is told again and again: how the keeper stands.
pub(super) fn pulse(view: &View) -> Value {
    let connected: Vec<u16> =
        view.members.iter().filter(|member| member.connected).map(|member| member.index).collect();
    let red: Map<String, Value> = view
        .checks
        .iter()
        .filter(|(_, check)| !check.ok)
        .map(|(name, check)| (name.clone(), json!(check.message)))
        .collect();
    json!({
        "time_ms": view.time_ms, "head": view.head, "epoch": view.epoch, "window": view.window, "turns": view.turns, "connected": connected,
        "members": view.members.len(), "peers": view.peers, "ready": view.ready, "red": red, "jobs": view.jobs.len(),
        "missed": view.missed.count,
    })
}

/// The committee, and this keeper's own links to it.
pub(super) fn network(view: &View, peers: &[p2p::PeerSummary]) -> Value {
    let by_id: BTreeMap<String, &p2p::PeerSummary> =
        peers.iter().map(|peer| (peer.peer_id.to_string(), peer)).collect();
    let of = |peer_id: &str| by_id.get(peer_id).copied();
    let me = view.members.iter().find(|member| member.operator == view.operator).map(|member| member.index);
    let members: Vec<Value> = view
        .members
        .iter()
        .map(|member| {
            let peer = of(&member.peer_id);
            let mut document = json!(member);
            document["me"] = json!(Some(member.index) == me);
            document["rtt_ms"] = json!(peer.and_then(|peer| peer.rtt_ms));
            document["agent"] = json!(peer.map(|peer| peer.agent.as_str()).unwrap_or_default());
            document["address"] = json!(peer.and_then(|peer| peer.addresses.first()).map(ToString::to_string));
            document
        })
        .collect();
    let linked = view.members.iter().filter(|member| member.connected && Some(member.index) != me);
    let links: Vec<Value> = linked
        .filter_map(|member| {
            let rtt_ms = of(&member.peer_id).and_then(|peer| peer.rtt_ms);
            me.map(|me| json!({ "a": me, "b": member.index, "rtt_ms": rtt_ms }))
        })
        .collect();
    let is_member = |peer_id: &String| view.members.iter().any(|member| member.peer_id == *peer_id);
    let others: Vec<Value> = by_id
        .iter()
        .filter(|(peer_id, _)| !is_member(peer_id))
        .map(|(peer_id, peer)| json!({ "peer_id": peer_id, "agent": peer.agent, "rtt_ms": peer.rtt_ms }))
        .collect();
    json!({
        "schema": SCHEMA, "operator": view.operator, "me": me, "network": view.network, "epoch": view.epoch,
        "head": view.head, "window": view.window, "turns": view.turns, "members": members, "links": links, "others": others,
    })
}

/// A run as it is recorded; `now` in Unix seconds, `operator` is whose record it is.
pub(super) fn recorded(found: &Found, now: u64, operator: Address) -> Value {
    let run = &found.run;
    let ms = |time: Option<consensus::time::Time>| time.map(|time| time.0);
    json!({
        "key": scene::key(&found.task), "job": found.task.job.0, "version": found.task.version,
        "instance": found.task.instance.0, "run": convert::run_number(found.task.instance.0),
        "task_id": found.task.id().0, "due": run.due, "state": run.state(now), "attempts": run.attempts,
        "first_started_ms": ms(run.first_started), "last_started_ms": ms(run.last_started), "anchor": run.anchor,
        "leader": run.leader, "result": run.result, "reason": run.reason, "signed_ms": ms(run.signed),
        "certified_ms": ms(run.certified), "sent_ms": ms(run.sent), "gas": run.gas_of(operator),
        "settled": run.settled.as_ref().map(settled), "undelivered": run.undelivered, "reopened": run.reopened,
        "expired_ms": ms(run.expired),
    })
}

fn settled(settled: &Settlement) -> Value {
    let Settlement { block, timestamp, seconds_late, anchor, tx, submitter, status, delivered } = settled;
    json!({
        "block": block, "timestamp": timestamp, "seconds_late": seconds_late, "anchor": anchor, "tx": tx,
        "submitter": submitter, "result": result_of(*status), "delivered": delivered,
    })
}

/// All that is known of one task; none if that is nothing.
pub(super) fn run(
    task: &Task,
    (found, operator): (Option<&Found>, Address),
    memory: &Memory,
    now: u64,
) -> Option<Value> {
    let story = memory.story(task);
    if found.is_none() && story.is_none() {
        return None;
    }
    let mut document = match found {
        Some(found) => recorded(found, now, operator),
        None => json!({
            "key": scene::key(task), "job": task.job.0, "version": task.version, "instance": task.instance.0,
            "run": convert::run_number(task.instance.0), "task_id": task.id().0, "due": story.and_then(|story| story.due),
            "state": "seen",
        }),
    };
    let marks = story.map(|story| story.marks.as_slice()).unwrap_or_default();
    document["schema"] = json!(SCHEMA);
    document["marks"] = marks
        .iter()
        .map(|mark| json!({ "keeper": mark.keeper, "at_ms": mark.at.0, "abstains": mark.abstains }))
        .collect();
    document["ran_ms"] = json!(story.and_then(|story| story.ran).map(|time| time.0));
    document["outcome"] = json!(story.and_then(|story| story.said.as_ref()).map(said));
    let certified = memory.certificate(task);
    document["certificate"] = json!(certified.map(|certified| {
        let certificate = &certified.certificate;
        let signers: Vec<u16> = certificate.signers.iter().map(|index| index.0).collect();
        json!({
            "epoch": certificate.epoch, "signers": signers, "reports": certificate.reports.len(), "at_ms": certified.at.0,
        })
    }));
    let epoch = certified.map(|certified| certified.certificate.epoch);
    let committee = epoch.and_then(|epoch| memory.committee(epoch));
    document["keepers"] = json!(committee.map(|committee| operators_of(committee)).unwrap_or_default());
    Some(document)
}

fn operators_of(committee: &Committee) -> Vec<Address> {
    committee.members().iter().map(|member| member.operator).collect()
}

fn said(said: &Said) -> Value {
    json!({ "status": word_of(Some(said.status)), "data": said.data, "bytes": said.bytes })
}

/// The certificate of a task with all that it takes to check it: nothing of what this keeper says about it need be believed.
pub(super) fn certificate(task: &Task, memory: &Memory, domain: &Domain) -> Option<Value> {
    let certified = memory.certificate(task)?;
    let certificate = &certified.certificate;
    let position = certificate.reports.iter().position(|report| report.task == *task)?;
    let committee = memory.committee(certificate.epoch);
    let signers: Vec<u16> = certificate.signers.iter().map(|index| index.0).collect();
    let root = consensus::certificate::batch_root(&certificate.reports);
    Some(json!({
        "schema": SCHEMA, "key": scene::key(task), "position": position, "at_ms": certified.at.0,
        "domain": {
            "name": "KeeperMesh", "version": "1", "chain_id": domain.chain_id, "verifying_contract": domain.task_manager,
            "separator": domain.separator(),
        },
        "epoch": certificate.epoch, "root": root, "digest": domain.batch_digest(certificate.epoch, root),
        "reports": certificate.reports.iter().map(report).collect::<Vec<_>>(),
        "signers": signers, "signature": alloy::hex::encode_prefixed(certificate.signature.to_bytes()),
        "quorum_bps": QUORUM_BPS, "table": committee.map(|committee| table(committee)),
    }))
}

fn report(report: &Report) -> Value {
    json!({
        "job_id": report.task.job.0.to_string(), "job_version": report.task.version, "instance_key": report.task.instance.0,
        "anchor_number": report.anchor.number.to_string(), "anchor_hash": report.anchor.hash, "input_hash": report.input_set,
        "status": report.status as u8, "outcome_hash": report.outcome_hash, "leaf": report.leaf(),
        "words": word_of(Some(report.status)),
    })
}

/// The operator table of an epoch: who may sign, with how much stake, under which key.
fn table(committee: &Committee) -> Value {
    let root: B256 = committee.table_root();
    let member = |(index, member): (u16, &consensus::committee::Member)| {
        json!({
            "index": index, "operator": member.operator, "stake": member.stake.to_string(),
            "key": alloy::hex::encode_prefixed(member.key.to_bytes()),
        })
    };
    json!({
        "epoch": committee.epoch(), "active_from": committee.active_from(), "root": root,
        "total_stake": committee.total_stake().to_string(),
        "members": (0_u16..).zip(committee.members()).map(member).collect::<Vec<_>>(),
    })
}

/// Who led, leads and leads next.
pub(super) fn leaders(view: &View, memory: &Memory) -> Value {
    let turns: Vec<_> = memory.turns().collect();
    json!({ "schema": SCHEMA, "window": view.window, "head": view.head, "members": view.members, "turns": turns })
}

/// What each operator did, as this keeper saw it since it started, and what the chain says it has earned.
pub(super) fn operators(view: &View, memory: &Memory, earned: &Earned) -> Value {
    let tallies = memory.tallies();
    let operators: Vec<Value> = tallies
        .iter()
        .map(|(operator, tally)| {
            let member = view.members.iter().find(|member| member.operator.parse() == Ok(*operator));
            let stake = member.and_then(|member| member.stake.parse().ok());
            json!({
                "operator": operator, "index": member.map(|member| member.index), "stake": member.map(|member| &member.stake),
                "connected": member.is_some_and(|member| member.connected || member.operator == view.operator),
                "me": member.is_some_and(|member| member.operator == view.operator), "seen": tally,
                "earned_unclaimed": earned.get(operator).map(ToString::to_string),
                "stake_lost": stake.map(|stake| tally.stake_lost(stake).to_string()),
            })
        })
        .collect();
    json!({ "schema": SCHEMA, "epoch": view.epoch, "operators": operators })
}
