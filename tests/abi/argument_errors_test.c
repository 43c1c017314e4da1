/* NULL in every place, structs of other sizes, options outside their ranges. */
#include <stdlib.h>

#include "check.h"

static float rewards[4] = {1, 2, 3, 4}, labels[1] = {1}, loss[1] = {7};
static int64_t offsets[3] = {0, 2, 4}, ranking_offsets[2] = {0, 2};
static int32_t rankings[2] = {0, 1};

static void null_arguments_are_named(segpref_context* context) {
  const segpref_status invalid = SEGPREF_INVALID_ARGUMENT;
  DLTensor r = F32(rewards, 4), o = I64(offsets, 3), y = F32(labels, 1), rk = I32(rankings, 2), ro = I64(ranking_offsets, 2), x = F32(rewards, 4, 1);
  DLTensor w = F32(labels, 1), theta = F32(rewards, 2), s = F32(rewards, 2, 2);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y}, no_labels = batch, no_offsets = batch, no_lengths = batch;
  no_labels.labels = NULL;
  no_offsets.offsets = NULL;
  no_lengths.offsets = NULL;
  no_lengths.begins = &o;
  CHECK_FAILS(segpref_preference_loss(NULL, &r, &batch, NULL, NULL, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_preference_loss(context, NULL, &batch, NULL, NULL, NULL), invalid, "step_rewards is missing");
  CHECK_FAILS(segpref_preference_loss(context, &r, NULL, NULL, NULL, NULL), invalid, "batch is NULL");
  CHECK_FAILS(segpref_preference_loss(context, &r, &no_labels, NULL, NULL, NULL), invalid, "labels is missing");
  CHECK_FAILS(segpref_preference_loss(context, &r, &no_offsets, NULL, NULL, NULL), invalid, "offsets is missing (or begins and lengths)");
  CHECK_FAILS(segpref_preference_loss(context, &r, &no_lengths, NULL, NULL, NULL), invalid, "lengths is missing");
  CHECK_OK(segpref_preference_loss(context, &r, &batch, NULL, NULL, NULL)); /* nothing wanted: the arguments are checked */
  CHECK_FAILS(segpref_preference_loss_planned(context, NULL, &r, &batch, NULL, NULL, NULL, NULL, 0), invalid, "plan is NULL");
  CHECK_FAILS(segpref_preference_loss_planned(NULL, NULL, &r, &batch, NULL, NULL, NULL, NULL, 0), invalid, "context is NULL");

  segpref_linear_head head = {.struct_size = sizeof head, .weight = &w}, no_weight = {.struct_size = sizeof head};
  CHECK_FAILS(segpref_linear_preference_loss(NULL, &head, &x, &batch, NULL, NULL, NULL, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_linear_preference_loss(context, NULL, &x, &batch, NULL, NULL, NULL, NULL), invalid, "head is NULL");
  CHECK_FAILS(segpref_linear_preference_loss(context, &no_weight, &x, &batch, NULL, NULL, NULL, NULL), invalid, "weight is missing");
  CHECK_FAILS(segpref_linear_preference_loss(context, &head, NULL, &batch, NULL, NULL, NULL, NULL), invalid, "features is missing");
  CHECK_FAILS(segpref_linear_preference_loss(context, &head, &x, NULL, NULL, NULL, NULL, NULL), invalid, "batch is NULL");
  CHECK_OK(segpref_linear_preference_loss(context, &head, &x, &batch, NULL, NULL, NULL, NULL));
  CHECK_FAILS(segpref_linear_preference_loss_planned(context, NULL, &head, &x, &batch, NULL, NULL, NULL, NULL, NULL, 0), invalid, "plan is NULL");

  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  architecture.feature_dim = 1;
  segpref_features features = {.struct_size = sizeof features, .first = &x}, no_rows = {.struct_size = sizeof features};
  CHECK_FAILS(segpref_mlp_preference_loss(NULL, &architecture, &theta, &features, &batch, NULL, NULL, NULL, NULL, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_mlp_preference_loss(context, NULL, &theta, &features, &batch, NULL, NULL, NULL, NULL, NULL), invalid, "architecture is NULL");
  CHECK_FAILS(segpref_mlp_preference_loss(context, &architecture, NULL, &features, &batch, NULL, NULL, NULL, NULL, NULL), invalid, "parameters is missing");
  CHECK_FAILS(segpref_mlp_preference_loss(context, &architecture, &theta, NULL, &batch, NULL, NULL, NULL, NULL, NULL), invalid, "features is NULL");
  CHECK_FAILS(segpref_mlp_preference_loss(context, &architecture, &theta, &no_rows, &batch, NULL, NULL, NULL, NULL, NULL), invalid, "features is missing");
  CHECK_FAILS(segpref_mlp_preference_loss(context, &architecture, &theta, &features, NULL, NULL, NULL, NULL, NULL, NULL), invalid, "batch is NULL");
  CHECK_OK(segpref_mlp_preference_loss(context, &architecture, &theta, &features, &batch, NULL, NULL, NULL, NULL, NULL));
  CHECK_FAILS(segpref_mlp_preference_loss_planned(context, NULL, &theta, &features, &batch, NULL, NULL, NULL, NULL, NULL, NULL, 0), invalid, "plan is NULL");

  segpref_prediction prediction = {.struct_size = sizeof prediction};
  CHECK_FAILS(segpref_predict_rewards(NULL, &architecture, &theta, &features, &prediction, NULL, 0), invalid, "context is NULL");
  CHECK_FAILS(segpref_predict_rewards(context, NULL, &theta, &features, &prediction, NULL, 0), invalid, "architecture is NULL");
  CHECK_FAILS(segpref_predict_rewards(context, &architecture, NULL, &features, &prediction, NULL, 0), invalid, "parameters is missing");
  CHECK_FAILS(segpref_predict_rewards(context, &architecture, &theta, NULL, &prediction, NULL, 0), invalid, "features is NULL");
  CHECK_FAILS(segpref_predict_rewards(context, &architecture, &theta, &features, NULL, NULL, 0), invalid, "prediction is NULL");
  CHECK_OK(segpref_predict_rewards(context, &architecture, &theta, &features, &prediction, NULL, 0));
  CHECK_FAILS(segpref_num_parameters(NULL, &offsets[0]), invalid, "architecture is NULL");
  CHECK_FAILS(segpref_num_parameters(&architecture, NULL), invalid, "num_parameters is NULL");
  CHECK_FAILS(segpref_initialize_parameters(NULL, 0, &theta), invalid, "architecture is NULL");
  CHECK_FAILS(segpref_initialize_parameters(&architecture, 0, NULL), invalid, "parameters is missing");

  segpref_ranking_batch ranking = {.struct_size = sizeof ranking, .offsets = &o, .rankings = &rk, .ranking_offsets = &ro}, unranked = ranking, uncut = ranking;
  unranked.rankings = NULL;
  uncut.ranking_offsets = NULL;
  CHECK_FAILS(segpref_ranking_loss(NULL, &r, &ranking, NULL, NULL, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_ranking_loss(context, NULL, &ranking, NULL, NULL, NULL), invalid, "step_rewards is missing");
  CHECK_FAILS(segpref_ranking_loss(context, &r, NULL, NULL, NULL, NULL), invalid, "batch is NULL");
  CHECK_FAILS(segpref_ranking_loss(context, &r, &unranked, NULL, NULL, NULL), invalid, "rankings is missing");
  CHECK_FAILS(segpref_ranking_loss(context, &r, &uncut, NULL, NULL, NULL), invalid, "ranking_offsets is missing");
  CHECK_OK(segpref_ranking_loss(context, &r, &ranking, NULL, NULL, NULL));
  CHECK_FAILS(segpref_ranking_loss_planned(context, NULL, &r, &ranking, NULL, NULL, NULL, NULL, 0), invalid, "plan is NULL");

  segpref_query_result queries = {.struct_size = sizeof queries};
  int32_t pairs[2] = {0, 1};
  DLTensor p = I32(pairs, 1, 2);
  CHECK_FAILS(segpref_query_scores(NULL, &s, &p, 1, &queries), invalid, "context is NULL");
  CHECK_FAILS(segpref_query_scores(context, NULL, &p, 1, &queries), invalid, "scores is missing");
  CHECK_FAILS(segpref_query_scores(context, &s, NULL, 1, &queries), invalid, "pairs is missing");
  CHECK_FAILS(segpref_query_scores(context, &s, &p, 1, NULL), invalid, "result is NULL");

  float values[1] = {0}, grad[1] = {0}, first[1] = {0}, second[1] = {0};
  DLTensor v = F32(values, 1), g = F32(grad, 1), m1 = F32(first, 1), m2 = F32(second, 1);
  CHECK_FAILS(segpref_adamw_step(NULL, &v, &g, &m1, &m2, 1, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_adamw_step(context, NULL, &g, &m1, &m2, 1, NULL), invalid, "parameters is missing");
  CHECK_FAILS(segpref_adamw_step(context, &v, NULL, &m1, &m2, 1, NULL), invalid, "gradients is missing");
  CHECK_FAILS(segpref_adamw_step(context, &v, &g, NULL, &m2, 1, NULL), invalid, "first_moment is missing");
  CHECK_FAILS(segpref_adamw_step(context, &v, &g, &m1, NULL, 1, NULL), invalid, "second_moment is missing");
  CHECK_FAILS(segpref_adamw_counted_step(NULL, &v, &g, &m1, &m2, NULL, NULL), invalid, "context is NULL");
  CHECK_FAILS(segpref_adamw_counted_step(context, &v, &g, &m1, &m2, NULL, NULL), invalid, "step is missing");
}

static void null_objects_are_harmless(void) {
  segpref_context_destroy(NULL);
  segpref_plan_destroy(NULL);
  CHECK(segpref_context_num_threads(NULL) == 0);
  CHECK(segpref_plan_workspace_bytes(NULL) == 0);
  CHECK(strcmp(segpref_plan_describe(NULL), "") == 0);
  segpref_preference_options_init(NULL);
  segpref_reward_architecture_init(NULL);
  segpref_adamw_options_init(NULL);
  segpref_preference_capacity_init(NULL);
  segpref_ranking_capacity_init(NULL);
}

static void objects_are_null_on_failure(void) {
  segpref_context* const dangling = (segpref_context*)(void*)rewards;
  segpref_context* context = dangling;
  CHECK_FAILS(segpref_context_create(-1, &context), SEGPREF_INVALID_ARGUMENT, "num_threads = -1 is outside [0, 1024]");
  CHECK(context == NULL);
  CHECK_FAILS(segpref_context_create(1, NULL), SEGPREF_INVALID_ARGUMENT, "context is NULL");

  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  segpref_ranking_capacity ranking;
  segpref_ranking_capacity_init(&ranking);
  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  segpref_plan* plan = (segpref_plan*)(void*)rewards;
  CHECK_FAILS(segpref_preference_loss_plan_create(NULL, &plan), SEGPREF_INVALID_ARGUMENT, "capacity is NULL");
  CHECK(plan == NULL);
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, NULL), SEGPREF_INVALID_ARGUMENT, "plan is NULL");
  CHECK_FAILS(segpref_linear_preference_loss_plan_create(&capacity, 0, &plan), SEGPREF_INVALID_ARGUMENT, "feature_dim = 0 is outside [1, 16384]");
  CHECK_FAILS(segpref_mlp_preference_loss_plan_create(NULL, &capacity, 1, 0, &plan), SEGPREF_INVALID_ARGUMENT, "architecture is NULL");
  CHECK_FAILS(segpref_mlp_preference_loss_plan_create(&architecture, &capacity, 1, 0, &plan), SEGPREF_INVALID_ARGUMENT, "feature_dim = 0");
  architecture.feature_dim = 1;
  CHECK_FAILS(segpref_mlp_preference_loss_plan_create(&architecture, &capacity, 0, 0, &plan), SEGPREF_INVALID_ARGUMENT, "num_threads = 0 is outside [1, 1024]");
  CHECK_OK_OR(segpref_mlp_preference_loss_plan_create(&architecture, &capacity, 1, SEGPREF_COMPUTE_BF16, &plan), SEGPREF_UNSUPPORTED, "compute bf16 needs a processor");
  segpref_plan_destroy(plan);
  plan = NULL;
  CHECK_FAILS(segpref_ranking_loss_plan_create(NULL, &plan), SEGPREF_INVALID_ARGUMENT, "capacity is NULL");
  ranking.num_rankings = -1;
  CHECK_FAILS(segpref_ranking_loss_plan_create(&ranking, &plan), SEGPREF_INVALID_ARGUMENT, "capacity.num_rankings = -1");
  capacity.num_members = 33;
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_ARGUMENT, "capacity.num_members = 33 is outside [1, 32]");
  capacity.num_members = 1;
  capacity.dtype.code = kDLInt;
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_TYPE, "capacity.dtype is an integer type");
  capacity.dtype.lanes = 2;
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_TYPE, "capacity.dtype has 2 lanes");
  CHECK(plan == NULL);
}

