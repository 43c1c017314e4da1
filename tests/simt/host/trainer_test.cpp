// Training, evaluation and prediction of an ensemble on a device: what they do on the CPU, to the rounding of their kernels.
#include "segpref/trainer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/trainer/on_device.hpp"
#include "tests/simt/cuda_runtime/cuda_runtime.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/training_data.hpp"

namespace segpref::simt {
namespace {

using segpref::testing::expect_error;
using segpref::testing::TemporaryFolder;
using segpref::testing::TrainingDataShape;

constexpr Device cuda{Device::Kind::cuda, 0};

class TrainerOnADevice : public ::testing::Test {
 protected:
  PreferenceDataset data(const TrainingDataShape& shape = {}) const {
    segpref::testing::write_training_data(folder.file("data.npz"), shape, 7);
    return PreferenceDataset::load(folder.file("data.npz"));
  }
  static RewardArchitecture architecture() {
    RewardArchitecture a;
    a.feature_dim = 4;
    a.hidden = {8};
    a.num_members = 2;
    a.activation = Activation::tanh;  // smooth: no unit takes the other side of a kink
    return a;
  }
  static TrainerOptions options(const Device& device) {
    TrainerOptions o;
    o.epochs = 2;
    o.batch_pairs = 16;
    o.optimizer.learning_rate = 1e-2;
    o.optimizer.epsilon = 1e-2;  // a gradient that is next to nothing does next to nothing, whatever its rounding
    o.device = device;
    return o;
  }
  /// Trains on both and compares reports and models.
  void expect_the_same(const PreferenceDataset& set, const RewardArchitecture& a, TrainerOptions o) const {
    Trainer here(context, set, a, o);
    o.device = cuda;
    Trainer there(context, set, a, o);
    while (!here.finished()) {
      const EpochReport expected = *here.run_epoch(), actual = *there.run_epoch();
      for (std::size_t member = 0; member < expected.loss.size(); ++member) EXPECT_NEAR(actual.loss[member], expected.loss[member], 1e-4);
      for (std::size_t i = 0; i < expected.tie_parameter.size(); ++i) EXPECT_NEAR(actual.tie_parameter[i], expected.tie_parameter[i], 1e-4);
      ASSERT_EQ(actual.held_out.has_value(), expected.held_out.has_value());
      if (expected.held_out) {
        EXPECT_NEAR(actual.held_out->mean.loss, expected.held_out->mean.loss, 1e-4);
      }
    }
    EXPECT_TRUE(there.finished());
    expect_close(here.result().file().parameters, there.result().file().parameters, 1e-3);
  }
  static void expect_close(const std::vector<float>& a, const std::vector<float>& b, double allowed) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], allowed) << i;
  }

  TemporaryFolder folder;
  Context context{2};
};

TEST_F(TrainerOnADevice, TakesTheStepsOfTheCpu) {
  const PreferenceDataset set = data({.num_pairs = 60});
  for (Sampling sampling : {Sampling::shared, Sampling::per_member, Sampling::bootstrap}) {
    TrainerOptions o = options({});
    o.sampling = sampling;
    expect_the_same(set, architecture(), o);
  }
}

TEST_F(TrainerOnADevice, TakesPairedFilesMarginsAndASmallLastMinibatch) {
  TrainerOptions o = options({});
  o.batch_pairs = 25;
  o.validation = 0;
  expect_the_same(data({.num_pairs = 60, .paired = true, .margins = true}), architecture(), o);
}

TEST_F(TrainerOnADevice, DropsTheUnitsOfTheCpu) {
  RewardArchitecture a = architecture();
  a.dropout = 0.25;
  expect_the_same(data({.num_pairs = 60}), a, options({}));
}

