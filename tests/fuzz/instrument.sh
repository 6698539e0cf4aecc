#!/usr/bin/env bash
# Cargo's wrapper around rustc for the workspace's own crates (RUSTC_WORKSPACE_WRAPPER): compiles them so that libFuzzer sees
# which ways an input takes. Dependencies are as in every other build; what of them is generic is compiled here, and seen.
set -euo pipefail
case " $* " in
  *' --crate-name consensus '* | *' --crate-name contracts '* | *' --crate-name executor '* | \
    *' --crate-name fuzz '* | *' --crate-name fuzz_search '* | *' --crate-name keeper '* | *' --crate-name p2p '*)
    exec "$@" -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
      -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
      -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$@"
