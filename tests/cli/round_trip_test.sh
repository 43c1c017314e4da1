#!/usr/bin/env bash
# fit, eval, predict, query and info on the shipped data: valid JSON last, same model for any number of threads, streaming equals one piece.
source "$(dirname "$0")/common.sh"
fit=("$segpref" fit "$data" --hidden 16,8 --epochs 3 --batch-pairs 64 --lr 3e-3)

"${fit[@]}" --out "$work/one" --metrics "$work/one.jsonl" --threads 1 --json >"$work/summary" 2>/dev/null
"${fit[@]}" --out "$work/three" --metrics "$work/three.jsonl" --threads 3 2>/dev/null
cmp "$work/one" "$work/three" || fail "the model depends on the number of threads"
cmp "$work/one.jsonl" "$work/three.jsonl" || fail "the metrics depend on the number of threads"
[[ $(wc -l <"$work/one.jsonl") -eq 3 ]] || fail "not one line of metrics per epoch"
grep -q '"held_out":{"accuracy":0' "$work/summary" || fail "no held-out accuracy in the summary"

for sampling in shared bootstrap; do
  "${fit[@]}" --out "$work/$sampling" --sampling $sampling --dropout 0.1 2>/dev/null
  "${fit[@]}" --out "$work/$sampling.again" --sampling $sampling --dropout 0.1 --threads 2 2>/dev/null
  cmp "$work/$sampling" "$work/$sampling.again" || fail "--sampling $sampling is not repeatable"
done

expect 0 '"accuracy":' "$segpref" eval "$work/one" "$data" --json
tail -n 1 "$work/output" | grep -q '^{.*"brier":.*"ece":.*"kinds":.*"members":\[.*"num_pairs":374.*}$' || fail "eval --json lacks a key"
expect 0 '"num_steps":42554' "$segpref" predict "$work/one" "$data" --out "$work/whole.npz" --json
expect 0 '"num_steps":42554' "$segpref" predict "$work/one" "$data" --out "$work/chunks.npz" --chunk-rows 1000 --json
cmp "$work/whole.npz" "$work/chunks.npz" || fail "predict depends on the size of its chunks"
expect 0 'information gain' "$segpref" query "$work/one" "$data" --top 5
[[ $(wc -l <"$work/output") -eq 6 ]] || fail "query --top 5 printed other than 5 pairs"
expect 0 '"num_members":3' "$segpref" info "$work/one" --json
expect 0 '"num_pairs":1500' "$segpref" info "$data" --json
expect 2 'read-only' env bash -c "\"$segpref\" fit \"$data\" --out /proc/none/model --epochs 1 >\"$work/o\" 2>&1; [[ \$? -eq 4 ]] && echo read-only && exit 2"
echo "passed"
