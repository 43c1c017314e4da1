/* Linear heads, MLPs, their plans, prediction and initialisation, against values computed by hand. */
#include <stdlib.h>

#include "check.h"

/* Segment sums of the features: (1, 1) and (2, 3); w = (1, -1), b = 5: scores 5 and -1 + 10. */
static void linear_heads_learn_from_sums(segpref_context* context) {
  float x[3][4] = {{1, 1, 99, 99}, {1, 2, 99, 99}, {1, 1, 99, 99}}; /* rows of two inside rows of four */
  float w[2] = {1, -1}, b[1] = {5}, labels[1] = {0}, loss[1], grad_w[2], grad_b[1], grad_x[3][2], rewards[1][3];
  int64_t offsets[3] = {0, 1, 3};
  DLTensor features = F32(x, 3, 2), weight = F32(w, 2), bias = F32(b, 1), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1);
  DLTensor gw = F32(grad_w, 2), gb = F32(grad_b, 1), gx = F32(grad_x, 3, 2), r = F32(rewards, 1, 3);
  features.strides = (int64_t[]){4, 1};
  segpref_linear_head head = {.struct_size = sizeof head, .weight = &weight, .bias = &bias};
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  segpref_linear_gradients gradients = {.struct_size = sizeof gradients, .weight = &gw, .bias = &gb, .features = &gx};
  CHECK_OK(segpref_linear_preference_loss(context, &head, &features, &batch, NULL, &result, &gradients, &r));
  const double z = 4, slope = 1 / (1 + exp(-z)); /* label 0: softplus(z), sigmoid(z) */
  CHECK_NEAR(loss[0], log1p(exp(z)), 1e-5);
  CHECK_NEAR(grad_w[0], slope * (2 - 1), 1e-6);
  CHECK_NEAR(grad_w[1], slope * (3 - 1), 1e-6);
  CHECK_NEAR(grad_b[0], slope * (2 - 1), 1e-6);
  CHECK_NEAR(grad_x[0][0], -slope, 1e-6);
  CHECK_NEAR(grad_x[2][1], -slope, 1e-6);
  CHECK(rewards[0][0] == 5 && rewards[0][1] == 4 && rewards[0][2] == 5);

  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = 3;
  capacity.num_segments = 2;
  capacity.num_pairs = 1;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_linear_preference_loss_plan_create(&capacity, 2, &plan));
  CHECK(strstr(segpref_plan_describe(plan), "linear_preference_loss") != NULL);
  const size_t bytes = segpref_plan_workspace_bytes(plan);
  void* workspace = aligned_alloc(64, bytes);
  float planned_loss[1], planned_grad[2];
  l.data = planned_loss;
  gw.data = planned_grad;
  CHECK_OK(segpref_linear_preference_loss_planned(context, plan, &head, &features, &batch, NULL, &result, &gradients, NULL, workspace, bytes));
  CHECK(planned_loss[0] == loss[0] && planned_grad[0] == grad_w[0] && planned_grad[1] == grad_w[1]);
  free(workspace);
  segpref_plan_destroy(plan);
}

/* One input, one hidden relu unit: r = 3 relu(2 x + 1) - 1, parameters in the documented order. */
static float parameters[4] = {2, 1, 3, -1};

static segpref_reward_architecture one_unit(void) {
  segpref_reward_architecture architecture;
  segpref_reward_architecture_init(&architecture);
  architecture.feature_dim = 1;
  architecture.num_hidden = 1;
  architecture.hidden[0] = 1;
  architecture.activation = SEGPREF_ACTIVATION_RELU;
  return architecture;
}

