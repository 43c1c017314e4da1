// Gradients of a batch in an order of its own: the same bits as in the order of the data set, whether segments stand in one pair (then all threads write
// them) or in several (then one adds them up).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "segpref/preference_loss.hpp"

namespace segpref {
namespace {

constexpr std::int64_t num_pairs = 1500;  // some slabs, the last one not whole

struct Data {
  std::vector<std::int64_t> offsets = {0}, order;
  std::vector<float> rewards, labels;

  Data() : order(num_pairs) {
    std::mt19937_64 random(7);
    for (std::int64_t segment = 0; segment < 2 * num_pairs; ++segment) offsets.push_back(offsets.back() + static_cast<std::int64_t>(random() % 40));
    for (std::int64_t step = 0; step < offsets.back(); ++step) rewards.push_back(std::uniform_real_distribution<float>(-1, 1)(random));
    for (std::int64_t pair = 0; pair < num_pairs; ++pair) labels.push_back(static_cast<float>(random() % 5) / 4);
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::shuffle(order.begin(), order.end(), random);
  }
};

/// Not the mean: its divisor is a sum that follows the order.
std::vector<float> gradient(const Data& data, const std::vector<std::int64_t>& order, int num_threads) {
  const Context context(num_threads);
  PreferenceBatch batch;
  batch.offsets = view(data.offsets);
  batch.labels = view(data.labels);
  if (!order.empty()) batch.pair_order = view(order);
  PreferenceOptions options;
  options.reduction = Reduction::sum;
  std::vector<float> grad(data.rewards.size(), 123.0f);
  preference_loss(context, view(data.rewards), batch, options, {}, view(grad));
  return grad;
}

TEST(PairOrder, ShuffledPairsGiveTheSameGradientBits) {
  const Data data;
  const std::vector<float> expected = gradient(data, {}, 1);
  for (int num_threads : {1, 2, 3, 7}) EXPECT_EQ(gradient(data, data.order, num_threads), expected) << num_threads << " threads";
}

TEST(PairOrder, APairTakenTwiceCountsTwice) {
  const Data data;
  std::vector<float> expected = gradient(data, {}, 1);
  std::vector<std::int64_t> order = data.order;
  const std::int64_t twice = order[3], left_out = order[1400];
  order[1400] = twice;  // far behind, in another slab
  for (std::int64_t step = data.offsets[static_cast<std::size_t>(2 * twice)]; step < data.offsets[static_cast<std::size_t>(2 * twice + 2)]; ++step)
    expected[static_cast<std::size_t>(step)] *= 2;  // exact
  for (std::int64_t step = data.offsets[static_cast<std::size_t>(2 * left_out)]; step < data.offsets[static_cast<std::size_t>(2 * left_out + 2)]; ++step)
    expected[static_cast<std::size_t>(step)] = 0;
  for (int num_threads : {1, 2, 3, 7}) EXPECT_EQ(gradient(data, order, num_threads), expected) << num_threads << " threads";
}

}  // namespace
}  // namespace segpref
