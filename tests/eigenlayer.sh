#!/usr/bin/env bash
# Keepers on EigenLayer's real core: sets up everything, deploys the core on a local chain, and has a keeper that signs
# two results slashed there. The first time builds 400 crates. Arguments are passed on to the tests.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"

build_binaries
build_equivocator
get_anvil
build_jobs
export SWARM=$bin/swarm
export CARGO_TARGET_DIR=$cache/eigenlayer # a workspace of its own
exec cargo test --locked --manifest-path "$root/tests/eigenlayer/Cargo.toml" -- --test-threads=1 --nocapture "$@"
