use prometheus_client::registry::Registry;

use super::*;

#[test]
fn failures_of_nodes_are_counted_once_and_reorganisations_are_none() {
    let metrics = Metrics::register(&mut Registry::default());
    let mut counts = BTreeMap::from([("no_answer", 2), ("reorg", 1), ("deep_reorg", 1)]);
    count_errors(&counts, &metrics);
    count_errors(&counts, &metrics);
    assert_eq!((metrics.chain_rpc_errors.get(["no_answer"]), metrics.chain_rpc_errors.get(["reorg"])), (2, 0));
    counts.extend([("no_answer", 3), ("limited", 1)]);
    count_errors(&counts, &metrics);
    assert_eq!((metrics.chain_rpc_errors.get(["no_answer"]), metrics.chain_rpc_errors.get(["limited"])), (3, 1));
}
