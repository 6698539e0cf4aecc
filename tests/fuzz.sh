#!/usr/bin/env bash
# Looks for inputs that break a promise, by coverage (libFuzzer): fuzz.sh [TARGET] [--runs N] [--seed N]
#   TARGET    this one alone; without it all of them, one on every core at a time
#   --runs N  inputs of each, 10000000 if nothing is said; of the engine, whose inputs are conversations of milliseconds, a
#             hundredth of that
#   --seed N  where to begin; the same seed makes the same inputs of the same corpus
# What it finds on its way is kept in the user's cache, so that the next run goes on from there.
set -euo pipefail
# shellcheck source=bootstrap/setup.sh
. "$(dirname "$0")/../bootstrap/setup.sh"
cd "$root"

runs=10000000
seed=$RANDOM
only=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,7s/^# //p' "$0"
      exit 0
      ;;
    --runs | --seed)
      case ${2:-} in
        '' | *[!0-9]*) say "fuzz.sh: $1 takes a number, as in $1 100000" && exit 2 ;;
      esac
      if [ "$1" = --runs ]; then runs=$2; else seed=$2; fi
      shift
      ;;
    -*) say "fuzz.sh: unknown flag $1; fuzz.sh [TARGET] [--runs N] [--seed N]" && exit 2 ;;
    *) only=$1 ;;
  esac
  shift
done

need c++ g++ # libFuzzer is C++
say "building the targets (the first time takes some minutes)"
# Optimised, with every check of overflow and every debug assertion. Named beside what build_binaries builds, so that the
# dependencies are the same, but for what reads cron patterns, where all of that target's time goes.
CARGO_PROFILE_DEV_OPT_LEVEL=2 RUSTC_WORKSPACE_WRAPPER=$root/tests/fuzz/instrument.sh \
  cargo build -p keeper -p bootstrap -p contracts -p rough -p fuzz --features fuzz/search --bin fuzz-search \
  --config profile.dev.package.chrono.opt-level=3 --config profile.dev.package.croner.opt-level=3

mapfile -t targets < <(ls tests/fuzz/corpus)
if [ -n "$only" ]; then
  [ -d "tests/fuzz/corpus/$only" ] || fail "fuzz.sh: there is no target $only; there are ${targets[*]}"
  targets=("$only")
fi

# search TARGET: a line of figures, or what broke.
search() {
  local name=$1 runs=$runs found=$cache/fuzz/found/$1 log=$cache/fuzz/$1.log began=$SECONDS
  [ "$name" != engine ] || runs=$((runs / 100))
  mkdir -p "$found" "$cache/fuzz/broken"
  if FUZZ_TARGET=$name "$bin/fuzz-search" -seed="$seed" -runs="$runs" -timeout=20 \
    -rss_limit_mb=2048 -artifact_prefix="$cache/fuzz/broken/$name-" -print_final_stats=1 -verbosity=0 \
    "$found" "$root/tests/fuzz/corpus/$name" >"$log" 2>&1; then
    echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $((SECONDS - began)) s, seed $seed"
  else
    echo "BROKEN $name, seed $seed: the input is in $cache/fuzz/broken; put it into tests/fuzz/corpus/$name once it is mended"
    tail -n 40 "$log"
    return 1
  fi
}
export -f search
export seed runs cache root bin

say "fuzz.sh: ${#targets[@]} targets, $runs inputs each, seed $seed"
# shellcheck disable=SC2016 # for the inner shell
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -L 1 bash -c 'search "$1"' _
