#!/usr/bin/env bash
# Every kernel of kernels/cuda is launched by a test of tests/simt/kernels, which runs it under all seeds.
#   every_kernel_is_tested.sh     from the root of the repository
set -euo pipefail
kernels=$(find kernels/cuda -name '*.cuh' -exec cat {} + | tr '\n' ' ' | grep -oP '__global__.*?\K\b\w+_kernel(?=\()' | sort -u)
[[ $(wc -l <<<"$kernels") -ge 20 ]] || { echo "found only: $kernels" >&2; exit 1; }
untested=0
for kernel in $kernels; do
  if ! grep -rqw "$kernel" tests/simt/kernels tests/simt/support; then
    echo "$kernel is launched by no test of tests/simt/kernels" >&2
    untested=1
  fi
done
exit $untested
