#!/usr/bin/env bash
# Holds EigenLayer's real core and its stand-in for local chains against one suite: contracts/promises.sh [forge arguments]
# The core's creation code comes from the crate that tests/eigenlayer uses; it is not compiled, and stays out of the repository.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

command -v cargo > /dev/null || fail "cargo is missing; it fetches the crate with EigenLayer's code (https://rustup.rs)"
host=$(rustc -vV | sed -n 's/^host: //p') # else the crates of all systems come along
manifest=$(cargo metadata --locked --format-version 1 --filter-platform "$host" --manifest-path ../tests/eigenlayer/Cargo.toml |
  node -e 'const all = JSON.parse(require("fs").readFileSync(0)); console.log(all.packages.find((one) => one.name === "eigen-utils").manifest_path)')
mkdir -p cache
trap 'rm -f cache/core.json' EXIT
node tools/core.js "$(dirname "$manifest")" cache/core.json
EIGENLAYER_CORE=cache/core.json "$FORGE" test --offline --match-path 'test/promises/*' "$@"
