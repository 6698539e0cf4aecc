#!/usr/bin/env bash
# Runs the invariants over a million calls, where test.sh makes a few thousand: minutes on every core. With a number: so many calls.
# Prints the seed; with KEEPER_MESH_SEED=N it does the same cases again.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

calls=${1:-1000000}
suites=$(grep -l '^    function invariant_' test/*.t.sol | wc -l)
export FOUNDRY_INVARIANT_DEPTH=60
export FOUNDRY_INVARIANT_RUNS=$(((calls + 60 * suites - 1) / (60 * suites)))
fuzz_seed
echo "$((60 * suites * FOUNDRY_INVARIANT_RUNS)) calls in $suites suites" >&2
"$FORGE" test --offline --fuzz-seed "$seed" --match-test '^invariant_' || {
  code=$?
  echo "contracts: the same cases again: KEEPER_MESH_SEED=$seed contracts/invariants.sh $calls" >&2
  exit "$code"
}
