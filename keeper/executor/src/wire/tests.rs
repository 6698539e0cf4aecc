use std::time::Duration;

use alloy::primitives::{Address, B256};
use proptest::prelude::*;

use super::*;
use crate::LogEntry;
use crate::limits::Limits;
use crate::run::{BlockReference, Trigger};
use crate::seen::KeeperSeen;

fn input() -> Input {
    let reference = BlockReference { chain_id: 1, number: 2, hash: [3; 32], timestamp: 4 };
    Input {
        job_id: 5,
        task_id: [6; 32],
        sequence: 7,
        trigger: Trigger::Time(12),
        due: 8,
        params: vec![9; 10],
        reference,
        call: Call::Run,
    }
}

fn log() -> LogEntry {
    LogEntry {
        address: Address::repeat_byte(1),
        topics: vec![B256::repeat_byte(2)],
        data: vec![3; 33].into(),
        block_number: 4,
        block_hash: B256::repeat_byte(5),
        transaction_hash: B256::repeat_byte(6),
        log_index: 7,
    }
}

fn triggered(trigger: Trigger) -> Order {
    let limits = Limits { fuel: 1, wall_clock: Duration::from_millis(300), memory_bytes: 3 };
    Order::Run { hash: [2; 32], limits, input: Input { trigger, ..input() } }
}

fn called(call: Call) -> Order {
    let limits = Limits { fuel: 1, wall_clock: Duration::from_millis(300), memory_bytes: 3 };
    Order::Run { hash: [2; 32], limits, input: Input { call, ..input() } }
}

fn output(end: End) -> Output {
    Output { end, fuel: 11, memory_bytes: 65_536, logs: vec!["info: x".into(), String::new()] }
}

fn everything_said() -> Vec<Said> {
    let confinement = Confinement { limits: true, seccomp: false, landlock: true };
    let ends = [
        End::Call(vec![1, 2]),
        End::Skip("nothing".into()),
        End::JobError("é".into()),
        End::Timeout,
        End::StackOverflow,
        End::Unanswered,
        End::HostFailure("x".into()),
        End::Seen(vec![3; 64]),
    ];
    let mut said = vec![
        Said::Hello(Hello { engine: "00ff".into(), confinement }),
        Said::Compiled(vec![1; 100]),
        Said::Invalid("no".into()),
        Said::Loaded,
        Said::Missing,
        Said::Read(ChainRead::Request(vec![4; 40])),
        Said::Read(ChainRead::TooLong([5; 32])),
        Said::Unloadable("no memory".into()),
        Said::Fetch(vec![6; 20]),
    ];
    said.extend(ends.map(|end| Said::Done(output(end))));
    said
}

fn everything_ordered() -> Vec<Order> {
    let limits = Limits { fuel: 1, wall_clock: Duration::from_millis(300), memory_bytes: 3 };
    vec![
        Order::Compile(vec![1; 50]),
        Order::Load { hash: [2; 32], code: vec![3; 60] },
        Order::Run { hash: [2; 32], limits, input: input() },
        triggered(Trigger::Block { number: 1, hash: [2; 32], timestamp: 3 }),
        triggered(Trigger::Log(Box::new(log()))),
        triggered(Trigger::Condition(vec![7; 32])),
        called(Call::Observe),
        called(Call::Decide(vec![])),
        called(Call::Decide(vec![KeeperSeen { keeper: 3, share: 200_000_000, bytes: vec![8; 9] }])),
        Order::Answer(Some(vec![])),
        Order::Answer(None),
    ]
}

#[test]
fn what_is_said_comes_back_and_no_cut_or_addition_does() {
    for said in everything_said() {
        let bytes = said.encode(77);
        assert_eq!(length(bytes[..4].try_into().expect("four"), MAX_RUNNING), Ok(bytes.len() - 4));
        assert_eq!(Said::decode(&bytes[4..]), Ok((77, said.clone())));
        for cut in 4..bytes.len() {
            assert!(Said::decode(&bytes[4..cut]).is_err(), "{said:?} cut at {cut}");
        }
        let longer = [&bytes[4..], &[0]].concat();
        assert!(Said::decode(&longer).is_err(), "{said:?} and a byte");
    }
}

