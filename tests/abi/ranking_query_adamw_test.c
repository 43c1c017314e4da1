/* segpref_ranking_loss, segpref_query_scores and segpref_adamw_step, against values computed by hand. */
#include <stdlib.h>

#include "check.h"

static void rankings_of_equals_lose_the_log_of_their_orders(segpref_context* context) {
  double rewards[3] = {1, 1, 1}, loss[1], per_ranking[1][2], scores[1][3], metrics[1][SEGPREF_NUM_RANKING_METRICS], grad[3], weights[2] = {1, 2};
  int32_t offsets[4] = {0, 1, 2, 3}, rankings[5] = {2, 0, 1, 1, 2};
  int64_t ranking_offsets[3] = {0, 3, 5};
  DLTensor step_rewards = F64(rewards, 3), o = I32(offsets, 4), r = I32(rankings, 5), ro = I64(ranking_offsets, 3), w = F64(weights, 2);
  DLTensor l = F64(loss, 1), pr = F64(per_ranking, 1, 2), s = F64(scores, 1, 3), m = F64(metrics, 1, SEGPREF_NUM_RANKING_METRICS), g = F64(grad, 3);
  segpref_ranking_batch batch = {.struct_size = sizeof batch, .offsets = &o, .rankings = &r, .ranking_offsets = &ro, .weights = &w};
  segpref_ranking_result result = {.struct_size = sizeof result, .loss = &l, .loss_per_ranking = &pr, .scores = &s, .metrics = &m};
  CHECK_OK(segpref_ranking_loss(context, &step_rewards, &batch, NULL, &result, &g));
  /* Three equals have 3! orders, two have 2. Weights 1 and 2, their sum 3. */
  CHECK_NEAR(per_ranking[0][0], log(6.0), 1e-12);
  CHECK_NEAR(per_ranking[0][1], 2 * log(2.0), 1e-12);
  CHECK_NEAR(loss[0], (log(6.0) + 2 * log(2.0)) / 3, 1e-12);
  CHECK(metrics[0][SEGPREF_RANKING_METRIC_WEIGHT_SUM] == 3 && metrics[0][SEGPREF_RANKING_METRIC_NUM_SKIPPED] == 0 && scores[0][2] == 1);
  CHECK_NEAR(metrics[0][SEGPREF_RANKING_METRIC_LOSS_SUM], log(24.0), 1e-12);
  /* Segment 0 stands in the first ranking alone: 1/3 from stage one, 1/2 - 1 from stage two. */
  CHECK_NEAR(grad[0], (1.0 / 3 + 0.5 - 1) / 3, 1e-12);
  CHECK_NEAR(grad[0] + grad[1] + grad[2], 0, 1e-12);
  batch.ranking_top = 1; /* only who is best */
  CHECK_OK(segpref_ranking_loss(context, &step_rewards, &batch, NULL, &result, NULL));
  CHECK_NEAR(per_ranking[0][0], log(3.0), 1e-12);

  segpref_ranking_capacity capacity;
  segpref_ranking_capacity_init(&capacity);
  capacity.num_steps = capacity.num_segments = 3;
  capacity.num_rankings = 2;
  capacity.num_entries = 5;
  capacity.dtype.bits = 64;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_ranking_loss_plan_create(&capacity, &plan));
  CHECK(strstr(segpref_plan_describe(plan), "ranking_loss: up to 1 members, 3 steps (f64)") != NULL);
  const size_t bytes = segpref_plan_workspace_bytes(plan);
  void* workspace = aligned_alloc(64, bytes);
  const double unplanned = loss[0];
  loss[0] = 7;
  CHECK_OK(segpref_ranking_loss_planned(context, plan, &step_rewards, &batch, NULL, &result, &g, workspace, bytes));
  CHECK(loss[0] == unplanned);

  /* A plan runs the function it was made for. */
  float labels[1] = {1};
  DLTensor y = F32(labels, 1);
  segpref_preference_batch pairs = {.struct_size = sizeof pairs, .offsets = &o, .labels = &y};
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &step_rewards, &pairs, NULL, NULL, NULL, workspace, bytes), SEGPREF_INVALID_ARGUMENT,
              "plan was made for another function than preference_loss: ranking_loss: up to");
  free(workspace);
  segpref_plan_destroy(plan);
  segpref_preference_options options;
  segpref_preference_options_init(&options);
  options.clip = 3;
  CHECK_FAILS(segpref_ranking_loss(context, &step_rewards, &batch, &options, &result, NULL), SEGPREF_UNSUPPORTED, "clip is an option of pairs");
}

static void queries_are_scored(segpref_context* context) {
  /* Probabilities of the second: sigmoid(-log 3) = 1/4 and sigmoid(log 3) = 3/4. */
  double scores[2][2] = {{0, -1.0986122886681098}, {0, 1.0986122886681098}}, mean[1], variance[1], entropy[1], members[1];
  int32_t pairs[1][2] = {{0, 1}};
  DLTensor s = F64(scores, 2, 2), p = I32(pairs, 1, 2), a = F64(mean, 1), b = F64(variance, 1), c = F64(entropy, 1), d = F64(members, 1);
  segpref_query_result result = {.struct_size = sizeof result, .mean_probability = &a, .disagreement = &b, .entropy_of_mean = &c, .mean_entropy = &d};
  CHECK_OK(segpref_query_scores(context, &s, &p, 1.0, &result));
  CHECK_NEAR(mean[0], 0.5, 1e-12);
  CHECK_NEAR(variance[0], 1.0 / 16, 1e-12);
  CHECK_NEAR(entropy[0], log(2.0), 1e-12);
  CHECK_NEAR(members[0], log(4.0) - 0.75 * log(3.0), 1e-12);
  CHECK_FAILS(segpref_query_scores(context, &s, &p, 0.0, &result), SEGPREF_INVALID_ARGUMENT, "temperature = 0 must be finite and > 0");
  pairs[0][1] = 2;
  CHECK_FAILS(segpref_query_scores(context, &s, &p, 1.0, &result), SEGPREF_INVALID_ARGUMENT, "pairs[0, second] = 2 is outside [0, 2) (num_segments)");
}

