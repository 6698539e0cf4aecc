use super::*;

const BOUNDS: Bounds = Bounds {
    places: 2,
    slow_places: 1,
    places_each: 2,
    slow: Duration::from_millis(250),
    waiting: 1_000,
    waiting_each: 10,
};

const fn customer(number: u8) -> Customer {
    [number; 20]
}

/// A queue and its time.
struct Bench {
    queue: Queue<()>,
    now: Instant,
}

impl Bench {
    fn new(bounds: Bounds) -> Self {
        Self { queue: Queue::new(bounds), now: Instant::now() }
    }

    fn ask(&mut self, number: u8) -> bool {
        self.queue.ask((customer(number), false), (), |()| false, self.now)
    }

    /// Who gets a place now.
    fn next(&mut self) -> Option<(u8, bool)> {
        self.queue.next(|()| false, self.now).map(|granted| (granted.customer[0], granted.counts_as_slow))
    }

    fn give_back(&mut self, (number, slow): (u8, bool), milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        let took = Duration::from_millis(milliseconds);
        self.queue.give_back(customer(number), slow, (Some(took), took), self.now);
    }

    /// A turn of somebody alone.
    fn use_one(&mut self, number: u8, milliseconds: u64) {
        assert!(self.ask(number));
        let granted = self.next().expect("a place");
        self.give_back(granted, milliseconds);
    }
}

#[test]
fn whoever_holds_fewer_and_has_used_less_is_next() {
    let mut bench = Bench::new(Bounds { slow_places: 2, ..BOUNDS });
    assert!([1, 1, 1, 1, 2, 3].into_iter().all(|number| bench.ask(number)));
    let first = bench.next().expect("a place");
    assert_eq!((first.0, bench.next().expect("a place").0, bench.next()), (1, 2, None), "not both to one");
    bench.give_back(first, 1_000);
    assert_eq!(bench.next().expect("a place").0, 3, "it has used nothing yet");
    bench.give_back((2, true), 10);
    assert_eq!(bench.next().expect("a place").0, 1);
}

/// Two hundred jobs whose runs are tried again hold up none that is due, however little they have used of late.
#[test]
fn what_is_on_time_goes_before_what_is_late() {
    let mut bench = Bench::new(Bounds { places_each: 2, ..BOUNDS });
    bench.use_one(1, 100);
    let mut ask = |number, is_late| bench.queue.ask((customer(number), is_late), (), |()| false, bench.now);
    assert!((2..=200).all(|number| ask(number, true)) && ask(1, false) && ask(1, false));
    assert_eq!([bench.next(), bench.next()].map(|granted| granted.expect("a place").0), [1, 2], "one each comes first");
    let mut bench = Bench::new(BOUNDS);
    assert!(bench.queue.ask((customer(1), true), (), |()| false, bench.now));
    assert_eq!(bench.next().expect("a place").0, 1, "where nobody is on time, who is late has its turn");
}

/// A hundred jobs that take all the time they get, and one that takes a moment: it waits for none of them.
#[test]
fn whoever_was_quick_is_known_to_be_until_it_is_slow() {
    let mut bench = Bench::new(BOUNDS);
    assert!(!bench.queue.is_quick(customer(1), bench.now), "of whom nothing is known");
    bench.use_one(1, 10);
    assert!(bench.queue.is_quick(customer(1), bench.now));
    bench.use_one(1, 1_000);
    assert!(!bench.queue.is_quick(customer(1), bench.now));
}

#[test]
fn the_slow_leave_a_place_to_the_quick() {
    let mut bench = Bench::new(BOUNDS);
    bench.use_one(200, 5);
    assert!((0..100).all(|number| bench.ask(number)));
    let mut running = bench.next().expect("a place");
    assert_eq!(bench.next(), None, "of these nothing is known");
    for _ in 0..300 {
        assert!(bench.ask(200));
        let quick = bench.next().expect("a place for the quick");
        assert_eq!(quick, (200, false));
        bench.give_back(quick, 5);
        bench.give_back(running, 5_000);
        bench.ask(running.0);
        running = bench.next().expect("the next of the slow");
    }
    let used: Vec<Duration> = (0..100).map(|number| bench.queue.customers[&customer(number)].used).collect();
    assert!(used.iter().all(|used| !used.is_zero()), "and of the slow each has its turn");
}

