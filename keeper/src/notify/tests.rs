use std::sync::Mutex;
use std::sync::mpsc;

use super::*;

const WATCHDOG: Duration = Duration::from_secs(8);
const ALIVE: Duration = Duration::ZERO;

fn ready() -> View {
    let mut view = View { ready: true, peers: 4, ..View::default() };
    view.epoch.number = 3;
    view
}

fn red(message: &str) -> View {
    let mut view = View::default();
    view.set_check("chain", false, message);
    view
}

fn said(words: &[Word], word: &Word) -> bool {
    words.contains(word)
}

#[test]
fn it_is_ready_once_and_says_how_it_is_when_that_changes() {
    let begun = Instant::now();
    let mut herald = Herald::new(begun, None);
    let missing = "no node answers";
    let first = herald.look(begun, ALIVE, &red(missing), false);
    assert_eq!(first, [Word::Status("not ready: chain: no node answers".to_owned())]);
    assert_eq!(herald.look(begun, ALIVE, &red(missing), false), [], "nothing new, nothing said");
    let now = herald.look(begun, ALIVE, &ready(), false);
    assert_eq!(now, [Word::Ready, Word::Status("ready: epoch 3, 4 peers".to_owned())]);
    let after = herald.look(begun, ALIVE, &red(missing), false);
    assert_eq!(after, [Word::Status("not ready: chain: no node answers".to_owned())], "started is started");
    assert_eq!(herald.look(begun, ALIVE, &ready(), false).len(), 1);
}

#[test]
fn who_waits_for_others_counts_as_started_after_a_while_and_who_stands_does_not() {
    let begun = Instant::now();
    let almost = begun + PATIENCE - Duration::from_millis(1);
    let later = begun + PATIENCE;
    let mut herald = Herald::new(begun, None);
    assert!(!said(&herald.look(almost, ALIVE, &red("no coin"), false), &Word::Ready));
    assert!(!said(&herald.look(later, PATIENCE, &red("no coin"), false), &Word::Ready), "its loop stands");
    assert!(said(&herald.look(later, ALIVE, &red("no coin"), false), &Word::Ready));
}

#[test]
fn signs_of_life_come_in_time_and_end_with_the_loop() {
    let begun = Instant::now();
    let mut herald = Herald::new(begun, Some(WATCHDOG));
    let at = |seconds| begun + Duration::from_secs(seconds);
    let beats = (0..60).filter(|&second| said(&herald.look(at(second), ALIVE, &ready(), false), &Word::Watchdog));
    let beats: Vec<u64> = beats.collect();
    assert!(beats.windows(2).all(|pair| pair[1] - pair[0] <= WATCHDOG.as_secs() / 2), "{beats:?}");
    assert!(beats.len() <= 30, "and no more often than it takes: {beats:?}");
    // The loop went round for the last time at second 60.
    let still = (60..200).filter(|&second| {
        let words = herald.look(at(second), Duration::from_secs(second - 60), &ready(), false);
        said(&words, &Word::Watchdog)
    });
    let last = still.last().unwrap();
    assert!(last < 60 + WATCHDOG.as_secs() / 2, "a sign of life at second {last} of a loop that stands");
}

#[test]
fn the_stop_is_said_once_and_nothing_after_it() {
    let begun = Instant::now();
    let mut herald = Herald::new(begun, Some(WATCHDOG));
    herald.look(begun, ALIVE, &ready(), false);
    let words = herald.look(begun, ALIVE, &ready(), true);
    assert_eq!(words, [Word::Stopping, Word::Status("stopping".to_owned())]);
    assert_eq!(herald.look(begun + PATIENCE, ALIVE, &ready(), true), []);
}

/// A status with a line end would be a command of its own to the manager: `STATUS=x\nREADY=1`.
#[test]
fn words_of_others_stay_on_the_status_line() {
    let mut view = red("node says:\nREADY=1\r\nMAINPID=1\u{1b}[2J");
    view.set_check("mesh", false, "no peer");
    let line = status(&view);
    assert!(!line.chars().any(text::is_harmful), "{line:?}");
    assert!(line.starts_with("not ready: chain: node says:") && line.contains("1 more"), "{line}");
    assert!(status(&red(&"long ".repeat(5_000))).chars().count() < 300);
}

#[test]
fn a_short_watchdog_is_looked_at_often_and_a_long_one_no_more_than_the_status() {
    let of = |watchdog| Herald::new(Instant::now(), watchdog).interval();
    assert_eq!(of(None), LOOK);
    assert_eq!(of(Some(Duration::from_secs(60))), LOOK);
    assert_eq!(of(Some(Duration::from_secs(1))), Duration::from_millis(250));
    assert!(of(Some(Duration::ZERO)) > Duration::ZERO, "an interval of nothing would panic");
}

/// A loop as the driver's, which somebody can stop in the middle of its work.
fn turning(liveness: Liveness) -> (mpsc::Sender<()>, std::thread::JoinHandle<()>) {
    let (halt, halted) = mpsc::channel();
    let turns = std::thread::spawn(move || {
        while matches!(halted.recv_timeout(Duration::from_millis(5)), Err(mpsc::RecvTimeoutError::Timeout)) {
            liveness.tick();
        }
    });
    (halt, turns)
}

#[tokio::test]
async fn the_watchdog_starves_when_the_loop_stands() {
    let watchdog = Duration::from_millis(400);
    let (liveness, beats) = (Liveness::new(), Mutex::new(Vec::new()));
    let (halt, turns) = turning(liveness.clone());
    let (_view, seen) = watch::channel(Arc::new(ready()));
    let tokens = (CancellationToken::new(), CancellationToken::new());
    let (alive, at_work) = (Mutex::new(Some(halt)), Mutex::new(Some(turns)));
    let say = |states: &[NotifyState<'_>]| {
        if states.iter().any(|state| matches!(state, NotifyState::Watchdog)) {
            let mut beats = beats.lock().unwrap();
            beats.push(Instant::now());
            if beats.len() == 5 {
                drop(alive.lock().unwrap().take());
                at_work.lock().unwrap().take().unwrap().join().unwrap();
            }
        }
        Ok(())
    };
    let herald = Herald::new(Instant::now(), Some(watchdog));
    let watched = proclaim(herald, liveness.clone(), seen, tokens, say);
    let stood = async {
        while liveness.stalled_for() < watchdog * 4 {
            tokio::time::sleep(watchdog / 8).await;
        }
    };
    tokio::select! {
        () = watched => panic!("it goes on until the stop"),
        () = stood => {}
    }
    let beats = beats.into_inner().unwrap();
    let stands = Instant::now() - liveness.stalled_for();
    assert!(beats.len() >= 5, "it lived before: {beats:?}");
    let last = *beats.last().unwrap();
    assert!(last <= stands + watchdog, "a sign of life {:?} after the loop stood", last - stands);
}
