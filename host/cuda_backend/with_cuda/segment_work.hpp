// What every operation on a device does with segments: scores from step rewards, and gradients of scores back to steps.
#pragma once

#include <fmt/format.h>

#include "host/device/with_cuda/current_device.hpp"
#include "host/plan/workspace_layout.hpp"
#include "kernels/common/batch.hpp"
#include "kernels/cuda/primitives/device_algorithms.hpp"
#include "kernels/cuda/segment_reduce/expand_launch.hpp"
#include "kernels/cuda/segment_reduce/launch.hpp"
#include "kernels/cuda/segment_reduce/prepare_launch.hpp"
#include "segpref/preference_options.hpp"

namespace segpref::cuda_backend {

/// Windows longer than this are read by a block each, where a plan knows so.
inline constexpr std::int64_t long_window_steps = 8192;

/// How segments are shared among warps and blocks. @param max_segment_steps  0: unknown
inline cuda::SegmentRegime segment_regime(bool windows, std::int64_t num_steps, std::int64_t max_segment_steps) {
  if (windows) return max_segment_steps > long_window_steps ? cuda::SegmentRegime::long_segments : cuda::SegmentRegime::short_segments;
  const std::int64_t longest = max_segment_steps > 0 ? max_segment_steps : num_steps;
  return longest > cuda::steps_per_piece ? cuda::SegmentRegime::mixed_lengths : cuda::SegmentRegime::short_segments;
}

/// What a plan says of it.
inline std::string describe_scores(std::int64_t num_steps, std::int64_t max_segment_steps) {
  std::string text = "scores by warps, short segments four at a time";
  if (segment_regime(false, num_steps, max_segment_steps) == cuda::SegmentRegime::mixed_lengths) text += fmt::format(", of more than {} steps by a block per piece", cuda::steps_per_piece);
  if (segment_regime(true, num_steps, max_segment_steps) == cuda::SegmentRegime::long_segments) text += "; windows by a block each";
  return text;
}

template <typename Real>
struct SegmentBuffers {
  Booked<Real> discount_powers, piece_sums;
  // Windows by begin
  Booked<std::uint64_t> keys, sorted_begins;
  Booked<std::uint32_t> windows, by_begin;
  Booked<std::int64_t> ends, reach;
  Booked<std::byte> storage;
};

/// What SegmentWork::expand takes. The current device is the plan's.
template <typename Real>
void book_expansion(std::int64_t num_steps, std::int64_t num_segments, WorkspaceLayout& layout, SegmentBuffers<Real>& b) {
  b.keys = layout.book<std::uint64_t>(num_segments);
  b.sorted_begins = layout.book<std::uint64_t>(num_segments);
  b.windows = layout.book<std::uint32_t>(num_segments);
  b.by_begin = layout.book<std::uint32_t>(num_segments);
  b.ends = layout.book<std::int64_t>(num_segments);
  b.reach = layout.book<std::int64_t>(num_segments);
  std::size_t sort_bytes = 0, scan_bytes = 0;
  device::check(cuda::sort_by_key_bytes(num_segments, cuda::bits_of(num_steps), sort_bytes), "sort_by_key_bytes");
  device::check(cuda::running_maximum_bytes(num_segments, scan_bytes), "running_maximum_bytes");
  b.storage = layout.book<std::byte>(static_cast<std::int64_t>(std::max(sort_bytes, scan_bytes)));
}

/// What scores and expand take. The current device is the plan's.
template <typename Real>
SegmentBuffers<Real> book_segments(std::int64_t num_members, std::int64_t num_steps, std::int64_t num_segments, std::int64_t max_segment_steps, WorkspaceLayout& layout) {
  SegmentBuffers<Real> b;
  b.discount_powers = layout.book<Real>(max_segment_steps > 0 ? std::min(max_segment_steps, num_steps) : num_steps);
  const bool has_pieces = segment_regime(false, num_steps, max_segment_steps) == cuda::SegmentRegime::mixed_lengths;
  b.piece_sums = layout.book<Real>(has_pieces ? validation::product("workspace", 2 * num_members, cuda::num_stretches(num_steps)) : 0);
  book_expansion(num_steps, num_segments, layout, b);
  return b;
}

/// Windows in the order of their begins, equal ones by index: what launch_expand_windows reads. In device memory, [num_segments] each.
struct WindowOrder {
  const std::uint32_t* by_begin = nullptr;
  const std::int64_t *begins = nullptr, *ends = nullptr, *reach = nullptr;
};

/// One call's segments. Everything is enqueued on the stream.
template <typename Real>
struct SegmentWork {
  const kernels::Batch& batch;
  const PreferenceOptions& options;  ///< aggregation and discount
  const PreferenceCapacity& capacity;
  const SegmentBuffers<Real>& buffers;
  Workspace workspace;
  cudaStream_t stream;

