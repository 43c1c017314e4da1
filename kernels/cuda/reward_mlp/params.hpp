// What the kernels of the MLP are given: plain structs, a shape on every pointer. "Operand" is the element type of a precision (config.cuh).
//
// One training step, in order: pack_weights (when weights have changed) | mlp_forward | scores, pair loss and expansion of the gradient: the kernels of
// the given rewards | mlp_backward | mlp_weight_grad, mlp_reduce_grad (and mlp_grad_features). A prediction is pack_weights and mlp_forward.
#pragma once

#include <cstdint>

#include "kernels/cuda/reward_mlp/shape.hpp"
#include "segpref/dtype.hpp"

namespace segpref::cuda {

/// pack_weights_kernel: hidden weights from the flat buffer to padded operands.
struct PackWeightsParams {
  MlpShape shape;
  const float* parameters = nullptr;   ///< [num_parameters], the flat buffer of segpref/reward_model.hpp
  void* packed = nullptr;              ///< [num_members, packed_size] operands
};

/// Features of steps, in one tensor or two.
struct MlpFeatures {
  DType dtype = DType::f32;                     ///< of both tensors
  const void* first = nullptr;                  ///< [num_steps, first_dim]
  const void* second = nullptr;                 ///< [num_steps, feature_dim - first_dim]; null where first_dim is feature_dim
  int first_dim = 0;
  std::int64_t first_stride = 0, second_stride = 0;
  const float* mean = nullptr;                  ///< [feature_dim]; null: features are used as they are
  const float* std = nullptr;                   ///< [feature_dim]: a feature enters as (x - mean) / std
};

/// Which steps the rows of a call are, and their features. Rows are numbered 0 to num_rows - 1.
struct MlpRows : MlpFeatures {
  std::int64_t num_rows = 0;                    ///< where device_num_rows is null
  const std::int64_t* device_num_rows = nullptr;  ///< [1], or [num_members] where members have rows of their own; at most row_capacity
  const std::int64_t* steps = nullptr;          ///< [row_capacity], or [num_members, row_capacity]; null: row r is step r
  bool per_member = false;                      ///< members have rows of their own
  std::int64_t row_capacity = 0;                ///< rows that the arrays below have room for

  SEGPREF_HOST_DEVICE std::int64_t num_lists(int num_members) const { return per_member ? num_members : 1; }
  SEGPREF_HOST_DEVICE std::int64_t list_of(std::int64_t member) const { return per_member ? member : 0; }
  SEGPREF_HOST_DEVICE std::int64_t num_rows_of(std::int64_t member) const { return device_num_rows == nullptr ? num_rows : device_num_rows[list_of(member)]; }
  SEGPREF_HOST_DEVICE std::int64_t step_of(std::int64_t member, std::int64_t row) const { return steps == nullptr ? row : steps[list_of(member) * row_capacity + row]; }
};

/// The formula between two layers, and behind the last one.
struct MlpFormula {
  Activation activation = Activation::leaky_relu;
  float leaky_slope = 0;        ///< relu is leaky_relu with slope 0
  Output output = Output::identity;
  float output_scale = 1, output_shift = 0;   ///< reward = shift + scale * output(raw)
  // Dropout of this call; rate 0: none
  float dropout_rate = 0, keep_scale = 1;
  std::uint64_t dropout_seed = 0, dropout_call = 0;

