#include "segpref/query_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/cuda_backend/cuda_backend.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/reference_backend/reference_backend.hpp"
#include "host/validate/batch_values.hpp"
#include "host/validate/tensor.hpp"
#include "host/validate/values.hpp"
#include "kernels/cpu/batch.hpp"
#include "kernels/math/query_score.hpp"

namespace segpref {
namespace {

constexpr std::int64_t pairs_per_task = 1024;

template <typename Real>
void run(const Context& context, const ConstTensorView& scores, const cpu::IndexArray& pairs, std::int64_t num_pairs, double temperature,
         const QueryScores& result) {
  const std::int64_t num_segments = scores.shape[1];
  const auto* values = static_cast<const Real*>(scores.data);
  const auto store = [](const TensorView& view, std::int64_t pair, double value) {
    if (view.present()) static_cast<Real*>(view.data)[pair] = static_cast<Real>(value);
  };
  context.pool().run((num_pairs + pairs_per_task - 1) / pairs_per_task, [&](std::int64_t task, int) {
    for (std::int64_t pair = task * pairs_per_task; pair < std::min(num_pairs, (task + 1) * pairs_per_task); ++pair) {
      const std::int64_t first = pairs[2 * pair], second = pairs[2 * pair + 1];
      const math::QueryScore score = math::query_score(scores.shape[0], [&](std::int64_t e) {
        return (static_cast<double>(values[e * num_segments + second]) - static_cast<double>(values[e * num_segments + first])) / temperature;
      });
      store(result.mean_probability, pair, score.mean_probability);
      store(result.disagreement, pair, score.disagreement);
      store(result.entropy_of_mean, pair, score.entropy_of_mean);
      store(result.mean_entropy, pair, score.mean_entropy);
    }
  });
}

}  // namespace

void query_scores(const Context& context, ConstTensorView scores, ConstTensorView pairs, double temperature, const QueryScores& result) {
  const validation::CallDevice device = validation::device_of_call("query_scores", "scores", scores);
  validation::tensor("scores", scores, device, {DType::f32, DType::f64}, {validation::any_extent, validation::any_extent}, "[num_members, num_segments]");
  if (scores.shape[0] < 1 || scores.shape[0] > 32)
    throw Error(ErrorCode::invalid_argument, fmt::format("scores has {} members; 1 to 32 are supported", scores.shape[0]));
  validation::tensor("pairs", pairs, device, validation::index_types, {validation::any_extent, 2}, "[num_pairs, 2]");
  validation::option("temperature", temperature, temperature > 0 && std::isfinite(temperature), "finite and > 0");
  const std::int64_t num_pairs = pairs.shape[0];
  for (const auto& [name, view] : {std::pair{"mean_probability", &result.mean_probability}, {"disagreement", &result.disagreement},
                                   {"entropy_of_mean", &result.entropy_of_mean}, {"mean_entropy", &result.mean_entropy}})
    if (view->present()) validation::tensor(name, *view, device, {scores.dtype}, {num_pairs}, "[num_pairs]");
  if (device.is_cuda()) return cuda_backend::query_scores(context, scores, pairs, temperature, result);
  const cpu::IndexArray indices = validation::indices(pairs);
  validation::check_on_host(validation::query_values(indices, num_pairs, scores.shape[1]));
  if (reference_backend::selected()) return reference_backend::query_scores(scores, pairs, temperature, result);
  if (scores.dtype == DType::f64) run<double>(context, scores, indices, num_pairs, temperature, result);
  else run<float>(context, scores, indices, num_pairs, temperature, result);
}

}  // namespace segpref
