# Sourced by the scripts beside it: sets FORGE and the compiler it uses, installing both from npm where they are missing.
# Expects the working directory to be contracts/.

fail() {
  echo "contracts: $1" >&2
  exit 1
}

command -v node > /dev/null || fail "node is missing; install Node.js 20 or newer (Debian: apt-get install nodejs npm)"
command -v npm > /dev/null || fail "npm is missing; install it beside Node.js (Debian: apt-get install npm)"

# npm writes .package-lock.json last, so it is newer than the lock file only after a whole install.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund > /dev/null || fail "npm ci failed; see its message above"
  touch node_modules/.package-lock.json
fi

# The binary itself, not the wrapper script of @foundry-rs/forge: signals and exit codes arrive as they are.
FORGE=$(command -v forge || echo "$PWD/node_modules/@foundry-rs/forge-linux-amd64/bin/forge")
[ -x "$FORGE" ] || fail "forge is not on PATH and not at $FORGE (npm has it for Linux on x86-64 here); install Foundry"

# The compiler is the pinned one from npm whoever runs forge: artifacts must come out the same everywhere.
export FOUNDRY_SOLC="$PWD/tools/solc"

# Sets seed, of this run's fuzzing, and says what it is.
fuzz_seed() {
  seed=${KEEPER_MESH_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
  echo "fuzzing with KEEPER_MESH_SEED=$seed" >&2
}
