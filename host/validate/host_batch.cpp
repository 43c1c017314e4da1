#include "host/validate/host_batch.hpp"

#include "host/validate/batch_values.hpp"
#include "host/validate/values.hpp"

namespace segpref::validation {

void segments(const ConstTensorView& offsets, const ConstTensorView& begins, const ConstTensorView& lengths, cpu::Batch& batch) {
  if (offsets.present()) {
    batch.offsets = indices(offsets);
    return;
  }
  batch.begins = indices(begins);
  batch.lengths = indices(lengths);
}

cpu::Batch preference_batch(const PreferenceBatch& in, const PreferenceOptions& options, const BatchShape& shape) {
  cpu::Batch batch;
  batch.num_members = shape.num_members;
  batch.num_steps = shape.num_steps;
  batch.num_segments = shape.num_segments;
  batch.num_pairs = shape.num_pairs;
  batch.num_batch_pairs = shape.num_batch_pairs;
  segments(in.offsets, in.begins, in.lengths, batch);

  if (in.pairs.present()) batch.pairs = indices(in.pairs);
  if (in.pair_order.present()) {
    batch.pair_order = indices(in.pair_order);
    batch.pair_order_member_stride = in.pair_order.rank == 2 ? batch.num_batch_pairs : 0;
  }
  batch.labels = reals(in.labels, 0, 0.0);
  batch.weights = reals(in.weights, batch.num_pairs, 1.0);
  batch.margins = reals(in.margins, batch.num_pairs, 0.0);
  check_on_host(preference_values(batch, options, reals(options.tie_parameter, 0, 0.0), 0));
  return batch;
}

void within_segment_steps(std::int64_t max_segment_steps, const cpu::Batch& batch) {
  ValueChecks checks;
  checks.segment_lengths(batch, max_segment_steps);
  check_on_host(checks);
}

}  // namespace segpref::validation
