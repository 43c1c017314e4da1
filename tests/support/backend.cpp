#include "tests/support/backend.hpp"

namespace segpref::testing {

PreferenceBatch Backend::inputs(const PreferenceBatch& host) {
  PreferenceBatch batch = host;
  for (ConstTensorView* view : {&batch.offsets, &batch.begins, &batch.lengths, &batch.pairs, &batch.pair_order, &batch.labels, &batch.weights, &batch.margins})
    *view = input(*view);
  return batch;
}

PreferenceOptions Backend::inputs(const PreferenceOptions& host) {
  PreferenceOptions options = host;
  options.tie_parameter = input(options.tie_parameter);
  return options;
}

Features Backend::inputs(const Features& host) { return {input(host.first), input(host.second), input(host.mean), input(host.std)}; }

PreferenceResult Backend::outputs(const PreferenceResult& host) {
  PreferenceResult result = host;
  for (TensorView* view : {&result.loss, &result.loss_per_pair, &result.scores, &result.logits, &result.metrics, &result.grad_tie_parameter}) *view = output(*view);
  return result;
}

std::size_t spanned_bytes(const ConstTensorView& view) {
  if (view.size() == 0) return 0;
  std::int64_t elements = 1;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(view.rank); ++axis) elements += (view.shape[axis] - 1) * view.strides[axis];
  return static_cast<std::size_t>(elements * size_of(view.dtype));
}

}  // namespace segpref::testing
