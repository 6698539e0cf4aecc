#!/usr/bin/env bash
# The package's tests, with the tools of bootstrap/jobs.
set -euo pipefail
cd "$(dirname "$0")"
../../bootstrap/jobs/build.sh --tools
tools=$PWD/../../bootstrap/jobs/node_modules
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
NODE_PATH=$tools "$tools/.bin/esbuild" tests/abi.test.ts --bundle --platform=node --format=esm --log-level=warning --outfile="$out/abi.test.mjs"
exec node --test "$out/abi.test.mjs"
