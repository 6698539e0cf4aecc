#!/usr/bin/env bash
# Deploys the contracts and writes the network file: contracts/deploy.sh --rpc-url URL --out network.toml (--help for more)
set -euo pipefail
exec cargo run --quiet --manifest-path "$(dirname "$0")/Cargo.toml" --bin deploy -- "$@"
