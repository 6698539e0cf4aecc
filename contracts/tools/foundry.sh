# Sourced by build.sh and test.sh: sets FORGE and the compiler it uses, installing both from npm where they are missing.
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

# The platform's own binary, not the wrapper script beside it: signals and exit codes arrive as they are.
foundry_binary() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-amd64 ;;
    Linux-aarch64) platform=linux-arm64 ;;
    Darwin-x86_64) platform=darwin-amd64 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    *) fail "no $1 for $(uname -s) $(uname -m) on npm; install Foundry and put $1 on PATH" ;;
  esac
  echo "$PWD/node_modules/@foundry-rs/$1-$platform/bin/$1"
}

FORGE=$(command -v forge || foundry_binary forge)
[ -x "$FORGE" ] || fail "forge is not at $FORGE; remove contracts/node_modules and try again"

# The compiler is the pinned one from npm whoever runs forge: artifacts must come out the same everywhere.
export FOUNDRY_SOLC="$PWD/tools/solc"
