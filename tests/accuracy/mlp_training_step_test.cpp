// mlp_training_step: the loss, then the optimiser, with the bits of both; its rules come before anything is written.
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "host/plan/owned_workspace.hpp"
#include "segpref/reward_mlp.hpp"
#include "tests/support/expect_error.hpp"

namespace segpref {
namespace {

template <typename Real>
struct Model {
  std::vector<Real> parameters, first, second, gradient;
  std::int64_t step = 1;

  explicit Model(const std::vector<float>& start) : parameters(start.begin(), start.end()), first(start.size()), second(start.size()), gradient(start.size(), Real(7)) {}
  friend bool operator==(const Model&, const Model&) = default;
};

template <typename Real>
struct Training {
  RewardArchitecture architecture;
  std::vector<float> features, start;
  std::vector<Real> labels = {1, 0}, loss = std::vector<Real>(2);
  std::vector<std::int64_t> offsets = {0, 4, 9, 9, 12};
  Context context{2};

  Training() {
    architecture.feature_dim = 3;
    architecture.hidden = {5};
    architecture.num_members = 2;
    for (int i = 0; i < 12 * 3; ++i) features.push_back(std::sin(static_cast<float>(i)));
    initialize_parameters(architecture, 1, start);
  }
  MlpLossPlan plan() const { return {architecture, {2, 12, 4, 2, 2, 12, dtype_of<Real>::value}, 2}; }
  Features rows() const {
    Features rows;
    rows.first = view(features.data(), {12, 3});
    return rows;
  }
  PreferenceBatch batch() const {
    PreferenceBatch batch;
    batch.offsets = view(offsets);
    batch.labels = view(labels);
    return batch;
  }
  PreferenceResult result() {
    PreferenceResult result;
    result.loss = view(loss);
    return result;
  }
  void fused(Model<Real>& model, const AdamWOptions& options = {}) {
    const OwnedWorkspace workspace(plan().workspace_bytes());
    mlp_training_step(context, plan(), view(model.parameters), rows(), batch(), {}, result(), view(model.gradient), {}, {view(model.first), view(model.second), view(&model.step, {1}), options},
                      workspace.get());
  }
  void one_by_one(Model<Real>& model) {
    const OwnedWorkspace workspace(plan().workspace_bytes());
    MlpGradients gradients;
    gradients.parameters = view(model.gradient);
    mlp_preference_loss(context, plan(), view(std::as_const(model.parameters)), rows(), batch(), {}, result(), gradients, {}, {}, workspace.get());
    adamw_step(context, view(model.parameters), view(std::as_const(model.gradient)), view(model.first), view(model.second), view(&model.step, {1}), {});
  }
};

template <typename Real>
class MlpTrainingStep : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MlpTrainingStep, Reals);

TYPED_TEST(MlpTrainingStep, HasTheBitsOfLossAndOptimiser) {
  Training<TypeParam> training;
  Model<TypeParam> fused(training.start), expected(training.start);
  for (int i = 0; i < 3; ++i) {
    training.fused(fused);
    const std::vector<TypeParam> loss = std::exchange(training.loss, std::vector<TypeParam>(2));
    training.one_by_one(expected);
    EXPECT_EQ(loss, training.loss);
  }
  EXPECT_EQ(fused, expected);
  EXPECT_EQ(fused.step, 4);
  EXPECT_NE(fused.parameters, Model<TypeParam>(training.start).parameters);
}

TYPED_TEST(MlpTrainingStep, TheOptimisersRulesComeBeforeTheLossIsWritten) {
  Training<TypeParam> training;
  Model<TypeParam> model(training.start);
  const Model<TypeParam> before = model;
  AdamWOptions options;
  options.epsilon = 0;
  testing::expect_error(ErrorCode::invalid_argument, "epsilon = 0 must be finite and > 0", [&] { training.fused(model, options); });
  model.first.pop_back();
  EXPECT_THROW(training.fused(model), Error);
  model.first.push_back(0);
  model.step = 0;
  EXPECT_THROW(training.fused(model), Error);
  model.step = 1;
  EXPECT_EQ(model, before);
  EXPECT_EQ(training.loss, std::vector<TypeParam>(2));
}

}  // namespace
}  // namespace segpref
