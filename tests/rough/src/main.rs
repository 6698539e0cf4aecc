//! `rough`: proxies that put a local chain behind the faults of real nodes, one for each URL that is to be handed out.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use rough::{Proxy, Script};

/// Starts proxies in front of a node and prints their URLs, one a line; runs until it is killed.
#[derive(Debug, Parser)]
#[command(name = "rough", version)]
struct Options {
    /// The node
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// How many proxies
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    count: u64,
    /// Seed of every choice
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// JSON file with the script of all of them; without it, the chain as it is: late, with limits, one in three behind
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let given: Option<Script> = match &options.script {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(serde_json::from_str(&text).with_context(|| format!("{} is no script", path.display()))?)
        }
        None => None,
    };
    let mut proxies = Vec::new();
    for number in 0..options.count {
        let script = given.clone().unwrap_or_else(|| Script::rough(number));
        let proxy = Proxy::start(&options.upstream, script, options.seed.wrapping_add(number)).await?;
        print(&proxy.url());
        proxies.push(proxy);
    }
    std::future::pending().await
}

#[expect(clippy::print_stdout, reason = "standard output is where the answer goes")]
fn print(text: &str) {
    println!("{text}");
}
