#include "kernels/reference/adamw.hpp"

#include "host/reference_backend/convert.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"

namespace segpref::reference_backend {

void adamw_step(const TensorView& parameters, const ConstTensorView& gradients, const TensorView& first_moment, const TensorView& second_moment,
                std::int64_t step, const AdamWOptions& options) {
  count_call();
  const reference::AdamW wanted{options.learning_rate, options.beta1, options.beta2, options.epsilon, options.weight_decay, options.decoupled};
  Row values = values_of(parameters), first = values_of(first_moment), second = values_of(second_moment);
  reference::adamw_step(wanted, step, values_of(gradients), values, first, second);
  store(parameters, values);
  store(first_moment, first);
  store(second_moment, second);
}

}  // namespace segpref::reference_backend
