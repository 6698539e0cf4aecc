#!/usr/bin/env bash
# Measurements on this machine: bench.sh soak | idle | load | start | logs | latency [TASKS] | journal [--json] | exec | tick | agg-cpu [--json]
#   soak     resident memory of keepers from task 200 to task 1,000; fails at 4 KiB per task or more
#   idle     resident memory of a keeper without jobs and its worker; fails at 110 MiB or more
#   load     tasks a second that five keepers on this machine hold, what they cost a keeper; 10,000 jobs of ten minutes
#   start    how long a keeper takes to be ready on 100,000 blocks with 1,000 jobs; fails at 5 s or more
#   logs     what a job that waits for logs costs a keeper on a chain with 2,000 foreign logs a block; fails at 2 % of a core
#   latency  the proof document of a swarm that settles TASKS (100) tasks, with its percentiles and gas
#   journal  signatures per second with group commit against one fdatasync each, in one run
#   exec     a run of a compiled component of 20 KB: the round trip to the cell against the same run in process; fails above 3 times
#   tick     1,000,000 scheduled jobs, 10,000 due a second, against a task asleep for each, in one run; fails where the
#            schedule is later at p99.9, or takes more than a tenth of the memory
#   agg-cpu  leader CPU per partial against EigenLayer's aggregator, in one run (builds it first: 400 crates)
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

usage() {
  sed -n '2,13s/^# //p' "$0"
  exit "$1"
}
case "${1:-}" in
  soak | idle | load | start | logs | latency | journal | exec | tick | agg-cpu) ;;
  -h | --help) usage 0 ;;
  *) usage 2 >&2 ;;
esac

if [ "$1" = journal ]; then
  exec cargo test -q -p keeper --bench journal -- "${@:2}"
fi

if [ "$1" = exec ]; then
  exec cargo test -q -p keeper --bench cell
fi

if [ "$1" = tick ]; then
  exec cargo test -q -p keeper --bench tick
fi

if [ "$1" = agg-cpu ]; then
  export CARGO_TARGET_DIR=$cache/peers # a workspace of its own
  exec cargo run -q --locked --manifest-path tests/peers/Cargo.toml -- "${@:2}"
fi

get_anvil
build_binaries
build_jobs
case $1 in
  soak) cargo test -q -p tests --test e2e -- --ignored --nocapture resident_memory ;;
  idle) cargo test -q -p tests --test e2e -- --ignored --nocapture idle_keeper ;;
  load) cargo test -q -p tests --test e2e -- --ignored --nocapture --test-threads=1 load:: ;;
  start) cargo test -q -p tests --test e2e -- --ignored --nocapture ready_in_five_seconds ;;
  logs) cargo test -q -p tests --test e2e -- --ignored --nocapture two_thousand_foreign_logs ;;
  latency) "$bin/swarm" --once --tasks "${2:-100}" ;;
esac