/* A struct of a later version is a longer one. */
typedef struct LongerOptions {
  segpref_preference_options known;
  double unknown;
} LongerOptions;

static void struct_sizes_are_looked_at(segpref_context* context) {
  DLTensor r = F32(rewards, 4), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  LongerOptions longer = {.unknown = 0};
  segpref_preference_options_init(&longer.known);
  longer.known.struct_size = sizeof longer;
  loss[0] = 7;
  longer.unknown = 1;
  CHECK_FAILS(segpref_preference_loss(context, &r, &batch, &longer.known, &result, NULL), SEGPREF_UNSUPPORTED,
              "options has 96 bytes and uses fields beyond the 88 bytes that this version of segpref knows");
  CHECK(loss[0] == 7);
  longer.unknown = 0;
  CHECK_OK(segpref_preference_loss(context, &r, &batch, &longer.known, &result, NULL));
  CHECK(loss[0] != 7);
  longer.known.struct_size = 0;
  CHECK_FAILS(segpref_preference_loss(context, &r, &batch, &longer.known, &result, NULL), SEGPREF_INVALID_ARGUMENT,
              "options.struct_size = 0 must be sizeof of the struct, 88 or more");
  longer.known.struct_size = (size_t)-1;
  CHECK_FAILS(segpref_preference_loss(context, &r, &batch, &longer.known, &result, NULL), SEGPREF_INVALID_ARGUMENT, "must be at most 4096");

  batch.struct_size = 0;
  CHECK_FAILS(segpref_preference_loss(context, &r, &batch, NULL, &result, NULL), SEGPREF_INVALID_ARGUMENT, "batch.struct_size = 0");
  batch.struct_size = sizeof batch;
  result.struct_size = 8;
  CHECK_FAILS(segpref_preference_loss(context, &r, &batch, NULL, &result, NULL), SEGPREF_INVALID_ARGUMENT, "result.struct_size = 8");

  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  architecture.struct_size -= 8;
  int64_t num_parameters = 7;
  CHECK_FAILS(segpref_num_parameters(&architecture, &num_parameters), SEGPREF_INVALID_ARGUMENT, "architecture.struct_size = 96");
  CHECK(num_parameters == 7);

  segpref_adamw_options adamw;
  segpref_adamw_options_init(&adamw);
  adamw.reserved = 1;
  float v[1] = {1}, g[1] = {1}, m[1] = {0}, s[1] = {0};
  DLTensor tv = F32(v, 1), tg = F32(g, 1), tm = F32(m, 1), ts = F32(s, 1);
  CHECK_FAILS(segpref_adamw_step(context, &tv, &tg, &tm, &ts, 1, &adamw), SEGPREF_INVALID_ARGUMENT, "options.reserved = 1 must be 0");
  CHECK(v[0] == 1);
}

