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
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r docs "$scratch/docs"
rm -rf "$scratch/docs/book"
# Pages that no chapter lists, such as those that programs write, come last, under their titles.
for page in docs/*.md; do
  name=$(basename "$page")
  [ "$name" = SUMMARY.md ] || grep -qF "($name)" docs/SUMMARY.md ||
    echo "- [$(sed -n 's/^# //p' "$page" | head -n 1)]($name)" >>"$scratch/docs/SUMMARY.md"
done
if [ -z "${1:-}" ]; then
  mdbook build "$scratch/docs" -d "$root/docs/book"
  exit
fi

need node nodejs
book=$scratch/book
mdbook build "$scratch/docs" -d "$book" >&2
# Pictures that are made by looking at the page in a browser, and not at every build.
skip=()
if [ ! -d docs/images ]; then
  say "docs/images is not there: tests/page.sh --images makes the pictures of docs/page.md"
  skip=(--exclude '/images/page-')
fi
# The pages as they are read here, then as they are read on the site. What is on the web is not asked for.
mapfile -t pages < <(git ls-files '*.md' ':!:sdk/**/node_modules/**' ':!:keeper/templates/**')
lychee --offline --include-fragments --no-progress -q "${skip[@]}" "${pages[@]}"
lychee --offline --include-fragments --no-progress -q "${skip[@]}" --root-dir "$book" "$book"/*.html
node docs/commands.mjs "$bin" "${pages[@]}"
echo "the documentation builds, its links lead somewhere, and its commands are taken"
