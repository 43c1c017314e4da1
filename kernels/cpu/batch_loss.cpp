#include "kernels/cpu/batch_loss.hpp"

#include <algorithm>
#include <atomic>

namespace segpref::cpu {
namespace {

/// Pairs gathered at a time: small enough for the stack and the first-level cache.
constexpr std::int64_t gather_size = 256;

/// values of the listed pairs; null where absent.
template <typename Real>
const Real* gather(const RealArray& array, std::int64_t member, const std::int64_t* pairs, std::int64_t count, Real* buffer) {
  if (!array.present()) return nullptr;
  const auto read = [&](const auto* from) {
    from += member * array.member_stride;
    for (std::int64_t i = 0; i < count; ++i) buffer[i] = static_cast<Real>(from[pairs[i]]);
  };
  if (array.wide) read(static_cast<const double*>(array.data));
  else read(static_cast<const float*>(array.data));
  return buffer;
}

/// Sets the flags of the segments that counted pairs of [begin, end) use. Several tasks may set the same flag.
template <typename Real>
void mark_segments(const BatchLossArgs<Real>& args, std::int64_t member, std::int64_t begin, std::int64_t end) {
  const Batch& batch = *args.batch;
  const std::uint8_t* pair_counted = args.pair_counted + member * batch.num_batch_pairs;
  std::uint8_t* segment_counted = args.segment_counted + member * batch.num_segments;
  for (std::int64_t i = begin; i < end; ++i) {
    if (!pair_counted[i]) continue;
    const std::int64_t pair = batch.pair_at(member, i);
    for (int side = 0; side < 2; ++side)
      std::atomic_ref<std::uint8_t>(segment_counted[batch.segment_of(pair, side)]).store(1, std::memory_order_relaxed);
  }
}

template <typename Real>
void run_slab(const BatchLossArgs<Real>& args, std::int64_t member, std::int64_t slab, bool marks_segments) {
  const Batch& batch = *args.batch;
  const Real* scores = args.scores + member * batch.num_segments;
  const std::int64_t slab_begin = slab * pairs_per_slab;
  const std::int64_t slab_end = std::min(batch.num_batch_pairs, slab_begin + pairs_per_slab);
  PairSums sums;
  Real score_first[gather_size], score_second[gather_size], label[gather_size], weight[gather_size], margin[gather_size];
  Real grad_first[gather_size], grad_second[gather_size];
  for (std::int64_t begin = slab_begin; begin < slab_end; begin += gather_size) {
    const std::int64_t count = std::min(gather_size, slab_end - begin);
    PairInputs<Real> in{count, score_first, score_second, nullptr, nullptr, nullptr, static_cast<Real>(args.tie_parameter(member, 0))};
    if (batch.identity_pairs()) {
      for (std::int64_t i = 0; i < count; ++i) {
        score_first[i] = scores[2 * (begin + i)];
        score_second[i] = scores[2 * (begin + i) + 1];
      }
      in.label = in_order(batch.labels, 0, begin, count, label);
      in.weight = in_order(batch.weights, member, begin, count, weight);
      in.margin = in_order(batch.margins, member, begin, count, margin);
    } else {
      std::int64_t pairs[gather_size];
      for (std::int64_t i = 0; i < count; ++i) {
        pairs[i] = batch.pair_at(member, begin + i);
        score_first[i] = scores[batch.segment_of(pairs[i], 0)];
        score_second[i] = scores[batch.segment_of(pairs[i], 1)];
      }
      in.label = gather(batch.labels, 0, pairs, count, label);
      in.weight = gather(batch.weights, member, pairs, count, weight);
      in.margin = gather(batch.margins, member, pairs, count, margin);
    }
    const std::int64_t first = member * batch.num_batch_pairs + begin;
    PairOutputs<Real> out;
    out.loss = args.loss_per_pair == nullptr ? nullptr : args.loss_per_pair + first;
    out.logit = args.logits == nullptr ? nullptr : args.logits + first;
    out.counted = args.pair_counted == nullptr ? nullptr : args.pair_counted + first;
    if (args.grad_scores != nullptr) {
      out.grad_first = grad_first;
      out.grad_second = grad_second;
    }
    evaluate_pairs(args.loss, in, out, sums);
    if (args.grad_scores == nullptr) continue;
    for (std::int64_t i = 0; i < count; ++i) {
      args.grad_pairs[2 * (first + i)] = grad_first[i];
      args.grad_pairs[2 * (first + i) + 1] = grad_second[i];
    }
    if (marks_segments) mark_segments(args, member, begin, begin + count);
  }
  args.slab_sums[member * num_pair_slabs(batch.num_batch_pairs) + slab] = sums;
}

/// Gradients of the scores of the pairs [begin, end), where pair p is of segments 2 p and 2 p + 1.
template <typename Real>
void scatter_in_order(const BatchLossArgs<Real>& args, std::int64_t member, std::int64_t begin, std::int64_t end, Real scale) {
  const Batch& batch = *args.batch;
  const Real* from = args.grad_pairs + 2 * member * batch.num_pairs;
  const std::uint8_t* counted = args.pair_counted + member * batch.num_pairs;
  Real* to = args.grad_scores + member * batch.num_segments;
  for (std::int64_t i = 2 * begin; i < 2 * end; ++i) to[i] = from[i] * scale;
  if (args.segment_counted == nullptr) return;
  std::uint8_t* segment_counted = args.segment_counted + member * batch.num_segments;
  for (std::int64_t pair = begin; pair < end; ++pair) segment_counted[2 * pair] = segment_counted[2 * pair + 1] = counted[pair];
}

/// Whether every segment stands in at most one counted pair of the member, once its segments are marked: then there are as many marks as sides.
template <typename Real>
bool segments_are_disjoint(const BatchLossArgs<Real>& args, std::int64_t member) {
  const Batch& batch = *args.batch;
  const auto flags_of = [](const std::uint8_t* flags, std::int64_t count) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += flags[i];
    return sum;
  };
  return flags_of(args.segment_counted + member * batch.num_segments, batch.num_segments) ==
         2 * flags_of(args.pair_counted + member * batch.num_batch_pairs, batch.num_batch_pairs);
}

/// Adds the gradients of the counted pairs [begin, end) to those of their scores, in batch order, and marks the segments if that is still to do.
template <typename Real>
void scatter(const BatchLossArgs<Real>& args, std::int64_t member, std::int64_t begin, std::int64_t end, Real scale, bool marks_segments) {
  const Batch& batch = *args.batch;
  Real* grad_scores = args.grad_scores + member * batch.num_segments;
  std::uint8_t* segment_counted = marks_segments ? args.segment_counted + member * batch.num_segments : nullptr;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t position = member * batch.num_batch_pairs + i;
    if (!args.pair_counted[position]) continue;
    const std::int64_t pair = batch.pair_at(member, i);
    for (int side = 0; side < 2; ++side) {
      const std::int64_t segment = batch.segment_of(pair, side);
      grad_scores[segment] += args.grad_pairs[2 * position + side] * scale;
      if (segment_counted != nullptr) segment_counted[segment] = 1;
    }
  }
}

}  // namespace

