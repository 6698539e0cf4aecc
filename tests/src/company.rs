//! Whether honest keepers still keep each other's company.

use bootstrap::swarm::Swarm;
use serde_json::Value;

/// Which keepers of a swarm have lost another one, or sent one away at some time.
///
/// # Panics
/// When a keeper does not run.
pub async fn broken(swarm: &Swarm) -> Vec<String> {
    let ids: Vec<String> = swarm.keepers.iter().map(|keeper| keeper.node().unwrap().peer_id).collect();
    let mut broken = Vec::new();
    for (keeper, own) in swarm.keepers.iter().zip(&ids) {
        let peers: Vec<Value> = keeper.get("/v1/peers").await.unwrap();
        let here = |id: &&String| peers.iter().any(|peer| peer["peer_id"] == id.as_str());
        let lost = ids.iter().filter(|id| *id != own).filter(|id| !here(id));
        broken.extend(lost.map(|id| format!("{own} is not connected to {id}")));
        let log = swarm.directory().join(format!("{}.log", keeper.name()));
        let log = std::fs::read_to_string(log).unwrap();
        let banned = log.lines().filter(|line| line.contains("refused for ten minutes"));
        let honest = banned.filter(|line| ids.iter().any(|id| line.contains(id.as_str())));
        broken.extend(honest.map(|line| format!("{own} sent an honest keeper away: {line}")));
    }
    broken
}