static void adamw_steps_by_the_learning_rate(segpref_context* context) {
  double parameters[2] = {1, -1}, gradients[2] = {0.5, -4}, first[2] = {0, 0}, second[2] = {0, 0};
  DLTensor p = F64(parameters, 2), g = F64(gradients, 2), m = F64(first, 2), v = F64(second, 2);
  CHECK_OK(segpref_adamw_step(context, &p, &g, &m, &v, 1, NULL));
  /* Bias-corrected, the first step is the learning rate towards the sign of the gradient. */
  CHECK_NEAR(parameters[0], 1 - 3e-4, 1e-10);
  CHECK_NEAR(parameters[1], -1 + 3e-4, 1e-10);
  CHECK_NEAR(first[0], 0.05, 1e-15);
  CHECK_NEAR(second[1], 0.016, 1e-15);
  segpref_adamw_options options;
  segpref_adamw_options_init(&options);
  options.learning_rate = 0.1;
  options.weight_decay = 0.5;
  memset(first, 0, sizeof first);
  memset(second, 0, sizeof second);
  memset(gradients, 0, sizeof gradients);
  parameters[0] = 2;
  CHECK_OK(segpref_adamw_step(context, &p, &g, &m, &v, 1, &options)); /* nothing but decoupled decay: 1 - 0.1 * 0.5 */
  CHECK_NEAR(parameters[0], 1.9, 1e-12);
  options.decoupled = 0; /* the decay is the gradient now, and the step is the learning rate again */
  CHECK_OK(segpref_adamw_step(context, &p, &g, &m, &v, 1, &options));
  CHECK_NEAR(parameters[0], 1.8, 1e-6);
  CHECK_FAILS(segpref_adamw_step(context, &p, &g, &m, &v, 0, &options), SEGPREF_INVALID_ARGUMENT, "step = 0 must be >= 1");
  options.decoupled = 2;
  CHECK_FAILS(segpref_adamw_step(context, &p, &g, &m, &v, 1, &options), SEGPREF_INVALID_ARGUMENT, "decoupled = 2 must be 0 or 1");
  options.decoupled = 1;
  options.beta1 = 1;
  CHECK_FAILS(segpref_adamw_step(context, &p, &g, &m, &v, 1, &options), SEGPREF_INVALID_ARGUMENT, "beta1 = 1 must be in [0, 1)");
}

static void counted_steps_are_numbered_steps(segpref_context* context) {
  float parameters[2][3] = {{1, -1, 0.5f}, {1, -1, 0.5f}}, gradients[3] = {0.5f, -4, 0.01f}, first[2][3] = {{0}}, second[2][3] = {{0}};
  int64_t next[1] = {1};
  DLTensor g = F32(gradients, 3), n = I64(next, 1);
  DLTensor p0 = F32(parameters[0], 3), m0 = F32(first[0], 3), v0 = F32(second[0], 3), p1 = F32(parameters[1], 3), m1 = F32(first[1], 3), v1 = F32(second[1], 3);
  for (int64_t step = 1; step <= 3; ++step) {
    CHECK_OK(segpref_adamw_step(context, &p0, &g, &m0, &v0, step, NULL));
    CHECK_OK(segpref_adamw_counted_step(context, &p1, &g, &m1, &v1, &n, NULL));
    CHECK(next[0] == step + 1);
  }
  CHECK(memcmp(parameters[0], parameters[1], sizeof parameters[0]) == 0 && memcmp(second[0], second[1], sizeof second[0]) == 0);
  CHECK_FAILS(segpref_adamw_counted_step(context, &p1, &g, &m1, &v1, NULL, NULL), SEGPREF_INVALID_ARGUMENT, "step is missing");
  int32_t narrow[1] = {1};
  DLTensor wrong = I32(narrow, 1);
  CHECK_FAILS(segpref_adamw_counted_step(context, &p1, &g, &m1, &v1, &wrong, NULL), SEGPREF_INVALID_TYPE, "step has dtype i32; it takes i64");
  next[0] = 0;
  CHECK_FAILS(segpref_adamw_counted_step(context, &p1, &g, &m1, &v1, &n, NULL), SEGPREF_INVALID_ARGUMENT, "step[0] = 0 must be >= 1");
  CHECK(next[0] == 0);
}

int main(void) {
  segpref_context* context = make_context(1);
  rankings_of_equals_lose_the_log_of_their_orders(context);
  queries_are_scored(context);
  adamw_steps_by_the_learning_rate(context);
  counted_steps_are_numbered_steps(context);
  segpref_context_destroy(context);
  return finish();
}
