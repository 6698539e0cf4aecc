#!/usr/bin/env bash
# Measures the gas of whole transactions and writes it to snapshots/gas.json, which is checked in. Prints a table, or
# JSON with --json. With --check: fails if a figure differs from the one checked in.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

case "${1:-}" in
  --check) FORGE_SNAPSHOT_CHECK=true exec "$FORGE" test --offline --match-contract '^Gas' >&2 ;;
  "" | --json) ;;
  *) fail "gas.sh takes --json, --check or nothing, not: $1" ;;
esac

FORGE_SNAPSHOT_EMIT=true "$FORGE" test --offline --match-contract '^Gas' >&2
node tools/gas.js snapshots/gas.json "${1:-}"
