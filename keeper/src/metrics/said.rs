//! What the log says that is no good news, counted: a layer beside those that write it, and a collector that shows the counts. The log
//! begins before there is a registry, so the counts stand by themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

const LEVELS: [(Level, &str); 2] = [(Level::WARN, "warn"), (Level::ERROR, "error")];
/// Whose words they are, by how their target begins; whatever fits none is of the last.
const TARGETS: [&str; 6] = ["keeper", "executor", "p2p", "consensus", "libp2p", "other"];

static SAID: [[AtomicU64; TARGETS.len()]; LEVELS.len()] =
    [const { [const { AtomicU64::new(0) }; TARGETS.len()] }; LEVELS.len()];

/// Counts what the log's filter lets through.
#[derive(Debug, Default)]
pub struct Counted;

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        if let Some(level) = LEVELS.iter().position(|(level, _)| level == about.level()) {
            SAID[level][whose(about.target())].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The place of a target's crate among those that are told apart.
fn whose(target: &str) -> usize {
    let of = target.split(['_', ':', '.']).next().unwrap_or_default();
    TARGETS.iter().position(|name| *name == of).unwrap_or(TARGETS.len() - 1)
}

/// Shows the counts.
#[derive(Debug)]
pub(super) struct Said;

impl Collector for Said {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Warnings and errors in the log, as far as its filter lets them through, by whose they are";
        let mut family = encoder.encode_descriptor("keeper_log_events", help, None, MetricType::Counter)?;
        for ((_, level), counts) in LEVELS.iter().zip(&SAID) {
            for (target, count) in TARGETS.iter().zip(counts) {
                let labels = [("level", *level), ("target", *target)];
                let counter = ConstCounter::new(count.load(Ordering::Relaxed));
                counter.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn warnings_and_errors_are_counted_by_whose_they_are() {
        let count = |level: usize, target: &str| SAID[level][whose(target)].load(Ordering::Relaxed);
        let before = [count(0, "keeper"), count(1, "libp2p_swarm"), count(1, "hyper::client")];
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Counted), || {
            tracing::warn!(target: "keeper::driver", "one");
            tracing::error!(target: "libp2p_swarm", "two");
            tracing::error!(target: "hyper::client", "three");
            tracing::info!(target: "keeper::driver", "that is fine");
        });
        // Others may log meanwhile, and take nothing away.
        assert!(count(0, "keeper") > before[0] && count(1, "libp2p_swarm") > before[1]);
        assert!(count(1, "hyper::client") > before[2]);
        assert_eq!(whose("libp2p_gossipsub::behaviour"), whose("libp2p"));
        assert_eq!(whose("keeper"), whose("keeper::chain"));
    }
}
