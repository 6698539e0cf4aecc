//! The web itself, behind the same guard as code: public addresses only, checked where names are resolved; no proxy, no redirect
//! that nobody has looked at, nothing unpacked.

use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};

use super::message::{MAX_BODY_BYTES, WebAnswer, WebRequest, WebResponse};
use super::{FETCH_PATIENCE, Fetching, Web};
use crate::fetch::PublicResolver;
use crate::turns::{Bounds, Turns, customer};

/// Requests at one time, what slow jobs may have of them, and what one job may.
const REQUESTS: [usize; 3] = [32, 24, 4];
/// Requests that may wait, of all jobs and of one.
const MAX_WAITING: [usize; 2] = [1024, 32];

/// The web.
#[derive(Debug)]
pub(crate) struct Live {
    client: Client,
    allow_private: bool,
    turns: Arc<Turns>,
}

impl Live {
    pub(crate) fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent("keeper-mesh")
            .dns_resolver(PublicResolver { allow_private })
            .redirect(redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .connect_timeout(FETCH_PATIENCE)
            .pool_max_idle_per_host(0)
            .build()?;
        let [places, slow_places, places_each] = REQUESTS;
        let [waiting, waiting_each] = MAX_WAITING;
        let slow = FETCH_PATIENCE / 2;
        let turns = Turns::new(Bounds { places, slow_places, places_each, slow, waiting, waiting_each });
        Ok(Self { client, allow_private, turns })
    }

    async fn ask(&self, job: u64, request: &WebRequest) -> WebAnswer {
        let Some(_turn) = self.turns.take(customer(job)).await else {
            return WebAnswer::Failed("too many requests wait on this keeper".to_owned());
        };
        let Some(headers) = headers(&request.headers) else {
            return WebAnswer::Denied("a header that HTTP does not have, or that is not the job's to set".to_owned());
        };
        let method = if request.method == "POST" { Method::POST } else { Method::GET };
        let mut asked = self.client.request(method, &request.url).headers(headers);
        if !request.body.is_empty() {
            asked = asked.body(request.body.clone());
        }
        match asked.send().await {
            Ok(response) => read(response).await,
            Err(error) => failed(&error),
        }
    }
}

impl Web for Live {
    fn fetch<'a>(&'a self, job: u64, request: &'a WebRequest) -> Fetching<'a> {
        Box::pin(self.ask(job, request))
    }

    fn allows_private(&self) -> bool {
        self.allow_private
    }
}

/// Headers that say how the connection is kept, or which host is meant, are the keeper's.
fn headers(asked: &[(String, String)]) -> Option<HeaderMap> {
    const OURS: [&str; 7] =
        ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "proxy-authorization"];
    let mut headers = HeaderMap::new();
    for (name, value) in asked {
        let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !OURS.contains(&name.as_str()))?;
        headers.append(name, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

/// Reads a response, stopping as soon as it is longer than one may be.
async fn read(mut response: reqwest::Response) -> WebAnswer {
    if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return WebAnswer::TooLarge;
    }
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers =
        response.headers().iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY_BYTES => return WebAnswer::TooLarge,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return WebAnswer::Response(WebResponse { status, headers, body }).within_caps(),
            Err(error) => return failed(&error),
        }
    }
}

/// What went wrong, without the URL: the job knows that, and a keeper's own header never gets into an error.
fn failed(error: &reqwest::Error) -> WebAnswer {
    if error.is_timeout() {
        return WebAnswer::Timeout;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    WebAnswer::Failed(cause.to_string())
}