#[test]
fn orders_come_back_and_cut_ones_do_not() {
    for order in everything_ordered() {
        let bytes = order.encode(78);
        assert_eq!(Order::decode(&bytes[4..]), Ok((78, order.clone())));
        for cut in 4..bytes.len() {
            assert!(Order::decode(&bytes[4..cut]).is_err(), "{order:?} cut at {cut}");
        }
    }
}

#[test]
fn fields_over_their_caps_are_refused() {
    let over = [
        Said::Compiled(vec![0; crate::cache::MAX_COMPILED_BYTES + 1]),
        Said::Invalid("x".repeat(MAX_FAILURE_BYTES + 1)),
        Said::Unloadable("x".repeat(MAX_FAILURE_BYTES + 1)),
        Said::Read(ChainRead::Request(vec![0; MAX_CHAIN_BYTES + 1])),
        Said::Done(output(End::Call(vec![0; MAX_OUTCOME_BYTES + 1]))),
        Said::Done(output(End::Skip("x".repeat(crate::MAX_REASON_BYTES + 1)))),
        Said::Done(output(End::JobError("x".repeat(crate::MAX_REASON_BYTES + 1)))),
        Said::Done(output(End::HostFailure("x".repeat(MAX_FAILURE_BYTES + 1)))),
        Said::Done(Output { logs: vec!["x".repeat(MAX_LOG_BYTES)], ..output(End::Timeout) }),
        Said::Done(Output { logs: vec![String::new(); MAX_LOG_BYTES / LOG_ENTRY_COST + 1], ..output(End::Timeout) }),
        Said::Hello(Hello { engine: "../..".into(), confinement: Confinement::default() }),
    ];
    for said in over {
        assert!(Said::decode(&said.encode(1)[4..]).is_err(), "{}", said.name());
    }
    assert!(length(8u32.to_le_bytes(), MAX_RUNNING).is_err());
    assert!(length(u32::MAX.to_le_bytes(), MAX_COMPILING).is_err());
    let most = vec![String::new(); MAX_LOG_BYTES / LOG_ENTRY_COST];
    let done = Said::Done(Output { logs: most, end: End::Call(vec![0; MAX_OUTCOME_BYTES]), fuel: 1, memory_bytes: 1 })
        .encode(1);
    assert!(done.len() - 4 <= MAX_RUNNING, "whatever an honest worker says fits");
    assert!(Said::decode(&done[4..]).is_ok());
}

#[test]
fn a_text_that_is_no_utf8_is_refused() {
    let mut bytes = Said::Invalid("ab".into()).encode(1);
    *bytes.last_mut().expect("not empty") = 0xff;
    assert_eq!(Said::decode(&bytes[4..]), Err(Malformed("a text that is no UTF-8")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn garbage_never_panics_and_what_decodes_encodes_to_itself(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((number, said)) = Said::decode(&bytes) {
            prop_assert_eq!(&said.encode(number)[4..].len(), &bytes.len());
        }
        let _ = Order::decode(&bytes);
    }

    #[test]
    fn one_wrong_byte_never_panics(which in 0usize..15, at in 0usize..200, byte in any::<u8>()) {
        let said = everything_said();
        let mut bytes = said[which % said.len()].encode(9);
        let at = 4 + at % (bytes.len() - 4);
        bytes[at] = byte;
        if let Ok((_, Said::Done(output))) = Said::decode(&bytes[4..]) {
            let logged: usize = output.logs.iter().map(String::len).sum();
            prop_assert!(logged <= MAX_LOG_BYTES);
        }
    }
}
