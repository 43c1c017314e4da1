// Linear reward head on wide features: score, loss and the gradient of w from one pass over memory.
#pragma once

#include <string>

#include "context.hpp"
#include "export.hpp"
#include "plan.hpp"
#include "preference_options.hpp"

namespace segpref {

/// r = w . x + b, one head per member. f64 where the features are f64, else f32.
struct LinearHead {
  ConstTensorView weight;  ///< [num_members, feature_dim] or [feature_dim]
  ConstTensorView bias;    ///< [num_members], or [1] for all members; absent: 0
};

/// Each gradient is overwritten; an absent one is not computed.
struct LinearGradients {
  TensorView weight;    ///< the shape and dtype of LinearHead::weight
  TensorView bias;      ///< the shape and dtype of LinearHead::bias; summed over members where they share it
  TensorView features;  ///< [num_steps, feature_dim], the dtype of the features, summed over members
};

class SEGPREF_API LinearLossPlan {
 public:
  LinearLossPlan(const PreferenceCapacity& capacity, std::int64_t feature_dim);
  const PreferenceCapacity& capacity() const { return capacity_; }
  std::int64_t feature_dim() const { return feature_dim_; }
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  std::string describe() const;

 private:
  PreferenceCapacity capacity_;
  std::int64_t feature_dim_ = 0;
  std::size_t workspace_bytes_ = 0;
};

/// preference_loss with r = w . x + b. Uses sum_t w . x_t = w . (sum_t x_t): the features are read once.
/// @param features      [num_steps, feature_dim], rows may be strided; f32, f64, bf16 or f16
/// @param step_rewards  [num_members, num_steps] real, out; absent: not computed
SEGPREF_API void linear_preference_loss(const Context& context, const LinearLossPlan& plan, const LinearHead& head,
                                        ConstTensorView features, const PreferenceBatch& batch, const PreferenceOptions& options,
                                        const PreferenceResult& result, const LinearGradients& gradients, TensorView step_rewards,
                                        Workspace workspace);
/// The same with a plan and a workspace of its own, made for this call.
SEGPREF_API void linear_preference_loss(const Context& context, const LinearHead& head, ConstTensorView features,
                                        const PreferenceBatch& batch, const PreferenceOptions& options,
                                        const PreferenceResult& result, const LinearGradients& gradients = {},
                                        TensorView step_rewards = {});

}  // namespace segpref