TEST_F(TrainerOnADevice, LearnsTheTieParametersOfTheCpu) {
  const std::vector<float> start = {0.5f};
  TrainerOptions o = options({});
  o.loss.tie_model = TieModel::rao_kupper;
  o.loss.tie_parameter = view(start);
  for (bool learn : {false, true}) {
    o.learn_tie_parameter = learn;
    expect_the_same(data({.num_pairs = 60}), architecture(), o);
  }
}

TEST_F(TrainerOnADevice, GivesTheSameBitsAgainAndWhenItIsContinued) {
  const PreferenceDataset set = data({.num_pairs = 60});
  Trainer whole(context, set, architecture(), options(cuda));
  while (!whole.finished()) whole.run_epoch();
  Trainer first(context, set, architecture(), options(cuda)), second(context, set, architecture(), options(cuda));
  first.run_epoch();
  first.save_checkpoint(folder.file("checkpoint"), "settings", "");
  second.load_checkpoint(folder.file("checkpoint"), "settings");
  second.run_epoch();
  EXPECT_EQ(second.result().file().parameters, whole.result().file().parameters);
  EXPECT_EQ(second.result().file().reward_shift, whole.result().file().reward_shift);
}

TEST_F(TrainerOnADevice, ContinuesWhatTheCpuBeganAndTheOtherWayRound) {
  const PreferenceDataset set = data({.num_pairs = 60});
  Trainer whole(context, set, architecture(), options({}));
  while (!whole.finished()) whole.run_epoch();
  for (const Device& begins : {cuda, Device{}}) {
    Trainer first(context, set, architecture(), options(begins)), second(context, set, architecture(), options(begins == cuda ? Device{} : cuda));
    first.run_epoch();
    first.save_checkpoint(folder.file("checkpoint"), "settings", "");
    second.load_checkpoint(folder.file("checkpoint"), "settings");
    second.run_epoch();
    expect_close(second.result().file().parameters, whole.result().file().parameters, 1e-3);
  }
}

TEST_F(TrainerOnADevice, StopsBetweenGroupsOfStepsAndThenLeavesNoTrace) {
  const PreferenceDataset set = data({.num_pairs = 70});
  TrainerOptions o = options(cuda);
  o.batch_pairs = 1;
  o.epochs = 1;
  o.validation = 0;
  Trainer stopped(context, set, architecture(), o), whole(context, set, architecture(), o);
  std::vector<std::int64_t> seen;
  EXPECT_FALSE(stopped.run_epoch([&](std::int64_t done, std::int64_t total) {
    seen.push_back(done);
    EXPECT_EQ(total, 70);
    return false;
  }));
  EXPECT_EQ(seen, std::vector<std::int64_t>{64});
  EXPECT_EQ(stopped.epochs_done(), 0);
  seen.clear();
  stopped.run_epoch([&](std::int64_t done, std::int64_t) {
    seen.push_back(done);
    return true;
  });
  EXPECT_EQ(seen, (std::vector<std::int64_t>{64, 70}));
  whole.run_epoch();
  EXPECT_EQ(stopped.result().file().parameters, whole.result().file().parameters);
}

TEST_F(TrainerOnADevice, RefusesWhatItCannotTrain) {
  const PreferenceDataset set = data({.num_pairs = 20});
  RewardArchitecture linear = architecture();
  linear.hidden.clear();
  expect_error(ErrorCode::unsupported, "an MLP on a CUDA device has 1 to 4 hidden layers: without any it is a linear model, which linear_preference_loss takes", [&] { Trainer(context, set, linear, options(cuda)); });
  expect_error(ErrorCode::invalid_argument, "device is cuda:9, which does not exist: this process has 2 CUDA devices", [&] { Trainer(context, set, architecture(), options({Device::Kind::cuda, 9})); });
}

