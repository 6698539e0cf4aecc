use std::time::Duration;

use super::*;

/// As when a thousand runs reach their deadline while one compiles: each place given back inside another would need a stack
/// as deep as the line is long.
#[tokio::test]
async fn a_line_of_people_who_have_all_left_is_no_deeper_than_one() {
    const MANY: usize = 10_000;
    let turns = Turns::new(Bounds { waiting: MANY, waiting_each: MANY, ..ONE });
    let first = turns.take([1; 20]).await.expect("a place");
    for _ in 0..MANY {
        let (waiter, given) = oneshot::channel();
        assert!(turns.queue().ask(([2; 20], false), waiter, |_| false, Instant::now()));
        drop(given);
    }
    drop(first);
    assert_eq!(turns.queue().waiting(), 0);
    assert!(turns.take([3; 20]).await.is_some(), "the place is free");
}

const ONE: Bounds = Bounds {
    places: 1,
    slow_places: 1,
    places_each: 1,
    slow: Duration::from_millis(250),
    waiting: 10,
    waiting_each: 10,
};

#[tokio::test]
async fn a_place_goes_from_hand_to_hand_past_those_who_have_gone() {
    let turns = Turns::new(ONE);
    let first = turns.take([1; 20]).await.expect("a place");
    let wait = |number| {
        let turns = Arc::clone(&turns);
        tokio::spawn(async move { turns.take([number; 20]).await })
    };
    let (gone, next) = (wait(2), wait(3));
    while turns.queue().waiting() < 2 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    let _ = gone.await;
    drop(first);
    let place = next.await.expect("no panic").expect("a place");
    drop(place);
    assert!(turns.take([1; 20]).await.is_some(), "nothing is lost");
}

/// On a busy machine a run of a moment takes a second: that must not put its job behind those that burn one.
#[tokio::test]
async fn a_turn_is_charged_for_what_it_says_it_took() {
    let turns = Turns::new(ONE);
    for (customer, took) in [([1; 20], None), ([2; 20], Some(Duration::from_secs(90)))] {
        let mut turn = turns.take(customer).await.expect("a place");
        if let Some(took) = took {
            turn.took(took);
        }
    }
    let used = |customer| turns.queue().used_by(customer, Instant::now());
    assert!(used([1; 20]) < Duration::from_secs(30), "the time that went by");
    assert!(used([2; 20]) > Duration::from_secs(30), "what it said");
}

/// Runs are given up by the hundred when their attempt is over: a place goes from one to the next, none of which takes it.
#[tokio::test]
async fn a_turn_that_nobody_took_does_not_make_its_customer_quick() {
    let turns = Turns::new(Bounds { places: 2, ..ONE });
    for number in 1..=3 {
        let (waiter, given) = oneshot::channel();
        assert!(turns.queue().ask(([number; 20], false), waiter, |_| false, Instant::now()));
        turns.give();
        drop(given);
    }
    let slow = turns.take([1; 20]).await.expect("the place for those of whom nothing is known");
    let (waiter, mut other) = oneshot::channel();
    assert!(turns.queue().ask(([2; 20], false), waiter, |_| false, Instant::now()));
    turns.give();
    assert!(other.try_recv().is_err(), "the other place is for the quick");
    drop(slow);
    assert!(other.try_recv().is_ok());
}
