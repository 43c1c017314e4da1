/* segpref_preference_loss and its plan, against values computed by hand. */
#include <stdlib.h>

#include "check.h"

static const double log_2 = 0.69314718055994531;

static void equal_scores_lose_log_2(segpref_context* context) {
  float rewards[4] = {1, 2, 2, 1}, labels[1] = {1}, loss[1], grad[4];
  int32_t offsets[3] = {0, 2, 4};
  DLTensor step_rewards = F32(rewards, 4), o = I32(offsets, 3), y = F32(labels, 1), l = F32(loss, 1), g = F32(grad, 4);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, &g));
  CHECK_NEAR(loss[0], log_2, 1e-7);
  for (int i = 0; i < 4; ++i) CHECK(grad[i] == (i < 2 ? 0.5f : -0.5f)); /* sigmoid(0) */
}

/* Two members, pairs named, each member its own order, weights, margins, every result. */
static void ensembles_have_their_own_minibatches(segpref_context* context) {
  double rewards[2][3] = {{0, 1, 3}, {2, 2, 0}}, labels[2] = {1, 0}, weights[2] = {1, 3}, margins[2] = {0, 0.5};
  int64_t begins[3] = {0, 1, 2}, lengths[3] = {1, 1, 1}, pairs[2][2] = {{0, 1}, {0, 2}}, order[2][1] = {{0}, {1}};
  double loss[2], per_pair[2], scores[2][3], logits[2], metrics[2][SEGPREF_NUM_METRICS], grad[2][3];
  DLTensor step_rewards = F64(rewards, 2, 3), b = I64(begins, 3), n = I64(lengths, 3), p = I64(pairs, 2, 2), po = I64(order, 2, 1);
  DLTensor y = F64(labels, 2), w = F64(weights, 2), m = F64(margins, 2), g = F64(grad, 2, 3);
  DLTensor l = F64(loss, 2), pp = F64(per_pair, 2, 1), s = F64(scores, 2, 3), z = F64(logits, 2, 1), mt = F64(metrics, 2, SEGPREF_NUM_METRICS);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .begins = &b, .lengths = &n, .pairs = &p, .pair_order = &po,
                                    .labels = &y, .weights = &w, .margins = &m};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l, .loss_per_pair = &pp, .scores = &s, .logits = &z, .metrics = &mt};
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, &g));
  /* Member 0: pair (0, 1), z = 1, label 1. Member 1: pair (0, 2), z = -2, label 0, margin 0.5, weight 3. */
  const double expected[2] = {log1p(exp(-1.0)), log1p(exp(-1.5))};
  CHECK_NEAR(loss[0], expected[0], 1e-12);
  CHECK_NEAR(loss[1], expected[1], 1e-12);
  CHECK_NEAR(per_pair[1], 3 * expected[1], 1e-12);
  CHECK(scores[0][2] == 3 && scores[1][0] == 2 && logits[0] == 1 && logits[1] == -2);
  CHECK_NEAR(grad[0][0], 1 / (1 + exp(1.0)), 1e-12);
  CHECK_NEAR(grad[0][1], -1 / (1 + exp(1.0)), 1e-12);
  CHECK(grad[0][2] == 0 && grad[1][1] == 0);
  CHECK_NEAR(grad[1][2], 1 / (1 + exp(1.5)), 1e-12);
  CHECK(metrics[1][SEGPREF_METRIC_WEIGHT_SUM] == 3 && metrics[1][SEGPREF_METRIC_NUM_JUDGED] == 1 && metrics[1][SEGPREF_METRIC_NUM_CORRECT] == 1);
  CHECK(metrics[1][SEGPREF_METRIC_GAP_SUM] == 2 && metrics[1][SEGPREF_METRIC_NUM_SKIPPED] == 0 && metrics[1][SEGPREF_METRIC_CENTERING_SUM] == 0);
  CHECK_NEAR(metrics[1][SEGPREF_METRIC_LOSS_SUM], 3 * expected[1], 1e-12);
}

