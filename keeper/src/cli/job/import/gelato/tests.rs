use alloy::primitives::aliases::U96;
use proptest::prelude::*;

use super::*;
use crate::jobs::trigger::Earliest;

const TARGET: Address = Address::repeat_byte(2);
const RESOLVER: Address = Address::repeat_byte(4);
const CHECKER: [u8; 4] = [0xcf, 0x52, 0x52, 0x09];

fn entry(modules: &[(u8, Vec<u8>)]) -> Entry {
    Entry {
        automate: Address::repeat_byte(1),
        task: B256::repeat_byte(7),
        creator: Address::repeat_byte(3),
        target: TARGET,
        data: Bytes::from(vec![1, 2, 3, 4, 5]),
        modules: ModuleData {
            modules: modules.iter().map(|(number, _)| *number).collect(),
            args: modules.iter().map(|(_, args)| args.clone().into()).collect(),
        },
        fee_token: Address::ZERO,
        ended: false,
        code: Bytes::from(vec![0]),
    }
}

fn proposal(modules: &[(u8, Vec<u8>)]) -> Proposal {
    entry(modules).proposal(Wish::default()).unwrap()
}

fn refuses(entry: Entry, name: &str) {
    let error = entry.proposal(Wish::default()).unwrap_err().to_string();
    assert!(error.contains(&format!("({name})")), "{error}");
}

fn resolver_module() -> (u8, Vec<u8>) {
    (module::RESOLVER, (RESOLVER, Bytes::from(CHECKER.to_vec())).abi_encode_params())
}

fn proxy() -> (u8, Vec<u8>) {
    (module::PROXY, Vec::new())
}

fn trigger_module(kind: u64, config: Vec<u8>) -> (u8, Vec<u8>) {
    (module::TRIGGER, (U256::from(kind), Bytes::from(config)).abi_encode_params())
}

fn times(start: u64, interval: u64) -> Vec<u8> {
    (U256::from(start), U256::from(interval)).abi_encode_params()
}

fn has_note(proposal: &Proposal, words: &str) -> bool {
    proposal.notes.iter().any(|note| note.contains(words))
}

#[test]
fn a_resolver_is_a_condition_and_what_is_asked_at_a_run() {
    let made = proposal(&[resolver_module(), proxy()]);
    let call = Bytes::from(CHECKER.to_vec());
    assert_eq!(made.due, Due::Condition { target: RESOLVER, call: call.clone() });
    assert_eq!(made.deed, Deed::Resolver { resolver: RESOLVER, call });
    assert_eq!((made.target, made.callback_gas, made.caller), (TARGET, MAX_CALLBACK_GAS, Address::repeat_byte(3)));
    assert!(has_note(&made, "dedicated sender") && has_note(&made, "0x01020304"), "{:?}", made.notes);
    assert_eq!(proposal(&[resolver_module(), proxy(), (module::TRIGGER, U256::from(3).abi_encode())]).due, made.due);
    let direct = proposal(&[resolver_module()]);
    assert!(direct.caller == Address::repeat_byte(1) && has_note(&direct, "20 bytes"), "{:?}", direct.notes);
}

#[test]
fn times_are_in_seconds_once_and_in_milliseconds_since() {
    let of = |modules: &[(u8, Vec<u8>)]| proposal(modules).due;
    let now = 1_700_000_000;
    assert_eq!(of(&[(module::TIME, times(now, 60)), proxy()]), Due::Interval { start: now, interval: 60 });
    let since = of(&[proxy(), trigger_module(0, times(now * 1_000, 60_000))]);
    assert_eq!(since, Due::Interval { start: now, interval: 60 });
    assert_eq!(of(&[trigger_module(0, times(0, 60_000))]), Due::Interval { start: 0, interval: 60 });
    assert_eq!(of(&[trigger_module(0, times(0, 1))]), Due::Interval { start: 0, interval: 1 });
    let seconds = proposal(&[trigger_module(0, times(now, 180))]);
    assert_eq!(seconds.due, Due::Interval { start: now, interval: 180 });
    assert!(has_note(&seconds, "taken for seconds"), "{:?}", seconds.notes);
    let with_resolver = proposal(&[resolver_module(), trigger_module(0, times(0, 60_000))]);
    assert!(matches!((with_resolver.due, with_resolver.deed), (Due::Interval { .. }, Deed::Resolver { .. })));
    for times in [times(0, 0), times(now, 1 << 33), vec![1; 64], Vec::new(), [[0xff; 32]; 2].concat()] {
        refuses(entry(&[trigger_module(0, times.clone())]), "SenselessTrigger");
        refuses(entry(&[(module::TIME, times)]), "SenselessTrigger");
    }
}

