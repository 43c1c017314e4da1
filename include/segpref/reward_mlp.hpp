// Fused preference training step and prediction of an ensemble of reward MLPs.
#pragma once

#include <string>

#include "adamw.hpp"
#include "context.hpp"
#include "export.hpp"
#include "plan.hpp"
#include "preference_options.hpp"
#include "reward_model.hpp"

namespace segpref {

/// Precision of the matrix products. Accumulation is f32 or wider in all.
enum class Compute : std::uint8_t {
  standard,  ///< f32 (f64 when parameters are f64, for gradient checks)
  bf16,      ///< operands rounded to bf16; on the CPU it needs bf16 dot products (Error unsupported otherwise)
  tf32,      ///< operands rounded to tf32, 11 bits with the range of f32; CUDA devices only
  f16        ///< operands rounded to f16, 11 bits; what f16 cannot hold (from 65520 on) makes a reward, or a gradient, NaN. CUDA devices only
};

/// "standard", "bf16", "tf32", "f16".
SEGPREF_API const char* name_of(Compute compute);

/// Dropout of one call: the mask is a pure function of (seed, call, member, layer, step, unit). Inactive when the architecture has none.
struct DropoutState {
  bool training = false;
  std::uint64_t seed = 0;
  std::uint64_t call = 0;  ///< number of the training step
};

/// Each gradient is overwritten; an absent one is not computed.
struct MlpGradients {
  TensorView parameters;       ///< [num_parameters], the dtype of the parameters
  TensorView features_first;   ///< the shape of Features::first, the dtype of the parameters, contiguous, summed over members
  TensorView features_second;  ///< the same for Features::second
};

class SEGPREF_API MlpLossPlan {
 public:
  /// On a CUDA device (capacity.device): f32, 1 to 4 hidden layers of up to 512 units; capacity.num_batch_steps is trusted there (docs/ops/reward_mlp.md).
  /// @param num_threads  of the contexts it will run on, at most; the workspace on the CPU has a part for each
  MlpLossPlan(const RewardArchitecture& architecture, const PreferenceCapacity& capacity, int num_threads,
              Compute compute = Compute::standard);
  const RewardArchitecture& architecture() const { return architecture_; }
  const PreferenceCapacity& capacity() const { return capacity_; }
  Compute compute() const { return compute_; }
  int num_threads() const { return num_threads_; }
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  std::string describe() const;

 private:
  RewardArchitecture architecture_;
  PreferenceCapacity capacity_;
  Compute compute_ = Compute::standard;
  int num_threads_ = 1;
  std::size_t workspace_bytes_ = 0;
};

/// Forward of all steps and members that the batch uses, scores, loss and the whole backward pass.
/// @param parameters    [num_parameters] flat buffer (reward_model.hpp); f32, or f64 (then everything is computed in f64)
/// @param step_rewards  [num_members, num_steps] real, out: 0 for steps in no counted pair; absent: not computed
SEGPREF_API void mlp_preference_loss(const Context& context, const MlpLossPlan& plan, ConstTensorView parameters,
                                     const Features& features, const PreferenceBatch& batch, const PreferenceOptions& options,
                                     const PreferenceResult& result, const MlpGradients& gradients, const DropoutState& dropout,
                                     TensorView step_rewards, Workspace workspace);
/// The same with a plan and a workspace of its own, made for this call.
SEGPREF_API void mlp_preference_loss(const Context& context, const RewardArchitecture& architecture, ConstTensorView parameters,
                                     const Features& features, const PreferenceBatch& batch, const PreferenceOptions& options,
                                     const PreferenceResult& result, const MlpGradients& gradients = {},
                                     const DropoutState& dropout = {}, TensorView step_rewards = {});

/// What a training step keeps beside the parameters.
struct MlpOptimizer {
  TensorView first_moment, second_moment;  ///< [num_parameters], the dtype of the parameters, in and out
  TensorView step;                         ///< [1] i64, in and out: 1 before the first step
  AdamWOptions options;
};

/// A whole training step: mlp_preference_loss, then adamw_step with the step as a tensor; their bits. On a CUDA device the end of the one and the beginning of
/// the other are one kernel, and a captured call takes the next step at every replay (dropout draws by the number it was captured with).
/// @param parameters  [num_parameters] f32, or f64 on the CPU; in and out
/// @param gradient    [num_parameters], the same dtype, out: what the step took
SEGPREF_API void mlp_training_step(const Context& context, const MlpLossPlan& plan, TensorView parameters, const Features& features, const PreferenceBatch& batch,
                                   const PreferenceOptions& options, const PreferenceResult& result, TensorView gradient, const DropoutState& dropout,
                                   const MlpOptimizer& optimizer, Workspace workspace);

/// Where predictions go; an absent view is not computed.
struct Prediction {
  TensorView members;  ///< [num_members, num_steps] real
  TensorView mean;     ///< [num_steps] real, over members
  TensorView std;      ///< [num_steps] real, population standard deviation over members
};

/// Reward normalisation stored with a model: a reward leaves as (r - shift) * scale, per member before mean and std.
struct RewardNormalization {
  ConstTensorView shift;  ///< [num_members] f32; absent: none
  ConstTensorView scale;  ///< [num_members] f32. Given together with shift
};

/// Step rewards of every row of features (linear or mlp architecture; no dropout). Allocates a scratch tile per
/// thread; on a CUDA device scratch memory in the order of the context's stream.
SEGPREF_API void predict_rewards(const Context& context, const RewardArchitecture& architecture, ConstTensorView parameters,
                                 const Features& features, const Prediction& prediction,
                                 const RewardNormalization& normalization = {}, Compute compute = Compute::standard);

}  // namespace segpref
