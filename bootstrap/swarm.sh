#!/usr/bin/env bash
# A whole network on this machine: chain, contracts, bootnode, keepers, example jobs. `swarm.sh --help` shows the flags.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/setup.sh"

build_binaries
case " $* " in *' --equivocate'* | *' --wrong-result'* | *' demo '*) build_equivocator ;; esac
case " $* " in *' --eigenlayer '*) build_eigenlayer ;; esac
get_anvil
build_jobs
exec "$bin/swarm" "$@"
