use alloy::primitives::aliases::U96;
use alloy::primitives::hex;
use proptest::prelude::*;

use super::*;
use crate::cli::job::import::MAX_CALLBACK_GAS;

const REGISTRY: Address = Address::repeat_byte(1);
const TARGET: Address = Address::repeat_byte(2);
const CALLER: Address = Address::repeat_byte(3);

fn entry() -> Entry {
    Entry {
        registry: REGISTRY,
        id: U256::from(7),
        version: "KeeperRegistry 2.1.0".to_owned(),
        info: UpkeepInfo {
            target: TARGET,
            performGas: 300_000,
            checkData: Bytes::from(vec![1, 2]),
            balance: U96::ZERO,
            admin: Address::ZERO,
            maxValidBlocknumber: UNCANCELLED,
            lastPerformedBlockNumber: 0,
            amountSpent: U96::ZERO,
            paused: false,
            offchainConfig: Bytes::new(),
        },
        trigger: CONDITION,
        trigger_config: Bytes::new(),
        caller: CALLER,
        code: Bytes::from(vec![0]),
    }
}

fn log_trigger() -> LogTriggerConfig {
    LogTriggerConfig {
        contractAddress: Address::repeat_byte(9),
        filterSelector: 0b101,
        topic0: B256::repeat_byte(10),
        topic1: B256::repeat_byte(11),
        topic2: B256::repeat_byte(12),
        topic3: B256::repeat_byte(13),
    }
}

fn by_log(config: &LogTriggerConfig) -> Entry {
    Entry { trigger: LOG, trigger_config: config.abi_encode().into(), ..entry() }
}

fn refuses(entry: Entry, name: &str) {
    let error = entry.proposal(Wish::default()).unwrap_err().to_string();
    assert!(error.contains(&format!("({name})")), "{error}");
}

fn with(change: impl FnOnce(&mut UpkeepInfo)) -> Entry {
    let mut entry = entry();
    change(&mut entry.info);
    entry
}

#[test]
fn custom_logic_is_a_condition_on_the_target() {
    let proposal = entry().proposal(Wish::default()).unwrap();
    let call = Upkeep::checkUpkeepCall { checkData: Bytes::from(vec![1, 2]) }.abi_encode().into();
    assert_eq!(proposal.due, Due::Condition { target: TARGET, call });
    assert_eq!(proposal.deed, Deed::Upkeep { check_data: Bytes::from(vec![1, 2]) });
    assert_eq!((proposal.target, proposal.callback_gas, proposal.caller), (TARGET, 300_000, CALLER));
    assert_eq!(proposal.limits, Limits::default());
    assert!(proposal.source.contains("upkeep 7 of KeeperRegistry 2.1.0"), "{}", proposal.source);
}

#[test]
fn a_log_trigger_keeps_the_topics_that_it_asks_for() {
    let proposal = by_log(&log_trigger()).proposal(Wish::default()).unwrap();
    let topics = [10, 11, 0, 13].map(B256::repeat_byte);
    let emitter = Address::repeat_byte(9);
    assert_eq!(proposal.due, Due::Log { emitter, filter: 0b1011, topics, confirmations: 0 });
    let none = by_log(&LogTriggerConfig { filterSelector: 0, ..log_trigger() }).proposal(Wish::default()).unwrap();
    let topics = [10, 0, 0, 0].map(B256::repeat_byte);
    assert_eq!(none.due, Due::Log { emitter, filter: 1, topics, confirmations: 0 });
}

#[test]
fn log_triggers_that_make_no_sense_are_refused() {
    for config in [
        LogTriggerConfig { contractAddress: Address::ZERO, ..log_trigger() },
        LogTriggerConfig { topic0: B256::ZERO, ..log_trigger() },
        LogTriggerConfig { filterSelector: 8, ..log_trigger() },
        LogTriggerConfig { filterSelector: 255, ..log_trigger() },
    ] {
        refuses(by_log(&config), "SenselessTrigger");
    }
    for config in [vec![], vec![0xff; 31], vec![0xff; 192]] {
        refuses(Entry { trigger: LOG, trigger_config: config.into(), ..entry() }, "SenselessTrigger");
    }
    refuses(Entry { trigger: 2, ..entry() }, "UnknownTrigger");
    refuses(Entry { trigger: 255, ..entry() }, "UnknownTrigger");
}

#[test]
fn a_cancelled_upkeep_is_taken_up_when_that_is_wanted() {
    for block in [0, 1, UNCANCELLED - 1, UNCANCELLED + 1, u64::MAX] {
        refuses(with(|info| info.maxValidBlocknumber = block), "Cancelled");
    }
    let wish = Wish { cancelled: true, ..Wish::default() };
    let proposal = with(|info| info.maxValidBlocknumber = 5).proposal(wish).unwrap();
    assert!(proposal.notes.iter().any(|note| note.contains("cancelled there")), "{:?}", proposal.notes);
    let paused = with(|info| info.paused = true).proposal(Wish::default()).unwrap();
    assert!(paused.notes.iter().any(|note| note.contains("paused there")), "{:?}", paused.notes);
}

