// Trainer and RewardEnsemble: tie parameters, early stopping, and checkpoints that continue to the same bits.
#include "segpref/trainer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "segpref/npz_writer.hpp"
#include "tests/support/training_data.hpp"

namespace segpref {
namespace {

using testing::TemporaryFolder;
using testing::TrainingDataShape;

class TrainerTest : public ::testing::Test {
 protected:
  PreferenceDataset data(const TrainingDataShape& shape = {}) const {
    testing::write_training_data(folder.file("data.npz"), shape, 7);
    return PreferenceDataset::load(folder.file("data.npz"));
  }
  static RewardArchitecture architecture() {
    RewardArchitecture a;
    a.feature_dim = 4;
    a.hidden = {8};
    a.num_members = 2;
    return a;
  }
  TrainerOptions with_ties(TieModel model, bool learn) const {
    TrainerOptions options;
    options.epochs = 6;
    options.batch_pairs = 32;
    options.optimizer.learning_rate = 1e-2;
    options.loss.tie_model = model;
    options.loss.tie_parameter = view(start_);
    options.learn_tie_parameter = learn;
    return options;
  }
  static std::vector<EpochReport> run_all(Trainer& trainer) {
    std::vector<EpochReport> reports;
    while (!trainer.finished()) reports.push_back(*trainer.run_epoch());
    return reports;
  }

  TemporaryFolder folder;
  Context context{2};

