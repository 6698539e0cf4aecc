#!/usr/bin/env node
// Writes keeper.json, the Grafana dashboard, from the table of panels below: dashboard.mjs [--check]
//   --check   compares instead, and fails if keeper.json is another one
// Nobody edits keeper.json: what Grafana exports is not what a review can read.
import {readFileSync, writeFileSync} from 'node:fs';

const file = new URL('keeper.json', import.meta.url);

/** A selector of series: of the instances that the variables at the top name, and with `labels`. */
const of = (name, labels = '') => `${name}{network=~"$network",instance=~"$instance"${labels && `,${labels}`}}`;
const rate = (name, labels) => `rate(${of(name, labels)}[$__rate_interval])`;
const quantile = (q, name) => `histogram_quantile(${q}, sum by (le) (${rate(`${name}_bucket`)}))`;
const quantiles = (name) => [
  [quantile(0.5, name), 'p50'],
  [quantile(0.95, name), 'p95'],
  [quantile(0.99, name), 'p99'],
];

/** Rows of panels: [title, unit, [expression, legend]..., kind]. A panel of one number is a `stat`, the others are graphs. */
const rows = {
  Overview: [
    ['Ready', 'bool_yes_no', [[of('keeper_ready'), '{{instance}}']], 'stat'],
    ['Peers', 'short', [[of('keeper_peers', 'state="connected"'), '{{instance}}']], 'stat'],
    ['Coin in the wallet', 'short', [[`${of('keeper_wallet_balance_wei')} / 1e18`, '{{instance}}']], 'stat'],
    ['Runs with a result, 30 min', 'percentunit', [[of('keeper:execution_success:ratio_rate30m'), '{{instance}}']], 'stat'],
    ['Turns missed, 1 h', 'short', [[`increase(${of('keeper_leader_turns_total', 'result="missed"')}[1h])`, '{{instance}}']], 'stat'],
    ['Versions', 'short', [[`count by (version) (${of('keeper_build_info')})`, '{{version}}']], 'stat'],
    ['Red checks', 'short', [[of('keeper_health_check_failing'), '{{instance}} {{check}} ({{severity}})']]],
    ['Wallet lasts', 's', [[of('keeper_wallet_runway_seconds'), '{{instance}}']]],
    ['Turned away because there is too much of it', 'ops', [[`sum by (kind) (${rate('keeper_load_shed_total')})`, '{{kind}}']]],
  ],
  Mesh: [
    ['Peers by state', 'short', [[of('keeper_peers'), '{{instance}} {{state}}']]],
    ['Operators, as they are heard', 'short', [[of('keeper_operators'), '{{instance}} {{state}}']]],
    ['Heartbeats', 'ops', [[`sum by (direction, result) (${rate('keeper_heartbeats_total')})`, '{{direction}} {{result}}']]],
    ['Clock off the others\'', 's', [[of('keeper_clock_offset_seconds'), '{{instance}}']]],
    ['On another version', 'short', [[of('keeper_operators_on_other_version'), '{{instance}}']]],
    ['Gossip judged', 'ops', [[`sum by (topic, result) (${rate('keeper_gossip_messages_total')})`, '{{topic}} {{result}}']]],
    ['Peers in the mesh of a topic', 'short', [[of('gossipsub_mesh_peer_counts'), '{{instance}} {{hash}}']]],
    ['Copies of a message', 'short', [[
      `sum by (instance) (${rate('gossipsub_topic_msg_recv_counts_unfiltered_total')})
  / sum by (instance) (${rate('gossipsub_topic_msg_recv_counts_total')})`, '{{instance}}']]],
    ['Round trips', 's', quantiles('keeper_peer_rtt_seconds')],
    ['Connections made', 'ops', [[`sum by (instance) (${rate('libp2p_swarm_connections_established_total')})`, '{{instance}}']]],
  ],
  Jobs: [
    ['Tasks by how they ended', 'ops', [[`sum by (result) (${rate('keeper_tasks_total')})`, '{{result}}']]],
    ['Tasks that are due and open', 'short', [[of('keeper_tasks_open'), '{{instance}}']]],
    ['Runs by outcome', 'ops', [[`sum by (outcome) (${rate('keeper_executions_total')})`, '{{outcome}}']]],
    ['Time of a run', 's', quantiles('keeper_execution_duration_seconds')],
    ['Abstentions by reason', 'ops', [[`sum by (reason) (${rate('keeper_abstentions_total')})`, '{{reason}}']]],
    ['Callbacks that failed', 'ops', [[`sum by (reason) (${rate('keeper_callbacks_failed_total')})`, '{{reason}}']]],
    ['Code: where it was', 'ops', [[`sum by (from) (${rate('keeper_codes_obtained_total')})`, '{{from}}']]],
    ['Workers lost, compilations', 'ops', [
      [`sum(${rate('keeper_workers_lost_total')})`, 'workers lost'],
      [`sum(${rate('keeper_compilations_total')})`, 'compilations'],
    ]],
  ],
  Quorum: [
    ['From due to certificate', 's', quantiles('keeper_certificate_duration_seconds')],
    ['From due to settlement', 's', quantiles('keeper_settled_duration_seconds')],
    ['Partials', 'ops', [[`sum by (direction, result) (${rate('keeper_partials_total')})`, '{{direction}} {{result}}']]],
    ['Certificates', 'ops', [[`sum by (result) (${rate('keeper_certificates_total')})`, '{{result}}']]],
    ['Journal: refusals', 'ops', [[`sum by (reason) (${rate('keeper_journal_refusals_total')})`, '{{reason}}']]],
    ['Journal: until it is on disk', 's', quantiles('keeper_journal_sync_duration_seconds')],
    ['Disputes', 'ops', [[`sum by (event) (${rate('keeper_disputes_total')})`, '{{event}}']]],
    ['Accusations', 'ops', [[`sum by (result) (${rate('keeper_accusations_total')})`, '{{result}}']]],
  ],
  Leaders: [
    ['Turns', 'ops', [[`sum by (result) (${rate('keeper_leader_turns_total')})`, '{{result}}']]],
    ['Epoch', 'short', [[of('keeper_epoch'), '{{instance}}']]],
    ['Offers to write the next epoch', 'ops', [[`sum by (outcome) (${rate('keeper_snapshots_total')})`, '{{outcome}}']]],
  ],
  Chain: [
    ['Age of the newest confirmed block', 's', [[`time() - ${of('keeper_chain_head_timestamp_seconds')}`, '{{instance}}']]],
    ['Newest confirmed block', 'short', [[of('keeper_chain_head_block'), '{{instance}}'], [of('keeper_mesh_head_block'), '{{instance}}: the others']]],
    ['Failures of nodes', 'ops', [[`sum by (reason) (${rate('keeper_chain_rpc_errors_total')}) > 0 or vector(0)`, '{{reason}}']]],
    ['What else happened', 'ops', [[`sum by (event) (${rate('keeper_chain_events_total')})`, '{{event}}']]],
    ['Reorganisations', 'ops', [[`sum by (instance) (${rate('keeper_chain_reorgs_total')})`, '{{instance}}']]],
    ['Transactions', 'ops', [[`sum by (outcome) (${rate('keeper_transactions_total')})`, '{{outcome}}']]],
    ['Gas', 'short', [[`sum by (instance) (${rate('keeper_transaction_gas_used_total')})`, '{{instance}}']]],
    ['Coin in the wallet', 'short', [[`${of('keeper_wallet_balance_wei')} / 1e18`, '{{instance}}']]],
    ['Chain ahead of this clock', 's', [[of('keeper_chain_time_ahead_seconds'), '{{instance}}']]],
  ],
  Process: [
    ['Memory', 'bytes', [[of('process_resident_memory_bytes'), '{{instance}}']]],
    ['Up for', 's', [[`time() - ${of('keeper_start_time_seconds')}`, '{{instance}}']]],
  ],
};

