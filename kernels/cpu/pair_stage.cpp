#include "kernels/cpu/pair_stage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/objective_loop.hpp"

namespace segpref::cpu {
template <typename Real>
void evaluate_pairs(const LossParams& params, const PairInputs<Real>& in, const PairOutputs<Real>& out, PairSums& sums) {
  const math::ObjectiveConstants constants = math::objective_constants(params.tie_model, params.lapse, static_cast<double>(in.tie_parameter));
  const double inv_temperature = 1.0 / params.temperature;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  ObjectiveBlock block;

  for (std::int64_t begin = 0; begin < in.num_pairs; begin += objective_block) {
    const std::int64_t count = std::min(objective_block, in.num_pairs - begin);
    ObjectiveChoice choice{params.tie_model, false, params.lapse > 0.0};

    // Place: the last block is filled up with harmless pairs, so that every pair goes through the same vector code.
    for (std::int64_t i = 0; i < objective_block; ++i) {
      const std::int64_t pair = begin + std::min(i, count - 1);
      const double gap = static_cast<double>(in.score_second[pair]) - static_cast<double>(in.score_first[pair]);
      // The logit is rounded to Real first: loss and gradient are exact functions of the logit that is returned.
      const double logit = static_cast<Real>(gap * inv_temperature);
      const double label = in.label[pair];
      block.logit[i] = std::isfinite(logit) ? std::clamp(logit, -params.clip, params.clip) : 0.0;
      block.label[i] = label;
      block.target[i] = (1.0 - params.smoothing) * label + 0.5 * params.smoothing;
      block.margin[i] = in.margin == nullptr ? 0.0 : static_cast<double>(in.margin[pair]);
      choice.has_margin = choice.has_margin || block.margin[i] != 0.0;
    }
    run_objective(choice, constants, block);

    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t pair = begin + i;
      const double score_first = in.score_first[pair], score_second = in.score_second[pair];
      const double weight = in.weight == nullptr ? 1.0 : static_cast<double>(in.weight[pair]);
      const double gap = score_second - score_first;
      const double logit = static_cast<Real>(gap * inv_temperature);
      const bool finite = std::isfinite(score_first) && std::isfinite(score_second) && std::isfinite(logit);
      const bool skipped = weight > 0.0 && !finite && params.skip_nonfinite;
      const bool counted = weight > 0.0 && !skipped;
      if (out.logit != nullptr) out.logit[pair] = static_cast<Real>(logit);
      if (out.counted != nullptr) out.counted[pair] = counted;
      if (skipped) sums.metrics[metric_num_skipped] += 1.0;
      if (!counted) {
        if (out.loss != nullptr) out.loss[pair] = Real(0);
        if (out.grad_first != nullptr) out.grad_first[pair] = out.grad_second[pair] = Real(0);
        continue;
      }
      const double total = score_first + score_second;
      const double loss = finite ? block.loss[i] : nan;
      const double centering = params.centering == 0.0 ? 0.0 : params.centering * total * total;
      const bool clipped = logit < -params.clip || logit > params.clip;
      const double grad_score = clipped ? 0.0 : block.grad_logit[i] * inv_temperature;
      const double grad_centering = params.centering == 0.0 ? 0.0 : 2.0 * params.centering * total;
      if (out.loss != nullptr) out.loss[pair] = static_cast<Real>(weight * (loss + centering));
      if (out.grad_first != nullptr) {
        out.grad_first[pair] = finite ? static_cast<Real>(weight * (grad_centering - grad_score)) : static_cast<Real>(nan);
        out.grad_second[pair] = finite ? static_cast<Real>(weight * (grad_centering + grad_score)) : static_cast<Real>(nan);
      }
      sums.grad_tie_parameter += finite ? weight * block.grad_tie[i] : nan;
      sums.metrics[metric_weight_sum] += weight;
      sums.metrics[metric_loss_sum] += weight * loss;
      sums.metrics[metric_centering_sum] += weight * centering;
      if (block.label[i] != 0.5) {
        const double sign = block.label[i] > 0.5 ? 1.0 : -1.0;
        sums.metrics[metric_num_judged] += 1.0;
        sums.metrics[metric_num_correct] += logit * sign > 0.0 ? 1.0 : 0.0;
        sums.metrics[metric_gap_sum] += gap * sign;
      }
    }
  }
}

template void evaluate_pairs<float>(const LossParams&, const PairInputs<float>&, const PairOutputs<float>&, PairSums&);
template void evaluate_pairs<double>(const LossParams&, const PairInputs<double>&, const PairOutputs<double>&, PairSums&);

}  // namespace segpref::cpu
