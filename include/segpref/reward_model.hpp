// What a reward model is: its architecture and where each parameter lies in the flat buffer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "export.hpp"
#include "view.hpp"

namespace segpref {

enum class Activation : std::uint8_t { relu, leaky_relu, tanh, silu, gelu };
enum class Output : std::uint8_t { identity, tanh, sigmoid };

/// An ensemble of MLPs `feature_dim -> hidden... -> 1`; without hidden layers it is the linear model.
struct RewardArchitecture {
  std::int64_t feature_dim = 0;       ///< 1 to 16384
  std::vector<std::int64_t> hidden;   ///< 0 to 4 widths of 1 to 1024
  std::int64_t num_members = 1;       ///< 1 to 32
  Activation activation = Activation::leaky_relu;
  double leaky_slope = 0.01;          ///< [0, 1)
  Output output = Output::identity;
  bool output_scaled = false;         ///< with tanh or sigmoid: lo + (hi - lo) * u, u the output mapped to [0, 1]
  double output_lo = 0.0, output_hi = 1.0;
  bool bias = true;
  double dropout = 0.0;               ///< [0, 1): probability that a hidden unit is 0 in training
};

/// One parameter tensor inside the flat buffer: `layers.{i}.weight [num_members, out, in]` or `layers.{i}.bias [num_members, out]`.
struct ParameterSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0;  ///< first element in the flat buffer
  std::int64_t size = 0;
};

/// Checks every rule of RewardArchitecture. @throws Error(invalid_argument)
SEGPREF_API void validate(const RewardArchitecture& architecture);
/// The slots in buffer order: layers.0.weight, layers.0.bias, layers.1.weight, ...
SEGPREF_API std::vector<ParameterSlot> parameter_layout(const RewardArchitecture& architecture);
/// Elements of the flat buffer, all members.
SEGPREF_API std::int64_t num_parameters(const RewardArchitecture& architecture);
/// Fills a flat buffer: weights uniform in +-1/sqrt(in), biases the same (the PyTorch Linear default), from the counter-based generator.
SEGPREF_API void initialize_parameters(const RewardArchitecture& architecture, std::uint64_t seed, std::vector<float>& parameters);

/// Input rows, in one tensor or in two that are never concatenated in memory. Rows may be strided, elements of a row are adjacent.
struct Features {
  ConstTensorView first;   ///< [num_steps, d0]; f32, f64, bf16 or f16
  ConstTensorView second;  ///< [num_steps, d1], the dtype of first; absent: one tensor. d0 + d1 = feature_dim
  ConstTensorView mean;    ///< [feature_dim] f32; absent: features are used as they are
  ConstTensorView std;     ///< [feature_dim] f32, > 0: a feature enters as (x - mean) / std. Given together with mean
};

}  // namespace segpref