static void mlps_give_every_gradient(segpref_context* context) {
  segpref_reward_architecture architecture = one_unit();
  int64_t num_parameters = 0;
  CHECK_OK(segpref_num_parameters(&architecture, &num_parameters));
  CHECK(num_parameters == 4);
  float x[3] = {0.5f, -2, 1}, labels[1] = {1}, loss[1], grad[4], grad_x[3], rewards[1][3];
  int64_t offsets[3] = {0, 1, 3};
  DLTensor theta = F32(parameters, 4), rows = F32(x, 3, 1), o = I64(offsets, 3), y = F32(labels, 1), l = F32(loss, 1), g = F32(grad, 4);
  DLTensor gx = F32(grad_x, 3, 1), r = F32(rewards, 1, 3);
  segpref_features features = {.struct_size = sizeof features, .first = &rows};
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
  segpref_mlp_gradients gradients = {.struct_size = sizeof gradients, .parameters = &g, .features_first = &gx};
  CHECK_OK(segpref_mlp_preference_loss(context, &architecture, &theta, &features, &batch, NULL, &result, &gradients, NULL, &r));
  /* Hidden 2, 0, 3; rewards 5, -1, 8; scores 5 and 7; z = 2; d loss / d z = -sigmoid(-2). */
  const double slope = -1 / (1 + exp(2.0));
  CHECK(rewards[0][0] == 5 && rewards[0][1] == -1 && rewards[0][2] == 8);
  CHECK_NEAR(loss[0], log1p(exp(-2.0)), 1e-6);
  CHECK_NEAR(grad[0], slope * 3 * (1 - 0.5), 1e-6); /* weight of the hidden unit: 3 x where it is on */
  CHECK_NEAR(grad[1], 0, 1e-6);                     /* its bias: one step of each segment has it on */
  CHECK_NEAR(grad[2], slope * (3 - 2), 1e-6);       /* hidden values */
  CHECK_NEAR(grad[3], slope * (2 - 1), 1e-6);       /* steps */
  CHECK_NEAR(grad_x[0], -slope * 6, 1e-6);
  CHECK(grad_x[1] == 0);
  CHECK_NEAR(grad_x[2], slope * 6, 1e-6);

  segpref_preference_capacity capacity;
  segpref_preference_capacity_init(&capacity);
  capacity.num_steps = 3;
  capacity.num_segments = 2;
  capacity.num_pairs = 1;
  segpref_plan* plan = NULL;
  CHECK_OK(segpref_mlp_preference_loss_plan_create(&architecture, &capacity, segpref_context_num_threads(context), SEGPREF_COMPUTE_STANDARD, &plan));
  CHECK(strstr(segpref_plan_describe(plan), "mlp_preference_loss: 1 members, 1 hidden layers") != NULL);
  const size_t bytes = segpref_plan_workspace_bytes(plan);
  void* workspace = aligned_alloc(64, bytes);
  float planned[4];
  g.data = planned;
  CHECK_OK(segpref_mlp_preference_loss_planned(context, plan, &theta, &features, &batch, NULL, &result, &gradients, NULL, NULL, workspace, bytes));
  CHECK(memcmp(planned, grad, sizeof grad) == 0);
  free(workspace);
  segpref_plan_destroy(plan);
}

static void dropout_is_a_function_of_its_state(segpref_context* context) {
  segpref_reward_architecture architecture = one_unit();
  architecture.hidden[0] = 64;
  architecture.dropout = 0.5;
  int64_t num_parameters = 0;
  CHECK_OK(segpref_num_parameters(&architecture, &num_parameters));
  float theta[64 * 3 + 1], x[2] = {1, 2}, labels[1] = {1}, loss[4];
  CHECK(num_parameters == 64 * 3 + 1);
  int64_t offsets[3] = {0, 1, 2};
  DLTensor t = F32(theta, 64 * 3 + 1), rows = F32(x, 2, 1), o = I64(offsets, 3), y = F32(labels, 1);
  CHECK_OK(segpref_initialize_parameters(&architecture, 5, &t));
  segpref_features features = {.struct_size = sizeof features, .first = &rows};
  segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &o, .labels = &y};
  const segpref_dropout_state states[4] = {{sizeof(segpref_dropout_state), 1, 1, 1, 0},
                                           {sizeof(segpref_dropout_state), 1, 1, 1, 0},
                                           {sizeof(segpref_dropout_state), 1, 2, 1, 0},
                                           {sizeof(segpref_dropout_state), 1, 1, 0, 0}};
  for (int i = 0; i < 4; ++i) {
    DLTensor l = F32(loss + i, 1);
    segpref_preference_result result = {.struct_size = sizeof result, .loss = &l};
    CHECK_OK(segpref_mlp_preference_loss(context, &architecture, &t, &features, &batch, NULL, &result, NULL, states + i, NULL));
  }
  CHECK(loss[0] == loss[1] && loss[0] != loss[2] && loss[0] != loss[3]);
}

