/* A training loop in C that owns all of its memory: an ensemble of two MLPs, loss and gradients of all parameters in one call with a plan and a
 * workspace, then one optimiser step over the flat buffer. */
#include <segpref/segpref.h>
#include <stdio.h>
#include <stdlib.h>

enum { feature_dim = 4, num_members = 2, num_pairs = 32, num_segments = 2 * num_pairs, length = 5, num_steps = num_segments * length };

static DLTensor tensor_of(void* data, int ndim, int64_t* shape, DLDataTypeCode code, uint8_t bits) {
  DLTensor tensor = {.data = data, .device = {kDLCPU, 0}, .ndim = ndim, .dtype = {(uint8_t)code, bits, 1}, .shape = shape};
  return tensor;
}

static void must(segpref_status status) {
  if (status == SEGPREF_OK) return;
  fprintf(stderr, "%s: %s\n", segpref_status_name(status), segpref_last_error());
  exit(1);
}

/* Steps without structure; a segment is better where its first features add up to more. */
static void make_problem(float features[num_steps][feature_dim], int64_t offsets[num_segments + 1], float labels[num_pairs]) {
  uint32_t state = 1;
  for (int step = 0; step < num_steps; ++step)
    for (int i = 0; i < feature_dim; ++i) {
      state = state * 1664525u + 1013904223u;
      features[step][i] = (float)(state >> 8) / (1 << 23) - 1.0f;
    }
  for (int segment = 0; segment <= num_segments; ++segment) offsets[segment] = (int64_t)segment * length;
  for (int pair = 0; pair < num_pairs; ++pair) {
    float gap = 0;
    for (int step = 0; step < length; ++step) gap += features[(2 * pair + 1) * length + step][0] - features[2 * pair * length + step][0];
    labels[pair] = gap > 0 ? 1.0f : 0.0f;
  }
}

int main(void) {
  static float features[num_steps][feature_dim], labels[num_pairs];
  static int64_t offsets[num_segments + 1];
  make_problem(features, offsets, labels);

  segpref_context* context = NULL;
  must(segpref_context_create(2, &context));
  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  architecture.feature_dim = feature_dim;
  architecture.num_hidden = 2;
  architecture.hidden[0] = architecture.hidden[1] = 16;
  architecture.num_members = num_members;
  int64_t num_parameters = 0;
  must(segpref_num_parameters(&architecture, &num_parameters));

  /* Parameters, their gradients and the two moments of the optimiser: four flat buffers, moments 0. */
  float* memory = calloc(4 * (size_t)num_parameters, sizeof(float));
  if (memory == NULL) return 1;
  DLTensor parameters = tensor_of(memory, 1, &num_parameters, kDLFloat, 32), grad = tensor_of(memory + num_parameters, 1, &num_parameters, kDLFloat, 32);
  DLTensor first_moment = tensor_of(memory + 2 * num_parameters, 1, &num_parameters, kDLFloat, 32);
  DLTensor second_moment = tensor_of(memory + 3 * num_parameters, 1, &num_parameters, kDLFloat, 32);
  must(segpref_initialize_parameters(&architecture, 0, &parameters));

  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_members = num_members;
  capacity.num_steps = num_steps;
  capacity.num_segments = num_segments;
  capacity.num_pairs = num_pairs;
  segpref_plan* plan = NULL;
  must(segpref_mlp_preference_loss_plan_create(&architecture, &capacity, segpref_context_num_threads(context), SEGPREF_COMPUTE_STANDARD, &plan));
  printf("%s\n", segpref_plan_describe(plan));
  const size_t workspace_bytes = segpref_plan_workspace_bytes(plan); /* a multiple of 64 */
  void* workspace = aligned_alloc(64, workspace_bytes);
  if (workspace == NULL) return 1;

  int64_t rows_shape[2] = {num_steps, feature_dim}, offsets_shape[1] = {num_segments + 1}, pairs_shape[1] = {num_pairs}, members_shape[1] = {num_members};
  float loss[num_members];
  DLTensor rows = tensor_of(features, 2, rows_shape, kDLFloat, 32), segments = tensor_of(offsets, 1, offsets_shape, kDLInt, 64);
  DLTensor answers = tensor_of(labels, 1, pairs_shape, kDLFloat, 32), loss_out = tensor_of(loss, 1, members_shape, kDLFloat, 32);
  const segpref_features inputs = {.struct_size = sizeof inputs, .first = &rows};
  const segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &segments, .labels = &answers};
  const segpref_preference_result result = {.struct_size = sizeof result, .loss = &loss_out};
  const segpref_mlp_gradients gradients = {.struct_size = sizeof gradients, .parameters = &grad};
  segpref_adamw_options optimizer;
  segpref_adamw_options_init(&optimizer);
  optimizer.learning_rate = 3e-3;

  float first_loss[num_members] = {0};
  for (int64_t step = 1; step <= 100; ++step) {
    must(segpref_mlp_preference_loss_planned(context, plan, &parameters, &inputs, &batch, NULL, &result, &gradients, NULL, NULL, workspace, workspace_bytes));
    must(segpref_adamw_step(context, &parameters, &grad, &first_moment, &second_moment, step, &optimizer));
    if (step == 1)
      for (int member = 0; member < num_members; ++member) first_loss[member] = loss[member];
    if (step % 33 == 1) printf("step %3d: loss %.4f and %.4f\n", (int)step, loss[0], loss[1]);
  }
  int has_learnt = 1;
  for (int member = 0; member < num_members; ++member) has_learnt &= loss[member] < 0.5f * first_loss[member];

  free(workspace);
  segpref_plan_destroy(plan);
  free(memory);
  segpref_context_destroy(context);
  return has_learnt ? 0 : 1;
}
