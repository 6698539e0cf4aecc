//! Who may read, and what a browser may do with what it reads.
//!
//! A browser on this machine shows pages of strangers. Two ways would let one of them read a keeper: to point its own domain
//! name at 127.0.0.1 (DNS rebinding), which the Host header gives away, and to ask across sites, which `Origin` and
//! `Sec-Fetch-Site` give away. The answers carry no permission to be read elsewhere besides. What the page itself may do is
//! in its content security policy: its own files and this API, and nothing from anywhere else.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::refuse;

/// Scripts, styles and answers from here alone; nothing is ever made of text that could be markup.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What every answer carries.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Lets through what only reads, and comes from a program or a page of this very address.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let mut response = match refusal(request.method(), request.headers(), request.uri().path()) {
        Some((status, why)) => refuse(status, why),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(method: &Method, headers: &HeaderMap, path: &str) -> Option<(StatusCode, &'static str)> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(host) = text(header::HOST).filter(|host| names_no_domain(host)) else {
        return Some((StatusCode::FORBIDDEN, "the Host header must be an IP address or localhost"));
    };
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, at)| at.eq_ignore_ascii_case(host));
    if text(header::ORIGIN).is_some_and(|origin| !is_own(origin)) {
        return Some((
            StatusCode::FORBIDDEN,
            "the Origin header must name this address: other sites read nothing here",
        ));
    }
    // A link to the page is followed from anywhere; what it reads is read by itself.
    let crosses =
        text(HeaderName::from_static("sec-fetch-site")).is_some_and(|site| matches!(site, "cross-site" | "same-site"));
    if crosses && (path.starts_with("/api/") || path.starts_with("/v1/")) {
        return Some((StatusCode::FORBIDDEN, "other sites read nothing here"));
    }
    let reads = *method == Method::GET || *method == Method::HEAD;
    (!reads)
        .then_some((StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here: this API only answers GET and HEAD"))
}

/// Whether a Host header is `localhost` or an IP address, with or without a port.
pub(super) fn names_no_domain(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}
