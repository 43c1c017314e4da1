// Which back end answers, what the oracle refuses, and plans that print themselves. tests/backend/CMakeLists.txt sets the environment.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "host/reference_backend/reference_backend.hpp"
#include "segpref/segpref.hpp"

namespace segpref {
namespace {

/// One small problem that every public function can be called with.
class Calls {
 public:
  Calls() {
    architecture.feature_dim = 2;
    architecture.hidden = {3};
    initialize_parameters(architecture, 1, parameters);
    batch.offsets = view(offsets);
    batch.labels = view(labels);
    features.first = view(std::as_const(rows).data(), {4, 2});
  }

  void preference_loss() { segpref::preference_loss(context, view(std::as_const(rewards)), batch, {}, result(), view(grad)); }
  void ranking_loss() {
    RankingBatch rankings;
    rankings.offsets = view(offsets);
    rankings.rankings = view(ranking);
    rankings.ranking_offsets = view(ranking_offsets);
    RankingResult out;
    out.loss = view(loss);
    segpref::ranking_loss(context, view(std::as_const(rewards)), rankings, {}, out, view(grad));
  }
  void linear_preference_loss() { segpref::linear_preference_loss(context, {view(weight), {}}, features.first, batch, {}, result()); }
  void mlp_preference_loss() {
    MlpGradients gradients;
    grad_parameters.resize(parameters.size());
    gradients.parameters = view(grad_parameters);
    segpref::mlp_preference_loss(context, architecture, view(std::as_const(parameters)), features, batch, {}, result(), gradients, dropout);
  }
  void predict_rewards() {
    Prediction prediction;
    prediction.mean = view(grad);
    segpref::predict_rewards(context, architecture, view(std::as_const(parameters)), features, prediction);
  }
  void query_scores() {
    QueryScores out;
    out.disagreement = view(loss);
    segpref::query_scores(context, view(std::as_const(rewards).data(), {2, 2}), view(pair.data(), {1, 2}), 1.0, out);
  }
  void adamw_step() { segpref::adamw_step(context, view(rewards), view(std::as_const(grad)), view(first), view(second), 1, {}); }

  static const std::vector<std::pair<const char*, std::function<void(Calls&)>>>& all() {
    static const std::vector<std::pair<const char*, std::function<void(Calls&)>>> calls = {
        {"preference_loss", &Calls::preference_loss},         {"ranking_loss", &Calls::ranking_loss},       {"linear_preference_loss", &Calls::linear_preference_loss},
        {"mlp_preference_loss", &Calls::mlp_preference_loss}, {"predict_rewards", &Calls::predict_rewards}, {"query_scores", &Calls::query_scores},
        {"adamw_step", &Calls::adamw_step}};
    return calls;
  }

  RewardArchitecture architecture;
  DropoutState dropout;
  std::vector<float> rewards = {0.1f, 0.2f, 0.3f, 0.7f}, grad = {0, 0, 0, 0}, loss = {7};
  PreferenceBatch batch;

 private:
  PreferenceResult result() {
    PreferenceResult r;
    r.loss = view(loss);
    return r;
  }

  Context context{1};
  Features features;
  const std::vector<std::int64_t> offsets = {0, 2, 4}, ranking = {1, 0}, ranking_offsets = {0, 2}, pair = {0, 1};
  const std::vector<float> labels = {1.0f}, weight = {0.5f, -0.5f};
  std::vector<float> rows = {1, 2, 3, 4, 5, 6, 7, 8}, parameters, grad_parameters, first = {0, 0, 0, 0}, second = {0, 0, 0, 0};
};

TEST(CpuBackend, AnswersEveryCall) {
  EXPECT_FALSE(reference_backend::selected());
  for (const auto& [name, call] : Calls::all()) {
    Calls calls;
    call(calls);
    EXPECT_EQ(reference_backend::num_calls(), 0) << name;
  }
}

TEST(ReferenceBackend, AnswersEveryCall) {
  EXPECT_TRUE(reference_backend::selected());
  for (const auto& [name, call] : Calls::all()) {
    const std::int64_t before = reference_backend::num_calls();
    Calls calls;
    call(calls);
    EXPECT_EQ(reference_backend::num_calls(), before + 1) << name;
  }
}

TEST(ReferenceBackend, ValidatesAsTheKernelsDo) {
  Calls calls;
  calls.batch.labels = {};
  const std::int64_t before = reference_backend::num_calls();
  EXPECT_THROW(calls.preference_loss(), Error);
  EXPECT_THROW(calls.mlp_preference_loss(), Error);
  EXPECT_EQ(reference_backend::num_calls(), before);
}

TEST(ReferenceBackend, DrawsDropoutInTrainingOnly) {
  Calls calls;
  calls.architecture.dropout = 0.5;
  const auto loss_of = [&](bool training, std::uint64_t call) {
    calls.dropout.training = training;
    calls.dropout.call = call;
    calls.mlp_preference_loss();
    return calls.loss[0];
  };
  const float all = loss_of(false, 1);
  EXPECT_EQ(loss_of(false, 2), all);
  EXPECT_EQ(loss_of(true, 1), loss_of(true, 1));
  EXPECT_TRUE(loss_of(true, 1) != all || loss_of(true, 2) != all || loss_of(true, 3) != all);
}

TEST(UnknownBackend, IsNamedByEveryCallAndNothingIsWritten) {
  for (const auto& [name, call] : Calls::all()) {
    Calls calls;
    try {
      call(calls);
      ADD_FAILURE() << name << " ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << name;
      EXPECT_STREQ(error.what(), "SEGPREF_BACKEND = gpu must be cpu or reference") << name;
    }
    EXPECT_EQ(calls.loss[0], 7) << name;
    EXPECT_EQ(calls.grad, (std::vector<float>{0, 0, 0, 0})) << name;
  }
}

std::string said_by_plans() {
  ::testing::internal::CaptureStderr();
  PreferenceCapacity capacity;
  capacity.num_steps = capacity.num_segments = capacity.num_pairs = 4;
  const PreferenceLossPlan preference(capacity);
  const LinearLossPlan linear(capacity, 8);
  const MlpLossPlan mlp(Calls().architecture, capacity, 1);
  const RankingLossPlan ranking(RankingCapacity{});
  return ::testing::internal::GetCapturedStderr();
}

TEST(PrintPlan, ShowsEveryPlanWhenItIsMade) {
  const std::string said = said_by_plans();
  for (const char* name : {"preference_loss: ", "linear_preference_loss: ", "mlp_preference_loss: ", "ranking_loss: "})
    EXPECT_NE(said.find(name), std::string::npos) << name << " is not in: " << said;
}

TEST(PrintPlan, SilentUnlessAsked) { EXPECT_EQ(said_by_plans(), ""); }

}  // namespace
}  // namespace segpref
