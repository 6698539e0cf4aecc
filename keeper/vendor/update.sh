#!/usr/bin/env bash
# Bundles what keeper/web/vendor holds from the packages that package-lock.json pins, for whoever updates them; nobody else needs
# Node to build a keeper.
#   update.sh           writes keeper/web/vendor
#   update.sh --check   fails unless keeper/web/vendor is just what it would write
set -euo pipefail
cd "$(dirname "$0")"
out=../web/vendor
case "${1:-}" in
  '') ;;
  --check)
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    ;;
  *)
    echo "update.sh: unknown flag $1; update.sh [--check]" >&2
    exit 2
    ;;
esac

npm ci --ignore-scripts --no-audit --no-fund >&2
mkdir -p "$out"
for name in d3-force noble; do
  node_modules/.bin/esbuild "$name.mjs" --bundle --minify --format=esm --target=es2022 --legal-comments=none \
    --outfile="$out/$name.js" --log-level=warning
done
{
  echo "What d3-force.js and noble.js are bundled from, and under which licences."
  for package in d3-force d3-dispatch d3-quadtree d3-timer @noble/curves @noble/hashes; do
    echo
    echo "== $package $(sed -n 's/^ *"version": "\(.*\)".*/\1/p' "node_modules/$package/package.json" | head -1)"
    cat "node_modules/$package/LICENSE"
  done
} >"$out/LICENCES.txt"
(cd "$out" && sha256sum d3-force.js noble.js LICENCES.txt >SHA256SUMS.txt)

if [ "${1:-}" = --check ]; then
  diff -r "$out" ../web/vendor >&2 || {
    echo "keeper/web/vendor is not what keeper/vendor/update.sh makes of package-lock.json: run it, and look at what changes" >&2
    exit 1
  }
fi
