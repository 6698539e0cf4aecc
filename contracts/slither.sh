#!/usr/bin/env bash
# Static analysis of our sources: contracts/slither.sh fails on findings of high and medium impact. What is meant as it is
# says so where it stands (slither-disable). Arguments go to slither.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

venv=${XDG_CACHE_HOME:-$HOME/.cache}/keeper-mesh/slither
if [ ! -x "$venv/bin/slither" ]; then
  python3 -m venv "$venv" || fail "python3 has no venv module; on Debian: apt-get install python3-venv"
  "$venv/bin/pip" install -q slither-analyzer==0.11.6 || fail "pip could not install slither-analyzer"
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export FOUNDRY_OUT=$scratch/out FOUNDRY_CACHE_PATH=$scratch/cache
"$FORGE" build --offline --build-info --skip test >&2
mkdir "$scratch/bin" && ln -s "$FORGE" "$scratch/bin/forge" # slither asks forge on PATH for the settings
export PATH=$scratch/bin:$venv/bin:$PATH
slither . --foundry-ignore-compile --foundry-out-directory "$scratch/out" --filter-paths 'node_modules|test/' \
  --exclude-dependencies --fail-medium --exclude-low --exclude-informational --exclude-optimization "$@"
