//! `{{secret:NAME}}` in a header: what a keeper has of its own and fills in, each for the one host that its operator has named with
//! it, so that no job can have it sent elsewhere. A job that has the host send it back finds the mark in its place.

use url::Url;

use super::hosts::host_of;
use super::message::{WebAnswer, WebRequest, WebResponse};

const OPENS: &str = "{{secret:";
const CLOSES: &str = "}}";

/// A keeper's own secrets.
pub trait Secrets: Send + Sync + std::fmt::Debug {
    /// The secret of this name for a host (`name` or `name:port`) and a job, if there is one.
    fn secret(&self, name: &str, host: &str, job: u64) -> Option<String>;
}

/// A keeper without any.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// A secret that was sent, and the mark it stands for.
pub(super) type Used = (String, String);

/// The request with its secrets; they are in no log and in no error.
///
/// # Errors
/// There is none of that name for the host, or a mark stands where none may.
pub(super) fn fill(
    request: &WebRequest,
    url: &Url,
    job: u64,
    secrets: &dyn Secrets,
) -> Result<(WebRequest, Vec<Used>), String> {
    let host = host_of(url).unwrap_or_default();
    let (mut filled, mut used) = (request.clone(), Vec::new());
    for (_, value) in &mut filled.headers {
        let mut done = String::new();
        let mut rest = value.as_str();
        while let Some((before, after)) = rest.split_once(OPENS) {
            let (name, after) = after.split_once(CLOSES).ok_or("a {{secret:NAME}} without its end")?;
            let secret = secrets.secret(name, &host, job).ok_or_else(|| {
                let shown: String = name.chars().take(64).filter(|letter| !letter.is_control()).collect();
                format!("this keeper has no secret {shown} for {host}: `keeper secrets set {shown} --host {host}`")
            })?;
            done.push_str(before);
            done.push_str(&secret);
            used.push((secret, format!("{OPENS}{name}{CLOSES}")));
            rest = after;
        }
        done.push_str(rest);
        *value = done;
    }
    Ok((filled, used))
}

/// The answer without what was sent: a host that echoes its request tells the job nothing.
pub(super) fn take_out(answer: WebAnswer, used: &[Used]) -> WebAnswer {
    let WebAnswer::Response(WebResponse { status, mut headers, mut body }) = answer else {
        return match answer {
            WebAnswer::Failed(why) => WebAnswer::Failed(used.iter().fold(why, |why, (is, mark)| why.replace(is, mark))),
            other => other,
        };
    };
    for (secret, mark) in used.iter().filter(|(secret, _)| !secret.is_empty()) {
        for (_, value) in &mut headers {
            *value = value.replace(secret, mark);
        }
        body = replaced(&body, secret.as_bytes(), mark.as_bytes());
    }
    WebAnswer::Response(WebResponse { status, headers, body }).within_caps()
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut done = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(what) {
            done.extend_from_slice(with);
            at += what.len();
        } else {
            done.push(bytes[at]);
            at += 1;
        }
    }
    done
}
