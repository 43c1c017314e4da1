#!/usr/bin/env bash
# Compiles one source with nvcc and fails on an error, a warning, or a spilled register: launchers for sm_80, sm_90 and sm_100, kernel tests,
# which hold the same kernels, for sm_90. What ptxas says stays in LOG, where one is named: resources.sh reads it.
#   check_kernels.sh NVCC SOURCE [LOG]     from the root of the repository
# No contraction of a * b + c, as everywhere in segpref. Warning 554 is about a conversion of a public view type that nvcc alone minds.
set -euo pipefail
nvcc=$1 source=$2 kept_log=${3:-}
log=$(mktemp) object=$(mktemp --suffix=.o)
trap 'rm -f "$log" "$object"' EXIT

architectures=()
targets=(80 90 100)
if [[ $source == tests/* ]]; then targets=(90); fi
for sm in "${targets[@]}"; do architectures+=(-gencode "arch=compute_$sm,code=sm_$sm"); done
if ! "$nvcc" -x cu -std=c++20 -O3 --fmad=false -I. -Iinclude -DSEGPREF_SIMT_MODE=gpu "${architectures[@]}" -diag-suppress 554 -Xptxas -v \
    -c "$source" -o "$object" >"$log" 2>&1; then
  cat "$log"
  exit 1
fi
if grep -i 'warning' "$log"; then
  echo "$source: nvcc warns" >&2
  exit 1
fi
kernels=$(grep -c 'bytes spill stores' "$log") || { echo "$source: ptxas reports no kernel" >&2; exit 1; }
# CUB's own kernels may spill: that is its business.
if spills=$(grep -A 1 'Function properties for .*segpref' "$log" | grep -B 1 -E '[1-9][0-9]* bytes spill (stores|loads)'); then
  printf '%s\n' "$spills" >&2
  echo "$source: registers are spilled" >&2
  exit 1
fi
echo "$source: $kernels kernels, none spills, at most $(grep -oP 'Used \K[0-9]+' "$log" | sort -n | tail -1) registers"
if [[ -n $kept_log ]]; then
  mkdir -p "$(dirname "$kept_log")"
  mv "$log" "$kept_log"
fi
