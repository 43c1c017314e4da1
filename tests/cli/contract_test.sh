#!/usr/bin/env bash
# What scripts may rely on: keys of the JSON line, names of arrays, the order of queries, standard output free of anything else, a progress bar
# on a terminal only; and that every option of fit reaches the training.
source "$(dirname "$0")/common.sh"
"$tool" ragged "$work/small.npz" 60 6 3
fit=("$segpref" fit "$work/small.npz" --hidden 8 --epochs 2 --batch-pairs 16 --lr 3e-2)
"${fit[@]}" --out "$work/base" --metrics "$work/base.jsonl" --json >"$work/stdout" 2>"$work/stderr"

# JSON: the only line of standard output, these keys and no others.
number='-?[0-9.e+-]+'
agreement="\"accuracy\":($number|null),"
evaluation="\{\"accuracy\":$number,\"brier\":$number,\"ece\":$number,\"loss\":$number,\"members\":\[(\{${agreement}\"loss\":$number\},?){3}\],\"num_pairs\":[0-9]+\}"
[[ $(wc -l <"$work/stdout") -eq 1 && -s $work/stderr ]] || fail "fit --json prints more than one line to standard output"
grep -qE "^\{\"epochs\":2,\"held_out\":$evaluation,\"metrics\":\"[^\"]+\",\"model\":\"[^\"]+\",\"num_parameters\":[0-9]+\}$" "$work/stdout" || { cat "$work/stdout"; fail "keys of fit --json"; }
grep -cE "^\{\"accuracy\":\[($number,?){3}\],\"epoch\":[12],\"held_out\":$evaluation,\"loss\":\[($number,?){3}\]\}$" "$work/base.jsonl" | grep -qx 2 || { cat "$work/base.jsonl"; fail "keys of the metrics"; }
"$segpref" eval "$work/base" "$work/small.npz" --json >"$work/stdout"
grep -qE "^$evaluation$" "$work/stdout" || { cat "$work/stdout"; fail "keys of eval --json"; }

# predict: mean [N], std [N], members [E, N].
"$segpref" predict "$work/base" "$work/small.npz" --out "$work/rewards.npz" 2>/dev/null
[[ $("$tool" arrays "$work/rewards.npz" | sort | tr '\n' ';') == "mean 720;members 3 720;std 720;" ]] || fail "arrays of predict"

# query: best first, by each of the three; --top keeps the head of the list.
for by in disagreement:disagreement entropy:entropy_of_mean information-gain:information_gain; do
  "$segpref" query "$work/base" "$work/small.npz" --by "${by%:*}" --json >"$work/stdout"
  grep -oE "\"${by#*:}\":$number" "$work/stdout" | cut -d: -f2 >"$work/keys"
  [[ $(wc -l <"$work/keys") -eq 60 ]] || fail "query --by ${by%:*} does not list every pair"
  sort -grs "$work/keys" | cmp - "$work/keys" || fail "query --by ${by%:*} is not best first"
  "$segpref" query "$work/base" "$work/small.npz" --by "${by%:*}" --top 7 --json >"$work/top"
  [[ $(grep -oE '"pair":[0-9]+' "$work/top") == "$(grep -oE '"pair":[0-9]+' "$work/stdout" | head -n 7)" ]] || fail "--top is not the head of the list"
done

# Progress: redrawn in place on a terminal, nowhere else.
grep -q $'\r' "$work/stderr" && fail "a progress bar went to a file"
script -qefc "'$segpref' fit '$work/small.npz' --hidden 8 --epochs 2 --out '$work/terminal'" "$work/typescript" >/dev/null 2>&1 </dev/null || fail "fit fails on a terminal"
grep -q $'\r' "$work/typescript" || fail "no progress bar on a terminal"
grep -q 'epoch 2/2' "$work/typescript" || fail "the progress bar does not name the epoch"

# Every option changes the model: none is lost on its way to the library.
while read -r options; do
  # shellcheck disable=SC2086
  "${fit[@]}" --out "$work/changed" $options 2>"$work/log" || { cat "$work/log"; fail "fit $options"; }
  cmp -s <("$segpref" predict "$work/base" "$work/small.npz" --out "$work/a.npz" 2>/dev/null; cat "$work/a.npz") \
    <("$segpref" predict "$work/changed" "$work/small.npz" --out "$work/b.npz" 2>/dev/null; cat "$work/b.npz") && fail "fit $options changes nothing"
