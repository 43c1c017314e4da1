// One optimiser step over the flat parameters of all members.
#pragma once

#include <cstdint>

#include "context.hpp"
#include "export.hpp"
#include "view.hpp"

namespace segpref {

struct AdamWOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.999;  ///< [0, 1)
  double epsilon = 1e-8;              ///< > 0, outside the root
  double weight_decay = 0.0;          ///< >= 0
  bool decoupled = true;              ///< true: AdamW; false: Adam with coupled L2 (weight_decay * parameter joins the gradient)
};

/// @param parameters     [n] f32 or f64, in and out      @param gradients  [n], the same dtype
/// @param first_moment   [n], second_moment [n], the same dtype, in and out
/// @param step           1 for the first step (bias correction)
/// Stream  CUDA tensors: enqueued on context.stream(), returns before it is done. A captured call keeps its step.
/// Source  Kingma and Ba 2015 (arXiv:1412.6980); Loshchilov and Hutter 2019 (arXiv:1711.05101).
SEGPREF_API void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                            TensorView second_moment, std::int64_t step, const AdamWOptions& options);

/// The same where the number of the step lies beside the parameters: read, and one more when the call is done. On a CUDA device that happens in the order
/// of the stream, so that a captured call takes the next step at every replay.
/// @param step           [1] i64, in and out: 1 before the first call. A value below 1 is an error in host memory, and in device memory where the context is
///                       checking_values(); else nobody notices there, and the result means nothing
SEGPREF_API void adamw_step(const Context& context, TensorView parameters, ConstTensorView gradients, TensorView first_moment,
                            TensorView second_moment, TensorView step, const AdamWOptions& options);

}  // namespace segpref
