// Batches in device memory, in the raw form in which kernels read them. Their shapes were checked; their values are the kernels' to trust.
#pragma once

#include "host/validate/batch.hpp"
#include "kernels/common/batch.hpp"

namespace segpref::cuda_backend {

inline kernels::IndexArray indices(const ConstTensorView& view) {
  // An empty array may come with a null pointer, which must not read as "absent". Nobody reads through this one.
  static constexpr std::int64_t empty = 0;
  return {view.present() && view.data == nullptr ? &empty : view.data, view.dtype == DType::i64};
}

/// [num] or [num_members, num] values; an absent view reads as `absent` everywhere.
inline kernels::RealArray reals(const ConstTensorView& view, double absent) {
  if (!view.present()) return {nullptr, false, 0, absent};
  return {view.data, view.dtype == DType::f64, view.rank == 2 ? view.shape[1] : 0, absent};
}

inline kernels::Batch device_batch(const PreferenceBatch& in, const validation::BatchShape& shape) {
  kernels::Batch batch;
  batch.num_members = shape.num_members;
  batch.num_steps = shape.num_steps;
  batch.num_segments = shape.num_segments;
  batch.num_pairs = shape.num_pairs;
  batch.num_batch_pairs = shape.num_batch_pairs;
  batch.offsets = indices(in.offsets);
  batch.begins = indices(in.begins);
  batch.lengths = indices(in.lengths);
  batch.pairs = indices(in.pairs);
  batch.pair_order = indices(in.pair_order);
  batch.pair_order_member_stride = in.pair_order.rank == 2 ? shape.num_batch_pairs : 0;
  batch.labels = reals(in.labels, 0.0);
  batch.weights = reals(in.weights, 1.0);
  batch.margins = reals(in.margins, 0.0);
  return batch;
}

}  // namespace segpref::cuda_backend