const source = {type: 'prometheus', uid: '${datasource}'};

function panel([title, unit, targets, kind = 'timeseries'], id, gridPos) {
  return {
    id, title, type: kind, gridPos, datasource: source,
    fieldConfig: {defaults: {unit, ...(kind === 'timeseries' && {custom: {fillOpacity: 8, showPoints: 'never'}})}, overrides: []},
    options: kind === 'stat'
      ? {reduceOptions: {calcs: ['lastNotNull'], fields: '', values: false}, colorMode: 'value', graphMode: 'area'}
      : {legend: {displayMode: 'list', placement: 'bottom'}, tooltip: {mode: 'multi', sort: 'desc'}},
    targets: targets.map(([expr, legendFormat], at) => ({
      refId: String.fromCharCode(65 + at), datasource: source, expr, legendFormat, range: true,
    })),
  };
}

function panels() {
  const all = [];
  let [y, id] = [0, 1];
  for (const [title, cells] of Object.entries(rows)) {
    all.push({id: id++, title, type: 'row', collapsed: false, gridPos: {x: 0, y: y++, w: 24, h: 1}, panels: []});
    const stats = cells.filter((cell) => cell[3] === 'stat');
    stats.forEach((cell, at) => all.push(panel(cell, id++, {x: at * 4, y, w: 4, h: 4})));
    y += stats.length ? 4 : 0;
    const graphs = cells.filter((cell) => cell[3] !== 'stat');
    graphs.forEach((cell, at) => all.push(panel(cell, id++, {x: (at % 3) * 8, y: y + Math.floor(at / 3) * 7, w: 8, h: 7})));
    y += Math.ceil(graphs.length / 3) * 7;
  }
  return all;
}

const query = (name, label, text) => ({
  name, label, type: 'query', datasource: source, query: {query: text, refId: name}, definition: text,
  // Also series without the label: who scrapes one network need not name it.
  includeAll: true, allValue: '.*', multi: true, refresh: 2, sort: 1, current: {text: 'All', value: '$__all'},
});

const dashboard = {
  uid: 'keeper-mesh',
  title: 'Keeper Mesh',
  tags: ['keeper-mesh'],
  schemaVersion: 39,
  version: 1,
  editable: true,
  refresh: '30s',
  time: {from: 'now-3h', to: 'now'},
  timezone: 'utc',
  templating: {
    list: [
      {name: 'datasource', label: 'Source', type: 'datasource', query: 'prometheus', refresh: 1, current: {}},
      query('network', 'Network', 'label_values(keeper_ready, network)'),
      query('instance', 'Keeper', 'label_values(keeper_ready{network=~"$network"}, instance)'),
    ],
  },
  panels: panels(),
};

const text = `${JSON.stringify(dashboard, null, 1)}\n`;
if (process.argv[2] === '--check') {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('bootstrap/deploy/grafana/keeper.json is not what dashboard.mjs writes: run bootstrap/deploy/grafana/dashboard.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