void add(PairSums& total, const PairSums& part) {
  for (int metric = 0; metric < num_metrics; ++metric) total.metrics[metric] += part.metrics[metric];
  total.grad_tie_parameter += part.grad_tie_parameter;
}

template <typename Real>
void store_member_sums(const BatchLossArgs<Real>& args, std::int64_t member, const PairSums& sums) {
  const double scale = args.reduction.scale(sums.metrics[metric_weight_sum]);
  if (args.reduced_loss != nullptr) {
    const double total = sums.metrics[metric_loss_sum] + sums.metrics[metric_centering_sum];
    args.reduced_loss[member] = static_cast<Real>(scale == 0.0 ? 0.0 : total * scale);
  }
  if (args.metrics != nullptr) std::copy_n(sums.metrics, num_metrics, args.metrics + member * num_metrics);
  if (args.grad_tie_parameter == nullptr) return;
  // A scalar parameter is shared: members are visited in order, the first one overwrites.
  const bool shared = args.tie_parameter.member_stride == 0;
  Real& grad = args.grad_tie_parameter[shared ? 0 : member];
  const Real before = shared && member > 0 ? grad : Real(0);
  grad = before + static_cast<Real>(sums.grad_tie_parameter * scale);
}

template <typename Real>
void store_sums(const BatchLossArgs<Real>& args, std::int64_t num_slabs) {
  for (std::int64_t member = 0; member < args.batch->num_members; ++member) {
    if (num_slabs == 0) {
      store_member_sums(args, member, PairSums());
      continue;
    }
    // Neighbours are added first, then sums of two, of four, ...: rounding errors grow with the number of rounds, not with that of slabs.
    PairSums* slabs = args.slab_sums + member * num_slabs;
    for (std::int64_t apart = 1; apart < num_slabs; apart *= 2)
      for (std::int64_t slab = 0; slab + apart < num_slabs; slab += 2 * apart) add(slabs[slab], slabs[slab + apart]);
    store_member_sums(args, member, slabs[0]);
  }
}