done <<'OPTIONS'
--temperature 2
--discount 0.9
--aggregation mean
--aggregation last
--smoothing 0.1
--lapse 0.1
--clip 0.2
--centering 0.1
--tie-model rao-kupper
--tie-model davidson --tie-parameter -1
--tie-model rao-kupper --tie-parameter 0.1,0.2,0.3
--tie-model rao-kupper --learn-tie-parameter
--optimizer adam-l2 --weight-decay 0.1
--weight-decay 0.1
--beta1 0.5
--beta2 0.9
--epsilon 0.01
--sampling shared
--sampling bootstrap
--dropout 0.2
--activation tanh
--activation relu
--activation silu
--activation gelu
--leaky-slope 0.3
--output tanh
--output sigmoid
--output sigmoid --output-range -2 5
--no-bias
--no-standardize
--no-normalize
--validation 0.3
--seed 1
--labels probability-of-first
OPTIONS

# bf16 products change the model too, where the processor has them; elsewhere the refusal says what is missing.
if "${fit[@]}" --out "$work/changed" --compute bf16 2>"$work/log"; then
  "$segpref" predict "$work/changed" "$work/small.npz" --out "$work/b.npz" 2>/dev/null
  cmp -s "$work/a.npz" "$work/b.npz" && fail "fit --compute bf16 changes nothing"
else
  grep -q 'AVX512-BF16' "$work/log" || fail "fit --compute bf16 does not say what it needs"
fi

# Ties: in the summary, the metrics and the model; not together with what contradicts them.
"${fit[@]}" --out "$work/ties" --metrics "$work/ties.jsonl" --tie-model rao-kupper --tie-parameter 0.7 --learn-tie-parameter --json >"$work/stdout" 2>/dev/null
grep -qE "\"tie_parameter\":\[($number,?){3}\]" "$work/stdout" || fail "no tie parameter in the summary"
[[ $(grep -cE "\"tie_parameter\":\[($number,?){3}\]" "$work/ties.jsonl") -eq 2 ]] || fail "no tie parameter in the metrics"
expect 0 '"tie_model":"rao-kupper"' "$segpref" info "$work/ties" --json
expect 0 '"accuracy":' "$segpref" eval "$work/ties" "$work/small.npz" --json
expect 0 '"queries":' "$segpref" query "$work/ties" "$work/small.npz" --json
expect 2 "smoothing = 0.1 must be 0 with a tie model" "${fit[@]}" --out "$work/no" --tie-model davidson --smoothing 0.1
"$tool" ragged "$work/margins.npz" 60 6 3 margins
expect 2 "margin" "$segpref" fit "$work/margins.npz" --out "$work/no" --tie-model davidson
expect 2 "learn_tie_parameter needs a tie_model" "${fit[@]}" --out "$work/no" --learn-tie-parameter
expect 2 "tie_parameter was given without a tie_model" "${fit[@]}" --out "$work/no" --tie-parameter 1
expect 2 "tie_parameter[0] = -1 must be" "${fit[@]}" --out "$work/no" --tie-model rao-kupper --tie-parameter -1
expect 2 "--tie-model = coin must be one of none, rao-kupper, davidson" "${fit[@]}" --out "$work/no" --tie-model coin
expect 2 "output_scaled needs output tanh or sigmoid" "${fit[@]}" --out "$work/no" --output-range 0 1
[[ -z $(ls "$work"/no* 2>/dev/null) ]] || fail "a refused call left a file behind"

# Margins of the file are used; skipped non-finite steps are left out, and an error by default.
"$segpref" fit "$work/margins.npz" --hidden 8 --epochs 2 --batch-pairs 16 --lr 3e-2 --out "$work/margins" 2>/dev/null
cmp -s "$work/base" "$work/margins" && fail "the file's margins change nothing"
"$tool" ragged "$work/holes.npz" 60 6 3 nan
expect 3 "is not finite" "$segpref" fit "$work/holes.npz" --out "$work/no"
expect 0 "held-out accuracy" "$segpref" fit "$work/holes.npz" --hidden 8 --epochs 2 --nonfinite skip --out "$work/holes"
expect 3 "is not finite" "$segpref" eval "$work/base" "$work/holes.npz"
expect 0 '"num_pairs":59,"num_skipped":1}' "$segpref" eval "$work/base" "$work/holes.npz" --nonfinite skip --json
grep -q null "$work/output" && fail "a skipped pair reached the evaluation"
"$segpref" query "$work/base" "$work/holes.npz" --nonfinite skip --json >"$work/stdout"
[[ $(grep -oE '"pair":[0-9]+' "$work/stdout" | wc -l) -eq 59 ]] || fail "query --nonfinite skip does not leave out one pair"
expect 4 "the training loss of epoch 1 is not finite" "$segpref" fit "$work/holes.npz" --hidden 8 --validation 0 --nonfinite propagate --out "$work/no"
expect 4 "a lower --lr may help" "$segpref" fit "$work/small.npz" --hidden 8 --batch-pairs 16 --out "$work/no" --lr 1e30