static void options_have_ranges(segpref_context* context) {
  DLTensor r = F32(rewards, 4), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  segpref_preference_options options;
  loss[0] = 7;
#define REFUSED(change, words)                                                                                           \
  do {                                                                                                                   \
    segpref_preference_options_init(&options);                                                                           \
    change;                                                                                                              \
    CHECK_FAILS(segpref_preference_loss(context, &r, &batch, &options, &result, NULL), SEGPREF_INVALID_ARGUMENT, words); \
    CHECK(loss[0] == 7);                                                                                                 \
  } while (0)
  REFUSED(options.aggregation = 3, "aggregation = 3 is outside [0, 2]");
  REFUSED(options.aggregation = -1, "aggregation = -1 is outside [0, 2]");
  REFUSED(options.tie_model = 256, "tie_model = 256 is outside [0, 2]");
  REFUSED(options.reduction = 3, "reduction = 3 is outside [0, 2]");
  REFUSED(options.nonfinite = 2, "nonfinite = 2 is outside [0, 1]");
  REFUSED(options.discount = 0, "discount = 0 must be in (0, 1]");
  REFUSED(options.discount = NAN, "discount = nan must be in (0, 1]");
  REFUSED(options.temperature = -1, "temperature = -1 must be finite and > 0");
  REFUSED(options.clip = 0, "clip = 0 must be > 0");
  REFUSED(options.smoothing = 1.5, "smoothing = 1.5 must be in [0, 1]");
  REFUSED(options.lapse = 1, "lapse = 1 must be in [0, 1)");
  REFUSED(options.centering = -1, "centering = -1 must be finite and >= 0");
  REFUSED(options.normalizer = -2, "normalizer = -2 must be finite and > 0");
  REFUSED(options.normalizer = NAN, "normalizer = nan must be finite and > 0");
  REFUSED(options.tie_model = SEGPREF_TIE_MODEL_DAVIDSON, "tie_parameter is missing");
  REFUSED(options.tie_parameter = &y, "tie_parameter was given without a tie_model");
  REFUSED(options.reduction = SEGPREF_REDUCTION_NONE, "reduction none has none: take loss_per_pair");
#undef REFUSED
}

