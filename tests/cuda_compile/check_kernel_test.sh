#!/usr/bin/env bash
# Compiles a kernel test with nvcc as far as PTX, for sm_90, and fails on an error or a warning: the test runs on a GPU as it runs in the harness.
#   check_kernel_test.sh NVCC SOURCE     from the root of the repository
# Flags are those of tests/gpu. Warning 554 is about a conversion of a public view type that nvcc alone minds.
set -euo pipefail
nvcc=$1 source=$2
log=$(mktemp) ptx=$(mktemp --suffix=.ptx)
trap 'rm -f "$log" "$ptx"' EXIT

if ! "$nvcc" -x cu -std=c++20 -O3 --fmad=false -I. -Iinclude -DSEGPREF_SIMT_MODE=gpu -arch=compute_90 -diag-suppress 554 --ptx "$source" -o "$ptx" >"$log" 2>&1; then
  cat "$log"
  exit 1
fi
if grep -i 'warning' "$log"; then
  echo "$source: nvcc warns" >&2
  exit 1
fi
kernels=$(grep -c '^\.visible \.entry\|^\.entry' "$ptx") || { echo "$source: no kernel was compiled" >&2; exit 1; }
echo "$source: $kernels kernels"
