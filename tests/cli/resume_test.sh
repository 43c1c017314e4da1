#!/usr/bin/env bash
# Killed at random points and resumed, fit gives the same model and metrics as an uninterrupted run. 20 points with SEGPREF_LONG_TESTS=1.
source "$(dirname "$0")/common.sh"
fit=("$segpref" fit "$data" --hidden 64,64 --epochs 8 --batch-pairs 64 --lr 3e-3 --patience 6)
points=3
[[ -z ${SEGPREF_LONG_TESTS:-} ]] || points=20

started=$(date +%s%N)
"${fit[@]}" --out "$work/whole" --metrics "$work/whole.jsonl" 2>/dev/null
whole_ms=$((($(date +%s%N) - started) / 1000000))

for ((point = 0; point < points; ++point)); do
  rm -f "$work"/cut*
  signal=KILL
  [[ $((point % 3)) -ne 1 ]] || signal=INT
  # Killed again and again until it finishes; the last start is left alone.
  for ((try = 0; try < 3; ++try)); do
    "${fit[@]}" --out "$work/cut" --metrics "$work/cut.jsonl" --resume 2>/dev/null &
    pid=$!
    sleep "$(printf '0.%03d' $((RANDOM % (whole_ms < 999 ? whole_ms + 1 : 999))))"
    kill -$signal $pid 2>/dev/null || true
    code=0
    wait $pid 2>/dev/null || code=$?
    [[ $code -eq 0 || $code -eq 137 || $code -eq 130 ]] || fail "exit code $code after SIG$signal"
  done
  "${fit[@]}" --out "$work/cut" --metrics "$work/cut.jsonl" --resume 2>"$work/log" || { cat "$work/log"; fail "does not resume"; }
  cmp "$work/whole" "$work/cut" || fail "the resumed model differs (point $point)"
  cmp "$work/whole.jsonl" "$work/cut.jsonl" || fail "the resumed metrics differ (point $point)"
done

"${fit[@]}" --out "$work/other" 2>/dev/null
expect 2 "other settings" "${fit[@]}" --out "$work/other" --seed 1 --resume
echo "passed: $points interrupted runs"
