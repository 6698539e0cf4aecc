//! What the service manager (systemd) is told: ready, alive, stopping, and how it is in a line.
//!
//! ```text
//!   Liveness (the loop ticks) ──┐
//!   View (checks) ──────────────┼──► Herald::look ──► READY=1  WATCHDOG=1  STOPPING=1  STATUS=…  ──► NOTIFY_SOCKET
//!   the token of the stop ──────┘
//! ```
//!
//! `READY=1` is said once every check is fine, or after [`PATIENCE`] of a loop that goes round: a keeper that waits for its
//! chain, its registration or some coin runs as it should, and does not hold up the start of the machine. `STATUS=` says
//! what is missing. `WATCHDOG=1` is said as long as the loop goes round, and by nobody else: a keeper whose loop stands is
//! ended by the manager, and starts again. Without `NOTIFY_SOCKET` nothing is said, and this task ends at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::metrics::Liveness;
use crate::text;
use crate::view::View;

/// How long a keeper may take to become ready before it counts as started all the same. Below systemd's usual 90 s.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked, at most; less often only a watchdog of less than four seconds asks for.
const LOOK: Duration = Duration::from_secs(1);
/// Longest status, in characters.
const STATUS_LONGEST: usize = 200;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Ready,
    Watchdog,
    Stopping,
    Status(String),
}

/// What has been told, and when the next sign of life is due.
///
/// ```text
///   starting ── ready, or PATIENCE while the loop goes round ──► started ── stop asked for ──► stopping
/// ```
#[derive(Debug)]
struct Herald {
    begun: Instant,
    started: bool,
    stopping: bool,
    /// How long the manager waits for a sign of life; `None`: it does not watch.
    watchdog: Option<Duration>,
    beaten: Option<Instant>,
    status: String,
}

impl Herald {
    fn new(begun: Instant, watchdog: Option<Duration>) -> Self {
        Self { begun, started: false, stopping: false, watchdog, beaten: None, status: String::new() }
    }

    /// How often it wants to look.
    fn interval(&self) -> Duration {
        self.watchdog.map_or(LOOK, |watchdog| (watchdog / 4).clamp(Duration::from_millis(1), LOOK))
    }

    /// What is to be said now. `still`: since when the loop has not gone round.
    fn look(&mut self, now: Instant, still: Duration, view: &View, stop: bool) -> Vec<Word> {
        if self.stopping {
            return Vec::new();
        }
        if stop {
            self.stopping = true;
            return vec![Word::Stopping, Word::Status("stopping".to_owned())];
        }
        let mut words = Vec::new();
        let waited = now.saturating_duration_since(self.begun) >= PATIENCE && still < LOOK * 2;
        if !self.started && (view.ready || waited) {
            self.started = true;
            words.push(Word::Ready);
        }
        if let Some(watchdog) = self.watchdog {
            let due = self.beaten.is_none_or(|beaten| now.saturating_duration_since(beaten) >= watchdog / 4);
            if due && still < watchdog / 2 {
                self.beaten = Some(now);
                words.push(Word::Watchdog);
            }
        }
        let status = status(view);
        if status != self.status {
            self.status.clone_from(&status);
            words.push(Word::Status(status));
        }
        words
    }
}

/// How a keeper is, on one line, without what changes at every block.
fn status(view: &View) -> String {
    let mut red = view.checks.iter().filter(|(_, check)| !check.ok);
    let Some((name, check)) = red.next() else {
        return match view.ready {
            true => format!("ready: epoch {}, {} peers", view.epoch.number, view.peers),
            false => "starting".to_owned(),
        };
    };
    let more = red.count();
    let besides = if more == 0 { String::new() } else { format!(" (and {more} more: keeper status)") };
    let stand = if view.ready { "ready, but" } else { "not ready:" };
    let text = text::shown(&format!("{stand} {name}: {}", check.message));
    format!("{}{besides}", text.chars().take(STATUS_LONGEST).collect::<String>())
}

/// Tells the service manager how the keeper is, until the stop that `shutdown` asks for has ended in `stop`.
///
/// What cannot be told is logged once: it is the manager's to notice.
pub(crate) async fn run(
    liveness: Liveness,
    view: watch::Receiver<Arc<View>>,
    shutdown: CancellationToken,
    stop: CancellationToken,
) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let herald = Herald::new(Instant::now(), sd_notify::watchdog_enabled());
    // A manager that does not read for a while, as when it is replaced, holds up this task and nothing else.
    let say = |states: &[NotifyState<'_>]| tokio::task::block_in_place(|| sd_notify::notify(states));
    proclaim(herald, liveness, view, (shutdown, stop), say).await;
}

async fn proclaim(
    mut herald: Herald,
    liveness: Liveness,
    view: watch::Receiver<Arc<View>>,
    (shutdown, stop): (CancellationToken, CancellationToken),
    say: impl Fn(&[NotifyState<'_>]) -> std::io::Result<()>,
) {
    let mut looks = tokio::time::interval(herald.interval());
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warned = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = shutdown.cancelled(), if !herald.stopping => {}
            _ = looks.tick() => {}
        }
        let seen = view.borrow().clone();
        let words = herald.look(Instant::now(), liveness.stalled_for(), &seen, shutdown.is_cancelled());
        if words.is_empty() {
            continue;
        }
        let states: Vec<NotifyState<'_>> = words.iter().map(state).collect();
        if let Err(error) = say(&states)
            && !warned
        {
            warned = true;
            tracing::warn!(%error, "cannot tell the service manager at NOTIFY_SOCKET how this keeper is");
        }
    }
}

fn state(word: &Word) -> NotifyState<'_> {
    match word {
        Word::Ready => NotifyState::Ready,
        Word::Watchdog => NotifyState::Watchdog,
        Word::Stopping => NotifyState::Stopping,
        Word::Status(text) => NotifyState::Status(text),
    }
}

#[cfg(test)]
mod tests;
