#!/usr/bin/env bash
# Checks what keepers are deployed with, without a container engine, a cluster or systemd running: deploy/test.sh [--all]
#   (nothing)  units, Dockerfile, compose file, manifests, rules and their tests, dashboard, scripts
#   --all      also builds the image's runtime stage on a base made of this machine's own files, runs both programs in it, packs
#              a release, runs a keeper within what its unit allows, and finds a bootnode by a name of the DNS
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../setup.sh"
deploy=$root/bootstrap/deploy
cd "$root"

case "${1:-}" in
  '' | --all) ;;
  *)
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Units: no word that systemd does not know, and no more of the machine than a service needs.
check_units() {
  local unit said
  need systemd-analyze systemd
  for unit in "$deploy"/systemd/*.service; do
    sed "s|/usr/local/bin/|$bin/|" "$unit" >"$scratch/$(basename "$unit")"
    # A key that it does not know is a warning, and no failure.
    said=$(systemd-analyze verify "$scratch/$(basename "$unit")" 2>&1) || fail "$unit: $said"
    [ -z "$said" ] || fail "$unit: $said"
    # Exposure from 0 to 100; of the service that nothing was forbidden it is 96.
    systemd-analyze security --offline=true --threshold=20 "$unit" >"$scratch/exposure" || fail "$(tail -1 "$scratch/exposure")"
    tail -1 "$scratch/exposure" >&2
  done
  mkdir -p "$scratch/etc"
  systemd-sysusers --root="$scratch" "$deploy/systemd/keeper.sysusers"
  grep -q '^keeper:.*:/var/lib/keeper:' "$scratch/etc/passwd" || fail "keeper.sysusers makes no user keeper"
  # The flags that the units start programs with are in nobody's documentation.
  sed -nE 's/^ExecStart=\/usr\/local\/bin\/(.*)/\1/p' "$deploy"/systemd/*.service | sed '1i```' >"$scratch/flags.md"
  sed -nE 's/^ *entrypoint: \["\/usr\/local\/bin\/bootnode", (.*)$/bootnode \1/p; s/^ *"(--out.*)\],?$/bootnode "\1/p' \
    "$deploy/compose.yaml" | tr -d '",' >>"$scratch/flags.md"
  AT_LEAST=3 node docs/commands.mjs "$bin" "$scratch/flags.md"
}

check_image() {
  hadolint "$deploy/Dockerfile"
}

check_compose() {
  local path compose=(docker compose)
  if ! docker compose version >/dev/null 2>&1; then
    need docker-compose docker-compose
    compose=(docker-compose)
  fi
  (cd "$deploy" && COMPOSE_PROFILES=bootnode,monitoring "${compose[@]}" -f compose.yaml config) >"$scratch/compose.yaml"
  # Every file that is mounted is there, but for what each machine brings (compose/).
  sed -nE "s|^ *(- )?(source: )?($deploy/[^:]*)(:.*)?$|\3|p" "$scratch/compose.yaml" | sort -u >"$scratch/mounts"
  [ -s "$scratch/mounts" ] || fail "compose.yaml mounts nothing of $deploy"
  while read -r path; do
    [ -e "$path" ] || [[ $path = */compose/* ]] || fail "compose.yaml mounts $path, which is not there"
  done <"$scratch/mounts"
}

# Manifests, by the schemas of Kubernetes itself.
check_kubernetes() {
  need kubectl kubernetes-client
  cp -r "$deploy/kubernetes" "$scratch/kubernetes"
  echo 'chain_id = 1' >"$scratch/kubernetes/example/network.toml"
  # The kubectl that Debian has wants folders under a key of their own.
  kubectl version --client 2>/dev/null | grep -q Kustomize ||
    sed -i '/^  - \.\.\//d; s/^resources:/bases: [..\/keeper, ..\/bootnode]\n&/' "$scratch/kubernetes/example/kustomization.yaml"
  kubectl kustomize "$scratch/kubernetes/example" >"$scratch/manifests.yaml"
  kubernetes-validate --strict --quiet "$scratch/manifests.yaml"
  # And it would say so if they were wrong.
  sed 's/replicas: 1/replicas: one/' "$scratch/manifests.yaml" >"$scratch/wrong.yaml"
  ! kubernetes-validate --strict --quiet "$scratch/wrong.yaml" >"$scratch/said" 2>&1 || fail "kubernetes-validate takes anything"
  grep -q 'image: registry.example/keeper-mesh:' "$scratch/manifests.yaml" || fail "the example does not name its image"
}

check_monitoring() {
  need promtool prometheus
  (cd "$deploy/prometheus" && promtool check rules rules.yml alerts.yml && promtool check config prometheus.yml) >"$scratch/said" 2>&1 ||
    fail "$(cat "$scratch/said")"
  promtool test rules "$deploy/prometheus/alerts.test.yml" >&2
  "$deploy/grafana/dashboard.mjs" --check
  node "$deploy/prometheus/covered.mjs"
}

check_scripts() {
  need shellcheck shellcheck
  shellcheck -x -S warning bootstrap/*.sh bootstrap/deploy/*.sh docs/*.sh tests/*.sh .ci/run
}

get_checkers
need node nodejs
check_units
check_image
check_compose
check_kubernetes
check_monitoring
check_scripts
if [ "${1:-}" = --all ]; then
  "$deploy/image-test.sh"
  "$deploy/sandbox-test.sh"
  "$deploy/dnsaddr-test.sh"
  "$root/bootstrap/release.sh" --debug "$scratch/dist"
fi
say "what is deployed holds"