static void architectures_have_rules(void) {
  segpref_reward_architecture architecture;
  int64_t num_parameters = 7;
#define REFUSED(change, words)                                                                             \
  do {                                                                                                     \
    segpref_reward_architecture_init(&architecture);                                                       \
    architecture.feature_dim = 3;                                                                          \
    change;                                                                                                \
    CHECK_FAILS(segpref_num_parameters(&architecture, &num_parameters), SEGPREF_INVALID_ARGUMENT, words); \
    CHECK(num_parameters == 7);                                                                            \
  } while (0)
  REFUSED(architecture.feature_dim = 0, "feature_dim = 0 is outside [1, 16384]");
  REFUSED(architecture.num_hidden = 5, "num_hidden = 5 is outside [0, 4]");
  REFUSED(architecture.num_hidden = -1, "num_hidden = -1 is outside [0, 4]");
  REFUSED(architecture.num_hidden = 1, "hidden[0] = 0 is outside [1, 1024]");
  REFUSED(architecture.num_members = 0, "num_members = 0 is outside [1, 32]");
  REFUSED(architecture.activation = 5, "activation = 5 is outside [0, 4]");
  REFUSED(architecture.output = 3, "output = 3 is outside [0, 2]");
  REFUSED(architecture.bias = 2, "bias = 2 must be 0 or 1");
  REFUSED(architecture.output_scaled = -1, "output_scaled = -1 must be 0 or 1");
  REFUSED(architecture.output_scaled = 1, "output_scaled needs output tanh or sigmoid");
  REFUSED(architecture.leaky_slope = 1, "leaky_slope = 1 is outside [0, 1)");
  REFUSED(architecture.dropout = NAN, "dropout = nan is outside [0, 1)");
#undef REFUSED
}

int main(void) {
  segpref_context* context = make_context(1);
  null_arguments_are_named(context);
  null_objects_are_harmless();
  objects_are_null_on_failure();
  struct_sizes_are_looked_at(context);
  options_have_ranges(context);
  architectures_have_rules();
  segpref_context_destroy(context);
  return finish();
}
