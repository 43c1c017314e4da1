// A validated PreferenceBatch as the kernels read it: raw pointers, indices widened at the load, nothing copied.
#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::kernels {

/// i32 or i64 indices.
struct IndexArray {
  const void* data = nullptr;
  bool wide = false;

  SEGPREF_HOST_DEVICE bool present() const { return data != nullptr; }
  SEGPREF_HOST_DEVICE std::int64_t operator[](std::int64_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
};

/// f32 or f64 values with an optional member axis; `absent` stands for a missing array.
struct RealArray {
  const void* data = nullptr;
  bool wide = false;
  std::int64_t member_stride = 0;  ///< 0: shared by all members
  double absent = 0.0;

  SEGPREF_HOST_DEVICE bool present() const { return data != nullptr; }
  SEGPREF_HOST_DEVICE double operator()(std::int64_t member, std::int64_t i) const {
    if (data == nullptr) return absent;
    const std::int64_t position = member * member_stride + i;
    return wide ? static_cast<const double*>(data)[position] : static_cast<double>(static_cast<const float*>(data)[position]);
  }
};

/// Steps [begin, end).
struct StepRange {
  std::int64_t begin = 0, end = 0;
};

struct Batch {
  std::int64_t num_members = 1, num_steps = 0, num_segments = 0, num_pairs = 0, num_batch_pairs = 0;
  IndexArray offsets;           ///< or
  IndexArray begins, lengths;   ///< windows
  IndexArray pairs, pair_order;
  std::int64_t pair_order_member_stride = 0;
  RealArray labels, weights, margins;

  SEGPREF_HOST_DEVICE bool windows() const { return begins.present(); }
  /// True when every segment stands in exactly one pair, at its own place: (0, 1), (2, 3), ...
  SEGPREF_HOST_DEVICE bool identity_pairs() const { return !pairs.present() && !pair_order.present(); }
  SEGPREF_HOST_DEVICE std::int64_t segment_begin(std::int64_t segment) const { return windows() ? begins[segment] : offsets[segment]; }
  SEGPREF_HOST_DEVICE std::int64_t segment_end(std::int64_t segment) const {
    return windows() ? begins[segment] + lengths[segment] : offsets[segment + 1];
  }
  SEGPREF_HOST_DEVICE std::int64_t pair_at(std::int64_t member, std::int64_t batch_pair) const {
    return pair_order.present() ? pair_order[member * pair_order_member_stride + batch_pair] : batch_pair;
  }
  SEGPREF_HOST_DEVICE std::int64_t segment_of(std::int64_t pair, int side) const { return pairs.present() ? pairs[2 * pair + side] : 2 * pair + side; }
};

}  // namespace segpref::kernels
