#!/usr/bin/env bash
# The page in a real browser, against a real swarm: page.sh [--images] [--measure]
#   --images   leaves pictures of every view in docs/images
#   --measure  holds it to its speed too, on a machine that does nothing else
# Needs Chromium ($CHROMIUM, or `chromium` or `google-chrome` on the PATH); as root on Debian it is installed. Where there is none
# the test says so and is left out, but under CI it fails.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
home=$root/tests/page

for flag; do
  case "$flag" in
    --images) export IMAGES=$root/docs/images ;;
    --measure) export MEASURE=1 ;;
    *)
      say "page.sh: unknown flag $flag; page.sh [--images] [--measure]"
      exit 2
      ;;
  esac
done

# Debian's package, where that can be had without asking.
get_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      return
    fi
  done
  (need chromium chromium) || return 1
  CHROMIUM=$(command -v chromium) || return 1
  export CHROMIUM
}

# The packages of the browser test; the lock file names each with its hash.
get_packages() {
  local stamp
  stamp=$(sha256sum <"$home/package-lock.json")
  [ "$(cat "$home/node_modules/.lock-stamp" 2>/dev/null)" = "$stamp" ] && return
  say "getting the browser test's packages from npm"
  (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >&2) || fail "npm ci in $home failed: is the registry reachable?"
  echo "$stamp" >"$home/node_modules/.lock-stamp"
}

need node nodejs
need npm npm
say "== what the page makes of documents; its check of certificates, against the vectors"
node --test "$home"/*.test.mjs >&2
"$root/keeper/vendor/update.sh" --check
if ! get_chromium; then
  say "the page was not tested in a browser: there is no Chromium. Install it (on Debian: sudo apt-get install chromium), or set CHROMIUM"
  [ -z "${CI:-}" ] || exit 1
  exit 0
fi
get_packages
get_anvil
[ -n "${SWARM:-}" ] || build_binaries
build_jobs
export SWARM=${SWARM:-$bin/swarm}
node "$home/page.mjs"
if [ -n "${IMAGES:-}" ] && command -v pngquant >/dev/null; then
  pngquant --force --ext .png --speed 1 96 "$IMAGES"/page-*.png
fi