/// The modelled device has half a gigabyte.
TEST_F(TrainerOnADevice, SaysWhatWouldFitWhereMemoryEnds) {
  const PreferenceDataset set = data({.num_pairs = 4000, .segment_length = 20});
  RewardArchitecture wide = architecture();
  wide.hidden = {256, 256};
  TrainerOptions o = options(cuda);
  o.batch_pairs = 3200;
  try {
    Trainer(context, set, wide, o);
    FAIL() << "3200 pairs fit";
  } catch (const segpref::Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_EQ(message.find("training with batch_pairs = 3200: cannot allocate "), 0u) << message;
    EXPECT_NE(message.find(" bytes on cuda:0, where "), std::string::npos) << message;
    const std::size_t at = message.find("; batch_pairs = ");
    ASSERT_NE(at, std::string::npos) << message;
    o.batch_pairs = std::stoll(message.substr(at + 16));
    EXPECT_GT(o.batch_pairs, 0);
    EXPECT_NO_THROW(Trainer(context, set, wide, o)) << o.batch_pairs;
  }
}

TEST_F(TrainerOnADevice, PredictsInChunksWhatTheCpuPredicts) {
  RewardEnsemble ensemble(architecture(), 3);
  ensemble.file().feature_mean = {0.5f, 0, 1, 0};
  ensemble.file().feature_std = {2, 1, 1, 0.5f};
  ensemble.file().reward_shift = {0.1f, -0.2f};
  ensemble.file().reward_scale = {1.5f, 0.5f};
  const std::int64_t num_steps = 37, gap = 2;
  std::vector<float> first, second;  // rows with gaps, and without
  for (std::int64_t i = 0; i < num_steps * (3 + gap); ++i) first.push_back(static_cast<float>(i % 17) / 8 - 1);
  for (std::int64_t i = 0; i < num_steps; ++i) second.push_back(static_cast<float>(i % 5) - 2);
  Features features;
  features.first = view(std::as_const(first).data(), {num_steps, 3});
  features.first.strides[0] = 3 + gap;
  features.second = view(std::as_const(second).data(), {num_steps, 1});
  const auto predict = [&](auto run) {
    std::vector<float> all(2 * num_steps), mean(num_steps), std(num_steps);
    run(Prediction{view(all.data(), {2, num_steps}), view(mean), view(std)});
    all.insert(all.end(), mean.begin(), mean.end());
    all.insert(all.end(), std.begin(), std.end());
    return all;
  };
  const std::vector<float> expected = predict([&](const Prediction& p) { ensemble.predict(context, features, p); });
  expect_close(predict([&](const Prediction& p) { ensemble.predict(context, features, p, cuda); }), expected, 1e-6);
  for (std::int64_t rows : {1, 5, 40})
    expect_close(predict([&](const Prediction& p) { cuda_predict(context, ensemble, features, p, cuda, 2 * rows * 16); }), expected, 1e-6);
  std::vector<float> mean(num_steps);
  ensemble.predict(context, features, {{}, view(mean), {}}, cuda);
  expect_close(mean, {expected.begin() + 2 * num_steps, expected.begin() + 3 * num_steps}, 1e-6);
  std::vector<float> too_short(num_steps - 1);
  expect_error(ErrorCode::invalid_argument, "prediction.mean has shape [36]; it must be [num_steps] = [37]", [&] { ensemble.predict(context, features, {{}, view(too_short), {}}, cuda); });
}

TEST_F(TrainerOnADevice, JudgesPairsAsTheCpuDoes) {
  const PreferenceDataset set = data({.num_pairs = 60});
  const RewardEnsemble ensemble(architecture(), 3);
  std::vector<std::int64_t> pairs = {5, 3, 17, 59, 0};
  expect_close(ensemble.logits(context, set, pairs, cuda), ensemble.logits(context, set, pairs), 1e-5);
  const auto* labels = static_cast<const float*>(set.batch().labels.data);
  EXPECT_NEAR(ensemble.evaluate(context, set, pairs, labels, NonFinite::propagate, cuda).mean.loss, ensemble.evaluate(context, set, pairs, labels).mean.loss, 1e-5);
}

}  // namespace
}  // namespace segpref::simt
