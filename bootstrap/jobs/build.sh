#!/usr/bin/env bash
# Builds every example job into a WebAssembly component: build.sh OUT_DIR [NAME...]; build.sh --tools only gets what that takes.
#
# The artifacts are not byte-reproducible and the hash of an artifact goes on chain, so they are built once into a cache
# folder and left alone until a source, the WIT or a pinned tool changes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
get_tools() {
  [ "$(cat "$here/node_modules/.lock-stamp" 2>/dev/null)" != "$(sha256sum <"$here/package-lock.json")" ] || return 0
  # Not `npm ci`: it refuses a lock file without the optional packages of platforms that a registry mirror does not carry.
  # The versions are exact in package.json and pinned with their hashes in the lock file either way.
  (cd "$here" && npm install --no-save --ignore-scripts --no-audit --no-fund >&2)
  sha256sum <"$here/package-lock.json" >"$here/node_modules/.lock-stamp"
}

case "${1:-}" in
  --tools)
    get_tools
    exit
    ;;
  '')
    echo "usage: build.sh OUT_DIR [NAME...]" >&2
    exit 2
    ;;
esac
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
wit=$here/../../keeper/wit
sdk=$here/../../sdk/typescript
cd "$here"

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(counter heartbeat watch prices)

# One builder at a time: several processes may ask for the same jobs.
exec 9>"$out/.lock"
flock 9

stamp=$(cat build.sh package.json package-lock.json tsconfig.json src/*.ts "$sdk"/package.json "$sdk"/src/*.ts "$wit"/*.wit | sha256sum | cut -d' ' -f1)
fresh() { [ -s "$out/$1.wasm" ] && [ "$(cat "$out/$1.stamp" 2>/dev/null)" = "$stamp" ]; }

missing=()
for name in "${names[@]}"; do
  [ -f "src/$name.ts" ] || { echo "build.sh: there is no job src/$name.ts" >&2; exit 2; }
  fresh "$name" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

get_tools
bin=$here/node_modules/.bin
"$bin/tsc" -p tsconfig.json >&2

for name in "${missing[@]}"; do
  echo "building job $name" >&2
  "$bin/esbuild" "src/$name.ts" --bundle --preserve-symlinks --format=esm --target=es2022 '--external:keeper:*' --log-level=warning \
    --outfile="$out/$name.js"
  world=job
  ! grep -q '^export function observe' "src/$name.ts" || world=observing-job
  "$bin/jco" componentize "$out/$name.js" --wit "$wit" --world-name "$world" --backend qjs --backend-qjs-stub-wasi \
    --backend-qjs-disable-async --out "$out/$name.wasm.new" >&2
  mv "$out/$name.wasm.new" "$out/$name.wasm"
  echo "$stamp" >"$out/$name.stamp"
done
