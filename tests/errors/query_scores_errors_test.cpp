// Every rule on the arguments of query_scores, with its whole message; nothing is written when one is broken.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>

#include "segpref/query_scores.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref {
namespace {

struct Call {
  std::vector<float> scores = {0, 1, 2, 3, 4, 5}, mean = {7, 7}, disagreement = {7, 7}, entropy = {7, 7}, mean_entropy = {7, 7};
  std::vector<std::int32_t> pairs = {0, 1, 1, 2};
  ConstTensorView scores_view = view(std::as_const(scores).data(), {2, 3}), pairs_view = view(std::as_const(pairs).data(), {2, 2});
  double temperature = 1;
  QueryScores result{view(mean), view(disagreement), view(entropy), view(mean_entropy)};
  void run() { query_scores(Context(1), scores_view, pairs_view, temperature, result); }
};

void refused(ErrorCode code, const std::string& message, const std::function<void(Call&)>& spoil) {
  Call call;
  spoil(call);
  testing::expect_error(code, message, [&] { call.run(); });
  const std::vector<float> untouched = {7, 7};
  EXPECT_TRUE(call.mean == untouched && call.disagreement == untouched && call.entropy == untouched && call.mean_entropy == untouched);
}

TEST(QueryScoresErrors, EveryRuleIsNamed) {
  const auto invalid = ErrorCode::invalid_argument, wrong_type = ErrorCode::invalid_type;
  EXPECT_NO_THROW(Call().run());
  refused(invalid, "scores is missing", [](Call& c) { c.scores_view = {}; });
  refused(invalid, "scores is null with shape [2, 3]", [](Call& c) { c.scores_view.data = nullptr; });
  refused(invalid, "scores has shape [6]; it must be [num_members, num_segments] = [any, any]", [](Call& c) { c.scores_view = view(std::as_const(c.scores)); });
  refused(invalid, "scores has 33 members; 1 to 32 are supported", [](Call& c) { c.scores_view.shape = {33, 0}; });
  refused(invalid, "scores is strided [4, 1]; it must be contiguous in row-major order", [](Call& c) { c.scores_view.strides[0] = 4; });
  refused(wrong_type, "scores has dtype bf16; it takes f32, f64", [](Call& c) { c.scores_view.dtype = DType::bf16; });
  refused(invalid, "pairs is missing", [](Call& c) { c.pairs_view = {}; });
  refused(invalid, "pairs has shape [4]; it must be [num_pairs, 2] = [any, 2]", [](Call& c) { c.pairs_view = view(std::as_const(c.pairs)); });
  refused(invalid, "pairs[1, second] = 3 is outside [0, 3) (num_segments)", [](Call& c) { c.pairs[3] = 3; });
  refused(invalid, "pairs[0, first] = -1 is outside [0, 3) (num_segments)", [](Call& c) { c.pairs[0] = -1; });
  refused(wrong_type, "pairs has dtype f32; it takes i32, i64", [](Call& c) { c.pairs_view.dtype = DType::f32; });
  refused(invalid, "temperature = 0 must be finite and > 0", [](Call& c) { c.temperature = 0; });
  refused(invalid, "temperature = nan must be finite and > 0", [](Call& c) { c.temperature = std::nan(""); });
  refused(invalid, "mean_probability has shape [1]; it must be [num_pairs] = [2]", [](Call& c) { c.result.mean_probability.shape[0] = 1; });
  refused(invalid, "disagreement is null with shape [2]", [](Call& c) { c.result.disagreement.data = nullptr; });
  refused(invalid, "entropy_of_mean is strided [2]; it must be contiguous in row-major order", [](Call& c) { c.result.entropy_of_mean.strides[0] = 2; });
  refused(wrong_type, "mean_entropy has dtype f64; it takes f32", [](Call& c) { c.result.mean_entropy.dtype = DType::f64; });
}

}  // namespace
}  // namespace segpref
