#!/usr/bin/env bash
# Measurements on this machine: bench.sh soak | latency [TASKS]
#   soak     resident memory of keepers from task 200 to task 1,000; fails at 4 KiB per task or more
#   latency  the proof document of a swarm that settles TASKS (100) tasks, with its percentiles and gas
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

usage() {
  sed -n '2,4s/^# //p' "$0"
  exit "$1"
}
case "${1:-}" in
  soak | latency) ;;
  -h | --help) usage 0 ;;
  *) usage 2 >&2 ;;
esac

get_anvil
build_binaries
build_jobs
case $1 in
  soak) cargo test -q -p tests --test e2e -- --ignored --nocapture resident_memory ;;
  latency) "$bin/swarm" --once --tasks "${2:-100}" ;;
esac
