// What must hold of preference_loss on a device beside the right numbers: the same bits under every schedule, and pairs that do not touch each other.
#include <cmath>
#include <limits>

#include "kernels/cuda/segment_reduce/params.hpp"
#include "tests/simt/harness/core/options.hpp"
#include "tests/simt/host/device_preference.hpp"

namespace segpref::testing {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Blocks and threads in the orders of several seeds, then first to last and last to first.
template <typename Real>
void expect_same_bits_under_every_schedule(const ProblemShape& shape, DType dtype, double discount = 1) {
  Problem<Real> problem(shape, 33);
  problem.reference.discount = discount;
  problem.reference.centering = 0.01;
  const PreferenceLossPlan plan = device_plan(problem, dtype);
  const simt::Options before = simt::options();
  const DeviceSolution first = solve_on_device(problem, dtype, plan);
  for (const std::uint64_t seed : {101, 102, 103}) {
    simt::options().seed = seed;
    EXPECT_TRUE(first.same_bits(solve_on_device(problem, dtype, plan))) << "seed " << seed;
  }
  for (const simt::Order order : {simt::Order::forward, simt::Order::reverse}) {
    simt::options().order = order;
    EXPECT_TRUE(first.same_bits(solve_on_device(problem, dtype, plan))) << (order == simt::Order::forward ? "forward" : "reverse");
  }
  simt::options() = before;
}

TEST(SameBits, OfSharedSegments) {
  expect_same_bits_under_every_schedule<float>({.num_members = 3, .num_segments = 5, .num_pairs = 300, .shared_segments = true, .weights = true}, DType::f32);
}
TEST(SameBits, OfOverlappingWindows) {
  expect_same_bits_under_every_schedule<double>({.num_members = 2, .num_segments = 40, .num_pairs = 30, .windows = true, .shared_segments = true, .lengths = {0, 7, 90}}, DType::f64, 0.9);
}
TEST(SameBits, OfSegmentsInPieces) {
  expect_same_bits_under_every_schedule<float>({.num_members = 1, .num_segments = 4, .num_pairs = 2, .lengths = {cuda::steps_per_piece + 7, 2 * cuda::steps_per_piece + 1}}, DType::bf16, 0.9995);
}

/// A reward that is not finite makes its own pairs' results NaN, and changes no bit of the others'.
TEST(Nonfinite, StaysInItsOwnPairs) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    const ProblemShape shape{.num_members = 2, .num_segments = 60, .num_pairs = 30, .lengths = {1, 5, 50}};
    Problem<float> clean(shape, 8), spoilt(shape, 8);
    clean.reference.reduction = spoilt.reference.reduction = reference::Reduce::sum;
    constexpr std::int64_t pair = 11, member = 1;
    const reference::Segment& segment = spoilt.reference.segments[2 * pair + 1];
    spoilt.step_rewards[member][index(segment.begin)] = value;
    const PreferenceLossPlan plan = device_plan(clean, DType::f32);
    const DeviceSolution without = solve_on_device(clean, DType::f32, plan), with = solve_on_device(spoilt, DType::f32, plan);
    for (std::int64_t m = 0; m < shape.num_members; ++m) {
      for (std::int64_t p = 0; p < shape.num_pairs; ++p) {
        const std::int64_t at = m * shape.num_pairs + p;
        if (m == member && p == pair) EXPECT_TRUE(std::isnan(with.outputs.loss_per_pair[at]));
        else EXPECT_EQ(with.outputs.loss_per_pair[at], without.outputs.loss_per_pair[at]) << "member " << m << ", pair " << p;
      }
      for (std::int64_t t = 0; t < clean.reference.num_steps; ++t) {
        const std::int64_t at = m * clean.reference.num_steps + t;
        const bool is_its_own = m == member && t >= spoilt.reference.segments[2 * pair].begin && t < segment.end;
        if (is_its_own) EXPECT_TRUE(std::isnan(with.grad[at])) << "step " << t;
        else EXPECT_EQ(with.grad[at], without.grad[at]) << "member " << m << ", step " << t;
      }
      EXPECT_EQ(std::isnan(with.outputs.loss[m]), m == member) << "the sum of member " << m;
    }
  }
}

/// One segment of 20,000 steps among 2,000 of 10: it is read in pieces by a block each, the others by a warp each, and the plan says so.
TEST(MixedLengths, OneLongSegmentAmongManyShortOnes) {
  constexpr std::int64_t num_short = 2000, short_steps = 10, long_steps = 20000, place = 777;
  Problem<float> problem({.num_members = 1, .num_segments = num_short + 2, .num_pairs = num_short / 2 + 1, .lengths = {short_steps}}, 5);
  reference::PreferenceProblem& of = problem.reference;
  std::int64_t end = 3;
  for (std::int64_t s = 0; s < num_short + 2; ++s) {
    const std::int64_t length = s == place ? long_steps : s == num_short + 1 ? 0 : short_steps;
    of.segments[index(s)] = {end, end + length};
    end += length;
  }
  of.num_steps = end + 5;
  of.temperature = 20;  // the long segment's score is large: its pair should have a gradient
  problem.step_rewards[0].resize(index(of.num_steps));
  for (std::int64_t t = 0; t < of.num_steps; ++t) problem.step_rewards[0][index(t)] = static_cast<double>(t * 37 % 101 - 50) / 64;
  problem.refresh();
  const PreferenceLossPlan plan = device_plan(problem, DType::f32);
  EXPECT_NE(plan.describe().find("scores by warps, short segments four at a time, of more than 4096 steps by a block per piece; pairs by a thread each, sums of 8 blocks"), std::string::npos) << plan.describe();
  EXPECT_NE(plan.describe().find("1 members, 40008 steps (f32), 2002 segments, 1001 pairs"), std::string::npos) << plan.describe();
  const DeviceSolution solution = solve_on_device(problem, DType::f32, plan);
  expect_oracle(problem, DType::f32, solution);
  EXPECT_NE(solution.grad[of.segments[place].begin], 0.0);
}

}  // namespace
}  // namespace segpref::testing