# Nothing was judged: null, never a number.
"$tool" ragged "$work/halves.npz" 60 6 3 halves
"$segpref" fit "$work/halves.npz" --hidden 8 --epochs 1 --out "$work/halves" --metrics "$work/halves.jsonl" 2>/dev/null
grep -q '^{"accuracy":\[null,null,null\],"epoch":1,"held_out":{"accuracy":null,' "$work/halves.jsonl" || { cat "$work/halves.jsonl"; fail "an accuracy of nothing"; }

# Candidates of a query need no labels; a data set to fit does.
"$tool" ragged "$work/unlabelled.npz" 60 6 3 unlabelled
"$segpref" query "$work/base" "$work/small.npz" --json >"$work/labelled"
"$segpref" query "$work/base" "$work/unlabelled.npz" --json | cmp - "$work/labelled" || fail "labels change a query"
expect 3 "has no array 'labels'" "$segpref" fit "$work/unlabelled.npz" --out "$work/no"

# A run continues on its own data only.
cp "$work/small.npz" "$work/mine.npz"
"$segpref" fit "$work/mine.npz" --hidden 8 --epochs 1 --out "$work/mine" 2>/dev/null
cp "$work/halves.npz" "$work/mine.npz"
expect 2 "other settings" "$segpref" fit "$work/mine.npz" --hidden 8 --epochs 1 --out "$work/mine" --resume

# No output may destroy an input or another output, under whatever name; a folder that cannot be written is named before training.
ln -s mine.npz "$work/link.npz"
expect 2 "is another file of this call" "$segpref" fit "$work/mine.npz" --out "$work/link.npz"
expect 2 "is another file of this call" "$segpref" fit "$work/mine.npz" --out "$work/no" --metrics "$work/./no"
expect 2 "is another file of this call" "$segpref" predict "$work/base" "$work/mine.npz" --out "$work/mine.npz"
expect 2 "is another file of this call" "$segpref" predict "$work/base" "$work/mine.npz" --out "$work/base"
cmp "$work/mine.npz" "$work/halves.npz" || fail "a refused call changed its input"
expect 4 "cannot create a file in its folder" "$segpref" fit "$work/small.npz" --out "$work/none/model" --epochs 1000000
expect 2 "must be widths like 64,64, or none" "$segpref" fit "$work/small.npz" --out "$work/no" --hidden ""
expect 2 "must be widths like 64,64, or none" "$segpref" fit "$work/small.npz" --out "$work/no" --hidden 8,
[[ -z $(ls "$work"/no* 2>/dev/null) ]] || fail "a refused call left a file behind"

# A model of a later format, and one with damaged score options, is bad data.
sed 's/"segpref.format_version":"1"/"segpref.format_version":"2"/' "$work/base" >"$work/later"
expect 3 "needs a newer segpref" "$segpref" eval "$work/later" "$work/small.npz"
sed 's/"score.temperature":"1"/"score.temperature":"0"/' "$work/base" >"$work/damaged"
expect 3 "metadata score.temperature = '0' must be a number > 0" "$segpref" eval "$work/damaged" "$work/small.npz"

# info: what a model is and how its scores are made.
"${fit[@]}" --out "$work/warm" --temperature 2 --discount 0.5 --aggregation mean --no-bias --dropout 0.25 --leaky-slope 0.5 2>/dev/null
for words in '"temperature":2.0' '"discount":0.5' '"aggregation":"mean"' '"bias":false' '"dropout":0.25' '"leaky_slope":0.5' '"hidden":[8]' '"normalized":true'; do
  expect 0 "$words" "$segpref" info "$work/warm" --json
done
expect 0 "held-out accuracy" "$segpref" fit "$work/small.npz" --hidden none --epochs 1 --out "$work/linear"
echo "passed"