#[test]
fn other_triggers_keep_their_meaning() {
    let cron = |pattern: &str| entry(&[trigger_module(1, pattern.to_owned().abi_encode())]);
    let made = cron("*/5 * * * *").proposal(Wish::default()).unwrap();
    assert_eq!(made.due, Due::Cron { pattern: "*/5 * * * *".to_owned() });
    assert_eq!(made.deed, Deed::Call { calldata: vec![1, 2, 3, 4, 5].into() });
    for pattern in ["", "* * * *", "0 */5 * * * *", &"* ".repeat(200)] {
        refuses(cron(pattern), "SenselessTrigger");
    }
    let spaced = cron(" 0  9\t* * 1-5 ").proposal(Wish::default()).unwrap();
    assert_eq!(spaced.due, Due::Cron { pattern: "0 9 * * 1-5".to_owned() });
    let soon = Earliest { moment: 1_800_000_000, block: 10 };
    let price = (Address::ZERO, U96::from(1));
    spaced.terms(soon, price).unwrap();
    let never = cron("0 9 30 2 *").proposal(Wish::default()).unwrap().terms(soon, price).unwrap_err().to_string();
    assert!(never.contains("\"0 9 30 2 *\" never fires") && never.contains("(SenselessTrigger)"), "{never}");
    let emitter = Address::repeat_byte(9);
    let [one, two] = [1, 2].map(B256::repeat_byte);
    let event = |emitter: Address, topics: Vec<Vec<B256>>, confirmations: u64| {
        entry(&[trigger_module(2, (emitter, topics, U256::from(confirmations)).abi_encode_params())])
    };
    let made = event(emitter, vec![vec![one], vec![], vec![two]], 5).proposal(Wish::default()).unwrap();
    let topics = [one, B256::ZERO, two, B256::ZERO];
    assert_eq!(made.due, Due::Log { emitter, filter: 0b101, topics, confirmations: 5 });
    refuses(event(emitter, vec![vec![one, two]], 0), "SenselessTrigger");
    refuses(event(emitter, vec![vec![]; 5], 0), "SenselessTrigger");
    refuses(event(emitter, vec![], 65), "SenselessTrigger");
    refuses(event(Address::ZERO, vec![], 0), "SenselessTrigger");
    refuses(entry(&[trigger_module(4, Vec::new())]), "UnknownTrigger");
    refuses(entry(&[(module::TRIGGER, Vec::new())]), "SenselessTrigger");
    assert_eq!(proposal(&[proxy()]).due, Due::Blocks { every: 1 });
}

#[test]
fn single_runs_stay_single() {
    let single = (module::SINGLE_EXEC, Vec::new());
    assert_eq!(proposal(&[resolver_module(), single.clone()]).limits.most_runs, 1);
    assert_eq!(proposal(&[single.clone(), trigger_module(0, times(0, 60_000))]).limits.most_runs, 1);
    let once = proposal(&[single]);
    assert_eq!((once.due, once.limits.most_runs), (Due::Once, 0));
}

#[test]
fn what_no_job_can_do_is_refused_by_name() {
    let code = ("QmHash".to_owned(), Bytes::new()).abi_encode_params();
    let error = entry(&[(module::WEB3_FUNCTION, code)]).proposal(Wish::default()).unwrap_err().to_string();
    assert!(error.contains("QmHash") && error.contains("(OffChainCode)"), "{error}");
    refuses(entry(&[(module::WEB3_FUNCTION, vec![0xff; 40])]), "OffChainCode");
    refuses(Entry { data: Proxy::executeCallCall::SELECTOR.into(), ..entry(&[proxy()]) }, "OwnProxy");
    refuses(Entry { ended: true, ..entry(&[proxy()]) }, "TaskEnded");
    let wish = Wish { cancelled: true, ..Wish::default() };
    assert!(has_note(&Entry { ended: true, ..entry(&[proxy()]) }.proposal(wish).unwrap(), "ended it there"));
    refuses(entry(&[(6, Vec::new())]), "SenselessModules");
    refuses(entry(&[proxy(), proxy()]), "SenselessModules");
    refuses(entry(&[(module::TIME, times(0, 60)), trigger_module(0, times(0, 60_000))]), "SenselessModules");
    refuses(entry(&[(module::RESOLVER, vec![1; 20])]), "SenselessModules");
    let long = |length| (module::RESOLVER, (RESOLVER, Bytes::from(vec![1; length])).abi_encode_params());
    refuses(entry(&[long(MAX_CALL_BYTES)]), "TooLong");
    let nobody = (module::RESOLVER, (Address::ZERO, Bytes::new()).abi_encode_params());
    refuses(entry(&[nobody]), "SenselessModules");
    refuses(Entry { data: vec![1; MAX_CALL_BYTES + 1].into(), ..entry(&[proxy()]) }, "TooLong");
    let mut uneven = entry(&[proxy()]);
    uneven.modules.args.clear();
    refuses(uneven, "SenselessModules");
}

#[test]
fn a_task_that_pays_for_itself_is_told_that_it_need_not() {
    let pays = Entry { fee_token: Address::repeat_byte(0xee), ..entry(&[proxy()]) };
    assert!(has_note(&pays.proposal(Wish::default()).unwrap(), "is zero now"));
}

proptest! {
    #[test]
    fn any_task_is_proposed_within_bounds_or_refused(
        modules in prop::collection::vec((0u8..8, prop::collection::vec(any::<u8>(), 0..200)), 0..8),
        data in prop::collection::vec(any::<u8>(), 0..5_000), ended: bool, cancelled: bool,
    ) {
        let entry = Entry { data: data.into(), ended, ..entry(&modules) };
        if let Ok(proposal) = entry.proposal(Wish { cancelled, ..Wish::default() }) {
            match proposal.due {
                Due::Condition { call, .. } => prop_assert!(call.len() <= MAX_CALL_BYTES),
                Due::Log { filter, confirmations, .. } => prop_assert!(filter < 16 && confirmations <= 64),
                Due::Interval { interval, .. } => prop_assert!(interval > 0),
                _ => {}
            }
        }
    }
}
