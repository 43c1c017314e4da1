// A batch of preferences copied to device memory, in the form the kernels read.
#pragma once

#include <memory>
#include <vector>

#include "kernels/common/batch.hpp"
#include "kernels/common/loss_params.hpp"
#include "segpref/preference_options.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {

class DeviceBatch {
 public:
  DeviceBatch(const PreferenceBatch& in, std::int64_t num_members, std::int64_t num_steps) {
    batch.num_members = num_members;
    batch.num_steps = num_steps;
    batch.num_segments = in.offsets.present() ? in.offsets.shape[0] - 1 : in.begins.shape[0];
    batch.num_pairs = batch.num_batch_pairs = in.labels.shape[0];
    batch.offsets = indices(in.offsets);
    batch.begins = indices(in.begins);
    batch.lengths = indices(in.lengths);
    batch.pairs = indices(in.pairs);
    batch.pair_order = indices(in.pair_order);
    if (in.pair_order.present()) {
      batch.num_batch_pairs = in.pair_order.shape[static_cast<std::size_t>(in.pair_order.rank - 1)];
      batch.pair_order_member_stride = in.pair_order.rank == 2 ? batch.num_batch_pairs : 0;
    }
    batch.labels = reals(in.labels, 0.0);
    batch.weights = reals(in.weights, 1.0);
    batch.margins = reals(in.margins, 0.0);
  }

  /// f32 or f64 values [n] or [num_members, n].
  kernels::RealArray reals(const ConstTensorView& view, double absent) {
    if (!view.present()) return {nullptr, false, 0, absent};
    return {copy(view), view.dtype == DType::f64, view.rank == 2 ? view.shape[1] : 0, absent};
  }

  kernels::Batch batch;

 private:
  kernels::IndexArray indices(const ConstTensorView& view) {
    if (!view.present()) return {};
    return {copy(view), view.dtype == DType::i64};
  }
  const void* copy(const ConstTensorView& view) {
    const auto* bytes = static_cast<const std::byte*>(view.data);
    buffers_.push_back(std::make_unique<Buffer<std::byte>>(std::vector<std::byte>(bytes, bytes + view.size() * size_of(view.dtype))));
    return buffers_.back()->get();
  }

  std::vector<std::unique_ptr<Buffer<std::byte>>> buffers_;
};

inline kernels::LossParams loss_params(const PreferenceOptions& o) {
  return {o.temperature, o.clip, o.smoothing, o.lapse, o.centering, o.tie_model, o.nonfinite == NonFinite::skip};
}

}  // namespace segpref::simt
