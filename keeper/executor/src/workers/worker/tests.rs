//! A keeper's end of the pipes, with somebody else at the other.

use proptest::prelude::*;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::*;
use crate::wire::{ChainRead, MAX_RUNNING};

type Ours = Link<WriteHalf<DuplexStream>, ReadHalf<DuplexStream>>;

fn link(room: usize) -> (Ours, DuplexStream) {
    let (ours, theirs) = duplex(room);
    let (answers, orders) = split(ours);
    (Link::new(orders, answers), theirs)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn heard(bytes: &[u8]) -> Result<Said, Broken> {
    let (mut link, mut theirs) = link(1 << 20);
    theirs.write_all(bytes).await.expect("there is room");
    drop(theirs);
    link.hear(5, MAX_RUNNING, soon()).await
}

#[tokio::test]
async fn an_answer_counts_in_its_own_exchange_only() {
    assert_eq!(heard(&Said::Missing.encode(5)).await, Ok(Said::Missing));
    let other = heard(&Said::Missing.encode(6)).await;
    assert_eq!(other, Err(Broken::Fault("that code is missing of another exchange".into())));
}

#[tokio::test]
async fn an_end_in_the_middle_is_an_end_and_too_long_a_frame_is_never_read() {
    let frame = Said::Read(ChainRead::Request(vec![1; 100])).encode(5);
    for cut in 0..frame.len() {
        assert_eq!(heard(&frame[..cut]).await, Err(Broken::Ended), "{cut} bytes");
    }
    for length in [0, 8, u32::try_from(MAX_RUNNING).expect("small") + 1, u32::MAX] {
        let ended = heard(&length.to_le_bytes()).await;
        assert!(matches!(ended, Err(Broken::Fault(_))), "{length}: {ended:?}");
    }
}

#[tokio::test]
async fn a_worker_that_neither_reads_nor_answers_is_silent() {
    let (mut link, _theirs) = link(64);
    let deadline = Instant::now() + Duration::from_millis(50);
    assert_eq!(link.hear(5, MAX_RUNNING, deadline).await, Err(Broken::Silent));
    let large = Order::Answer(Some(vec![0; 1000]));
    let deadline = Instant::now() + Duration::from_millis(50);
    assert_eq!(link.say(5, &large, deadline).await, Err(Broken::Silent));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn garbage_ends_a_worker_and_nothing_else(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        // Nobody guesses the number of an exchange.
        prop_assert!(runtime.block_on(heard(&bytes)).is_err());
    }
}
