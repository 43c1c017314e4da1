#!/usr/bin/env bash
# Killed (kill -9) at random points and resumed, fit gives the same model and metrics as an uninterrupted run: 4 points, or 20 with
# SEGPREF_LONG_TESTS=1. Ctrl-C and kill end a run with code 130 and a whole checkpoint. A run that stops early stops at the same epoch.
source "$(dirname "$0")/common.sh"
points=4
[[ -z ${SEGPREF_LONG_TESTS:-} ]] || points=20
RANDOM=20260  # the points are drawn from this seed
model=("$segpref" fit "$data" --hidden 64,64 --batch-pairs 64 --lr 3e-3 --sampling bootstrap --dropout 0.1)
plain=("${model[@]}" --epochs 10)
early=("$segpref" fit "$data" --hidden 32,32 --epochs 60 --batch-pairs 64 --lr 3e-3 --patience 3 --validation 0.2 --tie-model rao-kupper --learn-tie-parameter)

# uninterrupted NAME command...: leaves $work/NAME and $work/NAME.jsonl, sets whole_ms
uninterrupted() {
  local name=$1 started; shift
  started=$(date +%s%N)
  "$@" --out "$work/$name" --metrics "$work/$name.jsonl" 2>/dev/null
  whole_ms=$((($(date +%s%N) - started) / 1000000))
}
# The same as the uninterrupted run NAME, bit for bit.
same_as() {
  cmp "$work/$1" "$work/cut" || fail "the resumed model differs from $1 ($2)"
  cmp "$work/$1.jsonl" "$work/cut.jsonl" || fail "the resumed metrics differ from $1 ($2)"
}
# finish NAME WHEN command...: resumes to the end and compares
finish() {
  local name=$1 when=$2; shift 2
  "$@" --out "$work/cut" --metrics "$work/cut.jsonl" --resume 2>"$work/log" || { cat "$work/log"; fail "does not resume ($when)"; }
  same_as "$name" "$when"
}

hits=0
# killed NAME POINT command...: killed at a random moment, every third point twice, then resumed
killed() {
  local name=$1 point=$2 kills=1 code; shift 2
  [[ $((point % 3)) -ne 2 ]] || kills=2
  rm -f "$work"/cut*
  for ((k = 0; k < kills; ++k)); do
    "$@" --out "$work/cut" --metrics "$work/cut.jsonl" --resume 2>/dev/null &
    local pid=$! wait_ms=$(((RANDOM * 32768 + RANDOM) % whole_ms))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    kill -KILL $pid 2>/dev/null || true
    code=0
    wait $pid 2>/dev/null || code=$?
    [[ $code -eq 0 || $code -eq 137 ]] || fail "exit code $code after SIGKILL"
    [[ $code -eq 0 ]] || hits=$((hits + 1))
  done
  for file in "$work/cut" "$work/cut.checkpoint"; do
    [[ ! -e $file || -s $file ]] || fail "a kill left an empty $file"
  done
  [[ ! -s $work/cut.jsonl || -z $(tail -c 1 "$work/cut.jsonl" | tr -d '\n') ]] || fail "a kill left part of a line of metrics"
  finish "$name" "killed at point $point" "$@"
}

uninterrupted plain "${plain[@]}"
for ((point = 0; point < points / 2; ++point)); do killed plain "$point" "${plain[@]}"; done
uninterrupted early "${early[@]}"
epochs=$(wc -l <"$work/early.jsonl")
[[ $epochs -lt 60 ]] || fail "the case meant to stop early ran all its epochs"
for ((point = points / 2; point < points; ++point)); do killed early "$point" "${early[@]}"; done
[[ $hits -gt 0 ]] || fail "no kill came before its run was done"
finish early "resumed when it was done" "${early[@]}"

# Ctrl-C and kill, once the first checkpoint is there.
for signal in INT TERM; do
  rm -f "$work"/cut*
  "${model[@]}" --epochs 500 --out "$work/cut" --resume 2>"$work/log" &
  pid=$!
  for ((tenth = 0; tenth < 600; ++tenth)); do [[ -e $work/cut.checkpoint ]] && break; sleep 0.1; done
  kill -$signal $pid || { cat "$work/log"; fail "the run meant for SIG$signal is gone"; }
  code=0
  wait $pid || code=$?
  [[ $code -eq 130 ]] || fail "exit code $code after SIG$signal, expected 130"
  grep -q 'continue with --resume' "$work/log" || fail "SIG$signal: no word on how to continue"
  [[ ! -e $work/cut ]] || fail "SIG$signal left a model of an unfinished run"
  "$segpref" info "$work/cut.checkpoint" >/dev/null 2>&1 && fail "a checkpoint passes for a model"
  expect 2 "other settings" "${model[@]}" --epochs 499 --out "$work/cut" --resume
done

"${model[@]}" --epochs 1 --out "$work/other" 2>/dev/null
expect 2 "other settings" "${model[@]}" --epochs 1 --out "$work/other" --seed 1 --resume
echo "passed: $points points, $hits kills came in time, the early stop was after $epochs epochs"
