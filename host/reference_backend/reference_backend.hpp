// SEGPREF_BACKEND=reference: the public functions run the float64 oracle of kernels/reference instead of the kernels, after the same
// validation. For debugging: slow, and it allocates. What the oracle cannot do throws Error(unsupported).
#pragma once

#include <cstdint>

#include "kernels/cpu/batch.hpp"
#include "kernels/cpu/ranking_loss.hpp"
#include "segpref/adamw.hpp"
#include "segpref/preference_options.hpp"
#include "segpref/query_scores.hpp"
#include "segpref/ranking_loss.hpp"
#include "segpref/reward_linear.hpp"
#include "segpref/reward_mlp.hpp"

namespace segpref::reference_backend {

/// The environment, read once per process. @throws Error(invalid_argument) when SEGPREF_BACKEND is neither cpu nor reference
bool selected();
/// Calls that the oracle answered in this process: how a test proves which back end ran.
std::int64_t num_calls();

// Each takes what the public function of that name has checked.
void preference_loss(const ConstTensorView& step_rewards, const cpu::Batch& batch, const PreferenceOptions& options, const PreferenceResult& result,
                     const TensorView& grad_step_rewards);
void ranking_loss(const ConstTensorView& step_rewards, const cpu::Batch& batch, const cpu::Rankings& rankings, const PreferenceOptions& options,
                  const RankingResult& result, const TensorView& grad_step_rewards);
void linear_preference_loss(const LinearHead& head, const ConstTensorView& features, const cpu::Batch& batch, const PreferenceOptions& options,
                            const PreferenceResult& result, const LinearGradients& gradients, const TensorView& step_rewards);
void mlp_preference_loss(const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features,
                         const cpu::Batch& batch, const PreferenceOptions& options, const PreferenceResult& result, const MlpGradients& gradients,
                         const DropoutState& dropout, const TensorView& step_rewards);
void predict_rewards(const RewardArchitecture& architecture, Compute compute, const ConstTensorView& parameters, const Features& features,
                     const Prediction& prediction, const RewardNormalization& normalization);
void query_scores(const ConstTensorView& scores, const ConstTensorView& pairs, double temperature, const QueryScores& result);
void adamw_step(const TensorView& parameters, const ConstTensorView& gradients, const TensorView& first_moment, const TensorView& second_moment,
                std::int64_t step, const AdamWOptions& options);

}  // namespace segpref::reference_backend
