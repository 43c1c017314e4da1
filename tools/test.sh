#!/usr/bin/env bash
# Installs what is missing, builds and runs the tests.
#   tools/test.sh          the everyday suite: release build with the tests, kernels executed on the CPU in plain and check mode, and the CPU side under
#                          AddressSanitizer and UBSan
#   tools/test.sh --full   adds ThreadSanitizer, the kernels under AddressSanitizer, the long cases, the fuzzers and the packaging checks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

full=false
case "${1:-}" in
  "") ;;
  --full) full=true ;;
  *) echo "usage: tools/test.sh [--full]" >&2; exit 2 ;;
esac

jobs=$(nproc)
step() { printf '\n== %s\n' "$*"; }

build() {  # PRESET [cmake arguments]
  step "build: $1"
  cmake --preset "$@" >"/tmp/segpref-configure-$1-$$.log" 2>&1 || { cat "/tmp/segpref-configure-$1-$$.log"; exit 1; }
  rm -f "/tmp/segpref-configure-$1-$$.log"
  cmake --build --preset "$1" -j "$jobs" -- --quiet
}

run_tests() {  # PRESET [ctest arguments]
  local preset=$1; shift
  step "tests: $preset"
  ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error --progress "$@" | tail -n 40
}

if $full; then
  tools/setup.sh --full
else
  tools/setup.sh
fi

build asan
run_tests asan
if $full; then
  build tsan
  run_tests tsan
  for check in tools/check_*.sh; do   # packaging, fuzzing: each prints what it checked and fails loudly
    [[ -e $check ]] || continue
    step "$check"
    "$check"
  done
fi
# Last, so that the run ends in its summary.
if $full; then
  build dev -DSEGPREF_SIMT_MODES="plain;asan;check"
  SEGPREF_LONG_TESTS=1 run_tests dev   # long cases and all seeds, without a sanitizer
else
  build dev -DSEGPREF_SIMT_MODES="plain;check"
  run_tests dev -LE full
fi
