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
echo "layers hold"
