// mlp_prediction_kernel: members, mean and standard deviation of an ensemble's rewards, against the oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/reward_mlp/prediction_kernel.cuh"
#include "kernels/reference/prediction.hpp"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using simt::Buffer;
using Tile = MlpElementsTile;
constexpr double bound = 0x1p-21;  // a few roundings of rewards below 8

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

struct Wanted {
  bool members = true, mean = true, std = true;
};

void expect_near(const Buffer<float>& actual, std::int64_t first, std::int64_t count, const double* expected, const char* what) {
  const std::vector<float> got = actual.to_host();
  for (std::int64_t i = 0; i < count; ++i) ASSERT_NEAR(got[size(first + i)], expected[i], 8 * bound) << what << " of row " << i;
}

/// Rows of a scratch array with room for more, which are steps from 5 on of an array of more.
void check(int num_members, std::int64_t num_rows, bool normalised, Wanted wanted = {}) {
  const std::int64_t capacity = num_rows + 3, num_steps = num_rows + 9, first = 5;
  std::vector<float> rewards(size(num_members * capacity), NAN), shift, scale;
  std::vector<std::vector<double>> rows(size(num_members));
  std::vector<double> shifts, scales;
  for (int e = 0; e < num_members; ++e) {
    for (std::int64_t row = 0; row < num_rows; ++row) {
      const auto reward = static_cast<float>(std::sin(0.7 * static_cast<double>(row) + 1.3 * e) * (1 + e % 3));
      rewards[size(e * capacity + row)] = reward;
      rows[size(e)].push_back(static_cast<double>(reward));
    }
    shift.push_back(0.25f * static_cast<float>(e % 4) - 0.5f), scale.push_back(1.5f - 0.25f * static_cast<float>(e % 5));
    if (normalised) shifts.push_back(static_cast<double>(shift.back())), scales.push_back(static_cast<double>(scale.back()));
  }
  const auto expected = reference::predict_rewards(rows, shifts, scales);
  const Buffer<float> d_rewards(rewards), d_shift(shift), d_scale(scale), members(size(num_members * num_steps), -1.0f), mean(size(num_steps), -1.0f), deviation(size(num_steps), -1.0f);
  MlpPredictionParams p;
  p.num_members = num_members;
  p.num_rows = num_rows;
  p.row_capacity = capacity;
  p.rewards = d_rewards.get();
  if (normalised) p.shift = d_shift.get(), p.scale = d_scale.get();
  p.member_stride = num_steps;
  if (wanted.members) p.members = members.get() + first;
  if (wanted.mean) p.mean = mean.get() + first;
  if (wanted.std) p.std = deviation.get() + first;
  simt::launch(mlp_prediction_kernel<Tile>, dim3(static_cast<unsigned>((num_rows + Tile::num_threads - 1) / Tile::num_threads)), Tile::num_threads, 0, p);
  for (int e = 0; wanted.members && e < num_members; ++e) expect_near(members, e * num_steps + first, num_rows, expected.members[size(e)].data(), "reward");
  if (wanted.mean) expect_near(mean, first, num_rows, expected.mean.data(), "mean");
  if (wanted.std) expect_near(deviation, first, num_rows, expected.deviation.data(), "standard deviation");
  const std::vector<float> means = mean.to_host();
  EXPECT_EQ(means[size(first - 1)], -1);
  EXPECT_EQ(means[size(first + num_rows)], -1) << "behind the last row";
}

TEST(MlpPrediction, RowsAroundABlock) {
  for (const std::int64_t rows : {1, Tile::num_threads - 1, Tile::num_threads, Tile::num_threads + 1, 3 * Tile::num_threads + 5}) check(3, rows, rows % 2 == 0);
}
TEST(MlpPrediction, OneMemberAndMany) {
  for (const int members : {1, 2, 5, 32})
    for (const bool normalised : {false, true}) check(members, 9, normalised);
}
TEST(MlpPrediction, WhatIsNotWantedIsNotWritten) {
  check(2, 9, true, {true, false, false});
  check(2, 9, true, {false, true, false});
  check(2, 9, true, {false, false, true});
}

}  // namespace
}  // namespace segpref::cuda
