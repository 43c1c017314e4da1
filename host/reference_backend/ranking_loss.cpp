#include "kernels/reference/ranking_loss.hpp"

#include "host/reference_backend/convert.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"

namespace segpref::reference_backend {

void ranking_loss(const ConstTensorView& step_rewards, const cpu::Batch& batch, const cpu::Rankings& rankings, const PreferenceOptions& options,
                  const RankingResult& result, const TensorView& grad_step_rewards) {
  count_call();
  reference::RankingProblem problem;
  problem.num_members = batch.num_members;
  problem.num_steps = batch.num_steps;
  problem.segments = segments_of(batch);
  for (std::int64_t r = 0; r < rankings.num_rankings; ++r) {
    problem.rankings.emplace_back();
    for (std::int64_t entry = rankings.offsets[r]; entry < rankings.offsets[r + 1]; ++entry) problem.rankings.back().push_back(rankings.entries[entry]);
  }
  for (std::int64_t member = 0; member < batch.num_members; ++member) {
    problem.weights.emplace_back();
    for (std::int64_t r = 0; r < rankings.num_rankings; ++r) problem.weights.back().push_back(rankings.weights(member, r));
  }
  problem.ranking_top = rankings.top;
  problem.aggregation = static_cast<reference::Aggregate>(options.aggregation);
  problem.discount = options.discount;
  problem.temperature = options.temperature;
  problem.reduction = static_cast<reference::Reduce>(options.reduction);
  problem.normalizer = options.normalizer;
  problem.skip_nonfinite = options.nonfinite == NonFinite::skip;

  const reference::RankingSolution solution = reference::ranking_loss(problem, rows_of(step_rewards));
  store(result.loss, solution.loss);
  store(result.loss_per_ranking, solution.loss_per_ranking);
  store(result.scores, solution.scores);
  Rows metrics;
  for (const reference::RankingMetrics& m : solution.metrics) metrics.push_back({m.weight_sum, m.loss_sum, m.num_skipped});
  store(result.metrics, metrics);
  store(grad_step_rewards, solution.grad_step_rewards);
}

}  // namespace segpref::reference_backend
