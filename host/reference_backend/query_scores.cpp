#include "kernels/reference/query_scores.hpp"

#include "host/reference_backend/convert.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/reference_backend/selection.hpp"

namespace segpref::reference_backend {

void query_scores(const ConstTensorView& scores, const ConstTensorView& pairs, double temperature, const QueryScores& result) {
  count_call();
  const cpu::IndexArray indices{pairs.data, pairs.dtype == DType::i64};
  std::vector<reference::Pair> candidates;
  for (std::int64_t pair = 0; pair < pairs.shape[0]; ++pair) candidates.push_back({indices[2 * pair], indices[2 * pair + 1]});
  Row mean_probability, disagreement, entropy_of_mean, mean_entropy;
  for (const reference::QueryScore& score : reference::query_scores(rows_of(scores), candidates, temperature)) {
    mean_probability.push_back(score.mean_probability);
    disagreement.push_back(score.disagreement);
    entropy_of_mean.push_back(score.entropy_of_mean);
    mean_entropy.push_back(score.mean_entropy);
  }
  store(result.mean_probability, mean_probability);
  store(result.disagreement, disagreement);
  store(result.entropy_of_mean, entropy_of_mean);
  store(result.mean_entropy, mean_entropy);
}

}  // namespace segpref::reference_backend
