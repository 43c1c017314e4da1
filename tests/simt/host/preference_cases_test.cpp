// A case for each thing that docs/ops/preference_loss.md promises, on the modelled device and in every type of rewards. Their combinations are
// the conformance suite's.
#include <functional>
#include <limits>

#include "kernels/cuda/segment_reduce/params.hpp"
#include "tests/simt/host/device_preference.hpp"
#include "tests/support/random_problem.hpp"

namespace segpref::testing {
namespace {

using reference::Aggregate;
using reference::Reduce;
using reference::Ties;
using Options = reference::PreferenceProblem;
using Rewards = std::vector<std::vector<double>>;
constexpr std::int64_t piece = cuda::steps_per_piece;

struct Case {
  const char* name;
  std::function<void(ProblemShape&)> shape;
  std::function<void(Options&)> options = [](Options&) {};
  std::function<void(Rewards&)> rewards = [](Rewards&) {};
  std::int64_t max_segment_steps = 0;  ///< what the plan is told; 0: nothing
};

void same(ProblemShape&) {}
std::function<void(Options&)> tie(Ties model, std::vector<double> parameter, double lapse = 0) {
  return [=](Options& o) { o.ties = model, o.tie_parameter = parameter, o.lapse = lapse; };
}
/// Somewhere in a segment of each of the first two members
void spoil(Rewards& rewards) {
  rewards[0][rewards[0].size() / 2] = std::numeric_limits<double>::quiet_NaN();
  rewards[1][rewards[1].size() / 3] = std::numeric_limits<double>::infinity();
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"Plain", same},
      {"OneMember", [](ProblemShape& s) { s.num_members = 1; }},
      {"ThirtyTwoMembers", [](ProblemShape& s) { s.num_members = 32, s.num_pairs = 3, s.num_segments = 6; }},
      {"NoPairs", [](ProblemShape& s) { s.num_pairs = 0; }},
      {"NoSegmentsAtAll", [](ProblemShape& s) { s.num_pairs = s.num_segments = 0; }},
      {"EmptySegments", [](ProblemShape& s) { s.lengths = {0, 0, 1, 40}; }},
      {"NothingButEmptySegments", [](ProblemShape& s) { s.lengths = {0}; }},
      {"LengthsAroundAPiece", [](ProblemShape& s) { s.num_members = 1, s.num_pairs = 3, s.num_segments = 6, s.lengths = {piece - 1, piece, piece + 1, 3, 2 * piece + 5}; }},
      {"DiscountedLengthsAroundAPiece", [](ProblemShape& s) { s.num_members = 1, s.num_pairs = 2, s.num_segments = 4, s.lengths = {piece, piece + 1, 2 * piece + 5}; },
       [](Options& o) { o.discount = 0.999; }},
      {"NoSegmentIsLongerThanAPiece", [](ProblemShape& s) { s.num_members = 1, s.lengths = {piece / 4, 3, 0}; }, [](Options&) {}, [](Rewards&) {}, piece},
      {"WindowsOfUnknownLength", [](ProblemShape& s) { s.windows = true; }},
      {"WindowsByABlockEach", [](ProblemShape& s) { s.num_members = 1, s.windows = true, s.num_pairs = 2, s.num_segments = 4, s.lengths = {100, 9000}; }, [](Options&) {}, [](Rewards&) {}, 9000},
      {"MeanOfOverlappingWindows", [](ProblemShape& s) { s.windows = s.shared_segments = true, s.lengths = {0, 5, 60}; }, [](Options& o) { o.aggregation = Aggregate::mean, o.discount = 0.9; }},
      {"LastStepOfOverlappingWindows", [](ProblemShape& s) { s.windows = true; }, [](Options& o) { o.aggregation = Aggregate::last; }},
      {"Mean", same, [](Options& o) { o.aggregation = Aggregate::mean; }},
      {"Last", same, [](Options& o) { o.aggregation = Aggregate::last; }},
      {"Discount", same, [](Options& o) { o.discount = 0.95; }},
      {"OneSegmentInManyPairs", [](ProblemShape& s) { s.shared_segments = true, s.num_segments = 2, s.num_pairs = 300; }},
      {"PairsThatShareSegments", [](ProblemShape& s) { s.shared_segments = true, s.num_segments = 9; }},
      {"OrderOfEveryMember", [](ProblemShape& s) { s.own_order = true, s.num_batch_pairs = 30; }},
      {"OrderOfAllMembers", [](ProblemShape& s) { s.shared_order = true, s.num_batch_pairs = 10; }},
      {"WeightsAndMarginsOfEveryMember", [](ProblemShape& s) { s.weights = s.margins = true; }},
      {"WeightsAndMarginsOfAllMembers", [](ProblemShape& s) { s.weights = s.margins = s.shared_weights = s.shared_margins = true, s.wide_indices = false; }},
      {"NarrowLabels", [](ProblemShape& s) { s.narrow_reals = s.weights = true; }},
      {"Lapse", [](ProblemShape& s) { s.margins = true; }, [](Options& o) { o.lapse = 0.1; }},
      {"SmoothingTemperatureCentering", same, [](Options& o) { o.smoothing = 0.2, o.temperature = 0.5, o.centering = 0.01; }},
      {"Clip", same, [](Options& o) { o.clip = 0.75; }},
      {"RaoKupperOfEveryMember", same, tie(Ties::rao_kupper, {0.25, 0.5, 1})},
      {"RaoKupperOfAllMembersLapse", [](ProblemShape& s) { s.scalar_tie = true; }, tie(Ties::rao_kupper, {0.5, 0.5, 0.5}, 0.1)},
      {"DavidsonOfEveryMemberLapse", [](ProblemShape& s) { s.weights = true; }, tie(Ties::davidson, {-0.5, 0, 0.75}, 0.1)},
      {"DavidsonOfAllMembers", [](ProblemShape& s) { s.scalar_tie = true; }, tie(Ties::davidson, {0.25, 0.25, 0.25})},
      {"Normalizer", [](ProblemShape& s) { s.weights = true; }, [](Options& o) { o.normalizer = 12.5; }},
      {"Sum", same, [](Options& o) { o.reduction = Reduce::sum; }},
      {"NoReduction", [](ProblemShape& s) { s.weights = true; }, [](Options& o) { o.reduction = Reduce::none; }},
      {"NonfinitePropagates", same, [](Options&) {}, spoil},
      {"NonfiniteIsSkipped", [](ProblemShape& s) { s.shared_segments = true, s.num_segments = 12; }, [](Options& o) { o.skip_nonfinite = true; }, spoil},
  };
  return all;
}

template <typename Real>
void check(const Case& c, DType dtype) {
  ProblemShape shape;
  shape.num_members = 3;
  shape.num_pairs = 20;
  shape.num_segments = 41;
  c.shape(shape);
  Problem<Real> problem(shape, 21);
  c.options(problem.reference);
  problem.refresh();
  rounded_rewards(problem, dtype);
  keep_clip_away(problem.reference, problem.step_rewards, 1e-4);
  c.rewards(problem.step_rewards);
  expect_oracle(problem, dtype, solve_on_device(problem, dtype, device_plan(problem, dtype, c.max_segment_steps)));
}

class PreferenceCase : public ::testing::TestWithParam<Case> {};
TEST_P(PreferenceCase, F32) { check<float>(GetParam(), DType::f32); }
TEST_P(PreferenceCase, F64) { check<double>(GetParam(), DType::f64); }
TEST_P(PreferenceCase, Bf16) { check<float>(GetParam(), DType::bf16); }
TEST_P(PreferenceCase, F16) { check<float>(GetParam(), DType::f16); }
INSTANTIATE_TEST_SUITE_P(OnADevice, PreferenceCase, ::testing::ValuesIn(cases()), [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace segpref::testing
