#!/usr/bin/env bash
# Compares every curve operation of the contracts with blst, on a real anvil, in random cases: contracts/differential.sh
# Prints its seed; with KEEPER_MESH_SEED=N it does the same cases again.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

# The harness is compiled here and read from out/: what is only for tests is not among the artifacts.
"$FORGE" build --offline test/Differential.sol >&2
exec cargo test -p contracts --lib differential -- --ignored --nocapture
