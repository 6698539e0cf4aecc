#!/usr/bin/env bash
# A keeper finds its bootnode by a name alone: in a network of its own, a name server has the records that `bootnode dnsaddr` printed,
# and nothing else leads to the bootnode. Then the bootnode moves, and the records with it. Needs root.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../setup.sh"
need unshare util-linux
need ip iproute2
need node nodejs
need curl curl

if [ "${1:-}" != inside ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  SCRATCH=$scratch unshare --mount --net --pid --fork --kill-child --mount-proc "$0" inside
  exit
fi

cd "$SCRATCH"
name=boot.example.test
ip link set lo up
ip address add 198.51.100.7/32 dev lo
ip address add 198.51.100.8/32 dev lo
echo 'nameserver 127.0.0.1' >resolv.conf
mount --bind resolv.conf /etc/resolv.conf
cat >network.toml <<'TOML'
chain_id = 1
rpc_urls = ["http://127.0.0.1:9"]
deploy_block = 1
confirmations = 2
block_seconds = 12
epoch_seconds = 3600
[contracts]
keeper_registry = "0x0000000000000000000000000000000000000001"
job_manager = "0x0000000000000000000000000000000000000002"
task_manager = "0x0000000000000000000000000000000000000003"
service_manager = "0x0000000000000000000000000000000000000004"
challenger = "0x0000000000000000000000000000000000000005"
allocation_manager = "0x0000000000000000000000000000000000000006"
strategy = "0x0000000000000000000000000000000000000007"
TOML

# until WHAT COMMAND...: within a minute.
until_() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 ./*.log >&2; fail "no $what within a minute"; }
    sleep 0.2
  done
}
serve_bootnode() { # serve_bootnode ADDRESS
  rm -f addresses
  "$bin/bootnode" --network network.toml --listen "$1" --out addresses >bootnode.log 2>&1 &
  bootnode=$!
  until_ "address of the bootnode" test -s addresses
  # The same directory, replaced at once: the name server reads it anew for every question.
  "$bin/bootnode" dnsaddr "$name" --external "$1" --ttl 1 >records.new
  mv records.new records
}
join() { # join DIR
  "$bin/keeper" join --datadir "$1" --network network.toml --password-file password --bootnode "$address" \
    --listen /ip4/127.0.0.1/tcp/0 --api-addr 127.0.0.1:0 --metrics-addr 127.0.0.1:0 --json >"$1.json" 2>"$1.log" &
  keeper=$!
  until_ "keeper that listens" test -s "$1.json"
  metrics=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).metrics_addr' "$1.json")
}
connected() { curl -fs "http://$metrics/metrics" | grep -q '^keeper_peers{state="connected"} 1$\|^libp2p_swarm_connections_established_total{.*} [1-9]'; }

"$root/bootstrap/deploy/name-server.mjs" records >names.log 2>&1 &
serve_bootnode /ip4/198.51.100.7/tcp/7419
address=$(sed -n 's/^; keepers are given: --bootnode //p' records)
say "the bootnode is $address"
echo 'a password of this test' >password
for home in first second; do
  "$bin/keeper" keys new --datadir $home --password-file password --light-scrypt >/dev/null
done
join first
until_ "connection by the name" connected
kill "$keeper" "$bootnode"
wait "$keeper" "$bootnode" || true
# Nobody's settings change when it moves.
serve_bootnode /ip4/198.51.100.8/tcp/7500
join second
until_ "connection by the name after the move" connected
kill "$keeper" "$bootnode"
wait "$keeper" "$bootnode" || true
say "a keeper finds its bootnode by $address, also after it moved"
