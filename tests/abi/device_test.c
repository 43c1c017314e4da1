/* What concerns CUDA devices and needs none: a context's stream and checks, the device and the longest segment of a capacity. */
#include "check.h"

static void a_context_takes_a_stream_and_checks(void) {
  segpref_context* context = make_context(1);
  CHECK_OK(segpref_context_set_stream(context, (void*)&context)); /* any pointer: calls on host memory take no notice */
  CHECK_OK(segpref_context_set_check_values(context, 1));
  CHECK(segpref_context_num_threads(context) == 1);
  float values[2] = {1, 1}, gradients[2] = {1, 1}, first[2] = {0, 0}, second[2] = {0, 0};
  const DLTensor p = F32(values, 2), g = F32(gradients, 2), m = F32(first, 2), v = F32(second, 2);
  CHECK_OK(segpref_adamw_step(context, &p, &g, &m, &v, 1, NULL));
  CHECK(values[0] < 1 && values[1] == values[0]);
  CHECK_OK(segpref_context_set_stream(context, NULL));
  CHECK_OK(segpref_context_set_check_values(context, 0));
  CHECK_FAILS(segpref_context_set_check_values(context, 2), SEGPREF_INVALID_ARGUMENT, "check_values = 2 must be 0 or 1");
  CHECK_FAILS(segpref_context_set_check_values(NULL, 1), SEGPREF_INVALID_ARGUMENT, "context is NULL");
  CHECK_FAILS(segpref_context_set_stream(NULL, NULL), SEGPREF_INVALID_ARGUMENT, "context is NULL");
  segpref_context_destroy(context);
}

static void a_capacity_names_its_device(void) {
  segpref_plan* plan = NULL;
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.device = (DLDevice){kDLCUDA, 4096}; /* no machine has so many; which code that is depends on whether it has any */
  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  architecture.feature_dim = 4;
  const segpref_status status = segpref_mlp_preference_loss_plan_create(&architecture, &capacity, 1, SEGPREF_COMPUTE_STANDARD, &plan);
  CHECK(status == SEGPREF_UNSUPPORTED || status == SEGPREF_INVALID_ARGUMENT);
  CHECK(strncmp(segpref_last_error(), "capacity.device is ", 19) == 0);
  capacity.device = (DLDevice){kDLROCM, 0};
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_TYPE, "capacity.device is on DLPack device type 10");
  capacity.device = (DLDevice){kDLCUDAHost, 0};
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  segpref_plan_destroy(plan);
  memset(&capacity.device, 0, sizeof capacity.device); /* of a struct that was set to zeros */
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  segpref_plan_destroy(plan);

  segpref_ranking_capacity ranking;
  segpref_ranking_capacity_init(&ranking);
  ranking.device = (DLDevice){kDLROCM, 0};
  CHECK_FAILS(segpref_ranking_loss_plan_create(&ranking, &plan), SEGPREF_INVALID_TYPE, "capacity.device is on DLPack device type 10");
  CHECK(plan == NULL);
}

/* A program compiled against a header without the new fields says so by its struct_size: what lies behind is not read. */
static void older_capacities_keep_working(void) {
  segpref_plan* plan = NULL;
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.max_segment_steps = -1;
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_ARGUMENT, "capacity.max_segment_steps = -1 is outside [0, 281474976710656]");
  capacity.struct_size = offsetof(segpref_preference_capacity, max_segment_steps);
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  segpref_plan_destroy(plan);
  capacity.struct_size -= 1;
  CHECK_FAILS(segpref_preference_loss_plan_create(&capacity, &plan), SEGPREF_INVALID_ARGUMENT, "capacity.struct_size = 63 must be sizeof of the struct, 64 or more");

  segpref_ranking_capacity ranking;
  segpref_ranking_capacity_init(&ranking);
  ranking.max_segment_steps = -1;
  CHECK_FAILS(segpref_ranking_loss_plan_create(&ranking, &plan), SEGPREF_INVALID_ARGUMENT, "capacity.max_segment_steps = -1 is outside [0, 281474976710656]");
  ranking.struct_size = offsetof(segpref_ranking_capacity, max_segment_steps);
  CHECK_OK(segpref_ranking_loss_plan_create(&ranking, &plan));
  segpref_plan_destroy(plan);
}

static void a_segment_longer_than_promised_is_named(void) {
  segpref_context* context = make_context(1);
  float rewards[6] = {1, 2, 3, 4, 5, 6}, labels[1] = {1}, loss[1] = {7};
  int64_t offsets[3] = {0, 2, 6};
  const DLTensor r = F32(rewards, 6), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
  const segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  const segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = 6, capacity.num_segments = 2, capacity.num_pairs = 1, capacity.max_segment_steps = 3;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_preference_loss_plan_create(&capacity, &plan));
  _Alignas(64) static char workspace[1 << 16];
  CHECK(segpref_plan_workspace_bytes(plan) <= sizeof workspace);
  CHECK_FAILS(segpref_preference_loss_planned(context, plan, &r, &batch, NULL, &result, NULL, workspace, sizeof workspace), SEGPREF_INVALID_ARGUMENT,
              "segment 1: offsets[2] - offsets[1] = 4 is more than the plan's capacity 3 (max_segment_steps)");
  CHECK(loss[0] == 7);
  offsets[1] = 3;
  CHECK_OK(segpref_preference_loss_planned(context, plan, &r, &batch, NULL, &result, NULL, workspace, sizeof workspace));
  CHECK_NEAR(loss[0], log1p(exp(-9.0)), 1e-7);
  segpref_plan_destroy(plan);
  segpref_context_destroy(context);
}

int main(void) {
  a_context_takes_a_stream_and_checks();
  a_capacity_names_its_device();
  older_capacities_keep_working();
  a_segment_longer_than_promised_is_named();
  return finish();
}
