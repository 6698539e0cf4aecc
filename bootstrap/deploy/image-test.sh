#!/usr/bin/env bash
# Builds the image's runtime stage with the programs of this machine's debug build, on a base of the few files of this machine that
# they are linked with (nothing is pulled), and runs both in it as the user that it names. Needs root, and no container engine.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../setup.sh"
cd "$root"
need buildah buildah
scratch=$(mktemp -d)
buildah_() { buildah --root "$scratch/storage" --runroot "$scratch/run" --storage-driver vfs "$@"; }
cleanup() {
  buildah_ rm --all >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap cleanup EXIT

# The base: what distroless/cc has of it, from this machine.
mkdir -p "$scratch/context/base/etc/ssl/certs" "$scratch/context/base/tmp" "$scratch/context/out/data"
for program in keeper bootnode; do
  [ -x "$bin/$program" ] || fail "$bin/$program is not there: cargo build -p keeper -p bootstrap --bins"
  install -s "$bin/$program" "$scratch/context/out/$program"
  ldd "$bin/$program" | grep -oE '/[^ ]+' | while read -r library; do
    install -D "$library" "$scratch/context/base$library"
  done
done
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$scratch/context/base/etc/passwd"
echo 'hosts: files dns' >"$scratch/context/base/etc/nsswitch.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$scratch/context/base/etc/ssl/certs/"
chmod 1777 "$scratch/context/base/tmp"
printf 'FROM scratch\nCOPY base /\n' >"$scratch/Base"
printf 'FROM scratch\nCOPY out /out\n' >"$scratch/Binaries"
for image in Base Binaries; do
  buildah_ bud -q --isolation chroot -f "$scratch/$image" -t "localhost/${image,,}" "$scratch/context" >&2
done
# The stages that build are left out: nothing needs them.
buildah_ bud -q --isolation chroot --format docker --pull-never --build-arg BASE=localhost/base --build-arg BINARIES=localhost/binaries \
  -f bootstrap/deploy/Dockerfile -t localhost/keeper-mesh "$scratch/context/out" >&2

buildah_ inspect --type image localhost/keeper-mesh >"$scratch/image.json"
expect() { # expect WHAT JAVASCRIPT
  node -e 'const image = require(process.argv[1]).Docker.config; process.exit(eval(process.argv[2]) ? 0 : 1)' "$scratch/image.json" "$2" ||
    fail "the image $1"
}
expect "is not run by a user without rights" 'image.User === "65532:65532"'
expect "has no health check" 'image.Healthcheck.Test.join(" ").includes("keeper status")'
expect "keeps nothing" 'image.Volumes["/data"] && image.WorkingDir === "/data" && image.Env.includes("KEEPER_DATADIR=/data")'
expect "does not start a keeper" 'image.Entrypoint[0] === "/usr/local/bin/keeper" && image.Cmd[0] === "join"'

container=$(buildah_ from --pull-never localhost/keeper-mesh)
inside() { buildah_ run --isolation chroot "$container" -- "$@"; }
inside /usr/local/bin/keeper --version >&2
inside /usr/local/bin/bootnode --version >&2
# Its user may write where its data is: keys are made there.
echo 'a password of this test' >"$scratch/password"
chmod 0444 "$scratch/password"
buildah_ copy --chmod 0444 "$container" "$scratch/password" /run/password >/dev/null
inside /usr/local/bin/keeper keys new --light-scrypt --password-file /run/password >&2
mounted=$(buildah_ mount "$container")
owner=$(stat -c %u "$mounted/data")
[ "$owner" = 65532 ] || fail "the image's /data belongs to user $owner: nothing could be kept in a new volume"
[ ! -e "$mounted/bin/sh" ] && [ ! -e "$mounted/src" ] || fail "the image has a shell, or sources"
echo "the image builds, and both programs run in it as user 65532" >&2
