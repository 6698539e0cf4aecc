#!/usr/bin/env bash
# The dependencies point one way: consensus knows no runtime and no network, p2p no chain and no signatures of keepers.
set -euo pipefail
cd "$(dirname "$0")/.."

# lacks CRATE DEPENDENCY...
lacks() {
  local crate=$1 tree
  shift
  tree=$(cargo tree -q -p "$crate" -e normal --prefix none)
  for dependency in "$@"; do
    if grep -qE "^$dependency v" <<<"$tree"; then
      echo "$crate depends on $dependency: cargo tree -p $crate -i $dependency" >&2
      exit 1
    fi
  done
}

lacks consensus tokio libp2p reqwest alloy
lacks p2p consensus alloy blst contracts
lacks contracts consensus p2p keeper
lacks rough consensus p2p contracts keeper bootstrap
# What signs two results, stands in for the curve, or breaks a law on purpose is in no shipped program: not asked for by
# default, and not in what was built.
if cargo tree -q -p keeper -e features,normal | grep -qE 'consensus feature "(inspect|simulation)"'; then
  echo "the keeper is built with test features of consensus by default: look at [features] in keeper/Cargo.toml" >&2
  exit 1
fi
if cargo metadata -q --no-deps --format-version 1 | grep -qE '"workspace_default_members":\[[^]]*tests#'; then
  echo "a plain cargo build makes the tests too, and gives the simulator's stand-in to the keeper: see default-members" >&2
  exit 1
fi
marks=(
  'signs two results of one task on purpose'
  'built with a stand-in for the curve'
  'silent-leader-stalls'
)
for program in keeper bootnode swarm deploy; do
  built=${CARGO_TARGET_DIR:-target}/debug/$program
  [ -f "$built" ] || continue
  for mark in "${marks[@]}"; do
    if grep -qF "$mark" "$built"; then
      echo "$built holds what only tests may hold ($mark): build it with cargo build -p keeper -p bootstrap -p contracts" >&2
      exit 1
    fi
  done
done
echo "layers hold"
