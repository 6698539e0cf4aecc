//! Asking a running keeper's API: which address, and whether whoever answers there is the one that is meant.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{Exit, Global, NodeFile, WithExit};

/// A keeper on the same machine answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest document of the API that is read.
const MAX_BYTES: usize = 4 << 20;

/// A keeper's API, before it was asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where it is.
    pub(super) url: Url,
    /// What the data directory says of who should answer there; `None` where a URL was given.
    pub(super) node: Option<NodeFile>,
    client: reqwest::Client,
}

impl Asked {
    /// The API at `--api-url`, or that of the data directory's keeper.
    ///
    /// # Errors
    /// With [`Exit::NotReady`] when no keeper ever ran there.
    pub(super) fn at(global: &Global, api_url: Option<&Url>) -> Result<Self> {
        let (url, node) = match api_url {
            Some(url) => (url.clone(), None),
            None => {
                let node = NodeFile::read(&global.paths()?)?;
                let url = format!("http://{}", node.api_addr).parse();
                (url.context("node.json names no usable API address").exit(Exit::NotReady)?, Some(node))
            }
        };
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().context("no HTTP client")?;
        Ok(Self { url, node, client })
    }

    /// What it answers on a route.
    ///
    /// # Errors
    /// When nobody answers, or not as a keeper does.
    pub(super) async fn get(&self, route: &str) -> Result<Value> {
        let named = origin(&self.url);
        let route = self.url.join(route).with_context(|| format!("--api-url {named} cannot be extended by a route"))?;
        let mut response = self
            .client
            .get(route)
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("no keeper answers at {named}: start one with `keeper join`, or pass --api-url"))?
            .error_for_status()
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("{named} does not answer as a keeper does"))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.context("the answer broke off")? {
            ensure!(body.len() + chunk.len() <= MAX_BYTES, "{named} sends more than a keeper would");
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).with_context(|| format!("{named} does not answer with JSON"))
    }

    /// The same, as what it stands for.
    ///
    /// # Errors
    /// As for [`Asked::get`].
    pub(super) async fn read<T: DeserializeOwned>(&self, route: &str) -> Result<T> {
        serde_json::from_value(self.get(route).await?)
            .with_context(|| format!("{} answers, but not as a keeper does", origin(&self.url)))
    }
}

/// What of a URL is shown: the rest of it may hold a password.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
