#!/usr/bin/env bash
# Seven keepers in network namespaces, on wires that delay, lose and are cut: lab.sh [NAME]
#   NAME  only the scenarios whose name contains NAME
# Needs root, for namespaces and TAPs; where that cannot be had it says so, and ends well. All of it, keepers and networks,
# is gone when it ends, however it ends.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

# skip WHY: nothing was tried, and nothing is wrong.
skip() {
  echo "lab.sh: skipped: $*"
  exit 0
}

case ${1:-} in
  -h | --help)
    sed -n '2,5s/^# //p' "$0"
    exit 0
    ;;
  -*) say "lab.sh: unknown flag $1; lab.sh [NAME]" && exit 2 ;;
esac

[ "$(uname -s)" = Linux ] || skip "network namespaces are Linux's"
[ "$(id -u)" = 0 ] || skip "it takes root to make network namespaces; try: sudo tests/lab.sh"
need ip iproute2
need unshare util-linux
need nsenter util-linux
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun here, and wires are TAPs; try: modprobe tun"
unshare --mount --net --propagation private true 2>/dev/null || skip "this machine lets nobody make network namespaces"

get_anvil
build_binaries
build_jobs
cargo build -p lab --bins
cargo test -p lab --test scenarios --no-run

# In namespaces of its own from here on: whatever is made there goes with the last process in it.
exec unshare --mount --net --propagation private --fork --kill-child \
  "$root/tests/lab/inside.sh" "${1:-}"
