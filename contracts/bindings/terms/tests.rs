use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::SolValue;
use proptest::prelude::*;

use super::*;

fn handed(params: Bytes) -> WasmTerms {
    WasmTerms { code_url: "https://example.org/job.wasm".to_owned(), code_hash: B256::repeat_byte(7), params }
}

fn wasm() -> ActionTerms {
    ActionTerms::Wasm(handed(Bytes::from_static(b"{}")))
}

fn terms(trigger: TriggerTerms, action: ActionTerms) -> Terms {
    Terms {
        trigger,
        action,
        target: Address::repeat_byte(1),
        callback_gas: 100_000,
        token: Address::repeat_byte(2),
        fee: U96::from(1_000),
        quorum_bps: 6_667,
        punctual_seconds: 9,
        limits: Limits::default(),
    }
}

/// A trigger of every kind, and an action of every kind.
fn triggers() -> impl Strategy<Value = TriggerTerms> {
    prop_oneof![
        any::<(u64, u32)>().prop_map(|(start, interval)| TriggerTerms::Interval { start, interval }),
        ".{0,120}".prop_map(|pattern| TriggerTerms::Cron { pattern }),
        any::<u64>().prop_map(|moment| TriggerTerms::Once { moment }),
        any::<(u64, u32)>().prop_map(|(first, every)| TriggerTerms::Blocks { first, every }),
        (any::<(u8, u16, u16)>(), any::<[[u8; 32]; 4]>(), any::<[u8; 20]>()).prop_map(|(numbers, topics, emitter)| {
            let (filter, confirmations, most_per_block) = numbers;
            let (emitter, topics) = (emitter.into(), topics.map(B256::from));
            TriggerTerms::Log(LogTerms { emitter, filter, topics, confirmations, most_per_block })
        }),
        (any::<u32>(), any::<[u8; 20]>(), proptest::collection::vec(any::<u8>(), 0..100)).prop_map(
            |(cooldown, target, call)| {
                TriggerTerms::Condition(ConditionTerms { target: target.into(), call: call.into(), cooldown })
            }
        ),
    ]
}

fn actions() -> impl Strategy<Value = ActionTerms> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..100).prop_map(Bytes::from);
    prop_oneof![
        Just(wasm()),
        (proptest::collection::vec("[a-z]{1,20}", 1..5), bytes())
            .prop_map(|(hosts, params)| ActionTerms::Observing(ObservingTerms { code: handed(params), hosts })),
        bytes().prop_map(|check_data| ActionTerms::Upkeep(UpkeepTerms { check_data })),
        (any::<[u8; 20]>(), bytes()).prop_map(|(resolver, calldata)| {
            ActionTerms::Resolver(ResolverTerms { resolver: resolver.into(), calldata })
        }),
        bytes().prop_map(|calldata| ActionTerms::Call(CallTerms { calldata })),
    ]
}

#[test]
fn an_interval_is_two_words() {
    let data = TriggerTerms::Interval { start: 5, interval: 3 }.data();
    assert_eq!(data.as_ref(), [U256::from(5).to_be_bytes::<32>(), U256::from(3).to_be_bytes()].concat());
}

#[test]
fn a_moment_is_one_word() {
    assert_eq!(TriggerTerms::Once { moment: 5 }.data().as_ref(), U256::from(5).to_be_bytes::<32>());
    let job = Job { trigger: TriggerTerms::Once { moment: 5 }.number(), start: 5, ..Job::default() };
    assert_eq!(TriggerTerms::kept(&job), Some(TriggerTerms::Once { moment: 5 }));
}

#[test]
fn kinds_that_are_not_known_are_named() {
    assert_eq!(TriggerTerms::decode(u8::MAX, &[]), Err(TermsError::UnknownTrigger(u8::MAX)));
    let mut params = terms(TriggerTerms::Interval { start: 5, interval: 3 }, wasm()).params();
    params.action = u8::MAX;
    assert_eq!(Terms::try_from(&params), Err(TermsError::UnknownAction(u8::MAX)));
    assert_eq!(ActionTerms::name_of(&Job { action: u8::MAX, ..Job::default() }), "unknown");
    assert_eq!(TriggerTerms::kept(&Job { trigger: u8::MAX, ..Job::default() }), None);
}

#[test]
fn an_action_without_code_brings_none() {
    let bytes = Bytes::from_static(&[1, 2]);
    let resolver = Address::repeat_byte(5);
    let asked = Bytes::from((resolver, bytes.clone()).abi_encode_params());
    let resolver = ResolverTerms { resolver, calldata: bytes.clone() };
    let table = [
        (1, "upkeep", ActionTerms::Upkeep(UpkeepTerms { check_data: bytes.clone() }), &bytes),
        (2, "resolver", ActionTerms::Resolver(resolver), &asked),
        (3, "call", ActionTerms::Call(CallTerms { calldata: bytes.clone() }), &bytes),
    ];
    for (number, name, action, brings) in table {
        assert_eq!((action.number(), action.name(), action.code_hash()), (number, name, B256::ZERO));
        assert_eq!(ActionTerms::name_of(&Job { action: number, ..Job::default() }), name);
        let params = terms(TriggerTerms::Interval { start: 5, interval: 3 }, action).params();
        assert_eq!((params.codeUrl.as_str(), &params.params), ("", brings), "{name}");
        let misfit = Err(TermsError::ActionData(number));
        assert_eq!(ActionTerms::decode(&JobParams { codeUrl: "https://x".to_owned(), ..params.clone() }), misfit);
        assert_eq!(ActionTerms::decode(&JobParams { codeHash: B256::repeat_byte(1), ..params }), misfit);
    }
}