static void every_option_arrives(segpref_context* context) {
  double rewards[4] = {1, 1, 2, 4}, labels[1] = {1}, loss[1];
  int64_t offsets[3] = {0, 2, 4};
  DLTensor step_rewards = F64(rewards, 4), o = I64(offsets, 3), y = F64(labels, 1), l = F64(loss, 1);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  segpref_preference_options options;
#define LOSS_WITH(change, expected)                                                               \
  do {                                                                                            \
    segpref_preference_options_init(&options);                                                    \
    change;                                                                                       \
    CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, &options, &result, NULL));   \
    CHECK_NEAR(loss[0], (expected), 1e-12);                                                       \
  } while (0)
  LOSS_WITH((void)0, log1p(exp(-4.0)));
  LOSS_WITH(options.aggregation = SEGPREF_AGGREGATION_MEAN, log1p(exp(-2.0)));
  LOSS_WITH(options.aggregation = SEGPREF_AGGREGATION_LAST, log1p(exp(-3.0)));
  LOSS_WITH(options.discount = 0.5, log1p(exp(-2.5)));                                        /* 2 + 2 against 1 + 0.5 */
  LOSS_WITH(options.temperature = 4, log1p(exp(-1.0)));
  LOSS_WITH(options.clip = 3, log1p(exp(-3.0)));
  LOSS_WITH(options.smoothing = 0.5, 0.25 * log1p(exp(4.0)) + 0.75 * log1p(exp(-4.0)));
  LOSS_WITH(options.lapse = 0.2, -log(0.8 / (1 + exp(-4.0)) + 0.1));
  LOSS_WITH(options.centering = 0.25, log1p(exp(-4.0)) + 0.25 * 64);
  LOSS_WITH(options.normalizer = 2, log1p(exp(-4.0)) / 2);
  LOSS_WITH((options.reduction = SEGPREF_REDUCTION_SUM), log1p(exp(-4.0)));
  rewards[0] = NAN;
  LOSS_WITH(options.nonfinite = SEGPREF_NONFINITE_SKIP, 0);
  options.nonfinite = SEGPREF_NONFINITE_PROPAGATE;
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, &options, &result, NULL));
  CHECK(isnan(loss[0]));
#undef LOSS_WITH
}

static void ties_have_a_gradient_of_their_own(segpref_context* context) {
  double rewards[2] = {1, 1}, labels[1] = {0.5}, loss[1], parameter[1] = {log_2}, grad_parameter[1];
  int64_t offsets[3] = {0, 1, 2};
  DLTensor step_rewards = F64(rewards, 2), o = I64(offsets, 3), y = F64(labels, 1), l = F64(loss, 1), t = F64(parameter, 1), gt = F64(grad_parameter, 1);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l, .grad_tie_parameter = &gt};
  segpref_preference_options options;
  segpref_preference_options_init(&options);
  options.tie_parameter = &t;
  options.tie_model = SEGPREF_TIE_MODEL_DAVIDSON; /* 1 : 1 : nu = 2, so P(tie) = 1/2, and d(-log P) / d(log nu) = P(tie) - 1 */
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, &options, &result, NULL));
  CHECK_NEAR(loss[0], log_2, 1e-12);
  CHECK_NEAR(grad_parameter[0], -0.5, 1e-12);
  options.tie_model = SEGPREF_TIE_MODEL_RAO_KUPPER; /* theta = 2: P(first) = P(second) = 1/3, P(tie) = 3/9 */
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, &options, &result, NULL));
  CHECK_NEAR(loss[0], log(3.0), 1e-12);
}

/* 1.0 and 2.0 in both 16-bit types; the result is f32, the gradient has the type of the rewards. */
static void half_types_are_read(segpref_context* context) {
  const uint16_t one[2] = {0x3f80, 0x3c00}, two[2] = {0x4000, 0x4000};
  for (int type = 0; type < 2; ++type) {
    uint16_t rewards[2] = {one[type], two[type]}, grad[2] = {1, 1};
    float labels[1] = {1}, loss[1];
    int64_t offsets[3] = {0, 1, 2};
    DLTensor step_rewards = BF16(rewards, 2), g = BF16(grad, 2), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
    if (type == 1) step_rewards.dtype.code = g.dtype.code = kDLFloat;
    segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
    segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
    CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, &g));
    CHECK_NEAR(loss[0], log1p(exp(-1.0)), 1e-6);
    CHECK((grad[0] ^ grad[1]) == 0x8000 && grad[0] != 0); /* equal but for the sign */
  }
}

