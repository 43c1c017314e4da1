#!/usr/bin/env bash
# Runs nvcc, keeps what ptxas says of each kernel beside the object (OBJECT.ptxas), and prints a line: how many kernels of ours, how many registers
# and spilled bytes at most. cmake/cuda.cmake puts it before the compiler; tests/cuda_compile/resources.sh reads the reports.
#   keep_ptxas_report.sh NVCC ARGUMENTS... -o OBJECT ...      with -Xptxas -v among the arguments
set -euo pipefail
object=
for ((k = 1; k < $#; ++k)); do
  if [[ ${!k} == -o ]]; then next=$((k + 1)) object=${!next}; fi
done
if [[ -z $object ]]; then exec "$@"; fi  # nothing is made: dependencies, the compiler's version

said=$(mktemp)
trap 'rm -f "$said"' EXIT
code=0
"$@" >"$said" 2>&1 || code=$?
# What is neither ptxas's nor empty is a message for whoever builds.
grep -vE "^ptxas info|^ *[0-9]+ bytes stack frame|^\$" "$said" >&2 || true
if ((code != 0)); then exit $code; fi
mv "$said" "$object.ptxas"
# CUB's kernels are its own business.
awk '/Compiling entry function/ { ours = /_ZN7segpref/; kernels += ours }
  ours && /Used [0-9]+ registers/ { match($0, /Used [0-9]+/); r = substr($0, RSTART + 5, RLENGTH - 5) + 0; if (r > most) most = r }
  ours && /bytes stack frame/ { spilled = $5 + $9; if (spilled > worst) worst = spilled }
  END { printf "ptxas: %s: %d kernels, at most %d registers, %d bytes spilled\n", name, kernels, most, worst }' name="$(sed 's|.*kernels/cuda/||; s|\.o$||' <<<"$object")" "$object.ptxas"