template <typename Real>
void batch_loss(const BatchLossArgs<Real>& args, ThreadPool& pool) {
  const Batch& batch = *args.batch;
  const std::int64_t num_slabs = num_pair_slabs(batch.num_batch_pairs);
  // Segments are marked early where that may let several threads scatter.
  const bool wants_marks = args.grad_scores != nullptr && args.segment_counted != nullptr && !batch.identity_pairs();
  const bool marks_early = wants_marks && num_slabs > 1 && pool.num_threads() > 1;
  if (wants_marks) std::fill_n(args.segment_counted, batch.num_members * batch.num_segments, std::uint8_t{0});
  pool.run(batch.num_members * num_slabs, [&](std::int64_t task, int) { run_slab(args, task / num_slabs, task % num_slabs, marks_early); });
  store_sums(args, num_slabs);
  if (args.grad_scores == nullptr) return;

  const auto scale_of = [&](std::int64_t member) {
    return num_slabs == 0 ? Real(0) : static_cast<Real>(args.reduction.scale(args.slab_sums[member * num_slabs].metrics[metric_weight_sum]));
  };
  if (batch.identity_pairs()) {
    // Every segment stands in one pair, at its own place: nothing to add up.
    pool.run(batch.num_members * num_slabs, [&](std::int64_t task, int) {
      const std::int64_t member = task / num_slabs, begin = task % num_slabs * pairs_per_slab;
      const std::int64_t end = std::min(batch.num_pairs, begin + pairs_per_slab);
      scatter_in_order(args, member, begin, end, scale_of(member));
    });
    // Segments of no pair
    for (std::int64_t member = 0; member < batch.num_members; ++member) {
      const std::int64_t begin = member * batch.num_segments + 2 * batch.num_pairs, count = batch.num_segments - 2 * batch.num_pairs;
      std::fill_n(args.grad_scores + begin, count, Real(0));
      if (args.segment_counted != nullptr) std::fill_n(args.segment_counted + begin, count, std::uint8_t{0});
    }
    return;
  }
  std::fill_n(args.grad_scores, batch.num_members * batch.num_segments, Real(0));
  const auto disjoint = [&] {
    for (std::int64_t member = 0; member < batch.num_members; ++member)
      if (!segments_are_disjoint(args, member)) return false;
    return true;
  };
  if (marks_early && disjoint()) {
    pool.run(batch.num_members * num_slabs, [&](std::int64_t task, int) {
      const std::int64_t member = task / num_slabs, begin = task % num_slabs * pairs_per_slab;
      scatter(args, member, begin, std::min(batch.num_batch_pairs, begin + pairs_per_slab), scale_of(member), false);
    });
    return;
  }
  // One task per member: contributions to a segment are added in batch order.
  pool.run(batch.num_members, [&](std::int64_t member, int) { scatter(args, member, 0, batch.num_batch_pairs, scale_of(member), wants_marks && !marks_early); });
}

template void store_member_sums<float>(const BatchLossArgs<float>&, std::int64_t, const PairSums&);
template void store_member_sums<double>(const BatchLossArgs<double>&, std::int64_t, const PairSums&);
template void store_sums<float>(const BatchLossArgs<float>&, std::int64_t);
template void store_sums<double>(const BatchLossArgs<double>&, std::int64_t);
template void batch_loss<float>(const BatchLossArgs<float>&, ThreadPool&);
template void batch_loss<double>(const BatchLossArgs<double>&, ThreadPool&);

}  // namespace segpref::cpu
