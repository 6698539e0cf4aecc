//! The webhook: whoever is to be told of a check that turned red, or fine again, gets a JSON object by POST.
//!
//! ```text
//!   Health ── changes, 64 at most ──► task ── POST, three tries each, one a second at most ──► alert_webhook
//! ```
//!
//! The URL is the operator's own and may lead anywhere, but redirects are not followed. What is over the queue, or was tried in
//! vain, is counted and shown in the check `alerts`; nothing waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Changes that wait to be told.
const QUEUE: usize = 64;
/// Pause between two calls of the webhook.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a change is told, and how long the webhook may take for its answer.
const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(10);

/// What is told: a check of this keeper has turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Version of this shape; keys may be added, none change.
    pub schema: u32,
    /// `failing` or `resolved`.
    pub status: &'static str,
    /// Which check.
    pub check: String,
    /// `critical` or `warning`.
    pub severity: &'static str,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// When it turned, in Unix seconds.
    pub at: u64,
    /// The keeper's operator, 0x-hex.
    pub operator: String,
    /// The keeper's PeerId.
    pub peer_id: String,
    /// The chain's id.
    pub chain_id: u64,
    /// The keeper's version.
    pub version: &'static str,
}

/// What became of the alerts since the start.
#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    /// Failed calls since the last one that was taken.
    in_vain: AtomicU64,
}

/// The way to the webhook, if there is one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    queue: Option<mpsc::Sender<Alert>>,
    counts: Arc<Counts>,
}

impl Alerts {
    /// Tells `webhook` until `stop`; none: nobody is told.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn to(webhook: Option<Url>, stop: CancellationToken) -> reqwest::Result<Self> {
        Self::with_pause(webhook, PAUSE, stop)
    }

    fn with_pause(webhook: Option<Url>, pause: Duration, stop: CancellationToken) -> reqwest::Result<Self> {
        let Some(url) = webhook else { return Ok(Self::default()) };
        let client =
            reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let alerts = Self { queue: Some(queue), counts: Arc::default() };
        tokio::spawn(tell(client, url, waiting, alerts.counts.clone(), (pause, stop)));
        Ok(alerts)
    }

    /// Has somebody told. Waits for nothing; what finds no room counts as failed.
    pub fn tell(&self, alert: Alert) {
        if let Some(queue) = &self.queue
            && queue.try_send(alert).is_err()
        {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Alerts that were taken, and those that were lost, since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.sent.load(Ordering::Relaxed), self.counts.failed.load(Ordering::Relaxed))
    }

    /// Calls in vain since the last one that was taken.
    #[must_use]
    pub fn in_vain(&self) -> u64 {
        self.counts.in_vain.load(Ordering::Relaxed)
    }
}

async fn tell(
    client: reqwest::Client,
    url: Url,
    mut waiting: mpsc::Receiver<Alert>,
    counts: Arc<Counts>,
    (pause, stop): (Duration, CancellationToken),
) {
    let all = async {
        while let Some(alert) = waiting.recv().await {
            let mut taken = false;
            for _ in 0..TRIES {
                taken = call(&client, &url, &alert).await;
                if taken {
                    counts.in_vain.store(0, Ordering::Relaxed);
                } else {
                    counts.in_vain.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(pause).await;
                if taken {
                    break;
                }
            }
            let count = if taken { &counts.sent } else { &counts.failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = all => {}
    }
}

/// Whether the webhook takes it. Its answer is not read, and the URL is not named: it may hold a secret.
async fn call(client: &reqwest::Client, url: &Url, alert: &Alert) -> bool {
    match client.post(url.clone()).json(alert).send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            tracing::warn!(status = %answer.status(), "the webhook of alert_webhook does not take an alert");
            false
        }
        Err(error) => {
            let error = error.without_url();
            tracing::warn!(%error, "the webhook of alert_webhook could not be called");
            false
        }
    }
}

#[cfg(test)]
mod tests;
