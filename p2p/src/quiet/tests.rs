use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::{Pauses, Quiet};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged by `say` under a filter.
fn logged(filter: &str, say: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let filter = EnvFilter::try_new(filter).expect("a filter");
    let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    let logs = tracing_subscriber::registry().with(filter).with(Quiet::default()).with(lines);
    tracing::subscriber::with_default(logs, say);
    String::from_utf8(log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text")
}

#[test]
fn libp2ps_lines_come_once_a_minute_for_each_kind_and_ours_always() {
    let text = logged("info", || {
        for number in 0..100 {
            tracing::warn!(target: "libp2p_gossipsub::behaviour", number, "Send Queue full");
            tracing::warn!(target: "libp2p_kad::handler", number, "another kind");
            tracing::debug!(target: "libp2p_kad::handler", number, "not asked for");
            tracing::info!(target: "p2p::service", number, "our own");
        }
    });
    let count = |word: &str| text.matches(word).count();
    assert_eq!((count("Send Queue full"), count("another kind"), count("our own")), (1, 1, 100), "{text}");
    assert_eq!(count("not asked for"), 0);
}

#[test]
fn what_is_asked_for_in_detail_is_shown_in_full() {
    let text = logged("libp2p_kad=debug", || {
        (0..10).for_each(|_| tracing::debug!(target: "libp2p_kad::handler", "detail"));
    });
    assert_eq!(text.matches("detail").count(), 10, "{text}");
}

#[test]
fn a_kind_comes_again_after_a_minute() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    assert!(pauses.passes(("a.rs", 1), now));
    assert!(!pauses.passes(("a.rs", 1), now + Duration::from_secs(59)));
    assert!(pauses.passes(("a.rs", 2), now + Duration::from_secs(59)));
    assert!(pauses.passes(("a.rs", 1), now + Duration::from_secs(60)));
}
