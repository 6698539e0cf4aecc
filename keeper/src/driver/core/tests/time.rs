//! Clocks that are off, and chains whose time is another one: due moments are the chain's.

use super::*;

/// A keeper whose clock shows `off` seconds more than the chain's time, and what it is told of the chain block by block.
struct Watch {
    core: Core,
    off: i64,
}

impl Watch {
    /// At block 10, after it has seen ten blocks come.
    fn new(off: i64) -> Self {
        let mut watch = Self { core: core(), off };
        let now = watch.clock(1);
        watch.core.on(epoch(1, 1, 1), now);
        watch.blocks(1..=10);
        watch
    }

    /// What the clock shows when the chain is at START + `second`.
    fn clock(&self, second: u64) -> Time {
        at((START + second).saturating_add_signed(self.off)).plus(std::time::Duration::from_millis(200))
    }

    /// A block a second; gives the second at which each run was ordered.
    fn blocks(&mut self, numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, u64)> {
        let mut ordered = Vec::new();
        for number in numbers {
            let now = self.clock(number);
            let newest = ChainEvent::Newest { number, timestamp: START + number, seen_ms: now.0, live: number > 1 };
            let mut events = vec![Event::Chain(newest)];
            if number == 2 {
                events.extend([listed(), covered(2, true)]);
            }
            events.extend([head(number), Event::House, Event::Tick]);
            for order in events.into_iter().flat_map(|event| self.core.on(event, now)) {
                if let Order::Run { due, .. } = order {
                    ordered.push((due.due - START, number));
                }
            }
        }
        ordered
    }
}

#[test]
fn runs_start_when_they_are_due_on_the_chain_whatever_the_clock_shows() {
    for off in [0, 2, -2, 45, -45, 3_600, -3_600] {
        let mut watch = Watch::new(off);
        let ordered = watch.blocks(11..=26);
        let due: Vec<u64> = ordered.iter().map(|(due, _)| *due).collect();
        assert_eq!(due, [20, 22, 24, 26][..due.len()], "clock off by {off} s: {ordered:?}");
        assert!(due.len() >= 3, "clock off by {off} s: {ordered:?}");
        let late = |(due, at): &(u64, u64)| at.checked_sub(*due).is_some_and(|late| late <= 2);
        let early_clock = off == 2 && ordered.iter().all(|(due, at)| at + 2 >= *due);
        assert!(early_clock || ordered.iter().all(late), "clock off by {off} s: (due, ordered) {ordered:?}");
    }
}

#[test]
fn a_chain_that_jumps_ahead_and_back_is_followed() {
    let mut watch = Watch::new(0);
    watch.off = -3_600;
    assert!(watch.blocks(11..=16).is_empty());
    let notes_of = |core: &Core| core.about.pace.ahead_ms;
    assert!((notes_of(&watch.core) - 3_600_000).abs() <= 2_000, "{}", notes_of(&watch.core));
    let now = watch.clock(16);
    watch.core.on(Event::Chain(ChainEvent::Rewound { number: 14 }), now);
    watch.off = 0;
    let ordered = watch.blocks(15..=24);
    assert!(notes_of(&watch.core).abs() <= 3_000, "{}", notes_of(&watch.core));
    assert_eq!(ordered.first().map(|(due, _)| *due), Some(20), "what was due in the future once is due again");
}

/// Every open task was once past its deadline at that moment, for good.
#[test]
fn a_clock_that_is_set_in_the_midst_of_it_ends_no_task() {
    for by in [3_600, 7_200, -3_600, 2] {
        let mut watch = Watch::new(0);
        let mut ordered = watch.blocks(11..=21);
        watch.off = by;
        let told = watch.core.on(Event::ClockSet { by_ms: by * 1_000 }, watch.clock(21));
        assert!(!steps(&told).contains(&consensus::effect::Step::Expired), "set by {by} s: {told:?}");
        let now = watch.clock(21);
        let next = [Event::House, Event::Tick].into_iter().flat_map(|event| watch.core.on(event, now));
        let next: Vec<Order> = next.collect();
        assert!(!steps(&next).contains(&consensus::effect::Step::Expired), "set by {by} s: {next:?}");
        ordered.extend(watch.blocks(22..=26));
        let due: Vec<u64> = ordered.iter().map(|(due, _)| *due).collect();
        assert_eq!(due, [20, 22, 24, 26][..due.len()], "set by {by} s: {ordered:?}");
        assert!(due.len() >= 3, "set by {by} s: {ordered:?}");
    }
}