#[test]
fn a_resolver_is_one_address_and_bytes_in_one_encoding() {
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    let [resolver, at, length, three, dirty] = [U256::from(7).to_be_bytes(), word(64), word(3), [1; 32], [0xff; 32]];
    let of = |words: &[[u8; 32]]| {
        let params = words.concat().into();
        ActionTerms::decode(&JobParams { action: 2, params, ..JobParams::default() })
    };
    let padded = std::array::from_fn(|place| if place < 3 { three[place] } else { 0 });
    let good = of(&[resolver, at, length, padded]).unwrap();
    let calldata = Bytes::from_static(&[1; 3]);
    assert_eq!(good, ActionTerms::Resolver(ResolverTerms { resolver: Address::with_last_byte(7), calldata }));
    for (name, words) in [
        ("nothing", &[][..]),
        ("no bytes", &[resolver, at]),
        ("an address of more than 20 bytes", &[dirty, at, length, padded]),
        ("padding that is none", &[resolver, at, length, three]),
        ("another place for the bytes", &[resolver, word(96), [0; 32], length, padded]),
        ("more behind", &[resolver, at, length, padded, [0; 32]]),
        ("bytes beyond the end", &[resolver, at, word(33), padded]),
        ("a length beyond all", &[resolver, at, dirty, padded]),
    ] {
        assert_eq!(of(words), Err(TermsError::ActionData(2)), "{name}");
    }
}

/// To the contract it is code like any other, and to whoever reads it one thing or nothing.
#[test]
fn a_job_that_looks_outside_says_so_in_its_parameters() {
    let hosts = vec!["api.example.com".to_owned(), "127.0.0.1:8080".to_owned()];
    let action = ActionTerms::Observing(ObservingTerms { code: handed(Bytes::from_static(b"{}")), hosts });
    let params = terms(TriggerTerms::Interval { start: 5, interval: 3 }, action.clone()).params();
    assert_eq!((action.number(), action.name(), params.action), (0, "wasm", 0));
    assert!(
        action.observes() && !wasm().observes() && params.params.starts_with(b"keeper:job/observing-job@0.1.0\0\0")
    );
    assert_eq!(ActionTerms::decode(&params), Ok(action));
    let of = |hosts: Vec<String>| (hosts, Bytes::new()).abi_encode_params();
    for (name, listed) in [
        ("nothing", vec![]),
        ("no host", of(vec![])),
        ("too many hosts", of(vec!["a.example".to_owned(); 17])),
        ("a host that is too long", of(vec!["a".repeat(129)])),
        ("more behind", [of(vec!["a.example".to_owned()]), vec![0; 32]].concat()),
    ] {
        let params = JobParams { params: [&params.params[..32], &listed].concat().into(), ..params.clone() };
        assert_eq!(ActionTerms::decode(&params), Err(TermsError::ActionData(0)), "{name}");
    }
}

#[test]
fn a_status_is_read_as_the_contract_numbers_it() {
    let of = |status| JobStatus::of(&Job { status, ..Job::default() });
    for status in [JobStatus::None, JobStatus::Active, JobStatus::Paused, JobStatus::Cancelled] {
        assert_eq!(of(status as u8), status);
    }
    assert_eq!(of(u8::MAX), JobStatus::None);
}

proptest! {
    #[test]
    fn terms_come_back_as_they_were_written(trigger in triggers(), action in actions()) {
        let terms = terms(trigger, action);
        prop_assert_eq!(Terms::try_from(&terms.params()), Ok(terms));
    }

    /// Whatever a chain node makes up: an error or exactly one value for these bytes.
    #[test]
    fn no_data_panics_and_one_value_has_one_encoding(number: u8, data in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(terms) = TriggerTerms::decode(number, &data) {
            prop_assert_eq!((terms.number(), terms.data().to_vec()), (number, data));
        }
    }

    #[test]
    fn no_params_panic_and_one_action_has_one_encoding(action in 0_u8..4, params in proptest::collection::vec(any::<u8>(), 0..200)) {
        let params = JobParams { action, params: params.into(), ..JobParams::default() };
        if let Ok(terms) = ActionTerms::decode(&params) {
            prop_assert_eq!((terms.number(), terms.fields().2), (action, params.params));
        }
    }

    /// A first word that is a bit too long (an address is the longest), or bytes at the end, or too few.
    #[test]
    fn data_beyond_its_type_is_refused(trigger in triggers(), at in 0_usize..12, more in 1_usize..40) {
        let (number, data) = (trigger.number(), trigger.data().to_vec());
        let mut dirty = data.clone();
        dirty[at] = 1;
        prop_assert_eq!(TriggerTerms::decode(number, &dirty), Err(TermsError::TriggerData(number)));
        let long = [data.clone(), vec![0; more]].concat();
        prop_assert_eq!(TriggerTerms::decode(number, &long), Err(TermsError::TriggerData(number)));
        let short = &data[..data.len().saturating_sub(more)];
        prop_assert_eq!(TriggerTerms::decode(number, short), Err(TermsError::TriggerData(number)));
    }
}
