#!/usr/bin/env bash
# Shows that the invariants notice what they are there for: plants faults of the kinds that an audit found, one at a time, in a
# copy of the contracts, and fails unless the invariants do.
#   refunds that a split batch multiplies, gas that a token job does not pay, runs that a later one closes, and some more
set -euo pipefail
cd "$(dirname "$0")"
. tools/foundry.sh

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r src test foundry.toml "$copy"
ln -s "$PWD/node_modules" "$copy/node_modules"
mkdir -p "$copy/cache"


# The same draws for every fault, and for none: without one the invariants hold.
market() {
  rm -rf "$copy/cache/invariant"
  (cd "$copy" && FOUNDRY_INVARIANT_RUNS=40 "$FORGE" test --offline --fuzz-seed "$seed" \
    --match-contract MarketInvariants --match-test '^invariant_') >"$copy/log" 2>&1
}
fuzz_seed
market || { cat "$copy/log" >&2; fail "the invariants fail without any fault"; }

# plant TITLE FILE BEFORE AFTER: replaces the one place that reads BEFORE, and runs the market's invariants.
plant() {
  local title=$1 file=$copy/src/$2
  cp "$file" "$copy/kept"
  node -e '
    const [file, before, after] = process.argv.slice(1);
    const fs = require("fs");
    const text = fs.readFileSync(file, "utf8");
    if (text.split(before).length !== 2) { console.error(`${before} stands not once in ${file}`); process.exit(1); }
    fs.writeFileSync(file, text.replace(before, () => after));
  ' "$file" "$3" "$4"
  if market; then
    cat "$copy/log" >&2
    fail "no invariant notices: $title"
  fi
  grep -q 'FAIL: NotEqual\|FAIL: [a-z]' "$copy/log" || { cat "$copy/log" >&2; fail "it does not even compile: $title"; }
  echo "noticed: $title ($(grep -o 'FAIL: [^]]*' "$copy/log" | head -1))"
  cp "$copy/kept" "$file"
}

plant "a task refunds what all have in common once more" Charging.sol \
  'refund = sums.refund + cost / sums.count;' 'refund = sums.refund + cost;'
plant "a job that pays in a token pays no gas" Charging.sol '|| !_chargeGas(record, gas)) return TOO_MUCH;' ') return TOO_MUCH;'
plant "a job without enough is charged all the same" Charging.sol \
  '} else if (fee + gas > JobWord.escrow(account)) {' '} else if (fee > JobWord.escrow(account)) {'
plant "a later run closes earlier ones" libraries/JobWord.sol 'return run != nextRun(account) || (account >> 215) & 1 == 0;' 'return false;'
plant "a settled run settles again" Kinds.sol 'if (RunLog.isSettled(JobWord.runs(account), run)) return' 'if (false) return'
plant "a log settles again" Kinds.sol 'JobWord.hasLogs(account) ? _logs[jobId][key]' 'JobWord.hasLogs(account) ? false'
plant "a condition does not cool down" Kinds.sol 'if (last != 0 && RunWord.anchor(word) < last' 'if (false && RunWord.anchor(word) < last'
plant "a run by blocks closes earlier ones" Kinds.sol 'if (JobWord.givesUp(schedule)) return 0;' 'if (JobWord.givesUp(schedule) || !isByTime) return 0;'
plant "what is told of a job is not so" Concluding.sol 'emit JobCovered(jobId, covered);' 'emit JobCovered(jobId, true);'
