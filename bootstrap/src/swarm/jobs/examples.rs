//! The example jobs: what is listed, whatever a user of the swarm lists besides.

use std::path::Path;

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, bail};
use contracts::deploy::Examples;
use contracts::terms::{
    ActionTerms, CallTerms, ConditionTerms, LogTerms, ObservingTerms, ResolverTerms, TriggerTerms, UpkeepTerms,
    WasmTerms,
};
use contracts::{Counter, Resolved, Ringer, Tank};

use super::{EVERY_MINUTE, JobRequest, code_hash};
use crate::swarm::JobSet;
use crate::swarm::code_server::CodeServer;
use crate::swarm::stirred::Stirred;

/// An example: its name, when it is due (where there is a first moment or block, that is 0), what it does, and to what.
struct Example {
    name: &'static str,
    trigger: fn(&Shelf<'_>) -> Result<TriggerTerms>,
    action: fn(&Shelf<'_>, &str) -> Result<ActionTerms>,
    target: fn(&Shelf<'_>) -> Result<Address>,
}

/// The basic examples. `counter` comes first: its calls are compared with the chain.
const BASIC: [Example; 3] =
    [code("counter", |_| every(2)), code("heartbeat", |_| every(2)), code("watch", |_| every(5))];
/// The others: one of every kind that the basic ones leave out.
const OTHERS: [Example; 8] = [
    Example { action: |shelf, _| shelf.code("counter"), ..call("once", |_| Ok(TriggerTerms::Once { moment: 0 })) },
    call("call", |_| every(2)),
    call("cron", |_| Ok(TriggerTerms::Cron { pattern: EVERY_MINUTE.to_owned() })),
    call("blocks", |_| Ok(TriggerTerms::Blocks { first: 0, every: 5 })),
    Example {
        name: "log",
        trigger: |shelf| Ok(rang(shelf.stirred()?.ringer)),
        action: |_, _| Ok(ActionTerms::Upkeep(UpkeepTerms { check_data: Bytes::new() })),
        target: |shelf| Ok(shelf.stirred()?.upkept),
    },
    Example {
        name: "condition",
        trigger: |shelf| Ok(is_low(shelf.stirred()?.tank)),
        action: |_, _| Ok(calling(&Tank::fillCall {})),
        target: |shelf| Ok(shelf.stirred()?.tank),
    },
    Example {
        name: "resolver",
        trigger: |_| every(5),
        action: |shelf, _| Ok(checked(shelf.stirred()?.resolved)),
        target: |shelf| Ok(shelf.stirred()?.resolved),
    },
    Example { action: |shelf, name| shelf.observing(name), ..code("prices", |_| every(5)) },
];

/// An example that runs the code of its name.
const fn code(name: &'static str, trigger: fn(&Shelf<'_>) -> Result<TriggerTerms>) -> Example {
    Example { name, trigger, action: |shelf, name| shelf.code(name), target: |shelf| Ok(shelf.examples.counter) }
}

/// An example that has the counter count, without any code.
const fn call(name: &'static str, trigger: fn(&Shelf<'_>) -> Result<TriggerTerms>) -> Example {
    let action = |_: &Shelf<'_>, _: &str| Ok(calling(&Counter::incrementCall {}));
    Example { name, trigger, action, target: |shelf| Ok(shelf.examples.counter) }
}

#[expect(clippy::unnecessary_wraps, reason = "so that examples read alike")]
const fn every(interval: u32) -> Result<TriggerTerms> {
    Ok(TriggerTerms::Interval { start: 0, interval })
}

/// Blocks on top of a ring before it makes its job due: where the chain takes blocks back, a ring may be gone by then.
const RING_CONFIRMATIONS: u16 = 2;

/// Every ring.
fn rang(ringer: Address) -> TriggerTerms {
    let topics = [Ringer::Rang::SIGNATURE_HASH, B256::ZERO, B256::ZERO, B256::ZERO];
    TriggerTerms::Log(LogTerms {
        emitter: ringer,
        filter: 1,
        topics,
        confirmations: RING_CONFIRMATIONS,
        most_per_block: 16,
    })
}

/// Whenever the tank is low.
fn is_low(tank: Address) -> TriggerTerms {
    TriggerTerms::Condition(ConditionTerms { target: tank, call: Tank::isLowCall {}.abi_encode().into(), cooldown: 1 })
}

fn checked(resolver: Address) -> ActionTerms {
    ActionTerms::Resolver(ResolverTerms { resolver, calldata: Resolved::checkerCall {}.abi_encode().into() })
}

fn calling(call: &impl SolCall) -> ActionTerms {
    ActionTerms::Call(CallTerms { calldata: call.abi_encode().into() })
}

/// Where examples take what they need from.
pub(in crate::swarm) struct Shelf<'a> {
    /// Folder with the built code.
    pub(in crate::swarm) folder: &'a Path,
    /// Hands it out.
    pub(in crate::swarm) server: &'a CodeServer,
    /// The contracts that examples read and call.
    pub(in crate::swarm) examples: &'a Examples,
    /// Those that are stirred, if they were deployed.
    pub(in crate::swarm) stirred: Option<Stirred>,
}

impl Shelf<'_> {
    /// The code of an example, served.
    fn code(&self, name: &str) -> Result<ActionTerms> {
        let path = self.folder.join(format!("{name}.wasm"));
        let code = std::fs::read(&path).with_context(|| {
            format!(
                "{} is not there; build the examples: bootstrap/jobs/build.sh {}",
                path.display(),
                self.folder.display()
            )
        })?;
        let code_hash = code_hash(&code);
        let code_url = self.server.serve(&format!("{name}.wasm"), code);
        let params = if name == "watch" { self.examples.feed.to_vec().into() } else { Bytes::new() };
        Ok(ActionTerms::Wasm(WasmTerms { code_url, code_hash, params }))
    }

    /// The same, for one that asks this server for prices.
    fn observing(&self, name: &str) -> Result<ActionTerms> {
        let ActionTerms::Wasm(code) = self.code(name)? else { bail!("{name} has no code") };
        let params = self.server.url("").trim_end_matches('/').as_bytes().to_vec().into();
        Ok(ActionTerms::Observing(ObservingTerms {
            code: WasmTerms { params, ..code },
            hosts: vec![self.server.host()],
        }))
    }

    fn stirred(&self) -> Result<Stirred> {
        self.stirred.context("the contracts of the other examples were not deployed")
    }
}

/// So many jobs that have the counter count, due together every other second: load beside the examples.
pub(in crate::swarm) fn load(count: u16, shelf: &Shelf<'_>) -> Vec<JobRequest> {
    let request = |number| JobRequest {
        name: format!("load-{number}"),
        trigger: TriggerTerms::Interval { start: 0, interval: 2 },
        action: calling(&Counter::incrementCall {}),
        target: shelf.examples.counter,
        creator: None,
    };
    (1..=count).map(request).collect()
}

/// The examples of a set, first due at moment 0, or at block 0.
///
/// # Errors
/// When their code was not built, or their contracts were not deployed.
pub(in crate::swarm) fn examples(set: JobSet, shelf: &Shelf<'_>) -> Result<Vec<JobRequest>> {
    let others = if set == JobSet::All { &OTHERS[..] } else { &[] };
    let request = |example: &Example| {
        Ok(JobRequest {
            name: example.name.to_owned(),
            trigger: (example.trigger)(shelf)?,
            action: (example.action)(shelf, example.name)?,
            target: (example.target)(shelf)?,
            creator: None,
        })
    };
    BASIC.iter().chain(others).map(request).collect()
}
