//! What a job that observes sees of the web: requests go out through its keeper alone, to the hosts that the job has named on
//! chain, and by nothing that a stranger could turn against the operator's own network.
//!
//! ```text
//!   guest ═ http.fetch ═► Outside ─ count, allow-list ─► secrets filled in ─► Web ─► host
//!         ◄══ answer ═════╝  ◄─────── secrets taken out again ◄──────────────────────┘
//! ```
//!
//! Nothing of it is part of a transcript: every keeper has its own answers, and signs what it saw.

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod hosts;
mod live;
mod message;
mod secrets;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

pub use hosts::{AllowList, MAX_HOST_BYTES, MAX_HOSTS};
pub(crate) use live::Live;
pub(crate) use message::MAX_REQUEST_BYTES;
pub use message::{MAX_BODY_BYTES, WebAnswer, WebRequest, WebResponse};
pub use secrets::{NoSecrets, Secrets};

/// Requests of one run, redirects not counted.
pub const MAX_FETCHES: u32 = 16;
/// Redirects followed, each to a host of the list.
pub(crate) const MAX_REDIRECTS: usize = 3;
/// The longest that one request may take, with its redirects.
pub const FETCH_PATIENCE: Duration = Duration::from_millis(1_500);

/// What comes of one request, its redirects not followed.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = WebAnswer> + Send + 'a>>;

/// Where requests go that are allowed: the web, or what a test has in its place.
pub trait Web: Send + Sync + std::fmt::Debug {
    /// Makes one request for a job. The host has been checked against the job's list, not what it resolves to.
    fn fetch<'a>(&'a self, job: u64, request: &'a WebRequest) -> Fetching<'a>;

    /// Whether plain HTTP, ports and private addresses are allowed.
    fn allows_private(&self) -> bool;
}

/// What one run may see of the web.
#[derive(Debug)]
pub(crate) struct Outside {
    job: u64,
    web: Arc<dyn Web>,
    allowed: AllowList,
    secrets: Arc<dyn Secrets>,
    fetches_left: u32,
    waited: Duration,
}

impl Outside {
    pub(crate) const fn new(job: u64, web: Arc<dyn Web>, allowed: AllowList, secrets: Arc<dyn Secrets>) -> Self {
        Self { job, web, allowed, secrets, fetches_left: MAX_FETCHES, waited: Duration::ZERO }
    }

    /// How long the run has waited for answers.
    pub(crate) const fn waited(&self) -> Duration {
        self.waited
    }

    /// Answers a request as it came from the cell, by `deadline` at the latest.
    pub(crate) async fn fetch(&mut self, request: &[u8], deadline: Instant) -> Vec<u8> {
        let Ok(request) = WebRequest::decode(request) else {
            return WebAnswer::Failed("not a request".to_owned()).encode();
        };
        let Some(left) = self.fetches_left.checked_sub(1) else {
            return WebAnswer::Denied(format!("more than {MAX_FETCHES} requests in one run")).encode();
        };
        self.fetches_left = left;
        let begun = Instant::now();
        let until = deadline.min(begun + FETCH_PATIENCE);
        let answer = tokio::time::timeout_at(until, self.follow(request)).await.unwrap_or(WebAnswer::Timeout);
        self.waited += begun.elapsed();
        answer.encode()
    }

    /// Goes where redirects lead, as long as that is on the list. Only what was asked with GET is sent on.
    async fn follow(&self, mut request: WebRequest) -> WebAnswer {
        for _ in 0..=MAX_REDIRECTS {
            let url = match self.allowed.check(&request.url, self.web.allows_private()) {
                Ok(url) => url,
                Err(why) => return WebAnswer::Denied(why),
            };
            // Filled in anew for every hop: a secret goes to its own host only.
            let (filled, used) = match secrets::fill(&request, &url, self.job, &*self.secrets) {
                Ok(filled) => filled,
                Err(why) => return WebAnswer::Denied(why),
            };
            let answer = secrets::take_out(self.web.fetch(self.job, &filled).await, &used);
            match next(&answer, &url) {
                Some(next) if request.method == "GET" => request.url = next,
                _ => return answer,
            }
        }
        WebAnswer::Failed(format!("it redirects more than {MAX_REDIRECTS} times"))
    }
}

/// Where a redirect leads.
fn next(answer: &WebAnswer, from: &Url) -> Option<String> {
    let WebAnswer::Response(response) = answer else { return None };
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    from.join(&location.1).ok().map(Into::into)
}

#[cfg(test)]
mod tests;