#[test]
fn what_no_job_may_have_is_refused_by_name() {
    refuses(with(|info| info.performGas = MAX_CALLBACK_GAS + 1), "TooMuchGas");
    refuses(with(|info| info.performGas = u32::MAX), "TooMuchGas");
    refuses(with(|info| info.performGas = 0), "NoGas");
    let less = Wish { callback_gas: Some(400_000), ..Wish::default() };
    assert_eq!(with(|info| info.performGas = 5_000_000).proposal(less).unwrap().callback_gas, 400_000);
    refuses(with(|info| info.checkData = vec![1; MAX_CALL_BYTES + 1].into()), "TooLong");
    // The call that carries it is longer than the data itself.
    refuses(with(|info| info.checkData = vec![1; MAX_CALL_BYTES].into()), "TooLong");
    let mut longest = by_log(&log_trigger());
    longest.info.checkData = vec![1; MAX_CALL_BYTES].into();
    assert!(longest.proposal(Wish::default()).is_ok(), "a log's check is handed it another way");
}

#[test]
fn the_most_that_is_paid_for_a_gas_is_kept() {
    // {"maxGasPrice": 2000000000}
    let config = hex!("a16b6d61784761735072696365" "1a77359400").to_vec();
    let proposal = with(|info| info.offchainConfig = config.into()).proposal(Wish::default()).unwrap();
    assert_eq!(proposal.limits.most_gas_price, 2_000_000_000);
    let broken = with(|info| info.offchainConfig = vec![0xff; 10_000].into()).proposal(Wish::default()).unwrap();
    assert_eq!(broken.limits, Limits::default());
    assert!(broken.notes.iter().any(|note| note.contains("left out")), "{:?}", broken.notes);
}

#[test]
fn code_shows_how_callers_are_let_in_and_what_is_not_served() {
    let push = |selector: [u8; 4]| [&[0x63], &selector[..]].concat();
    let code = |selectors: &[[u8; 4]]| Bytes::from(selectors.iter().flat_map(|each| push(*each)).collect::<Vec<_>>());
    let with_code =
        |selectors: &[[u8; 4]]| Entry { code: code(selectors), ..entry() }.proposal(Wish::default()).unwrap();
    let monitor = with_code(&[Upkeep::setKeeperRegistryAddressCall::SELECTOR]);
    assert_eq!(monitor.setters, ["setKeeperRegistryAddress(address)"]);
    let forwarder = Address::repeat_byte(0xfa);
    let says = monitor.admission(Some(forwarder));
    assert!(says.contains("setKeeperRegistryAddress(address)") && says.contains(&forwarder.to_string()), "{says}");
    let open = with_code(&[]);
    assert!(open.setters.is_empty() && open.admission(None).contains("the job's forwarder"));
    assert!(!open.notes.iter().any(|note| note.contains("Data Streams")));
    let streams = with_code(&[Upkeep::StreamsLookup::SELECTOR]);
    assert!(streams.notes.iter().any(|note| note.contains("Data Streams")), "{:?}", streams.notes);
}

#[test]
fn a_check_that_may_ask_who_calls_is_named() {
    let is_named = |code: &[u8]| {
        let proposal = Entry { code: Bytes::copy_from_slice(code), ..entry() }.proposal(Wish::default()).unwrap();
        proposal.notes.iter().any(|note| note.contains(&REGISTRY.to_string()) && note.contains("zero address here"))
    };
    let pushed = [&[0x7f][..], &[0x33; 32], &[0x60, 0xf4, 0x61, 0x33]].concat();
    let after = [&pushed[..], &[0x33, 0x33]].concat();
    assert!(
        !is_named(&[0]) && !is_named(&pushed) && !is_named(&[0x61, 0x33]),
        "bytes that are pushed are no instructions"
    );
    assert!(
        is_named(&after) && is_named(&[0x5b, 0x33]) && is_named(&[0x36, 0xf4]),
        "itself, or a code it hands calls on to"
    );
}

proptest! {
    /// Whatever a registry says of an upkeep, there is a proposal that the contract could take, or a refusal.
    #[test]
    fn any_entry_is_proposed_within_bounds_or_refused(
        gas: u32, last in prop_oneof![Just(UNCANCELLED), any::<u64>()], trigger in 0u8..4,
        config in prop::collection::vec(any::<u8>(), 0..256), data in prop::collection::vec(any::<u8>(), 0..5_000),
        offchain in prop::collection::vec(any::<u8>(), 0..64), code in prop::collection::vec(any::<u8>(), 0..64),
        cancelled: bool,
    ) {
        let mut entry = Entry { trigger, trigger_config: config.into(), code: code.into(), ..entry() };
        (entry.info.performGas, entry.info.maxValidBlocknumber) = (gas, last);
        (entry.info.checkData, entry.info.offchainConfig) = (data.into(), offchain.into());
        if let Ok(proposal) = entry.proposal(Wish { cancelled, ..Wish::default() }) {
            prop_assert!((1..=MAX_CALLBACK_GAS).contains(&proposal.callback_gas));
            match proposal.due {
                Due::Condition { call, .. } => prop_assert!(call.len() <= MAX_CALL_BYTES),
                Due::Log { filter, topics, .. } => {
                    prop_assert!(filter < 16 && filter & 1 == 1);
                    prop_assert!((0..4).all(|place| filter & (1 << place) != 0 || topics[place].is_zero()));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
