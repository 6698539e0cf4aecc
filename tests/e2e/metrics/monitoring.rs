//! What is deployed to watch keepers with is about series that there are: every expression of the dashboard has data, every rule is
//! evaluated, and every name that alerts, dashboard and documentation say is a keeper's.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bootstrap::wait::until;
use serde_json::Value;

use super::PATIENCE;

const DEPLOY: &str = "../bootstrap/deploy";
/// With which words names of series begin.
const PREFIXES: [&str; 5] = ["keeper_", "p2p_", "libp2p_", "gossipsub_", "process_"];
/// Words of the documentation that only look like names of series.
const NO_SERIES: [&str; 1] = ["keeper_registry"];

/// Copies the rules, to be evaluated at every scrape, and gives back their paths.
pub(super) fn rule_files(folder: &Path) -> Vec<PathBuf> {
    let copy = |name: &str| {
        let text = fs::read_to_string(Path::new(DEPLOY).join("prometheus").join(name)).unwrap();
        fs::write(folder.join(name), text.replace("interval: 30s", "interval: 1s")).unwrap();
        folder.join(name)
    };
    vec![copy("rules.yml"), copy("alerts.yml")]
}

/// The expressions of the dashboard, for all keepers of all networks.
fn dashboard() -> Vec<String> {
    let text = fs::read_to_string(Path::new(DEPLOY).join("grafana/keeper.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(dashboard["uid"], "keeper-mesh", "links of others lead to it");
    let variables: Vec<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|each| &each["name"]).collect();
    assert_eq!(variables, ["datasource", "network", "instance"]);
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let all = [("$network", ".*"), ("$instance", ".*"), ("$__rate_interval", "20s")];
    expressions.map(|text| all.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))).collect()
}

/// The names of series in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let is_name = |word: &&str| PREFIXES.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix));
    words.filter(is_name).map(str::to_owned).collect()
}

/// The documentation's pages that speak of series of keepers.
fn documentation() -> String {
    let pages = fs::read_dir("../docs").unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|page| page.extension().is_some_and(|end| end == "md"));
    pages.map(|page| fs::read_to_string(page).unwrap()).collect()
}

/// A Prometheus to be asked.
pub(super) struct Asked<'a> {
    pub(super) client: &'a reqwest::Client,
    pub(super) port: u16,
}

impl Asked<'_> {
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let url = reqwest::Url::parse_with_params(&format!("http://127.0.0.1:{}/api/v1/{path}", self.port), query);
        let answer = self.client.get(url.unwrap()).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(answer.to_string()) }
    }

    /// Waits until everything that is asked of it has an answer with data in it.
    pub(super) async fn knows_what_is_deployed(&self) {
        let expressions = dashboard();
        assert!(expressions.len() > 40, "{} expressions in the dashboard", expressions.len());
        for expression in &expressions {
            until(&format!("data for {expression}"), PATIENCE, || async {
                let data = self.get("query", &[("query", expression.as_str())]).await?;
                let found = data["result"].as_array().is_some_and(|series| !series.is_empty());
                found.then_some(()).ok_or_else(|| data.to_string())
            })
            .await
            .unwrap();
        }
        let rules = self.rules().await;
        let known = self.get("label/__name__/values", &[]).await.unwrap();
        let known: BTreeSet<&str> = known.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let is_known = |name: &str| known.contains(name) || known.contains(format!("{name}_bucket").as_str());
        for (source, text) in [("the dashboard", expressions.join("\n")), ("the rules", rules.join("\n"))] {
            let unknown: Vec<_> = names(&text).into_iter().filter(|name| !is_known(name)).collect();
            assert!(unknown.is_empty(), "{source} ask for what no keeper has: {unknown:?}");
        }
        let said = names(&documentation()).into_iter().filter(|name| name.starts_with("keeper_"));
        let unknown: Vec<_> = said.filter(|name| !is_known(name) && !NO_SERIES.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "docs/ speak of series that no keeper has: {unknown:?}");
    }

    /// The expressions of all rules, once each has been evaluated without an error.
    async fn rules(&self) -> Vec<String> {
        until("every rule to be evaluated", PATIENCE, || async {
            let data = self.get("rules", &[]).await?;
            let groups = data["groups"].as_array().ok_or_else(|| data.to_string())?;
            let rules: Vec<&Value> = groups.iter().filter_map(|group| group["rules"].as_array()).flatten().collect();
            match rules.iter().find(|rule| rule["health"] != "ok") {
                Some(rule) => Err(rule.to_string()),
                None if rules.len() < 15 => Err(format!("{} rules", rules.len())),
                None => Ok(rules.iter().map(|rule| rule["query"].as_str().unwrap_or_default().to_owned()).collect()),
            }
        })
        .await
        .unwrap()
    }
}
