#!/usr/bin/env bash
# Runs the Solidity tests. Arguments are passed on to forge: contracts/test.sh --match-contract TaskManager -vvv
# Prints the seed of the fuzzing; with KEEPER_MESH_SEED=N it does the same cases again.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

fuzz_seed
"$FORGE" test --offline --fuzz-seed "$seed" "$@" || {
  code=$?
  echo "contracts: the same cases again: KEEPER_MESH_SEED=$seed contracts/test.sh" >&2
  exit "$code"
}
