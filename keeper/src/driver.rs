//! The one loop: what happens becomes an [`Event`], the [`Core`] answers with [`Order`]s, and each order goes to the part
//! that carries it out.
//!
//! The loop itself never waits for slow work. Executions, journal writes and transactions run as tasks of their own and
//! come back as events through one bounded channel, questions to peers through another; local work is taken before the
//! chain's events, those before the clock, and that before whatever peers say, unasked or asked, so a flood from outside
//! cannot starve what is already under way.

mod accusations;
mod admission;
mod carry;
mod chain_time;
mod clock;
mod codes;
mod contradicted;
mod core;
mod disputes;
#[cfg(feature = "equivocate")]
pub(crate) mod equivocate;
mod event;
mod executions;
mod history;
mod hush;
mod lookout;
mod mesh;
mod note;
mod order;
mod peers;
mod readings;
mod runs;
mod services;
mod settlements;
mod shed;
mod shown;
mod snapshots;
mod standing;
mod status;
mod stopped;
mod straight;
mod uncovered;
mod unjudged;
mod voices;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use consensus::task::Task;
use consensus::time::Time;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

pub use self::core::{About, Core};
pub use event::{Event, RequestTag};
pub use note::Note;
pub use order::Order;
pub use readings::{Readings, Wallet};
pub use services::Services;
pub use shed::Load;
pub use status::PeerStatus;
pub use stopped::{PartEnded, Protection, Stopped};

use crate::chain::ChainEvent;
use crate::health::Health;
use crate::metrics::{Liveness, Metrics};
use crate::view::View;
use clock::Clock;
use hush::Hush;
use mesh::{Open, Said, said_by_peers};
use voices::Voices;

/// Results of finished work on their way back to the loop.
const DONE_MAX: usize = 1_024;
/// Questions to peers that are under way, or whose answers wait for the loop; further ones are not asked.
const ANSWERS_MAX: usize = 256;
/// How often the loop looks after what no event brings.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// The ends of the channels a driver listens at.
#[derive(Debug)]
pub struct Inlets {
    /// From the watcher.
    pub chain: mpsc::Receiver<ChainEvent>,
    /// From the mesh.
    pub mesh: mpsc::Receiver<p2p::Event>,
    done: mpsc::Receiver<Event>,
    answers: mpsc::Receiver<Event>,
}

/// The core and its hands.
#[derive(Debug)]
pub struct Driver {
    core: Core,
    services: Services,
    metrics: Metrics,
    liveness: Liveness,
    /// Gossip messages and questions of peers that the core knows by number.
    messages: Open<p2p::MessageRef>,
    questions: Open<p2p::RequestId>,
    /// The runs under way, by task, try and block, to be ended when nobody wants them any more.
    runs: BTreeMap<(Task, u8, B256), AbortHandle>,
    hush: Hush,
    clock: Clock,
    health: Health,
    voices: Voices,
    done: mpsc::Sender<Event>,
    answers: mpsc::Sender<Event>,
    view: watch::Sender<Arc<View>>,
}

impl Driver {
    /// Connects a core to the parts that carry out its orders, to the watcher and to the mesh.
    pub fn connect(
        core: Core,
        services: Services,
        (metrics, liveness): (Metrics, Liveness),
        view: watch::Sender<Arc<View>>,
        chain: mpsc::Receiver<ChainEvent>,
        mesh: mpsc::Receiver<p2p::Event>,
    ) -> (Self, Inlets) {
        let (sender, done) = mpsc::channel(DONE_MAX);
        let (answer, answers) = mpsc::channel(ANSWERS_MAX);
        let health = Health::new(services.limits.clone(), services.alerts.clone());
        let driver = Self {
            core,
            services,
            metrics,
            liveness,
            messages: Open::default(),
            questions: Open::default(),
            runs: BTreeMap::new(),
            hush: Hush::default(),
            clock: Clock::new(now(), Instant::now()),
            health,
            voices: Voices::default(),
            done: sender,
            answers: answer,
            view,
        };
        (driver, Inlets { chain, mesh, done, answers })
    }

    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// [`Stopped`]: signing on could get this keeper slashed, or a part is gone.
    pub async fn run(mut self, mut inlets: Inlets, shutdown: CancellationToken) -> Result<(), Stopped> {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.liveness.tick();
            let timeout = self.until_timeout();
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(done) = inlets.done.recv() => done,
                event = inlets.chain.recv() => match event {
                    Some(event) => Event::Chain(event),
                    None => return Err(Stopped::part("the watcher of the chain")),
                },
                _ = housekeeping.tick() => Event::House,
                () = tokio::time::sleep(timeout) => Event::Tick,
                said = said_by_peers(&mut inlets.mesh, &mut inlets.answers) => match said {
                    Some(Said::Answer(event)) => event,
                    Some(Said::Unasked(event)) => match self.hear(event).await {
                        Some(event) => event,
                        None => continue,
                    },
                    None => return Err(Stopped::part("the mesh")),
                },
            };
            if let Some(by_ms) = self.clock.step(now(), Instant::now()) {
                tracing::warn!(by_ms, "this machine's clock was set; due moments go by the chain's time, as before");
                self.handle(Event::ClockSet { by_ms }).await?;
            }
            if let Event::Executed { task, attempt, anchor: place, .. }
            | Event::Observed { task, attempt, anchor: place, .. }
            | Event::Decided { task, attempt, inputs: place, .. } = &event
            {
                self.runs.remove(&(*task, *attempt, *place));
            }
            self.handle(event).await?;
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), Stopped> {
        self.record_refusal(&event, now());
        for order in self.core.on(event, now()) {
            self.carry_out(order).await?;
        }
        Ok(())
    }

    fn until_timeout(&self) -> Duration {
        let next = self.core.next_timeout().unwrap_or(Time(u64::MAX));
        Duration::from_millis(next.0.saturating_sub(now().0)).min(HOUSEKEEPING)
    }
}

/// This machine's time.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
