// Tensors on a CUDA device: what the public functions call after validation. Nothing here waits, allocates or touches another stream than the
// context's, and everything may be captured in a graph.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "kernels/cpu/adamw.hpp"
#include "segpref/context.hpp"
#include "segpref/view.hpp"

namespace segpref::cuda_backend {

/// The public functions that run on CUDA tensors; the others refuse them. The one place that says so.
inline constexpr std::array<std::string_view, 1> operations = {"adamw_step"};

constexpr bool has(std::string_view operation) { return std::find(operations.begin(), operations.end(), operation) != operations.end(); }

void adamw_step(const Context& context, const cpu::AdamWCoefficients& coefficients, const TensorView& parameters, const ConstTensorView& gradients,
                const TensorView& first_moment, const TensorView& second_moment);

}  // namespace segpref::cuda_backend
