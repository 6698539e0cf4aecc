#!/usr/bin/env bash
# Sets up everything and runs the tests: run.sh [--all | NAME]
#   (nothing)  unit tests, forge tests, artifacts check, the whole-system tests that take seconds
#   --all      also those that take minutes, and every whole-system test once more in the chain as it is (swarm.sh --rough)
#   NAME       only the whole-system tests whose name contains NAME, long or not
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

long=()
name=
case "${1:-}" in
  '') ;;
  --all) long=(--include-ignored --skip soak) ;; # a measurement: tests/bench.sh soak
  -h | --help)
    sed -n '2,5s/^# //p' "$0"
    exit 0
    ;;
  -*)
    say "run.sh: unknown flag $1; run.sh [--all | NAME]"
    exit 2
    ;;
  *) name=$1 long=(--include-ignored) ;;
esac

report=$(mktemp)
trap 'rm -f "$report"' EXIT
passed=0
failed=0

# step TITLE COMMAND...: runs it, shows its output, and adds up what it passed and failed: every test of a harness that
# counts (cargo, forge), one for everything else.
step() {
  local title=$1 code=0 good bad
  shift
  say
  say "== $title"
  "$@" 2>&1 | tee "$report" || code=$?
  # cargo: "test result: ok. 7 passed; 0 failed;", forge: "Suite result: ok. 7 passed; 0 failed;"
  good=$(sed -nE 's/^(test|Suite) result: .* ([0-9]+) passed; .*/\2/p' "$report" | paste -sd+ | bc)
  bad=$(sed -nE 's/^(test|Suite) result: .* ([0-9]+) failed; .*/\2/p' "$report" | paste -sd+ | bc)
  good=${good:-0} bad=${bad:-0}
  if [ "$code" != 0 ] && [ "$bad" = 0 ]; then
    bad=1
  elif [ "$code" = 0 ] && [ "$good" = 0 ]; then
    good=1
  fi
  passed=$((passed + good)) failed=$((failed + bad))
}

whole_system() {
  cargo test -p tests --test e2e -- --test-threads=1 "${long[@]}" ${name:+"$name"}
}

# simulate SEEDS KEEPERS HOSTILE: no promise broken, nothing unsettled; the lib tests hold a few seeds of a larger mesh.
simulate() {
  step "simulator: seeds $1, $2 keepers, $3 of them hostile" \
    cargo run -q -p tests --bin sim -- --seeds "$1" --keepers "$2" --byzantine "$3"
}

# simulate_long SEEDS KEEPERS HOSTILE: the same over a long range, a part of it on every core, for a seed uses one. No part
# is so short that a kind of fault may be missing from it.
simulate_long() {
  step "simulator: seeds $1, $2 keepers, $3 of them hostile" in_parts "$@"
}

in_parts() {
  local from=${1%..*} to=${1#*..} parts part pid pids=() code=0
  parts=$(((to - from) / 50))
  [ "$parts" -le "$(nproc)" ] || parts=$(nproc)
  for ((part = 0; part < parts; part++)); do
    cargo run -q -p tests --bin sim -- --keepers "$2" --byzantine "$3" \
      --seeds "$((from + (to - from) * part / parts))..$((from + (to - from) * (part + 1) / parts))" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || code=1
  done
  return "$code"
}

# simulate_sender SEEDS: nothing wedged, nothing twice; 400 seeds a second.
simulate_sender() {
  step "simulator of the sender: seeds $1" cargo run -q -p tests --bin sender -- --seeds "$1"
}

need bc bc
need npm npm
need prometheus prometheus
[ ${#long[@]} = 0 ] || need strace strace
get_anvil
build_binaries
build_equivocator
build_jobs
get_rust_wasm
[ ${#long[@]} = 0 ] || get_foreign
case "${1:-}" in
  --all | *unchanged*) get_unchanged ;;
esac

if [ -z "$name" ]; then
  # The fuzz targets are among them: each over its corpus, and some thousand inputs that are almost right.
  step "Rust: unit and crate tests" cargo test --workspace --exclude tests --no-fail-fast
  step "jobs: every template builds and runs, and so does every command of docs/jobs.md" \
    cargo test -p keeper --test it -- --include-ignored authoring::templates
  step "sdk: the TypeScript package's own tests" "$root/sdk/typescript/test.sh"
  if [ ${#long[@]} -gt 0 ]; then
    step "fuzz: ten million inputs for every decoder, by coverage" "$root/tests/fuzz.sh"
  fi
  step "tests: the simulator's planted bugs, and other parts of the harness" cargo test -p tests --lib --bins
  simulate 0..100 7 2
  simulate_sender 0..1000
  if [ ${#long[@]} -gt 0 ]; then
    simulate_sender 1000..10000
    simulate_long 100..2000 7 2
    simulate_long 0..200 16 5
    simulate_long 0..100 64 21
  fi
  step "contracts: artifacts match the sources" contracts/build.sh --check
  step "contracts: forge tests" contracts/test.sh
  step "contracts: gas as checked in" contracts/gas.sh --check
  step "contracts: every curve operation against blst" contracts/differential.sh
  if [ ${#long[@]} -gt 0 ]; then
    step "executor: a thousand modules at random, and the example jobs, give the same compiled and interpreted" \
      env KEEPER_JOBS_DIR="$cache/jobs" cargo test -p executor --test it -- --include-ignored determinism::
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv # halmos and slither come from PyPI, into the cache
    step "contracts: assembly does what its plain twins do" contracts/prove.sh
    step "contracts: EigenLayer's core and its stand-in keep the same promises" contracts/promises.sh
    step "contracts: the invariants over a million calls" contracts/invariants.sh
    step "contracts: the invariants notice planted faults" contracts/mutants.sh
    step "contracts: slither finds nothing of high or medium impact" contracts/slither.sh
  fi
  step "crates: the core knows no network" "$root/tests/layers.sh"
  step "crates: none that speaks to strangers is older than what mends its known faults" "$root/tests/versions.sh"
  step "documentation: builds, leads somewhere, and shows what programs take" docs/build.sh --check
  step "deployment: units, image, compose file, manifests, alerts, dashboard" bootstrap/deploy/test.sh ${long:+--all}
fi
step "whole system" whole_system
case ${1:-} in
  '' | --all | *page*)
    step "the page in a browser, against a swarm of five" env SWARM="$bin/swarm" "$root/tests/page.sh" ${long:+--measure}
    step "swarm.sh demo: the tour, in under three minutes" timeout 180 "$bin/swarm" demo
    ;;
esac
case ${1:-} in
  --all | lab) step "seven keepers on wires that delay, lose and are cut" "$root/tests/lab.sh" ;;
esac
if [ "${1:-}" = --all ]; then
  step "keepers on EigenLayer's real core" "$root/tests/eigenlayer.sh"
  export ROUGH=1
  # Measurements would be of the proxies, and what asks for the rough chain itself, or for none, has been run.
  long+=(--skip load:: --skip logs:: --skip ready_in_five_seconds --skip idle_keeper --skip rough:: --skip stopped:: --skip cleanup:: --skip receipts::)
  step "whole system, in the chain as it is" whole_system
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
