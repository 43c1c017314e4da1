#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "segpref/reward_model.hpp"

namespace segpref {
namespace {

void expect_refused(const std::function<void(RewardArchitecture&)>& spoil, const std::string& message) {
  RewardArchitecture architecture;
  architecture.feature_dim = 4;
  architecture.hidden = {8, 8};
  ASSERT_NO_THROW(validate(architecture));
  spoil(architecture);
  try {
    validate(architecture);
    ADD_FAILURE() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_EQ(std::string(error.what()), message);
  }
}

TEST(RewardModelErrors, EveryRuleIsNamed) {
  using A = RewardArchitecture;
  expect_refused([](A& a) { a.feature_dim = 0; }, "feature_dim = 0 is outside [1, 16384]");
  expect_refused([](A& a) { a.feature_dim = 16385; }, "feature_dim = 16385 is outside [1, 16384]");
  expect_refused([](A& a) { a.hidden = {1, 2, 3, 4, 5}; }, "hidden has 5 layers; 0 to 4 are supported");
  expect_refused([](A& a) { a.hidden = {8, 1025}; }, "hidden[1] = 1025 is outside [1, 1024]");
  expect_refused([](A& a) { a.hidden = {0}; }, "hidden[0] = 0 is outside [1, 1024]");
  expect_refused([](A& a) { a.num_members = 33; }, "num_members = 33 is outside [1, 32]");
  expect_refused([](A& a) { a.activation = static_cast<Activation>(9); }, "activation = 9 is outside [0, 4]");
  expect_refused([](A& a) { a.output = static_cast<Output>(3); }, "output = 3 is outside [0, 2]");
  expect_refused([](A& a) { a.leaky_slope = 1.0; }, "leaky_slope = 1 is outside [0, 1)");
  expect_refused([](A& a) { a.dropout = -0.5; }, "dropout = -0.5 is outside [0, 1)");
  expect_refused([](A& a) { a.dropout = std::nan(""); }, "dropout = nan is outside [0, 1)");
  expect_refused([](A& a) { a.output_scaled = true; }, "output_scaled needs output tanh or sigmoid: identity has no range to scale");
  expect_refused(
      [](A& a) {
        a.output = Output::tanh;
        a.output_scaled = true;
        a.output_lo = 2;
      },
      "output_lo = 2 and output_hi = 1 must be finite, lo < hi");
}

}  // namespace
}  // namespace segpref
