// A preference data set in the memory of a CUDA device.
#pragma once

#include <deque>

#include "host/device/with_cuda/stream_array.hpp"
#include "segpref/dataset.hpp"
#include "segpref/reward_ensemble.hpp"

namespace segpref {

class DeviceDataset {
 public:
  /// Uploads what training and evaluation read. The data set and the ensemble, whose standardisation comes along, must live until the stream has it.
  /// @throws Error(out_of_memory)
  DeviceDataset(const PreferenceDataset& data, const RewardEnsemble& ensemble, int index, const device::Stream& stream) : index_(index), stream_(stream) {
    features_ = ensemble.standardized(data.features());
    for (ConstTensorView* view : {&features_.first, &features_.second, &features_.mean, &features_.std}) upload(*view);
    batch_ = data.batch();
    for (ConstTensorView* view : {&batch_.offsets, &batch_.begins, &batch_.lengths, &batch_.pairs, &batch_.labels, &batch_.weights, &batch_.margins}) upload(*view);
  }

  const Features& features() const { return features_; }
  const PreferenceBatch& batch() const { return batch_; }

 private:
  /// The view of a host array, which has no gaps, becomes that of its copy.
  void upload(ConstTensorView& view) {
    if (!view.present()) return;
    const auto* bytes = static_cast<const std::byte*>(view.data);
    arrays_.emplace_back(std::span(bytes, static_cast<std::size_t>(view.size() * size_of(view.dtype))), index_, stream_);
    view.data = arrays_.back().data();
    view.device = {Device::Kind::cuda, index_};
  }

  int index_;
  const device::Stream& stream_;
  std::deque<device::StreamArray<std::byte>> arrays_;
  Features features_;
  PreferenceBatch batch_;
};

}  // namespace segpref
