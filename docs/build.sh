#!/usr/bin/env bash
# Builds the documentation's site: docs/build.sh [--check]
#   (nothing)  into docs/book
#   --check    somewhere else, and fails for a link that leads nowhere, or a command that no program takes
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

case "${1:-}" in
  '' | --check) ;;
  *)
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
    ;;
esac
get_checkers
if [ -z "${1:-}" ]; then
  exec mdbook build docs
fi

need node nodejs
book=$(mktemp -d)
trap 'rm -rf "$book"' EXIT
mdbook build docs -d "$book" >&2
# A page that no chapter lists is built by nobody, and found by nobody.
for page in docs/*.md; do
  name=$(basename "$page")
  [ "$name" = SUMMARY.md ] || grep -qF "($name)" docs/SUMMARY.md || fail "$page is not in docs/SUMMARY.md"
done
# The pages as they are read here, then as they are read on the site. What is on the web is not asked for.
mapfile -t pages < <(git ls-files '*.md' ':!:sdk/**/node_modules/**' ':!:keeper/templates/**')
lychee --offline --include-fragments --no-progress -q "${pages[@]}"
lychee --offline --include-fragments --no-progress -q --root-dir "$book" "$book"/*.html
node docs/commands.mjs "$bin" "${pages[@]}"
echo "the documentation builds, its links lead somewhere, and its commands are taken"
