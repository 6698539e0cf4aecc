#!/usr/bin/env bash
# Builds a release: release.sh [--debug] OUT_DIR
#   OUT_DIR  gets keeper-mesh-VERSION-TARGET.tar.gz with both programs stripped, the deployment files, the documentation, a list of
#            everything that is in them (sbom.cdx.json, CycloneDX) and SHA256SUMS; and SHA256SUMS of the archive beside it
#   --debug  packs the programs of a debug build, to try the packing alone
# The same sources and compiler give the same bytes: paths of this machine stay out of the programs, moments out of the archive.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/setup.sh"
cd "$root"

profile=release
if [ "${1:-}" = --debug ]; then
  profile=debug
  shift
fi
if [ $# != 1 ] || [[ $1 = -* ]]; then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
need node nodejs
need strip binutils
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"

version=$(sed -nE '/^\[workspace.package\]/,/^\[/s/^version = "(.*)"/\1/p' Cargo.toml)
target=$(rustc -vV | sed -n 's/^host: //p')
# The moment of the newest commit, or the one that a packager gives (reproducible-builds.org).
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
if [ $profile = release ]; then
  # What the compiler would write into panics and debug info is where this machine keeps things.
  flags="--remap-path-prefix=$root=/keeper-mesh --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
  flags="$flags --remap-path-prefix=$(rustc --print sysroot)=/rust"
  say "building the release (the first time takes many minutes)"
  RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --locked --release -p keeper -p bootstrap --bin keeper --bin bootnode
fi

name=keeper-mesh-$version-$target
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$name"
for program in keeper bootnode; do
  built=$CARGO_TARGET_DIR/$profile/$program
  [ -x "$built" ] || fail "$built is not there: cargo build -p keeper -p bootstrap --bins"
  strip -o "$stage/$name/$program" "$built"
  # It starts, without what it was built with.
  said=$(env -i "$stage/$name/$program" --version) || fail "$program does not start once it is packed"
  [ "$said" = "$program $version" ] || fail "$program says that it is $said, and not version $version"
done
if [ $profile = release ] && grep -aqF "$HOME" "$stage/$name/keeper"; then
  fail "the keeper holds paths of this machine ($HOME): other machines would build another one"
fi
cp -r docs README.md CHANGELOG.md SECURITY.md LICENSE-APACHE LICENSE-MIT "$stage/$name/"
git archive HEAD bootstrap/deploy ':!bootstrap/deploy/*test*' ':!bootstrap/deploy/name-server.mjs' | tar -x -C "$stage/$name" --strip-components=1
rm -rf "$stage/$name/docs/book"
bootstrap/sbom.mjs "$target" >"$stage/$name/sbom.cdx.json"
(cd "$stage/$name" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
find "$stage/$name" -type d -exec chmod 0755 {} + -o -type f -exec chmod u=rwX,go=rX {} +
tar -C "$stage" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -c "$name" | gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >SHA256SUMS)

# As its users will: unpacked, checked, and started.
mkdir "$stage/check"
(cd "$out" && sha256sum --quiet -c SHA256SUMS)
tar -C "$stage/check" -xzf "$out/$name.tar.gz"
(cd "$stage/check/$name" && sha256sum --quiet -c SHA256SUMS && ./keeper --version && ./bootnode --version) >&2
say "$out/$name.tar.gz, $(du -h "$out/$name.tar.gz" | cut -f1)"