  /// Slopes of hidden units are one of two values, told by the sign: a bit per unit. Else they are operands.
  SEGPREF_HOST_DEVICE bool has_bit_slopes() const { return activation <= Activation::leaky_relu && dropout_rate == 0; }
};

/// @param training  whether the call's dropout is active
inline MlpFormula mlp_formula(const RewardArchitecture& architecture, bool training, std::uint64_t seed, std::uint64_t call) {
  MlpFormula formula;
  formula.activation = architecture.activation;
  formula.leaky_slope = architecture.activation == Activation::leaky_relu ? static_cast<float>(architecture.leaky_slope) : 0.0f;
  formula.output = architecture.output;
  if (architecture.output_scaled && architecture.output != Output::identity) {
    const auto lo = static_cast<float>(architecture.output_lo), range = static_cast<float>(architecture.output_hi - architecture.output_lo);
    const bool is_tanh = architecture.output == Output::tanh;  // u = (tanh + 1) / 2
    formula.output_scale = is_tanh ? range / 2 : range;
    formula.output_shift = is_tanh ? lo + range / 2 : lo;
  }
  if (training && architecture.dropout > 0) {
    formula.dropout_rate = static_cast<float>(architecture.dropout);
    formula.keep_scale = static_cast<float>(1.0 / (1.0 - architecture.dropout));
    formula.dropout_seed = seed;
    formula.dropout_call = call;
  }
  return formula;
}

/// What the forward kernel keeps for the backward pass; a prediction keeps nothing, all are null.
struct MlpKept {
  void* inputs = nullptr;     ///< [num_lists, row_capacity, padded_width[0]] operands
  void* hidden = nullptr;     ///< of every hidden layer [num_members, row_capacity, padded width] operands: MlpShape::activations_of
  void* slopes = nullptr;     ///< [num_members, num_hidden, tiles of row_capacity] x slope_bytes of the ChainTile, in the order of the kernel's sums
  float* raw = nullptr;       ///< [num_members, row_capacity] before the output's function
};

/// mlp_forward_kernel.
struct MlpForwardParams {
  MlpShape shape;
  MlpFormula formula;
  MlpRows rows;
  const float* parameters = nullptr;  ///< [num_parameters]: biases and the output layer are read from here
  const void* packed = nullptr;       ///< [num_members, packed_size] operands
  MlpKept kept;
  float* rewards = nullptr;           ///< [num_members, row_capacity]; NaN where a feature of the row is not finite
};

/// mlp_backward_kernel.
struct MlpBackwardParams {
  MlpShape shape;
  MlpFormula formula;
  MlpRows rows;
  const float* parameters = nullptr;
  const void* packed = nullptr;
  MlpKept kept;                        ///< slopes and raw are read
  const float* grad_rewards = nullptr; ///< [num_members, row_capacity]; 0: the row leaves no trace, whatever it holds
  float* grad_raw = nullptr;           ///< [num_members, row_capacity], out
  void* grad_hidden = nullptr;         ///< gradients of pre-activations, the shape of MlpKept::hidden, out; rows with grad_raw 0 may hold anything
};

/// mlp_weight_grad_kernel and mlp_reduce_grad_kernel.
struct MlpWeightGradParams {
  MlpShape shape;
  MlpRows rows;                        ///< numbers of rows
  MlpKept kept;                        ///< inputs and hidden are read
  const float* grad_raw = nullptr;     ///< [num_members, row_capacity]
  const void* grad_hidden = nullptr;   ///< as mlp_backward_kernel left it
  int num_splits = 1;                  ///< parts that the rows of a member are cut into
  float* partial = nullptr;            ///< [num_splits, num_parameters], every element written
  const float* grad_scale = nullptr;   ///< [num_members], a factor of all; null: 1
  float* gradients = nullptr;          ///< [num_parameters]
};

/// mlp_grad_features_kernel. The steps of a list's rows differ from each other. Members that share their rows are added up by one launch; members with
/// rows of their own take turns, in order, on an array of zeros.
struct MlpGradFeaturesParams {
  MlpShape shape;
  MlpRows rows;
  const void* packed = nullptr;
  const float* grad_raw = nullptr;     ///< [num_members, row_capacity]
  const void* grad_hidden = nullptr;   ///< as mlp_backward_kernel left it: that of the first layer is read
  const float* grad_scale = nullptr;   ///< [num_members], a factor of all; null: 1
  float* grad_first = nullptr;         ///< [num_steps, first_dim]; null: not wanted
  float* grad_second = nullptr;        ///< [num_steps, feature_dim - first_dim]; null: not wanted
  int only_member = -1;                ///< this member's gradient is added to what is there; -1: the sum over all members is written

  SEGPREF_HOST_DEVICE int first_member() const { return only_member < 0 ? 0 : only_member; }
  SEGPREF_HOST_DEVICE int num_members() const { return only_member < 0 ? shape.num_members : 1; }
};

/// mlp_prediction_kernel: rewards of some neighbouring steps to what a prediction asks for. A null output is not wanted.
struct MlpPredictionParams {
  int num_members = 0;
  std::int64_t num_rows = 0, row_capacity = 0;
  const float* rewards = nullptr;      ///< [num_members, row_capacity] of mlp_forward_kernel
  const float* shift = nullptr;        ///< [num_members]; null: rewards are used as they are
  const float* scale = nullptr;        ///< [num_members]: a reward leaves as (r - shift) * scale
  std::int64_t member_stride = 0;      ///< from one member's predictions to the next one's
  float* members = nullptr;            ///< of the first row and member
  float* mean = nullptr;               ///< of the first row
  float* std = nullptr;                ///< of the first row; population standard deviation over members
};

}  // namespace segpref::cuda
