// Preference loss of step rewards that the caller's own model produced.
#pragma once

#include <string>

#include "context.hpp"
#include "export.hpp"
#include "plan.hpp"
#include "preference_options.hpp"

namespace segpref {

/// How preference_loss will run within given capacities: a pure function of them, printable, with its exact workspace.
class SEGPREF_API PreferenceLossPlan {
 public:
  /// @throws Error(invalid_argument) when a capacity is negative or sizes overflow
  explicit PreferenceLossPlan(const PreferenceCapacity& capacity);
  const PreferenceCapacity& capacity() const { return capacity_; }
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  std::string describe() const;

 private:
  PreferenceCapacity capacity_;
  std::size_t workspace_bytes_ = 0;
};

/// Two-way preference cross-entropy of segment scores, with its gradient. Formula: docs/ops/preference_loss.md.
/// @param step_rewards       [num_members, num_steps] or [num_steps]; f32, f64, bf16 or f16
/// @param grad_step_rewards  the shape and dtype of step_rewards, overwritten (0 where no counted pair reaches); absent: no backward pass
/// @param workspace          plan.workspace_bytes() bytes; nothing is allocated
/// Order     sums run in a fixed order: the same bits for any number of threads.
/// Throws    Error naming argument, position, value and rule; nothing is written when it is invalid_argument, invalid_type or unsupported.
/// Source    Christiano et al. 2017 (arXiv:1706.03741), eq. 1; Bradley and Terry 1952.
SEGPREF_API void preference_loss(const Context& context, const PreferenceLossPlan& plan, ConstTensorView step_rewards,
                                 const PreferenceBatch& batch, const PreferenceOptions& options, const PreferenceResult& result,
                                 TensorView grad_step_rewards, Workspace workspace);

/// The same with a plan and a workspace of its own, made for this call.
SEGPREF_API void preference_loss(const Context& context, ConstTensorView step_rewards, const PreferenceBatch& batch,
                                 const PreferenceOptions& options, const PreferenceResult& result, TensorView grad_step_rewards = {});

}  // namespace segpref
