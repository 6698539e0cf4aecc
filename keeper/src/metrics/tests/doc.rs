//! docs/metrics.md is made of what a keeper registers: `UPDATE=1 cargo test -p keeper metrics` writes it anew. And what a
//! scrape of a large mesh costs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::*;
use crate::health::rules::RULES;
use crate::heartbeat::{Heartbeat, KeeperView, MeshView};

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
const HEAD: &str = "# Metrics

Every series of a keeper, at `http://127.0.0.1:7421/metrics` (`--metrics-addr`): as OpenMetrics for those who ask for it, else as
text 0.0.4. Those of libp2p itself come besides, under `libp2p_` and `gossipsub_`. This page is made of what a keeper registers; a
test compares the two (`UPDATE=1 cargo test -p keeper metrics` writes it).

| series | type | labels | meaning |
|---|---|---|---|
";

/// A registry as a keeper has it, the mesh's own series among them.
pub(super) fn whole() -> (Registry, Metrics) {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let config = p2p::Config { listen: Vec::new(), topics: topics::table(), ..p2p::Config::default() };
    let built = p2p::build(config, &p2p::Identity::generate(), &mut registry).unwrap();
    drop(built);
    // A directory that is there, so that its disk has room to tell of.
    register_files(&mut registry, &crate::paths::Paths::resolve(Some(std::path::Path::new("/"))).unwrap());
    metrics.roster.show(&View::default());
    (registry, metrics)
}

/// The labels of each series and their values, as far as those are words.
fn labels(text: &str) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut labels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        let inside = rest.split_once('}').map_or(rest, |(inside, _)| inside);
        for (label, value) in inside.split("\",").filter_map(|pair| pair.split_once("=\"")) {
            if label != "le" {
                let values = labels.entry(name.to_owned()).or_default().entry(label.to_owned()).or_default();
                values.insert(value.trim_end_matches('"').to_owned());
            }
        }
    }
    labels
}

fn page() -> String {
    let text = plain(&whole().0).unwrap();
    let labels = labels(&text);
    let mut helps = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let ours = |name: &str| ["keeper_", "p2p_", "process_"].iter().any(|prefix| name.starts_with(prefix));
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            helps.insert(name.to_owned(), help.trim_end_matches('.').to_owned());
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
            && ours(name)
        {
            let of = labels.get(name).map(|labels| labels.iter().map(describe).collect::<Vec<_>>().join("; "));
            let help = helps.get(name).cloned().unwrap_or_default();
            rows.insert(name.to_owned(), format!("| `{name}` | {kind} | {} | {help} |\n", of.unwrap_or_default()));
        }
    }
    let mut page = HEAD.to_owned();
    page.extend(rows.into_values());
    page.push_str("\n## Checks\n\nWhat `keeper_health_check_failing` and `/readyz` name. A critical one that is red takes readiness away.\n\n");
    page.push_str("| check | severity | red when | what to do |\n|---|---|---|---|\n");
    page.extend(
        RULES.iter().map(|rule| {
            format!("| `{}` | {} | {} | {} |\n", rule.check, rule.severity.name(), rule.red_when, rule.help)
        }),
    );
    page
}

fn describe((label, values): (&String, &BTreeSet<String>)) -> String {
    const MOST: usize = 12;
    // What is this process's own is no value to expect.
    if ["peer_id", "operator", "network", "version", "target"].contains(&label.as_str()) {
        return label.clone();
    }
    let shown: Vec<&str> = values.iter().take(MOST).map(String::as_str).collect();
    let more = if values.len() > MOST { format!(", and {} more", values.len() - MOST) } else { String::new() };
    format!("{label}: {}{more}", shown.join(", "))
}

#[tokio::test]
async fn the_page_on_metrics_is_what_a_keeper_registers() {
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(DOC, &page).unwrap();
    }
    let kept = std::fs::read_to_string(DOC).unwrap_or_default();
    assert_eq!(kept, page, "docs/metrics.md is old: UPDATE=1 cargo test -p keeper metrics");
}

/// 64 keepers are heard, and every series has counted something.
#[tokio::test]
async fn a_scrape_of_a_mesh_of_64_is_small_and_quick() {
    let (registry, metrics) = whole();
    let keeper = |number: u32| KeeperView {
        operator: format!("0x{number:040}"),
        version: "9.9.9".to_owned(),
        ..KeeperView::default()
    };
    metrics.mesh.show(&MeshView { keepers: (0..64).map(keeper).collect(), ..MeshView::default() });
    let links = (0..64).map(|number: u8| Heartbeat::link(&[number; 32], Some(f64::from(number)))).collect();
    metrics.mesh.note_links(&Heartbeat { links, ..Heartbeat::default() });
    let mut quickest = Duration::MAX;
    let mut size = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        size = plain(&registry).unwrap().len();
        quickest = quickest.min(begun.elapsed());
    }
    eprintln!("a scrape: {size} bytes in {quickest:?}");
    assert!(size < 1 << 20, "{size} bytes");
    assert!(quickest < Duration::from_millis(20), "{quickest:?}");
}
