#!/usr/bin/env bash
# Peak memory: fit holds a data set once and little beside it; predict and its output stream through a few MiB. With SEGPREF_LONG_TESTS=1
# the file is 1.2 GB (100,000 pairs of 2 x 50 steps of 30 f32 features) and the limit of fit 2 GiB.
source "$(dirname "$0")/common.sh"
pairs=10000 fit_limit=320 predict_limit=40  # MiB; the file takes 115
if [[ -n ${SEGPREF_LONG_TESTS:-} ]]; then pairs=100000 fit_limit=2047; fi

# within LIMIT command...: its peak in MiB is at most LIMIT
within() {
  local limit=$1 peak; shift
  peak=$("$tool" peak "$@" 2>"$work/log" | tail -n 1) || { cat "$work/log"; fail "does not run: $*"; }
  echo "$peak MiB of $limit: ${*:2:1} on $(($(stat -c %s "$work/data.npz") >> 20)) MiB"
  [[ $peak -le $limit ]] || fail "peak $peak MiB, limit $limit: $*"
}

for form in paired ragged; do
  "$tool" $form "$work/data.npz" $pairs 50 30
  within $fit_limit "$segpref" fit "$work/data.npz" --out "$work/model" --hidden 64,64 --epochs 1 --batch-pairs 512
  rm -f "$work"/model.checkpoint
done
within $predict_limit "$segpref" predict "$work/model" "$work/data.npz" --out "$work/rewards.npz"
[[ $("$tool" arrays "$work/rewards.npz" | sort | tr '\n' ';') == "mean $((pairs * 100));members 3 $((pairs * 100));std $((pairs * 100));" ]] || fail "predict wrote other arrays"
echo "passed"
