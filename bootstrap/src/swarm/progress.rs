//! Progress for people, on standard error.

use std::time::Instant;

use super::Swarm;

/// Says what happens, with the seconds since the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    started: Instant,
}

impl Progress {
    /// Counts from now.
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// One line.
    pub(super) fn say(&self, text: &str) {
        eprintln!("[{:6.1} s] {text}", self.started.elapsed().as_secs_f64());
    }
}

/// What to look at while a swarm runs, and how to join it by hand.
pub fn welcome(swarm: &Swarm) -> String {
    let file = swarm.deployed().file.display();
    let setting = swarm.setting();
    let (keeper, bootnode) = (setting.program.display(), &setting.bootnode);
    let page = swarm.page().map(|page| format!("page      {page}"));
    let mut lines: Vec<String> = page.into_iter().collect();
    lines.extend([
        format!("network   {file}"),
        format!("chain     {} (id {})", swarm.anvil.url(), swarm.deployed().network.chain_id),
        format!("bootnode  {bootnode}"),
        format!("target    {} (counts the calls of each job)", swarm.target()),
    ]);
    if let Some(proxies) = &swarm.proxies {
        lines.push(format!("keepers see it through {}", proxies.urls().join(", ")));
    }
    for each in &swarm.keepers {
        if let Ok(node) = each.node() {
            lines.push(format!("{}  http://{}/  http://{}/metrics", each.name(), node.api_addr, node.metrics_addr));
        }
    }
    let cache = swarm.cache_dir().display();
    lines.push(format!(
        "\nJoin a keeper by hand, in another terminal:\n\
         \x20 (umask 077 && echo 'choose a good one' > password)\n\
         \x20 {keeper} init --datadir mine\n\
         \x20 {keeper} keys new --datadir mine --password-file password\n\
         \x20 bootstrap/swarm.sh fund OPERATOR_ADDRESS --network {file}\n\
         \x20 {keeper} operator register --datadir mine --network {file} --password-file password\n\
         \x20 {keeper} join --datadir mine --network {file} --bootnode {bootnode} --password-file password \\\n\
         \x20     --listen /ip4/127.0.0.1/tcp/0 --api-addr 127.0.0.1:0 --metrics-addr 127.0.0.1:0 --cache-dir {cache}\n\
         \x20 {keeper} status --datadir mine\n\
         \nCtrl-C stops everything."
    ));
    lines.join("\n")
}
