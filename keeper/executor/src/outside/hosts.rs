//! A job's allow-list: the hosts that it may ask, as its owner wrote them on chain.

use url::Url;

use crate::fetch;

/// Most hosts of one job.
pub const MAX_HOSTS: usize = 16;
/// Longest host with its port, in bytes.
pub const MAX_HOST_BYTES: usize = 128;

/// Hosts, each `name` or `name:port`. A name is written as URLs have it: lower case, without a dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(Vec<String>);

impl AllowList {
    /// Takes hosts that can be hosts.
    ///
    /// # Errors
    /// Which one is none, or that there are none or too many.
    pub fn new(hosts: Vec<String>) -> Result<Self, String> {
        if hosts.is_empty() || hosts.len() > MAX_HOSTS {
            return Err(format!("{} hosts, and there may be 1 to {MAX_HOSTS}", hosts.len()));
        }
        for (at, host) in hosts.iter().enumerate() {
            let is_one = host.len() <= MAX_HOST_BYTES && as_written(host).as_deref() == Some(host);
            if !is_one || hosts[..at].contains(host) {
                let shown: String = host.chars().take(80).filter(|letter| !letter.is_control()).collect();
                return Err(format!(
                    "{shown:?} is no host, or there twice: write it as in api.example.com, in lower case, without https:// and path"
                ));
            }
        }
        Ok(Self(hosts))
    }

    /// Checks a URL against the list, and against what no job may ask; what its name resolves to is for whoever connects.
    ///
    /// # Errors
    /// Why it is refused, for the job's author.
    pub fn check(&self, url: &str, allows_private: bool) -> Result<Url, String> {
        let url = fetch::allowed(url, allows_private)?;
        let host = host_of(&url).unwrap_or_default();
        if self.0.contains(&host) {
            return Ok(url);
        }
        Err(format!("{host} is not on the job's allow-list ({})", self.0.join(", ")))
    }
}

/// The host of a URL with its port, where that is not the scheme's own.
pub(super) fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// A host as URLs have it; `None` for what is none.
fn as_written(host: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) || host.split(':').next()?.ends_with('.') {
        return None;
    }
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    host_of(&url).filter(|_| is_bare)
}
