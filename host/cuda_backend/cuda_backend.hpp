// Tensors on a CUDA device: what the public functions call after validation. Nothing here waits, allocates (but predict_rewards, in the order of the
// stream) or touches another stream than the context's, and everything may be captured in a graph; checks of values, where a context asks for them, wait
// (with_cuda/check_values.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "host/validate/batch.hpp"
#include "host/validate/ranking.hpp"
#include "kernels/common/loss_params.hpp"
#include "kernels/math/adamw.hpp"
#include "segpref/context.hpp"
#include "segpref/plan.hpp"
#include "segpref/preference_options.hpp"
#include "segpref/query_scores.hpp"
#include "segpref/ranking_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "segpref/reward_mlp.hpp"
#include "segpref/view.hpp"

namespace segpref::cuda_backend {

/// The public functions that run on CUDA tensors; the others refuse them. The one place that says so.
inline constexpr std::array<std::string_view, 7> operations = {"adamw_step",   "linear_preference_loss", "mlp_preference_loss", "predict_rewards",
                                                               "preference_loss", "query_scores",        "ranking_loss"};

constexpr bool has(std::string_view operation) { return std::find(operations.begin(), operations.end(), operation) != operations.end(); }

/// One call of adamw_step that was checked.
struct AdamWCall {
  const math::AdamWRates& rates;
  const TensorView& parameters;
  const ConstTensorView& gradients;
  const TensorView& first_moment;
  const TensorView& second_moment;
};
/// The same, whose number lies on the device.
struct AdamWStep {
  AdamWCall call;
  const TensorView& step;  ///< [1]: read and advanced there
};
void adamw_step(const Context& context, const AdamWCall& call, std::int64_t step);
/// @param step  [1] on the device: read and advanced there
void adamw_step(const Context& context, const AdamWCall& call, const TensorView& step);

void query_scores(const Context& context, const ConstTensorView& scores, const ConstTensorView& pairs, double temperature, const QueryScores& result);

/// Bytes of a plan's workspace on its device.
std::size_t preference_loss_bytes(const PreferenceCapacity& capacity);
std::string describe_preference_loss(const PreferenceCapacity& capacity, std::size_t workspace_bytes);
/// @param capacity  the plan's
void preference_loss(const Context& context, const PreferenceCapacity& capacity, const ConstTensorView& step_rewards, const PreferenceBatch& batch, const validation::BatchShape& shape,
                     const kernels::LossParams& loss, const PreferenceOptions& options, const PreferenceResult& result, const TensorView& grad_step_rewards, Workspace workspace);

/// One call of linear_preference_loss that was checked.
struct LinearLossCall {
  const PreferenceCapacity& capacity;  ///< the plan's
  std::int64_t planned_feature_dim;    ///< the plan's; features may have fewer
  const LinearHead& head;
  const ConstTensorView& features;
  const PreferenceBatch& batch;
  const validation::BatchShape& shape;
  const kernels::LossParams& loss;
  const PreferenceOptions& options;
  const PreferenceResult& result;
  const LinearGradients& gradients;
  const TensorView& step_rewards;
};
std::size_t linear_preference_loss_bytes(const PreferenceCapacity& capacity, std::int64_t feature_dim);
std::string describe_linear_preference_loss(const PreferenceCapacity& capacity, std::int64_t feature_dim, std::size_t workspace_bytes);
void linear_preference_loss(const Context& context, const LinearLossCall& call, Workspace workspace);

/// One call of mlp_preference_loss that was checked.
struct MlpLossCall {
  const MlpLossPlan& plan;
  const ConstTensorView& parameters;
  const Features& features;
  const PreferenceBatch& batch;
  const validation::BatchShape& shape;
  const kernels::LossParams& loss;
  const PreferenceOptions& options;
  const PreferenceResult& result;
  const MlpGradients& gradients;
  const DropoutState& dropout;
  const TensorView& step_rewards;
  const AdamWStep* optimizer;  ///< of these parameters and their gradient, behind the loss; null: none
};
std::size_t mlp_preference_loss_bytes(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, Compute compute);
std::string describe_mlp_preference_loss(const MlpLossPlan& plan);
void mlp_preference_loss(const Context& context, const MlpLossCall& call, Workspace workspace);

/// Allocates scratch memory in the order of the context's stream.
void predict_rewards(const Context& context, const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features, const Prediction& prediction,
                     const RewardNormalization& normalization);

/// The same three for rankings.
std::size_t ranking_loss_bytes(const RankingCapacity& capacity);
std::string describe_ranking_loss(const RankingCapacity& capacity, std::size_t workspace_bytes);
void ranking_loss(const Context& context, const RankingCapacity& capacity, const ConstTensorView& step_rewards, const RankingBatch& batch, const validation::RankingShape& shape,
                  const PreferenceOptions& options, const RankingResult& result, const TensorView& grad_step_rewards, Workspace workspace);

}  // namespace segpref::cuda_backend
