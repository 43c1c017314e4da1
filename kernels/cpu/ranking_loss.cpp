#include "kernels/cpu/ranking_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/math/plackett_luce.hpp"

namespace segpref::cpu {
namespace {

/// Scores of one ranking over temperature, counted from the largest: differences are exact before they are scaled.
template <typename Real>
bool gather(const RankingLossArgs<Real>& args, const Real* scores, std::int64_t begin, std::int64_t count, double* s) {
  double top = -std::numeric_limits<double>::infinity();
  bool finite = true;
  for (std::int64_t k = 0; k < count; ++k) {
    s[k] = static_cast<double>(scores[args.rankings.entries[begin + k]]);
    finite = finite && std::isfinite(s[k]);
    top = std::max(top, s[k]);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    s[k] = (s[k] - top) / args.temperature;
    finite = finite && std::isfinite(s[k]);
  }
  return finite;
}

template <typename Real>
void run_slab(const RankingLossArgs<Real>& args, std::int64_t member, std::int64_t slab) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const Rankings& rankings = args.rankings;
  const Real* scores = args.scores + member * args.num_segments;
  const std::int64_t slab_end = std::min(rankings.num_rankings, (slab + 1) * rankings_per_slab);
  RankingSums sums;
  double s[max_ranking_entries], rest_tops[max_ranking_entries];
  for (std::int64_t ranking = slab * rankings_per_slab; ranking < slab_end; ++ranking) {
    const std::int64_t position = member * rankings.num_rankings + ranking;
    const std::int64_t begin = rankings.offsets[ranking], count = rankings.offsets[ranking + 1] - begin;
    const double weight = rankings.weights(member, ranking);
    const bool finite = gather(args, scores, begin, count, s);
    const bool skipped = weight > 0.0 && !finite && args.skip_nonfinite;
    const bool counted = weight > 0.0 && !skipped;
    args.ranking_counted[position] = counted;
    if (skipped) sums.num_skipped += 1.0;
    if (!counted) {
      if (args.loss_per_ranking != nullptr) args.loss_per_ranking[position] = Real(0);
      continue;
    }
    double* grad = args.grad_entries == nullptr ? nullptr : args.grad_entries + member * rankings.num_entries + begin;
    const std::int64_t num_stages = rankings.top == 0 ? count : std::min(count, rankings.top);
    const double loss = finite ? weight * math::plackett_luce(s, count, num_stages, rest_tops, grad) : nan;
    if (grad != nullptr)
      for (std::int64_t k = 0; k < count; ++k) grad[k] = finite ? weight * grad[k] / args.temperature : nan;
    if (args.loss_per_ranking != nullptr) args.loss_per_ranking[position] = static_cast<Real>(loss);
    sums.weight_sum += weight;
    sums.loss_sum += loss;
  }
  args.slab_sums[member * num_ranking_slabs(rankings.num_rankings) + slab] = sums;
}

template <typename Real>
RankingSums sums_of(const RankingLossArgs<Real>& args, std::int64_t member) {
  const std::int64_t num_slabs = num_ranking_slabs(args.rankings.num_rankings);
  RankingSums total;
  for (std::int64_t slab = 0; slab < num_slabs; ++slab) {
    const RankingSums& part = args.slab_sums[member * num_slabs + slab];
    total.weight_sum += part.weight_sum;
    total.loss_sum += part.loss_sum;
    total.num_skipped += part.num_skipped;
  }
  return total;
}

/// Adds up what each segment got from its rankings, in ranking order.
template <typename Real>
void store_grad_scores(const RankingLossArgs<Real>& args, std::int64_t member, double scale) {
  const Rankings& rankings = args.rankings;
  double* sums = args.grad_sums + member * args.num_segments;
  std::uint8_t* segment_counted = args.segment_counted + member * args.num_segments;
  std::fill_n(sums, args.num_segments, 0.0);
  std::fill_n(segment_counted, args.num_segments, std::uint8_t{0});
  for (std::int64_t ranking = 0; ranking < rankings.num_rankings; ++ranking) {
    if (!args.ranking_counted[member * rankings.num_rankings + ranking]) continue;
    for (std::int64_t i = rankings.offsets[ranking]; i < rankings.offsets[ranking + 1]; ++i) {
      const std::int64_t segment = rankings.entries[i];
      sums[segment] += args.grad_entries[member * rankings.num_entries + i];
      segment_counted[segment] = 1;
    }
  }
  Real* grad_scores = args.grad_scores + member * args.num_segments;
  for (std::int64_t segment = 0; segment < args.num_segments; ++segment) grad_scores[segment] = static_cast<Real>(sums[segment] * scale);
}

}  // namespace

template <typename Real>
void ranking_batch_loss(const RankingLossArgs<Real>& args, ThreadPool& pool) {
  const std::int64_t num_slabs = num_ranking_slabs(args.rankings.num_rankings);
  pool.run(args.num_members * num_slabs, [&](std::int64_t task, int) { run_slab(args, task / num_slabs, task % num_slabs); });

  pool.run(args.num_members, [&](std::int64_t member, int) {
    const RankingSums sums = sums_of(args, member);
    const double scale = args.reduction.scale(sums.weight_sum);
    if (args.reduced_loss != nullptr) args.reduced_loss[member] = static_cast<Real>(scale == 0.0 ? 0.0 : sums.loss_sum * scale);
    if (args.metrics != nullptr) {
      args.metrics[3 * member] = sums.weight_sum;
      args.metrics[3 * member + 1] = sums.loss_sum;
      args.metrics[3 * member + 2] = sums.num_skipped;
    }
    if (args.grad_scores != nullptr) store_grad_scores(args, member, scale);
  });
}

template void ranking_batch_loss<float>(const RankingLossArgs<float>&, ThreadPool&);
template void ranking_batch_loss<double>(const RankingLossArgs<double>&, ThreadPool&);

}  // namespace segpref::cpu
