// Logits of pairs of a data set that lies on a CUDA device.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "host/trainer/logits.hpp"
#include "host/trainer/with_cuda/device_dataset.hpp"

namespace segpref {

class DeviceLogits {
 public:
  /// For up to `most_pairs` pairs of a call.
  /// @param ensemble, device_data, stream  stay; the ensemble's parameters may change between calls
  /// @param context  of the stream
  DeviceLogits(const Context& context, const RewardEnsemble& ensemble, const PreferenceDataset& data, const DeviceDataset& device_data, std::int64_t most_pairs, int index,
               const device::Stream& stream)
      : context_(context), ensemble_(ensemble), data_(device_data), device_{Device::Kind::cuda, index}, stream_(stream),
        plan_(ensemble.architecture(), logits_capacity(ensemble.architecture(), data, most_pairs, device_), context.num_threads()), workspace_(plan_.workspace_bytes(), index, stream),
        parameters_(ensemble.file().parameters.size(), index, stream), pairs_(static_cast<std::size_t>(most_pairs), index, stream),
        logits_(static_cast<std::size_t>(most_pairs * ensemble.architecture().num_members), index, stream) {}

  std::int64_t most_pairs() const { return static_cast<std::int64_t>(pairs_.size()); }
  /// [num_members, pairs.size()]. Waits for the stream.
  std::vector<float> of(const std::vector<std::int64_t>& pairs) {
    const auto num_pairs = static_cast<std::int64_t>(pairs.size());
    const std::int64_t members = ensemble_.architecture().num_members, chunk_pairs = plan_.capacity().num_batch_pairs;
    parameters_.upload(ensemble_.file().parameters);
    pairs_.upload(pairs);
    const PreferenceOptions options = logits_options(ensemble_.score_options());
    for (std::int64_t begin = 0; begin < num_pairs; begin += chunk_pairs) {
      const std::int64_t count = std::min(chunk_pairs, num_pairs - begin);
      PreferenceResult result;
      result.logits = view(logits_.data() + members * begin, {members, count}, device_);
      const ConstTensorView chunk = view(static_cast<const std::int64_t*>(pairs_.data()) + begin, {count}, device_);
      mlp_preference_loss(context_, plan_, parameters_.read(), data_.features(), logits_batch(data_.batch(), chunk), options, result, {}, {}, {}, {workspace_.data(), workspace_.size()});
    }
    // Of each chunk [num_members, its pairs]
    std::vector<float> by_chunk(static_cast<std::size_t>(members * num_pairs)), all(by_chunk.size());
    logits_.download(by_chunk);
    stream_.wait();
    for (std::int64_t begin = 0; begin < num_pairs; begin += chunk_pairs) {
      const std::int64_t count = std::min(chunk_pairs, num_pairs - begin);
      for (std::int64_t member = 0; member < members; ++member) std::copy_n(by_chunk.data() + members * begin + member * count, count, all.data() + member * num_pairs + begin);
    }
    return all;
  }

 private:
  Context context_;
  const RewardEnsemble& ensemble_;
  const DeviceDataset& data_;
  Device device_;
  const device::Stream& stream_;
  MlpLossPlan plan_;
  device::StreamArray<std::byte> workspace_;
  device::StreamArray<float> parameters_;
  device::StreamArray<std::int64_t> pairs_;
  device::StreamArray<float> logits_;
};

}  // namespace segpref
