#!/usr/bin/env bash
# Builds the libFuzzer targets (clang 19) and runs each for SEGPREF_FUZZ_SECONDS (default 60) from a small seed corpus, as many at
# a time as there are cores. A finding is printed, kept in build/fuzz/findings, and fails the check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${SEGPREF_FUZZ_SECONDS:-60}
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" -- --quiet

corpus=build/fuzz/corpus
findings=build/fuzz/findings
mkdir -p "$corpus" "$findings"
build/fuzz/bin/make_seeds "$corpus"
cp tests/support/data/*.npz "$corpus/npz_reader_fuzz/"

run_one() {  # FUZZER
  local name
  name=$(basename "$1")
  mkdir -p "$corpus/$name"
  if "$1" "$corpus/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
      -artifact_prefix="$findings/$name-" -print_final_stats=1 >"$findings/$name.log" 2>&1; then
    echo "fuzz: $name: $(grep -o 'number_of_executed_units:.*' "$findings/$name.log" | tr -s ' ') in ${seconds}s, nothing found"
  else
    tail -n 60 "$findings/$name.log"
    echo "fuzz: $name FAILED; the input is in $findings" >&2
    return 1
  fi
}
export -f run_one
export seconds corpus findings

printf '%s\0' build/fuzz/bin/*_fuzz | xargs -0 -n 1 -P "$(nproc)" bash -c 'run_one "$0"'
