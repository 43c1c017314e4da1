#!/usr/bin/env bash
# Installs what is missing, builds segpref, and trains a reward ensemble on the shipped Hopper preferences, beside a linear model.
# A second run builds nothing. Needs no GPU, no CUDA, no Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/setup.sh
if [[ ! -e build/release/build.ninja ]]; then
  echo "quickstart: configuring build/release"
  cmake --preset release >/dev/null
fi
echo "quickstart: building (nothing to do when it is built already)"
cmake --build --preset release -- --quiet

segpref=build/release/bin/segpref
data=data/hopper/hopper-preferences.npz
out=build/quickstart
mkdir -p "$out"
# The teacher of this data set makes 10 % mistakes: a random answer with probability 0.2.
options=(--batch-pairs 64 --lr 3e-3 --epochs 40 --lapse 0.2 --seed 0)

echo
echo "quickstart: an ensemble of three MLPs, 14 -> 64 -> 64 -> 1"
"$segpref" fit "$data" --out "$out/model.safetensors" --metrics "$out/metrics.jsonl" --hidden 64,64 --activation tanh "${options[@]}"
echo
echo "quickstart: three linear models, for comparison"
"$segpref" fit "$data" --out "$out/linear.safetensors" --metrics "$out/linear-metrics.jsonl" --hidden none "${options[@]}"

echo
echo "On pairs of segments that were never trained on (kind 0: unambiguous, 1: similar policies, 2: other; 10 % of the given labels are mistakes):"
echo
echo "-- ensemble of MLPs"
"$segpref" eval "$out/model.safetensors" "$data"
echo
echo "-- linear"
"$segpref" eval "$out/linear.safetensors" "$data"
echo
echo "model:   $PWD/$out/model.safetensors"
echo "metrics: $PWD/$out/metrics.jsonl"
echo "command: $PWD/$segpref"