 private:
  std::vector<float> start_ = {0.5f};
};

TEST_F(TrainerTest, FirstStepOfALearnedTieParameterMovesItsUnknownByTheLearningRate) {
  const PreferenceDataset set = data({.num_pairs = 20});
  for (TieModel model : {TieModel::rao_kupper, TieModel::davidson}) {
    TrainerOptions options = with_ties(model, true);
    options.batch_pairs = 20;  // one minibatch an epoch
    options.validation = 0;
    Trainer trainer(context, set, architecture(), options);
    const EpochReport report = *trainer.run_epoch();
    ASSERT_EQ(report.tie_parameter.size(), 2u);
    for (double after : report.tie_parameter) {
      const double moved = model == TieModel::rao_kupper ? std::log(after / 0.5) : after - 0.5;
      EXPECT_NEAR(std::fabs(moved), 1e-2, 1e-5);
    }
  }
}

TEST_F(TrainerTest, TiesDrawTheParameterUpAndTheirAbsenceDrawsItDown) {
  const auto learned = [&](TrainingDataShape shape) {
    const PreferenceDataset set = data(shape);
    Trainer trainer(context, set, architecture(), with_ties(TieModel::rao_kupper, true));
    return run_all(trainer).back().tie_parameter;
  };
  for (double eta : learned({.tie_eta = 2.0})) EXPECT_GT(eta, 0.6);
  for (double eta : learned({.labels_only_sides = true})) EXPECT_LT(eta, 0.4);
}

TEST_F(TrainerTest, WithoutAnyTieEtaStopsAtItsLeastValue) {
  const PreferenceDataset set = data({.labels_only_sides = true});
  TrainerOptions options = with_ties(TieModel::rao_kupper, true);
  const std::vector<float> small = {2e-6f};
  options.loss.tie_parameter = view(small);
  options.optimizer.learning_rate = 1.0;  // the first step takes 1 from log(eta)
  Trainer trainer(context, set, architecture(), options);
  for (const EpochReport& report : run_all(trainer))
    for (double eta : report.tie_parameter) EXPECT_GE(eta, 0.999e-6);
  for (float eta : trainer.result().score_options().tie_parameter) EXPECT_NEAR(eta, 1e-6, 1e-9);
}

TEST_F(TrainerTest, AGivenTieParameterStaysWhatItIs) {
  const PreferenceDataset set = data();
  Trainer trainer(context, set, architecture(), with_ties(TieModel::davidson, false));
  for (const EpochReport& report : run_all(trainer)) EXPECT_EQ(report.tie_parameter, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(trainer.result().score_options().tie_parameter, (std::vector<float>{0.5f, 0.5f}));
}

TEST_F(TrainerTest, EvaluationIsThePreferenceLossWithTheModelsTies) {
  const PreferenceDataset set = data();
  Trainer trainer(context, set, architecture(), with_ties(TieModel::rao_kupper, true));
  trainer.run_epoch();
  const RewardEnsemble model = trainer.result();
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(set.num_pairs()));
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = static_cast<std::int64_t>(i);
  const Evaluation evaluation = model.evaluate(context, set, pairs, static_cast<const float*>(set.batch().labels.data));

  const std::vector<float> ties = model.score_options().tie_parameter;
  PreferenceOptions options;
  options.tie_model = TieModel::rao_kupper;
  options.tie_parameter = view(ties);
  std::vector<float> loss(2);
  PreferenceResult result;
  result.loss = view(loss);
  mlp_preference_loss(context, model.architecture(), view(model.file().parameters), model.standardized(set.features()), set.batch(), options, result);
  for (std::size_t member = 0; member < 2; ++member) EXPECT_NEAR(evaluation.members[member].loss, loss[member], 1e-5);
}

TEST_F(TrainerTest, TiesSurviveTheModelFile) {
  const PreferenceDataset set = data();
  Trainer trainer(context, set, architecture(), with_ties(TieModel::davidson, true));
  trainer.run_epoch();
  const RewardEnsemble model = trainer.result();
  model.save(folder.file("model"));
  const ScoreOptions before = model.score_options(), after = RewardEnsemble::load(folder.file("model")).score_options();
  EXPECT_EQ(after.tie_model, TieModel::davidson);
  EXPECT_EQ(after.tie_parameter, before.tie_parameter);
  EXPECT_NE(after.tie_parameter[0], 0.5f);
}

TEST_F(TrainerTest, ContinuedWithTiesAndEarlyStopGivesTheSameBits) {
  const PreferenceDataset set = data();
  for (std::int64_t stop_after = 1; stop_after <= 5; stop_after += 2) {
    TrainerOptions options = with_ties(TieModel::rao_kupper, true);
    options.epochs = 40;
    options.patience = 3;
    Trainer whole(context, set, architecture(), options);
    const std::vector<EpochReport> reports = run_all(whole);
    ASSERT_LT(reports.size(), 40u) << "the case must stop early";

    Trainer first(context, set, architecture(), options);
    for (std::int64_t epoch = 0; epoch < std::min<std::int64_t>(stop_after, static_cast<std::int64_t>(reports.size()) - 1); ++epoch) first.run_epoch();
    first.save_checkpoint(folder.file("checkpoint"), "settings", "notes");
    Trainer second(context, set, architecture(), options);
    EXPECT_EQ(second.load_checkpoint(folder.file("checkpoint"), "settings"), "notes");
    run_all(second);
    EXPECT_EQ(second.epochs_done(), whole.epochs_done());
    EXPECT_EQ(second.result().file().parameters, whole.result().file().parameters);
    EXPECT_EQ(second.result().score_options().tie_parameter, whole.result().score_options().tie_parameter);
  }
}

TEST_F(TrainerTest, EarlyStopKeepsTheParametersOfTheBestEpoch) {
  const PreferenceDataset set = data();
  TrainerOptions options = with_ties(TieModel::rao_kupper, true);
  options.epochs = 40;
  options.patience = 3;
  Trainer trainer(context, set, architecture(), options);
  const std::vector<EpochReport> reports = run_all(trainer);
  std::size_t best = 0;
  for (std::size_t i = 0; i < reports.size(); ++i)
    if (reports[i].held_out->mean.accuracy > reports[best].held_out->mean.accuracy) best = i;
  EXPECT_EQ(reports.size(), best + 1 + 3);
  const Evaluation result = trainer.result().evaluate(context, set, trainer.held_out_pairs(), static_cast<const float*>(set.batch().labels.data));
  EXPECT_EQ(result.mean.loss, reports[best].held_out->mean.loss);
}

TEST_F(TrainerTest, AStoppedEpochLeavesTheStateWhereItBegan) {
  const PreferenceDataset set = data();
  TrainerOptions options = with_ties(TieModel::rao_kupper, true);
  Trainer plain(context, set, architecture(), options), stopped(context, set, architecture(), options);
  EXPECT_FALSE(stopped.run_epoch([](std::int64_t done, std::int64_t) { return done < 3; }));
  EXPECT_EQ(stopped.epochs_done(), 0);
  run_all(plain);
  run_all(stopped);
  EXPECT_EQ(stopped.result().file().parameters, plain.result().file().parameters);
  EXPECT_EQ(stopped.result().score_options().tie_parameter, plain.result().score_options().tie_parameter);
}

TEST_F(TrainerTest, NormalisedRewardsHaveMeanZeroAndDeviationOneOverTheTrainingSteps) {
  const PreferenceDataset set = data();
  TrainerOptions options;
  options.epochs = 2;
  options.validation = 0;
  Trainer trainer(context, set, architecture(), options);
  run_all(trainer);
  std::vector<float> rewards(2 * static_cast<std::size_t>(set.num_steps()));
  Prediction prediction;
  prediction.members = view(rewards.data(), {2, set.num_steps()});
  trainer.result().predict(context, set.features(), prediction);
  for (std::size_t member = 0; member < 2; ++member) {
    double sum = 0, squares = 0;
    const double n = static_cast<double>(set.num_steps());
    for (std::size_t step = 0; step < rewards.size() / 2; ++step) {
      const double reward = rewards[member * rewards.size() / 2 + step];
      sum += reward;
      squares += reward * reward;
    }
    EXPECT_NEAR(sum / n, 0.0, 1e-5);
    EXPECT_NEAR(squares / n, 1.0, 1e-5);
  }
}

TEST_F(TrainerTest, PairedAndRaggedFormsOfTheSameComparisonsGiveTheSameModel) {
  const auto trained = [&](bool paired) {
    const PreferenceDataset set = data({.paired = paired, .margins = true});
    EXPECT_EQ(set.paired(), paired);
    TrainerOptions options;
    options.epochs = 2;
    Trainer trainer(context, set, architecture(), options);
    run_all(trainer);
    return trainer.result().file();
  };
  const RewardModelFile paired = trained(true), ragged = trained(false);
  EXPECT_EQ(paired.parameters, ragged.parameters);
  EXPECT_EQ(paired.feature_std, ragged.feature_std);
}

TEST_F(TrainerTest, RewardsWithoutSpreadAreShiftedButNotScaled) {
  constexpr std::int64_t num_steps = 30, dim = 4, num_pairs = 3;
  const std::vector<float> features(num_steps * dim, 3.7f), labels = {0, 1, 1};
  std::vector<std::int64_t> offsets;
  for (std::int64_t s = 0; s <= 2 * num_pairs; ++s) offsets.push_back(5 * s);
  NpzWriter writer(folder.file("constant.npz"), {{"features", DType::f32, {num_steps, dim}}, {"offsets", DType::i64, {2 * num_pairs + 1}}, {"labels", DType::f32, {num_pairs}}});
  writer.write(0, 0, features.data(), num_steps * dim);
  writer.write(1, 0, offsets.data(), 2 * num_pairs + 1);
  writer.write(2, 0, labels.data(), num_pairs);
  writer.commit();
  const PreferenceDataset set = PreferenceDataset::load(folder.file("constant.npz"));
  TrainerOptions options;
  options.epochs = 1;
  options.validation = 0;
  Trainer trainer(context, set, architecture(), options);
  run_all(trainer);
  EXPECT_EQ(trainer.result().file().reward_scale, (std::vector<float>{1, 1}));
}

TEST_F(TrainerTest, ALogitThatIsNotFiniteIsWrongOrSkippedInAnEvaluation) {
  const PreferenceDataset set = data({.num_pairs = 20, .labels_only_sides = true});
  RewardEnsemble model(architecture(), 0);
  for (float& parameter : model.file().parameters) parameter = std::nanf("");
  std::vector<std::int64_t> pairs(20);
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = static_cast<std::int64_t>(i);
  const auto* labels = static_cast<const float*>(set.batch().labels.data);
  const Evaluation seen = model.evaluate(context, set, pairs, labels);
  EXPECT_EQ(seen.mean.accuracy, 0.0);
  EXPECT_TRUE(std::isnan(seen.mean.loss));
  EXPECT_EQ(seen.num_pairs, 20);
  const Evaluation skipped = model.evaluate(context, set, pairs, labels, NonFinite::skip);
  EXPECT_FALSE(skipped.mean.accuracy);
  EXPECT_EQ(skipped.mean.loss, 0.0);
  EXPECT_EQ(skipped.num_pairs, 0);
  EXPECT_EQ(skipped.num_skipped, 20);
}

TEST_F(TrainerTest, ADamagedScoreOptionOfAModelIsNamed) {
  RewardEnsemble model(architecture(), 0);
  for (const char* key : {"score.discount", "score.temperature"})
    for (const char* damaged : {"", "warm", "0", "-1", "nan", "inf", "0.5x"}) {
      model.file().metadata = {{key, damaged}};
      try {
        model.score_options();
        ADD_FAILURE() << key << " = " << damaged << " was taken";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_data);
        EXPECT_EQ(std::string(error.what()).find(fmt::format("metadata {} = '{}' must be a number > 0", key, damaged)), 0u) << error.what();
      }
    }
  model.file().metadata = {{"score.discount", "1.5"}};
  EXPECT_THROW(model.score_options(), Error);
  model.file().metadata = {{"score.discount", "0.5"}, {"score.temperature", "2"}};
  EXPECT_EQ(model.score_options().discount, 0.5);
  EXPECT_EQ(model.score_options().temperature, 2.0);
}

/// The message of an Error that making a trainer must throw.
std::string refusal(const Context& context, const PreferenceDataset& data, const RewardArchitecture& architecture, const TrainerOptions& options) {
  try {
    const Trainer trainer(context, data, architecture, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST_F(TrainerTest, EveryRuleIsCheckedBeforeTheFirstEpoch) {
  const PreferenceDataset set = data();
  const auto refused = [&](const auto& change) {
    TrainerOptions options = with_ties(TieModel::rao_kupper, false);
    change(options);
    return refusal(context, set, architecture(), options);
  };
  const std::vector<float> three = {0.5f, 0.5f, 0.5f}, negative = {-1.0f};
  using O = TrainerOptions;
  EXPECT_EQ(refused([](O& o) { o.loss.smoothing = 0.1; }), "smoothing = 0.1 must be 0 with a tie model: it would smooth observed ties away");
  EXPECT_EQ(refused([](O& o) { o.loss.tie_parameter = {}; }), "tie_parameter is missing");
  EXPECT_EQ(refused([&](O& o) { o.loss.tie_parameter = view(three); }), "tie_parameter has shape [3]; it must be [1] or [num_members] = [2]");
  EXPECT_EQ(refused([&](O& o) { o.loss.tie_parameter = view(negative); }), "tie_parameter[0] = -1 must be finite and > 0 (rao_kupper)");
  EXPECT_EQ(refused([](O& o) { o.loss.tie_model = TieModel::none; o.loss.tie_parameter = {}; o.learn_tie_parameter = true; }), "learn_tie_parameter needs a tie_model");
  EXPECT_EQ(refused([](O& o) { o.loss.temperature = 0; }), "temperature = 0 must be finite and > 0");
  EXPECT_EQ(refused([](O& o) { o.optimizer.beta1 = 1; }), "beta1 = 1 must be in [0, 1)");
  EXPECT_EQ(refused([](O& o) { o.validation = 1; }), "validation = 1 must be in [0, 1)");
}

TEST_F(TrainerTest, MarginsWithATieModelAreRefused) {
  const PreferenceDataset set = data({.margins = true});
  EXPECT_NE(refusal(context, set, architecture(), with_ties(TieModel::davidson, false)).find("margin"), std::string::npos);
  TrainerOptions options;
  options.epochs = 1;
  Trainer trainer(context, set, architecture(), options);  // and without one they are used
  EXPECT_TRUE(trainer.run_epoch());
}

TEST_F(TrainerTest, ADamagedTieParameterOfAModelIsNamed) {
  RewardEnsemble model(architecture(), 0);
  for (const char* damaged : {"", "0.5", "0.5,", "0.5,x", "0.5,0.5,0.5", "0.5,0", "0.5,inf"}) {
    model.file().metadata = {{"score.tie_model", "rao-kupper"}, {"score.tie_parameter", damaged}};
    EXPECT_THROW(model.score_options(), Error) << damaged;
  }
  model.file().metadata = {{"score.tie_model", "coin"}};
  EXPECT_THROW(model.score_options(), Error);
  model.file().metadata = {{"score.tie_model", "davidson"}, {"score.tie_parameter", "0.5,-3"}};
  EXPECT_EQ(model.score_options().tie_parameter, (std::vector<float>{0.5f, -3.0f}));
}

}  // namespace
}  // namespace segpref
