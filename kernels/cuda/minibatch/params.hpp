// What the kernels that draw an epoch's minibatches are given: plain structs, a shape on every pointer.
#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::cuda {

/// Which draws: those of the trainer (kernels/math/epoch_stream.hpp). The epoch may lie on the device, so that a graph of an epoch is replayed for every one.
struct EpochDraws {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;                      ///< where device_epoch is null
  const std::int64_t* device_epoch = nullptr;  ///< [1]

  SEGPREF_HOST_DEVICE std::int64_t number() const { return device_epoch == nullptr ? epoch : *device_epoch; }
};

/// bootstrap_pairs_kernel: every list draws as many pairs as there are, with replacement.
struct BootstrapParams {
  EpochDraws draws;
  std::int64_t num_lists = 1;           ///< members; at most 32
  std::int64_t num_pairs = 0;
  const std::int64_t* pairs = nullptr;  ///< [num_pairs], to draw from
  std::int64_t* drawn = nullptr;        ///< [num_lists, num_pairs], out
};

/// The pairs of each list in an order of its own, cut into minibatches.
struct EpochOrderParams {
  EpochDraws draws;
  std::int64_t num_lists = 1;           ///< members, or 1 where all share their minibatches; at most 32
  std::int64_t num_pairs = 0;           ///< of a list; num_lists * num_pairs <= max_sorted
  std::int64_t batch_pairs = 1;         ///< >= 1; the last minibatch may hold fewer
  const std::int64_t* pairs = nullptr;  ///< [num_pairs]; [num_lists, num_pairs] where has_own_pairs
  bool has_own_pairs = false;           ///< every list permutes pairs of its own, as bootstrap_pairs_kernel draws them
  // Scratch, num_lists * num_pairs elements each
  std::uint64_t *keys = nullptr, *sorted_keys = nullptr;
  std::uint32_t *entries = nullptr, *sorted_entries = nullptr;
  std::int64_t* order = nullptr;        ///< [num_lists * num_pairs], out: minibatch after minibatch, each [num_lists, its pairs]: a pair_order as it is

  SEGPREF_HOST_DEVICE std::int64_t num_entries() const { return num_lists * num_pairs; }
  SEGPREF_HOST_DEVICE std::int64_t num_batches() const { return (num_pairs + batch_pairs - 1) / batch_pairs; }
  /// Where a minibatch begins in `order`.
  SEGPREF_HOST_DEVICE std::int64_t batch_begin(std::int64_t batch) const { return num_lists * batch * batch_pairs; }
  SEGPREF_HOST_DEVICE std::int64_t batch_size(std::int64_t batch) const {
    const std::int64_t left = num_pairs - batch * batch_pairs;
    return left < batch_pairs ? left : batch_pairs;
  }
};

}  // namespace segpref::cuda
