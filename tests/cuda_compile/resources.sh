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

# The columns of the table, and the sizes that each has. A formula with a size that is not named here is an error.
workloads=(given-short given-long linear-wide pebble christiano)
sizes_of() { # WORKLOAD
  case $1 in
    given-short) echo "N=10000000 L=0 S=200000 P=100000 E=1 e=4" ;;
    given-long) echo "N=10000000 L=8322000 S=2000 P=1000 E=1 e=4" ;;
    linear-wide) echo "N=65536 L=0 S=128 P=64 D=4096 E=1 e=2" ;;
    pebble) echo "N=12800 S=256 P=128 D=30 E=3 e=4 F=32 H=256 A=768 V=417792 W=419331 o=2" ;;
    christiano) echo "N=3840 S=128 P=64 D=24 E=3 e=4 F=32 H=64 A=128 V=18432 W=17475 o=2" ;;
  esac
}

# Bytes of a floor for a workload: "40.0 MB".
bytes_of() { # FORMULA SIZES
  local -i i=8 r=4 bytes
  local -i $2  # an assignment a word
  bytes=$(($1))
  if ((bytes >= 100000)); then awk -v b="$bytes" 'BEGIN { printf "%.1f MB", b / 1e6 }'; else awk -v b="$bytes" 'BEGIN { printf "%.1f KB", b / 1e3 }'; fi
}

# One row per kernel: the most of its variants, for each architecture.
{
  echo "| kernel | variants | registers | shared | stack, spilled | floor in bytes |$(printf ' `%s` |' "${workloads[@]}")"
  echo "|---|---|---|---|---|---|$(printf -- '---|%.0s' "${workloads[@]}")"
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
    IFS='|' read -r _ formula launched_by _ <<<"$line"
    row+=" $(sed 's/\*/ /g; s/^ *//; s/ *$//' <<<"$formula") |"
    for workload in "${workloads[@]}"; do
      if [[ " $launched_by " == *" $workload "* ]]; then row+=" $(bytes_of "$formula" "$(sizes_of "$workload")") |"; else row+=" |"; fi
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
