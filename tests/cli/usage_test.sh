#!/usr/bin/env bash
# Exit codes and messages: 0 fine, 2 bad usage, 3 bad data, 4 the system refused.
source "$(dirname "$0")/common.sh"

expect 0 "Exit codes" "$segpref" --help
expect 0 "--hidden" "$segpref" fit --help
expect 0 "0.1.0" "$segpref" --version
expect 0 "instruction_set" "$segpref" info
expect 0 '"cuda":{"' "$segpref" info --json
expect 0 '"summary":"' "$segpref" info --json
expect 2 "subcommand" "$segpref"
expect 2 "--out" "$segpref" fit "$data"
expect 2 "'6x' is not a width" "$segpref" fit "$data" --out "$work/m" --hidden 64,6x
expect 2 "hidden[0] = 4096 is outside" "$segpref" fit "$data" --out "$work/m" --hidden 4096
expect 2 "--activation = step must be one of relu" "$segpref" fit "$data" --out "$work/m" --activation step
expect 2 "temperature = 0 must be" "$segpref" fit "$data" --out "$work/m" --temperature 0 --epochs 1
expect 2 "--device tpu must be auto, cpu, cuda or cuda:N" "$segpref" fit "$data" --out "$work/m" --device tpu
expect 2 "--device cuda:x: after cuda: stands the number of a device" "$segpref" fit "$data" --out "$work/m" --device cuda:x
expect 2 "--device cuda:999: capacity.device is" "$segpref" fit "$data" --out "$work/m" --device cuda:999
expect 2 "--device cuda: " "$segpref" fit "$data" --out "$work/m" --device cuda --hidden none
expect 4 "cannot open" "$segpref" fit "$work/none.npz" --out "$work/m"
head -c 5000 "$data" >"$work/short.npz"
expect 3 "short.npz" "$segpref" fit "$work/short.npz" --out "$work/m"
expect 3 "short.npz" "$segpref" info "$work/short.npz"
[[ ! -e $work/m ]] || fail "a refused call left a model behind"
echo "passed"
