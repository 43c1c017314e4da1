#!/usr/bin/env bash
# What every kernel takes of a multiprocessor, from what ptxas said in the build (cmake/keep_ptxas_report.sh leaves it beside the objects), beside the
# bytes that it cannot do without (floors.txt). The table stands in docs/performance.md.
#   resources.sh OBJECT...            fails where a kernel spills a register or lies on the stack without a reason, and where the table of the docs
#                                     names other kernels, other numbers of variants or other bytes on the stack
#   resources.sh --write OBJECT...    puts the table into the docs
# Registers are printed, not compared: they change with the version of nvcc.
set -euo pipefail
mode=--check
if [[ ${1:-} == --write ]]; then mode=$1; shift; fi
reports=()
for object in "$@"; do reports+=("$(realpath "$object").ptxas"); done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
docs=docs/performance.md floors=tests/cuda_compile/floors.txt
kernels=$(mktemp) table=$(mktemp)
trap 'rm -f "$kernels" "$table"' EXIT

# One line per variant of a kernel and architecture: name, architecture, registers, shared memory, bytes on the stack, bytes spilled. CUB's own are left out.
cat "${reports[@]}" | c++filt | awk '
  /Compiling entry function/ {
    architecture = $NF; gsub(/[^0-9]/, "", architecture)
    name = $0; sub(/^[^\047]*\047(void )?/, "", name)
    is_ours = name ~ /^segpref::cuda::/
    sub(/^segpref::cuda::/, "", name); sub(/[<(].*/, "", name)
    is_entry = 0
  }
  /Function properties for/ { is_entry = 1 }
  is_ours && is_entry && /bytes stack frame/ { stack = $1; spilled = $5 + $9; is_entry = 0 }
  is_ours && /Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/); registers = substr($0, RSTART + 5, RLENGTH - 5)
    shared = 0; if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH - 11)
    print name, architecture, registers, shared, stack, spilled
  }' >"$kernels"
[[ -s $kernels ]] || { echo "no report of ptxas names a kernel of ours" >&2; exit 1; }

# Bytes of a floor for a workload: "40.0 MB". A line without a formula for it has none.
bytes_of() { # FORMULA N L S P D T e
  local -i N=$2 L=$3 S=$4 P=$5 D=$6 T=$7 e=$8 i=8 r=4 E=1 bytes
  bytes=$(($1))
  if ((bytes >= 100000)); then awk -v b="$bytes" 'BEGIN { printf "%.1f MB", b / 1e6 }'; else awk -v b="$bytes" 'BEGIN { printf "%.1f KB", b / 1e3 }'; fi
}

# One row per kernel: the most of its variants, for each architecture.
{
  echo "| kernel | variants | registers | shared | stack, spilled | floor in bytes | \`given-short\` | \`given-long\` | \`linear-wide\` |"
  echo "|---|---|---|---|---|---|---|---|---|"
  for name in $(cut -d ' ' -f 1 "$kernels" | sort -u); do
    row=$(awk -v name="$name" '$1 == name {
        if (!($2 in registers)) architectures = architectures " " $2
        if ($3 > registers[$2] + 0) registers[$2] = $3
        ++variants[$2]; if ($4 > shared) shared = $4; if ($5 > stack) stack = $5; spilled += $6
      }
      END {
        n = split(architectures, each, " ")
        for (k = 1; k <= n; ++k) all = all (k > 1 ? " / " : "") registers[each[k]]
        printf "| `%s` | %d | %s | %d | %d, %d |", name, variants[each[1]], all, shared, stack, spilled
      }' "$kernels")
    line=$(grep "^$name |" "$floors" || echo "| | ")
    IFS='|' read -r _ formula workloads _ <<<"$line"
    row+=" $(sed 's/\*/ /g; s/^ *//; s/ *$//' <<<"$formula") |"
    for workload in given-short given-long linear-wide; do
      case $workload in
        given-short) sizes=(10000000 0 200000 100000 0 99 4) ;;
        given-long) sizes=(10000000 8322000 2000 1000 0 9999 4) ;;
        linear-wide) sizes=(65536 0 128 64 4096 1023 2) ;;
      esac
      if [[ " $workloads " == *" $workload "* ]]; then row+=" $(bytes_of "$formula" "${sizes[@]}") |"; else row+=" |"; fi
    done
    echo "$row"
  done
} >"$table"

if [[ $mode == --write ]]; then
  awk -v table="$table" '
    /^<!-- cuda resources: end -->/ { is_old = 0 }
    !is_old { print }
    /^<!-- cuda resources: begin -->/ { is_old = 1; while ((getline line <table) > 0) print line }' "$docs" >"$kernels"
  cat "$kernels" >"$docs"
  exit 0
fi

cat "$table"
failed=0
while read -r name _ _ _ stack spilled; do
  if ((spilled > 0)); then echo "$name spills $spilled bytes" >&2; failed=1; fi
  allowed=$(sed -n "s/^stack $name \([0-9]*\) .*/\1/p" "$floors")
  if ((stack > ${allowed:-0})); then echo "$name lies on the stack with $stack bytes; $floors allows it ${allowed:-0}" >&2; failed=1; fi
done <"$kernels"
# What must agree: kernel, variants, stack and spills.
facts() { awk -F ' *[|] *' '/^[|] `[a-z_]+_kernel`/ { print $2, $3, $6 }' "$1" | sort; }
if ! diff <(sed -n '/cuda resources: begin/,/cuda resources: end/p' "$docs" | facts /dev/stdin) <(facts "$table") >&2; then
  echo "$docs (<) does not say what was compiled (>): cmake --build build/dev --target cuda_resources_table" >&2
  failed=1
fi
exit $failed
