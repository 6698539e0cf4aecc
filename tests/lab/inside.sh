#!/usr/bin/env bash
# Run by ../lab.sh in namespaces of its own: makes a house for each keeper and for the bootnode, and starts the scenarios.
#
#   10.78.0.0/24   from this namespace, with the chain and the test, to every house: never disturbed
#   10.77.0.0/24   from house to house, for the mesh alone: TAPs, which the scenarios make, with lab-switch between them
set -euo pipefail
here=$(dirname "$0")

mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
ip link add calm type bridge
ip addr add 10.78.0.254/24 dev calm
ip link set calm up
# The eighth is the bootnode's.
for house in 1 2 3 4 5 6 7 8; do
  ip netns add "house-$house"
  ip link add "calm-$house" type veth peer name calm netns "house-$house"
  ip link set "calm-$house" master calm up
  ip -n "house-$house" link set lo up
  ip -n "house-$house" addr add "10.78.0.$house/24" dev calm
  ip -n "house-$house" link set calm up
done

cd "$here/../.."
LAB=1 CARGO_NET_OFFLINE=true cargo test -p lab --test scenarios -- --ignored --test-threads=1 --nocapture "${1:-}"
