// The minibatches of an epoch, drawn on the device that trains: those of Minibatches::order.
#pragma once

#include "host/device/with_cuda/stream_array.hpp"
#include "host/trainer/minibatches.hpp"
#include "kernels/cuda/minibatch/launch.hpp"

namespace segpref {

class DeviceMinibatches {
 public:
  /// @param training  must stay as it is until the stream has it
  DeviceMinibatches(const std::vector<std::int64_t>& training, const Minibatches& minibatches, const TrainerOptions& options, int index, const device::Stream& stream)
      : stream_(stream), training_(training, index, stream), drawn_(options.sampling == Sampling::bootstrap ? entries(minibatches) : 0, index, stream),
        order_(entries(minibatches), index, stream), keys_(2 * entries(minibatches), index, stream), numbers_(2 * entries(minibatches), index, stream),
        storage_(storage_bytes(minibatches), index, stream) {
    params_.draws.seed = options.seed;
    params_.num_lists = minibatches.num_lists();
    params_.num_pairs = minibatches.num_pairs();
    params_.batch_pairs = minibatches.batch_pairs();
    params_.pairs = training_.data();
    params_.keys = keys_.data();
    params_.sorted_keys = keys_.data() + entries(minibatches);
    params_.entries = numbers_.data();
    params_.sorted_entries = numbers_.data() + entries(minibatches);
    params_.order = order_.data();
    if (options.sampling == Sampling::bootstrap) bootstrap();
  }

  /// Enqueues the drawing of an epoch's minibatches.
  void draw(std::int64_t epoch) {
    params_.draws.epoch = epoch;
    device::check(cuda::launch_epoch_order(params_, storage_.data(), storage_.size(), stream_.get()), "launch_epoch_order");
  }
  /// [num_lists, pairs] of a minibatch, or [pairs] where there is one list.
  ConstTensorView pair_order(std::int64_t batch, int index) const {
    const std::int64_t* pairs = order_.data() + params_.batch_begin(batch);
    const Device device{Device::Kind::cuda, index};
    return params_.num_lists > 1 ? view(pairs, {params_.num_lists, params_.batch_size(batch)}, device) : view(pairs, {params_.batch_size(batch)}, device);
  }

 private:
  static std::size_t entries(const Minibatches& minibatches) { return static_cast<std::size_t>(minibatches.num_lists() * minibatches.num_pairs()); }
  static std::size_t storage_bytes(const Minibatches& minibatches) {
    std::size_t bytes = 0;
    device::check(cuda::epoch_order_storage_bytes(minibatches.num_lists(), minibatches.num_pairs(), bytes), "epoch_order_storage_bytes");
    return bytes;
  }

  /// Every list draws its own pairs, once.
  void bootstrap() {
    cuda::BootstrapParams p;
    p.draws = params_.draws;  // of epoch 0
    p.num_lists = params_.num_lists;
    p.num_pairs = params_.num_pairs;
    p.pairs = training_.data();
    p.drawn = drawn_.data();
    device::check(cuda::launch_bootstrap_pairs(p, stream_.get()), "launch_bootstrap_pairs");
    params_.pairs = drawn_.data();
    params_.has_own_pairs = true;
  }

  const device::Stream& stream_;
  device::StreamArray<std::int64_t> training_, drawn_, order_;
  device::StreamArray<std::uint64_t> keys_;
  device::StreamArray<std::uint32_t> numbers_;
  device::StreamArray<std::byte> storage_;
  cuda::EpochOrderParams params_;
};

}  // namespace segpref
