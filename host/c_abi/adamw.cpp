#include "segpref/adamw.hpp"

#include "host/c_abi/context.hpp"
#include "host/c_abi/struct.hpp"
#include "host/c_abi/tensor.hpp"

using namespace segpref::c_abi;

namespace {

struct Arrays {
  segpref::TensorView parameters;
  segpref::ConstTensorView gradients;
  segpref::TensorView first_moment, second_moment;
};

Arrays read_arrays(Tensors& tensors, const DLTensor* parameters, const DLTensor* gradients, const DLTensor* first_moment, const DLTensor* second_moment) {
  return {tensors.out("parameters", parameters), tensors.in("gradients", gradients), tensors.out("first_moment", first_moment),
          tensors.out("second_moment", second_moment)};
}

segpref::AdamWOptions read_adamw_options(const segpref_adamw_options* options) {
  segpref_adamw_options defaults;
  segpref_adamw_options_init(&defaults);
  const segpref_adamw_options in = read_optional_struct("options", options, defaults);
  check_reserved("options.reserved", in.reserved);
  return {in.learning_rate, in.beta1, in.beta2, in.epsilon, in.weight_decay, read_switch("decoupled", in.decoupled)};
}

}  // namespace

void segpref_adamw_options_init(segpref_adamw_options* options) {
  if (options == nullptr) return;
  const segpref::AdamWOptions defaults;
  *options = {sizeof(*options), defaults.learning_rate, defaults.beta1, defaults.beta2, defaults.epsilon, defaults.weight_decay,
              defaults.decoupled ? 1 : 0, 0};
}

segpref_status segpref_adamw_step(const segpref_context* context, const DLTensor* parameters, const DLTensor* gradients, const DLTensor* first_moment,
                                  const DLTensor* second_moment, int64_t step, const segpref_adamw_options* options) {
  return guarded([&] {
    const segpref::Context& threads = read_context(context);
    Tensors tensors;
    const Arrays in = read_arrays(tensors, parameters, gradients, first_moment, second_moment);
    segpref::adamw_step(threads, in.parameters, in.gradients, in.first_moment, in.second_moment, step, read_adamw_options(options));
  });
}

segpref_status segpref_adamw_counted_step(const segpref_context* context, const DLTensor* parameters, const DLTensor* gradients, const DLTensor* first_moment,
                                          const DLTensor* second_moment, const DLTensor* step, const segpref_adamw_options* options) {
  return guarded([&] {
    const segpref::Context& threads = read_context(context);
    Tensors tensors;
    const Arrays in = read_arrays(tensors, parameters, gradients, first_moment, second_moment);
    const segpref::TensorView number = tensors.out("step", step);
    segpref::adamw_step(threads, in.parameters, in.gradients, in.first_moment, in.second_moment, number, read_adamw_options(options));
  });
}
