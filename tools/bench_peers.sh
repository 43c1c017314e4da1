#!/usr/bin/env bash
# Times the benches beside PyTorch on the same machine, in turns (ours, theirs, ours, ...), and prints one table with ratios.
#   tools/bench_peers.sh                     all workloads
#   tools/bench_peers.sh --only pebble       workloads whose names begin so (commas between several)
#   tools/bench_peers.sh --save              also writes bench/results/CPU-DATE.json
# The first run makes build/peers-venv with the packages of bench/peers/requirements.txt: several GB, because the PyTorch wheel of the
# package index brings CUDA libraries. bench/peers/README.md says how to do with less.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
only="" save=false rounds=3 threads=$(nproc)
while [[ $# -gt 0 ]]; do
  case $1 in
    --only) only=$2; shift 2 ;;
    --save) save=true; shift ;;
    *) sed -n '3,5s/^# *//p' "$0" >&2; exit 2 ;;
  esac
done

venv=build/peers-venv
if [[ ! -x $venv/bin/python ]]; then
  echo "bench_peers: making $venv"
  python3 -m venv "$venv"
fi
"$venv/bin/python" -c "import torch" 2>/dev/null || "$venv/bin/pip" install --quiet -r bench/peers/requirements.txt
cmake --preset bench >/dev/null
cmake --build --preset bench -j "$threads" -- --quiet

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for ((round = 0; round < rounds; ++round)); do
  for program in build/bench/bin/segpref_{mlp,given,linear}_bench; do
    [[ -x $program ]] || continue
    # given-short is given/short there: any character may stand for the dash
    "$program" --benchmark_format=json ${only:+--benchmark_filter="$(tr ',-' '|.' <<<"$only")"} >>"$work/ours.$round.$(basename "$program")" 2>/dev/null
  done
  "$venv/bin/python" bench/peers/torch_peer.py --threads "$threads" ${only:+--only "$only"} >>"$work/theirs.$round"
done
"$venv/bin/python" bench/peers/compare.py "$work" ${only:+--only "$only"} $($save && echo --save bench/results)