static void predictions_are_standardised_and_normalised(segpref_context* context) {
  segpref_reward_architecture architecture = one_unit();
  architecture.num_members = 2;
  /* [num_members, out, in]: both members' weights, then both members' biases. Member 1 is relu(x). */
  float theta[8] = {2, 1, 1, 0, 3, 1, -1, 0};
  float x[2] = {3, 5}, mean[1] = {1}, std[1] = {2}, shift[2] = {0, 1}, scale[2] = {1, 10};
  float members[2][2], mean_out[2], std_out[2];
  DLTensor t = F32(theta, 8), rows = F32(x, 2, 1), m = F32(mean, 1), s = F32(std, 1), sh = F32(shift, 2), sc = F32(scale, 2);
  DLTensor out = F32(members, 2, 2), mo = F32(mean_out, 2), so = F32(std_out, 2);
  segpref_features features = {.struct_size = sizeof features, .first = &rows, .mean = &m, .std = &s};
  segpref_prediction prediction = {.struct_size = sizeof prediction, .members = &out, .mean = &mo, .std = &so};
  CHECK_OK(segpref_predict_rewards(context, &architecture, &t, &features, &prediction, NULL, SEGPREF_COMPUTE_STANDARD));
  /* Standardised inputs 1 and 2: member 0 gives 3 * 3 - 1 and 3 * 5 - 1, member 1 gives 1 and 2. */
  CHECK(members[0][0] == 8 && members[0][1] == 14 && members[1][0] == 1 && members[1][1] == 2);
  CHECK(mean_out[0] == 4.5f && mean_out[1] == 8 && std_out[0] == 3.5f && std_out[1] == 6);
  segpref_reward_normalization normalization = {.struct_size = sizeof normalization, .shift = &sh, .scale = &sc};
  CHECK_OK(segpref_predict_rewards(context, &architecture, &t, &features, &prediction, &normalization, SEGPREF_COMPUTE_STANDARD));
  CHECK(members[0][1] == 14 && members[1][0] == 0 && members[1][1] == 10 && mean_out[0] == 4 && std_out[1] == 2);
  CHECK_OK_OR(segpref_predict_rewards(context, &architecture, &t, &features, &prediction, NULL, SEGPREF_COMPUTE_BF16), SEGPREF_UNSUPPORTED,
              "compute bf16 needs a processor");
}

static void initialisation_is_a_function_of_the_seed(void) {
  segpref_reward_architecture architecture = one_unit();
  architecture.feature_dim = 4;
  float first[7], again[7], other[7];
  DLTensor a = F32(first, 7), b = F32(again, 7), c = F32(other, 7);
  CHECK_OK(segpref_initialize_parameters(&architecture, 1, &a));
  CHECK_OK(segpref_initialize_parameters(&architecture, 1, &b));
  CHECK_OK(segpref_initialize_parameters(&architecture, 2, &c));
  CHECK(memcmp(first, again, sizeof first) == 0 && memcmp(first, other, sizeof first) != 0);
  for (int i = 0; i < 5; ++i) CHECK(fabsf(first[i]) <= 0.5f && first[i] != 0); /* 1 / sqrt(4) */
  DLTensor wrong = F32(first, 6);
  CHECK_FAILS(segpref_initialize_parameters(&architecture, 1, &wrong), SEGPREF_INVALID_ARGUMENT, "parameters has shape [6]; it must be [num_parameters] = [7]");
}

int main(void) {
  segpref_context* context = make_context(2);
  linear_heads_learn_from_sums(context);
  mlps_give_every_gradient(context);
  dropout_is_a_function_of_its_state(context);
  predictions_are_standardised_and_normalised(context);
  initialisation_is_a_function_of_the_seed();
  segpref_context_destroy(context);
  return finish();
}