static void dlpack_forms_are_understood(segpref_context* context) {
  float store[6] = {9, 1, 2, 2, 1, 9}, labels[1] = {0}, loss[1];
  int64_t offsets[3] = {0, 2, 4};
  DLTensor step_rewards = F32(store, 4), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  step_rewards.byte_offset = sizeof(float);
  step_rewards.strides = (int64_t[]){1};
  step_rewards.device.device_type = kDLCUDAHost; /* pinned memory is memory */
  step_rewards.device.device_id = 3;
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, NULL));
  CHECK_NEAR(loss[0], log_2, 1e-7);
  /* No steps, no segments, no pairs, and nothing that data could point to. */
  int64_t no_offsets[1] = {0};
  DLTensor none = F32(NULL, 0), zero = I64(no_offsets, 1);
  batch.offsets = &zero;
  batch.labels = &none;
  CHECK_OK(segpref_preference_loss(context, &none, &batch, NULL, &result, &none));
  CHECK(loss[0] == 0);
}

static void a_plan_gives_the_same_bits_in_the_callers_workspace(segpref_context* context) {
  enum { num_steps = 1000, num_segments = 40, num_pairs = 20 };
  float rewards[num_steps], labels[num_pairs], loss[2][1], grad[2][num_steps];
  int32_t offsets[num_segments + 1];
  for (int i = 0; i < num_steps; ++i) rewards[i] = (float)sin(i);
  for (int i = 0; i <= num_segments; ++i) offsets[i] = num_steps * i / num_segments;
  for (int i = 0; i < num_pairs; ++i) labels[i] = (float)(i % 3) / 2;
  DLTensor step_rewards = F32(rewards, num_steps), o = I32(offsets, num_segments + 1), y = F32(labels, num_pairs);
  DLTensor l = F32(loss[0], 1), g = F32(grad[0], num_steps);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  CHECK_OK(segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, &g));

  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = num_steps + 24; /* a batch may be smaller */
  capacity.num_segments = num_segments;
  capacity.num_pairs = num_pairs;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  const size_t bytes = segpref_plan_workspace_bytes(plan);
  char number[32];
  snprintf(number, sizeof number, "workspace %zu bytes", bytes);
  CHECK(bytes > 0 && bytes % 64 == 0);
  CHECK(strstr(segpref_plan_describe(plan), "preference_loss: up to 1 members, 1024 steps (f32)") != NULL);
  CHECK(strstr(segpref_plan_describe(plan), number) != NULL);

  char* workspace = aligned_alloc(64, bytes + 64);
  memset(workspace, 0x5a, bytes + 64);
  l.data = loss[1];
  g.data = grad[1];
  loss[1][0] = 7;
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &step_rewards, &batch, NULL, &result, &g, workspace, bytes - 1), SEGPREF_INVALID_ARGUMENT,
              "the plan needs");
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &step_rewards, &batch, NULL, &result, &g, workspace + 8, bytes), SEGPREF_INVALID_ARGUMENT,
              "workspace must be aligned to 64 bytes");
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &step_rewards, &batch, NULL, &result, &g, NULL, bytes), SEGPREF_INVALID_ARGUMENT,
              "workspace has 0 bytes");
  CHECK(loss[1][0] == 7);
  CHECK_OK(segpref_preference_loss_planned(context, plan, &step_rewards, &batch, NULL, &result, &g, workspace, bytes));
  CHECK(memcmp(loss[0], loss[1], sizeof loss[0]) == 0);
  CHECK(memcmp(grad[0], grad[1], sizeof grad[0]) == 0);
  for (int i = 0; i < 64; ++i) CHECK(workspace[bytes + (size_t)i] == 0x5a); /* not one byte more than it said */
  free(workspace);
  segpref_plan_destroy(plan);
}

static void a_batch_larger_than_its_plan_is_refused(segpref_context* context) {
  float rewards[4] = {0, 0, 0, 0}, labels[2] = {1, 1};
  int64_t offsets[5] = {0, 1, 2, 3, 4};
  DLTensor step_rewards = F32(rewards, 4), o = I64(offsets, 5), y = F32(labels, 2);
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = 4;
  capacity.num_segments = 4;
  capacity.num_pairs = 1;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &step_rewards, &batch, NULL, NULL, NULL, NULL, 0), SEGPREF_INVALID_ARGUMENT,
              "num_pairs = 2 is more than the plan's capacity 1");
  segpref_plan_destroy(plan);
}

int main(void) {
  segpref_context* context = make_context(2);
  CHECK(segpref_context_num_threads(context) == 2);
  equal_scores_lose_log_2(context);
  ensembles_have_their_own_minibatches(context);
  every_option_arrives(context);
  ties_have_a_gradient_of_their_own(context);
  half_types_are_read(context);
  dlpack_forms_are_understood(context);
  a_plan_gives_the_same_bits_in_the_callers_workspace(context);
  a_batch_larger_than_its_plan_is_refused(context);
  segpref_context_destroy(context);
  return finish();
}
