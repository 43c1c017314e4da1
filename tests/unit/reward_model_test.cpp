#include "segpref/reward_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace segpref {
namespace {

RewardArchitecture small() {
  RewardArchitecture architecture;
  architecture.feature_dim = 5;
  architecture.hidden = {4, 3};
  architecture.num_members = 2;
  return architecture;
}

TEST(RewardModel, LayoutListsWeightsAndBiasesInOrder) {
  const auto slots = parameter_layout(small());
  ASSERT_EQ(slots.size(), 6u);
  EXPECT_EQ(slots[0].name, "layers.0.weight");
  EXPECT_EQ(slots[0].shape, (std::vector<std::int64_t>{2, 4, 5}));
  EXPECT_EQ(slots[1].name, "layers.0.bias");
  EXPECT_EQ(slots[1].begin, 40);
  EXPECT_EQ(slots[1].shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(slots[4].name, "layers.2.weight");
  EXPECT_EQ(slots[4].shape, (std::vector<std::int64_t>{2, 1, 3}));
  EXPECT_EQ(slots[5].begin + slots[5].size, num_parameters(small()));
  EXPECT_EQ(num_parameters(small()), 2 * (4 * 5 + 4 + 3 * 4 + 3 + 3 + 1));
}

TEST(RewardModel, WithoutHiddenLayersItIsLinear) {
  RewardArchitecture architecture = small();
  architecture.hidden = {};
  architecture.bias = false;
  const auto slots = parameter_layout(architecture);
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].shape, (std::vector<std::int64_t>{2, 1, 5}));
}

TEST(RewardModel, InitialValuesFillTheirRangeAndDependOnTheSeed) {
  RewardArchitecture architecture = small();
  architecture.feature_dim = 1024;
  architecture.hidden = {64};
  std::vector<float> first, again, other;
  initialize_parameters(architecture, 1, first);
  initialize_parameters(architecture, 1, again);
  initialize_parameters(architecture, 2, other);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
  const ParameterSlot weight = parameter_layout(architecture)[0];
  double sum = 0, largest = 0;
  for (std::int64_t i = 0; i < weight.size; ++i) {
    const double value = first[static_cast<std::size_t>(weight.begin + i)];
    sum += value;
    largest = std::max(largest, std::fabs(value));
  }
  EXPECT_LE(largest, 1.0 / 32);
  EXPECT_GT(largest, 0.999 / 32);
  EXPECT_NEAR(sum / static_cast<double>(weight.size), 0.0, 5 * 0.018 / std::sqrt(static_cast<double>(weight.size)));
}

TEST(RewardModel, AMemberKeepsItsValuesInALargerEnsemble) {
  RewardArchitecture one = small(), two = small();
  one.num_members = 1;
  std::vector<float> values_one, values_two;
  initialize_parameters(one, 3, values_one);
  initialize_parameters(two, 3, values_two);
  const auto slots_one = parameter_layout(one), slots_two = parameter_layout(two);
  for (std::size_t slot = 0; slot < slots_one.size(); ++slot)
    for (std::int64_t i = 0; i < slots_one[slot].size; ++i)
      EXPECT_EQ(values_one[static_cast<std::size_t>(slots_one[slot].begin + i)], values_two[static_cast<std::size_t>(slots_two[slot].begin + i)]);
}

}  // namespace
}  // namespace segpref
