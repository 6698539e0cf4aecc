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
# What signs two results is in no shipped program: not asked for by default, and not in the one that was built.
if cargo tree -q -p keeper -e features,normal | grep -qE 'consensus feature "(inspect|simulation)"'; then
  echo "the keeper is built with test features of consensus by default: look at [features] in keeper/Cargo.toml" >&2
  exit 1
fi
built=${CARGO_TARGET_DIR:-target}/debug/keeper
if [ -f "$built" ] && grep -q 'signs two results of one task on purpose' "$built"; then
  echo "$built was built with the feature equivocate; it is for keeper-equivocate alone" >&2
  exit 1
fi
echo "layers hold"
