#!/usr/bin/env bash
# Compiles the contracts and writes contracts/artifacts. With --check: compiles into a scratch directory and compares.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

case "${1:-}" in
  "") target=artifacts ;;
  --check)
    target=$(mktemp -d)
    trap 'rm -rf "$target"' EXIT
    ;;
  *) fail "build.sh takes --check or nothing, not: $1" ;;
esac

"$FORGE" build --offline --skip test >&2
node tools/artifacts.js out "$target"

if [ "$target" != artifacts ]; then
  diff -rq artifacts "$target" >&2 || fail "contracts/artifacts differ from the sources; run contracts/build.sh and commit them"
  echo "contracts/artifacts match the sources" >&2
fi