/// Two hundred that were quick once and are slow all together, and one that has been quick for longer: at first they have every
/// place, and after that one.
#[test]
fn those_who_were_quick_a_few_times_do_not_have_every_place_when_they_turn_slow() {
    let mut bench = Bench::new(BOUNDS);
    (0..200).for_each(|number| bench.use_one(number, 5));
    (0..30).for_each(|_| bench.use_one(201, 20));
    assert!((0..200).all(|number| bench.ask(number)));
    let (first, second) = (bench.next().expect("a place"), bench.next().expect("a place"));
    assert!(bench.ask(201) && bench.next().is_none(), "both were quick before");
    bench.give_back(first, 1_000);
    let mut running = bench.next().expect("a place");
    assert_eq!(running, (2, true), "used less, but its record is no more than the first one's");
    bench.give_back(second, 10);
    for _ in 0..50 {
        assert_eq!(bench.next(), Some((201, false)));
        bench.give_back((201, false), 20);
        bench.give_back(running, 1_000);
        running = bench.next().expect("a place");
        assert!(running.1 && bench.next().is_none() && bench.ask(201));
    }
    bench.give_back(running, 5);
    bench.now += DOUBT;
    bench.use_one(202, 5);
    assert!(bench.ask(202));
    let quick = std::iter::from_fn(|| bench.next()).find(|(number, _)| *number == 202);
    assert!(quick.is_none_or(|(_, is_slow)| !is_slow), "a minute later short records count again");
}

/// One long-quick job that turns slow, and then others with hardly a record, again and again: its minute ends.
#[test]
fn small_offences_do_not_keep_up_a_large_doubt() {
    let mut bench = Bench::new(BOUNDS);
    (0..40).for_each(|_| bench.use_one(1, 5));
    (0..20).for_each(|_| bench.use_one(2, 5));
    bench.use_one(1, 1_000);
    for number in 10..70 {
        bench.use_one(number, 5);
        bench.use_one(number, 1_000);
    }
    assert!(bench.ask(2));
    assert_eq!(bench.next(), Some((2, false)), "60 of them took a minute");
}

#[test]
fn a_long_record_is_doubted_by_nobody() {
    let mut bench = Bench::new(BOUNDS);
    (0..=DOUBTED_MOST).for_each(|_| bench.use_one(1, 5));
    (0..1_000).for_each(|_| bench.use_one(2, 5));
    bench.use_one(2, 1_000);
    assert!(bench.ask(1));
    assert_eq!(bench.next(), Some((1, false)));
}

#[test]
fn one_that_is_slow_now_and_then_stays_slow_for_a_good_while() {
    let mut bench = Bench::new(BOUNDS);
    bench.use_one(1, 5_000);
    bench.use_one(1, 5);
    assert!(bench.ask(1) && bench.ask(1));
    let slow = bench.next().expect("a place");
    assert_eq!((slow, bench.next()), ((1, true), None));
    bench.give_back(slow, 5);
    bench.now += Duration::from_secs(3_600);
    assert_eq!(bench.next(), Some((1, false)), "an hour later that is forgotten");
}

#[test]
fn too_many_who_wait_are_turned_away_and_those_who_left_do_not_count() {
    let mut queue = Queue::new(Bounds { waiting: 3, waiting_each: 2, ..BOUNDS });
    let now = Instant::now();
    let mut ask =
        |number, waiter: u8, gone: u8| queue.ask((customer(number), false), waiter, |waiter| *waiter == gone, now);
    assert!(ask(1, 1, 0) && ask(1, 2, 0) && !ask(1, 3, 0), "one customer has enough");
    assert!(ask(2, 4, 0) && !ask(3, 5, 0), "so have all");
    assert!(ask(3, 6, 4), "one has left");
    assert!(ask(1, 7, 1));
}

#[test]
fn customers_who_want_nothing_are_forgotten() {
    let mut bench = Bench::new(BOUNDS);
    for number in 0..3 * ACCOUNTS_MAX as u64 {
        let mut customer = [0; 20];
        customer[..8].copy_from_slice(&number.to_be_bytes());
        assert!(bench.queue.ask((customer, false), (), |()| false, bench.now));
        let granted = bench.queue.next(|()| false, bench.now).expect("a place");
        let took = Duration::from_millis(number % 2 * 500);
        bench.queue.give_back(customer, granted.counts_as_slow, (Some(took), took), bench.now);
    }
    assert!(bench.queue.customers.len() <= 2 * ACCOUNTS_MAX);
}

/// Else whoever burns all its time, and is given up after a moment, would be taken for quick.
#[test]
fn a_turn_that_was_cut_short_shows_that_it_was_slow_and_never_that_it_was_quick() {
    for (passed, shown, slow) in [(10, None, true), (10, Some(10), false), (9_000, None, true)] {
        let mut bench = Bench::new(BOUNDS);
        assert!(bench.ask(1));
        let (number, counted) = bench.next().expect("a place");
        let span = Duration::from_millis;
        bench.queue.give_back(customer(number), counted, (shown.map(span), span(passed)), bench.now);
        assert!(bench.ask(1));
        assert_eq!(bench.next().expect("a place").1, slow, "{passed} ms, shown {shown:?}");
    }
    let mut bench = Bench::new(BOUNDS);
    bench.use_one(1, 5);
    assert!(bench.ask(1));
    let (number, counted) = bench.next().expect("a place");
    bench.queue.give_back(customer(number), counted, (None, Duration::from_millis(5)), bench.now);
    assert!(bench.ask(1));
    assert!(!bench.next().expect("a place").1, "what was known stays known");
}
