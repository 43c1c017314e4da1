#!/usr/bin/env bash
# Compiles the kernel tests of tests/simt/kernels with nvcc and runs them on this machine's GPU: the same sources that the harness runs on the
# CPU. Shows that the harness's tensor-core layouts are the hardware's. Needs the CUDA toolkit, Google Test and a GPU.
#   tools/test_kernels_on_gpu.sh [Google Test arguments]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v nvcc >/dev/null || { echo "nvcc is not in the PATH" >&2; exit 1; }

out=build/gpu
mkdir -p "$out"
for source in tests/simt/kernels/*_test.cpp; do
  program=$out/$(basename "$source" .cpp)
  nvcc -std=c++20 -O3 --fmad=false -arch=native -I. -Iinclude -DSEGPREF_SIMT_MODE=gpu -diag-suppress 554 -x cu "$source" \
    kernels/reference/segment_reduce.cpp kernels/reference/adamw.cpp -o "$program" -lgtest -lgtest_main -lpthread
  "$program" "$@"
done
echo "all kernel tests passed on: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)"
