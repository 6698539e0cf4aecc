//! What jobs ask for: terms as the chain has them, triggers, cron patterns.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolValue;
use consensus::task::InstanceKey;
use contracts::IJobManager::JobParams;
use contracts::terms::{
    ActionTerms, CallTerms, ConditionTerms, Limits, LogTerms, Missed, ObservingTerms, ResolverTerms, Terms,
    TriggerTerms, UpkeepTerms, WasmTerms,
};
use keeper::jobs::trigger::{Earliest, Trigger};

/// A moment in 2026, and the last one there is.
const MOMENTS: [u64; 3] = [0, 1_780_000_000, u64::MAX];

/// Terms of a job with code.
pub(crate) fn sample() -> Terms {
    terms(TriggerTerms::Interval { start: 1_000, interval: 60 }, actions().remove(0))
}

fn terms(trigger: TriggerTerms, action: ActionTerms) -> Terms {
    Terms {
        trigger,
        action,
        target: Address::repeat_byte(2),
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: U256::from(1).to(),
        quorum_bps: 6667,
        punctual_seconds: 9,
        limits: Limits { until: 5, most_runs: 3, most_gas_price: 2, missed: Missed::Once },
    }
}

fn triggers() -> Vec<TriggerTerms> {
    let topics = [B256::repeat_byte(1), B256::ZERO, B256::ZERO, B256::repeat_byte(4)];
    let emitter = Address::repeat_byte(3);
    vec![
        TriggerTerms::Interval { start: 1_000, interval: 60 },
        TriggerTerms::Cron { pattern: "*/15 9-17 * JAN,JUN 1-5".to_owned() },
        TriggerTerms::Once { moment: 1_780_000_000 },
        TriggerTerms::Blocks { first: 100, every: 7 },
        TriggerTerms::Log(LogTerms { emitter, filter: 0b1001, topics, confirmations: 2, most_per_block: 16 }),
        TriggerTerms::Condition(ConditionTerms { target: emitter, call: Bytes::from_static(&[1, 2, 3]), cooldown: 5 }),
    ]
}

fn actions() -> Vec<ActionTerms> {
    let code = WasmTerms {
        code_url: "https://example.org/job.wasm".to_owned(),
        code_hash: B256::repeat_byte(0xcc),
        params: Bytes::from_static(b"params"),
    };
    let hosts = vec!["api.example.com".to_owned(), "other.example:8443".to_owned()];
    let (resolver, calldata) = (Address::repeat_byte(7), Bytes::from_static(&[0xcf, 0x53, 0x03, 0xcf]));
    vec![
        ActionTerms::Wasm(code.clone()),
        ActionTerms::Observing(ObservingTerms { code, hosts }),
        ActionTerms::Upkeep(UpkeepTerms { check_data: Bytes::from_static(b"check") }),
        ActionTerms::Resolver(ResolverTerms { resolver, calldata: calldata.clone() }),
        ActionTerms::Call(CallTerms { calldata }),
    ]
}

/// What a creator asks for, as events and calls have it.
pub fn job_terms(bytes: &[u8]) {
    let Ok(params) = JobParams::abi_decode(bytes) else { return };
    if let Ok(terms) = Terms::try_from(&params) {
        let again = Terms::try_from(&terms.params());
        assert_eq!(again.as_ref(), Ok(&terms), "terms are the same on their way to the chain and back");
        follow(&terms.trigger, terms.limits);
        let _ = (terms.action.name(), terms.action.code_hash(), terms.action.observes());
    }
}

/// Each trigger with each action.
#[must_use]
pub fn job_terms_seeds() -> Vec<Vec<u8>> {
    let all = triggers().into_iter().zip(actions().into_iter().cycle());
    all.map(|(trigger, action)| terms(trigger, action).params().abi_encode()).collect()
}

/// A trigger's number and its data.
pub fn trigger_data(bytes: &[u8]) {
    let Some((number, data)) = bytes.split_first() else { return };
    if let Ok(terms) = TriggerTerms::decode(*number, data) {
        assert_eq!(TriggerTerms::decode(terms.number(), &terms.data()).as_ref(), Ok(&terms), "it reads what it writes");
        follow(&terms, Limits::default());
    }
}

/// One of each.
#[must_use]
pub fn trigger_data_seeds() -> Vec<Vec<u8>> {
    triggers().iter().map(|terms| [&[terms.number()][..], &terms.data()].concat()).collect()
}

/// Looks at the runs of a trigger, whose numbers may be anything.
fn follow(terms: &TriggerTerms, limits: Limits) {
    let Ok(trigger) = Trigger::new(terms) else { return };
    for moment in MOMENTS {
        for run in trigger.runs(moment, u64::MAX).take(3) {
            assert!(run.due >= moment, "no run is due before the moment that was asked about");
            assert_eq!(trigger.due(&run.instance), Some(run.due), "a run is due when its number says");
            let _ = trigger.told(&run, None);
        }
        let earliest = Earliest { moment, block: moment };
        let _ = (trigger.restarted(moment), trigger.renewed(earliest), trigger.due(&InstanceKey::from_run(moment)));
    }
    let few = Limits { most_runs: limits.most_runs.min(20), ..limits };
    let _ = (trigger.period(), trigger.flags(), trigger.limits(few, MOMENTS[1]));
}

/// A cron pattern.
pub fn cron(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    follow(&TriggerTerms::Cron { pattern: text.to_owned() }, Limits { most_runs: 2, ..Limits::default() });
}

/// Patterns of every sort, and some that are refused.
#[must_use]
pub fn cron_seeds() -> Vec<Vec<u8>> {
    [
        "* * * * *",
        "0 9 * * 1-5",
        "*/15 9-17 * JAN,JUN MON",
        "59 23 31 12 7",
        "0 0 29 2 *",
        "0 0 30 2 *",
        "1,2,3-9/2 0-23 1-31 * SUN",
        "0 0 L * ?",
        "@daily",
        "0 0 0 * * *",
        "60 24 32 13 8",
        "5-1 * * * *",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
