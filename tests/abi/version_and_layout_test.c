/* Version numbers agree, and no struct has moved: the offsets below are those of version 0.1 on 64-bit platforms. */
#include "check.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

static void versions_agree(void) {
  const char* header = STRING_OF(SEGPREF_VERSION_MAJOR) "." STRING_OF(SEGPREF_VERSION_MINOR) "." STRING_OF(SEGPREF_VERSION_PATCH);
  CHECK(strcmp(header, SEGPREF_EXPECTED_VERSION) == 0); /* CMake's project version */
  CHECK(strcmp(segpref_version(), SEGPREF_EXPECTED_VERSION) == 0);
  CHECK(segpref_version_number() == SEGPREF_VERSION_NUMBER);
}

static void statuses_have_names(void) {
  const char* names[] = {"ok", "invalid_argument", "invalid_type", "unsupported", "bad_data", "io", "out_of_memory", "internal", "device_failed"};
  for (int status = 0; status < 9; ++status) CHECK(strcmp(segpref_status_name(status), names[status]) == 0);
  CHECK(strcmp(segpref_status_name(9), "unknown") == 0);
  CHECK(strcmp(segpref_status_name(-1), "unknown") == 0);
}

#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) >= (size), #type " has shrunk")

AT(segpref_preference_batch, offsets, 8);
AT(segpref_preference_batch, pairs, 32);
AT(segpref_preference_batch, labels, 48);
AT(segpref_preference_batch, margins, 64);
SIZE(segpref_preference_batch, 72);
AT(segpref_preference_options, aggregation, 8);
AT(segpref_preference_options, nonfinite, 20);
AT(segpref_preference_options, discount, 24);
AT(segpref_preference_options, normalizer, 72);
AT(segpref_preference_options, tie_parameter, 80);
SIZE(segpref_preference_options, 88);
AT(segpref_preference_result, loss, 8);
AT(segpref_preference_result, grad_tie_parameter, 48);
SIZE(segpref_preference_result, 56);
AT(segpref_linear_head, bias, 16);
AT(segpref_linear_gradients, features, 24);
AT(segpref_reward_architecture, feature_dim, 8);
AT(segpref_reward_architecture, hidden, 16);
AT(segpref_reward_architecture, num_hidden, 48);
AT(segpref_reward_architecture, bias, 68);
AT(segpref_reward_architecture, leaky_slope, 72);
AT(segpref_reward_architecture, dropout, 96);
SIZE(segpref_reward_architecture, 104);
AT(segpref_features, std, 32);
AT(segpref_mlp_gradients, features_second, 24);
AT(segpref_dropout_state, training, 24);
SIZE(segpref_dropout_state, 32);
AT(segpref_ranking_batch, rankings, 32);
AT(segpref_ranking_batch, ranking_top, 56);
AT(segpref_ranking_result, metrics, 32);
AT(segpref_prediction, std, 24);
AT(segpref_reward_normalization, scale, 16);
AT(segpref_query_result, mean_entropy, 32);
AT(segpref_adamw_options, weight_decay, 40);
AT(segpref_adamw_options, decoupled, 48);
SIZE(segpref_adamw_options, 56);
AT(segpref_preference_capacity, num_batch_steps, 48);
AT(segpref_preference_capacity, dtype, 56);
AT(segpref_preference_capacity, max_segment_steps, 64); /* an earlier struct ended here */
AT(segpref_preference_capacity, device, 72);
SIZE(segpref_preference_capacity, 80);
AT(segpref_ranking_capacity, num_entries, 40);
AT(segpref_ranking_capacity, dtype, 48);
AT(segpref_ranking_capacity, max_segment_steps, 56); /* an earlier struct ended here */
AT(segpref_ranking_capacity, device, 64);
SIZE(segpref_ranking_capacity, 72);

static void init_functions_give_the_documented_defaults(void) {
  segpref_preference_options options;
  memset(&options, 0xff, sizeof options);
  segpref_preference_options_init(&options);
  CHECK(options.struct_size == sizeof options);
  CHECK(options.aggregation == SEGPREF_AGGREGATION_SUM && options.tie_model == SEGPREF_TIE_MODEL_NONE);
  CHECK(options.reduction == SEGPREF_REDUCTION_MEAN && options.nonfinite == SEGPREF_NONFINITE_PROPAGATE);
  CHECK(options.discount == 1 && options.temperature == 1 && isinf(options.clip) && options.clip > 0);
  CHECK(options.smoothing == 0 && options.lapse == 0 && options.centering == 0 && options.normalizer == 0 && options.tie_parameter == NULL);

  segpref_reward_architecture architecture;
  memset(&architecture, 0xff, sizeof architecture);
  segpref_reward_architecture_init(&architecture);
  CHECK(architecture.struct_size == sizeof architecture && architecture.num_hidden == 0 && architecture.num_members == 1);
  CHECK(architecture.activation == SEGPREF_ACTIVATION_LEAKY_RELU && architecture.leaky_slope == 0.01 && architecture.bias == 1);
  CHECK(architecture.output == SEGPREF_OUTPUT_IDENTITY && architecture.output_scaled == 0 && architecture.output_lo == 0 && architecture.output_hi == 1);
  CHECK(architecture.dropout == 0 && architecture.feature_dim == 0);

  segpref_adamw_options adamw;
  memset(&adamw, 0xff, sizeof adamw);
  segpref_adamw_options_init(&adamw);
  CHECK(adamw.struct_size == sizeof adamw && adamw.learning_rate == 3e-4 && adamw.beta1 == 0.9 && adamw.beta2 == 0.999);
  CHECK(adamw.epsilon == 1e-8 && adamw.weight_decay == 0 && adamw.decoupled == 1 && adamw.reserved == 0);

  segpref_preference_capacity capacity;
  memset(&capacity, 0xff, sizeof capacity);
  segpref_preference_capacity_init(&capacity);
  CHECK(capacity.struct_size == sizeof capacity && capacity.num_members == 1 && capacity.num_steps == 0 && capacity.num_batch_pairs == 0);
  CHECK(capacity.dtype.code == kDLFloat && capacity.dtype.bits == 32 && capacity.dtype.lanes == 1 && capacity.reserved == 0);
  CHECK(capacity.max_segment_steps == 0 && capacity.device.device_type == kDLCPU && capacity.device.device_id == 0);

  segpref_ranking_capacity ranking;
  memset(&ranking, 0xff, sizeof ranking);
  segpref_ranking_capacity_init(&ranking);
  CHECK(ranking.struct_size == sizeof ranking && ranking.num_members == 1 && ranking.num_entries == 0 && ranking.dtype.bits == 32 && ranking.reserved == 0);
  CHECK(ranking.max_segment_steps == 0 && ranking.device.device_type == kDLCPU && ranking.device.device_id == 0);
}

int main(void) {
  CHECK(strcmp(segpref_last_error(), "") == 0); /* nothing has failed yet */
  versions_agree();
  statuses_have_names();
  init_functions_give_the_documented_defaults();
  return finish();
}
