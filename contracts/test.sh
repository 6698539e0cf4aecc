#!/usr/bin/env bash
# Runs the Solidity tests. Arguments are passed on to forge: contracts/test.sh --match-contract TaskManager -vvv
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

exec "$FORGE" test --offline "$@"