  /// scores [num_members, num_segments] from step rewards [num_members, num_steps].
  template <typename Element>
  void scores(const Element* step_rewards, Real* scores) const {
    if (is_discounted()) {
      const cuda::DiscountPowersParams<Real> powers{std::min(buffers.discount_powers.count, batch.num_steps), cuda::DiscountPowers::of(options.discount), buffers.discount_powers.in(workspace)};
      device::check(cuda::launch_discount_powers(powers, stream), "launch_discount_powers");
    }
    cuda::SegmentScoresParams<Element, Real> p{};
    p.step_rewards = step_rewards;
    p.offsets = batch.offsets;
    p.begins = batch.begins;
    p.lengths = batch.lengths;
    p.discount_powers = is_discounted() ? buffers.discount_powers.in(workspace) : nullptr;
    p.scores = scores;
    p.num_steps = batch.num_steps;
    p.num_segments = batch.num_segments;
    p.num_members = static_cast<int>(batch.num_members);
    p.aggregation = options.aggregation;
    const cuda::SegmentRegime regime = segment_regime(batch.windows(), batch.num_steps, capacity.max_segment_steps);
    if (regime == cuda::SegmentRegime::mixed_lengths) p.piece_sums = buffers.piece_sums.in(workspace);
    device::check(cuda::launch_segment_scores(p, regime, stream), "launch_segment_scores");
  }

  /// grad_steps [num_members, num_steps] from grad_scores [num_members, num_graded], times grad_scale [num_members].
  template <typename Element>
  void expand(const Real* grad_scores, std::int64_t num_graded, const Real* grad_scale, Element* grad_steps) const {
    if (!batch.windows()) {
      cuda::ExpandParams<Element, Real> p;
      p.offsets = batch.offsets;
      fill(p, grad_scores, num_graded, grad_scale, grad_steps);
      device::check(cuda::launch_expand_gradient(p, stream), "launch_expand_gradient");
      return;
    }
    expand_windows(order_windows(), grad_scores, num_graded, grad_scale, grad_steps);
  }

  /// The same for windows whose order is known.
  template <typename Element>
  void expand_windows(const WindowOrder& order, const Real* grad_scores, std::int64_t num_graded, const Real* grad_scale, Element* grad_steps) const {
    cuda::ExpandWindowsParams<Element, Real> p;
    p.by_begin = order.by_begin;
    p.begins = order.begins;
    p.ends = order.ends;
    p.reach = order.reach;
    fill(p, grad_scores, num_graded, grad_scale, grad_steps);
    device::check(cuda::launch_expand_windows(p, stream), "launch_expand_windows");
  }

 private:
  bool is_discounted() const { return options.discount != 1.0; }

  template <class Params, typename Element>
  void fill(Params& p, const Real* grad_scores, std::int64_t num_graded, const Real* grad_scale, Element* grad_steps) const {
    p.num_members = batch.num_members;
    p.num_steps = batch.num_steps;
    p.num_segments = batch.num_segments;
    p.aggregation = options.aggregation;
    p.is_discounted = is_discounted();
    p.discount = cuda::DiscountPowers::of(options.discount);
    p.grad_scores = grad_scores;
    p.num_graded = num_graded;
    p.grad_scale = grad_scale;
    p.grad_steps = grad_steps;
  }

  WindowOrder order_windows() const {
    cuda::WindowOrderParams p;
    p.num_segments = batch.num_segments;
    p.begins = batch.begins;
    p.lengths = batch.lengths;
    p.keys = buffers.keys.in(workspace);
    p.windows = buffers.windows.in(workspace);
    p.sorted_begins = buffers.sorted_begins.in(workspace);
    p.by_begin = buffers.by_begin.in(workspace);
    p.ends = buffers.ends.in(workspace);
    auto* storage = buffers.storage.in(workspace);
    const auto storage_bytes = static_cast<std::size_t>(buffers.storage.count);
    device::check(cuda::launch_window_keys(p, stream), "launch_window_keys");
    device::check(cuda::sort_by_key(storage, storage_bytes, {p.keys, p.windows, p.sorted_begins, p.by_begin}, p.num_segments, cuda::bits_of(batch.num_steps), stream), "sort_by_key");
    device::check(cuda::launch_window_ends(p, stream), "launch_window_ends");
    device::check(cuda::running_maximum(storage, storage_bytes, p.ends, buffers.reach.in(workspace), p.num_segments, stream), "running_maximum");
    return {p.by_begin, reinterpret_cast<const std::int64_t*>(p.sorted_begins), p.ends, buffers.reach.in(workspace)};
  }
};

}  // namespace segpref::cuda_backend
