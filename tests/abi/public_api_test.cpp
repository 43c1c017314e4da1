// The C++ face as a user has it: public headers, the shared library, and what must have been exported for it to link and to catch.
#include <gtest/gtest.h>
#include <segpref/segpref.h>
#include <segpref/segpref.hpp>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace segpref {
namespace {

// One pair of one-step segments with rewards 0 and 1, the second preferred.
struct Problem {
  std::vector<float> rewards = {0, 1}, labels = {1}, loss = {7}, grad = {7, 7};
  std::vector<std::int64_t> offsets = {0, 1, 2};
  PreferenceBatch batch;
  PreferenceResult result;

  Problem() {
    batch.offsets = view(std::as_const(offsets));
    batch.labels = view(std::as_const(labels));
    result.loss = view(loss);
  }
};

TEST(PublicApi, LossRunsThroughTheSharedLibrary) {
  Problem p;
  preference_loss(Context(1), view(std::as_const(p.rewards)), p.batch, {}, p.result, view(p.grad));
  EXPECT_NEAR(p.loss[0], std::log1p(std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(p.grad[0], 1 / (1 + std::exp(1.0)), 1e-6);
}

TEST(PublicApi, ErrorIsCaughtByItsTypeAcrossTheLibrary) {
  Problem p;
  p.labels[0] = 2;
  try {
    preference_loss(Context(1), view(std::as_const(p.rewards)), p.batch, {}, p.result);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_STREQ(error.what(), "labels[0] = 2 is outside [0, 1]");
  }
}

TEST(PublicApi, PlansAreExported) {
  PreferenceCapacity capacity;
  capacity.num_steps = 2, capacity.num_segments = 2, capacity.num_pairs = 1;
  RewardArchitecture architecture;
  architecture.feature_dim = 1;
  EXPECT_NE(PreferenceLossPlan(capacity).describe().find("workspace"), std::string::npos);
  EXPECT_NE(LinearLossPlan(capacity, 1).describe().find("workspace"), std::string::npos);
  EXPECT_NE(MlpLossPlan(architecture, capacity, 1).describe().find("workspace"), std::string::npos);
  EXPECT_NE(RankingLossPlan(RankingCapacity{}).describe().find("workspace"), std::string::npos);
}

TEST(PublicApi, EnsemblesAreSavedAndLoaded) {
  RewardArchitecture architecture;
  architecture.feature_dim = 2;
  architecture.hidden = {8};
  const RewardEnsemble ensemble(architecture, 3);
  const auto path = std::filesystem::temp_directory_path() / ("segpref_public_api_" + std::to_string(getpid()) + ".safetensors");
  ensemble.save(path.string());
  EXPECT_EQ(RewardEnsemble::load(path.string()).file().parameters, ensemble.file().parameters);
  std::filesystem::remove(path);
}

TEST(PublicApi, BothFacesGiveTheSameBits) {
  Problem p;
  preference_loss(Context(1), view(std::as_const(p.rewards)), p.batch, {}, p.result);
  float loss = 0;
  std::int64_t one = 1, two = 2, three = 3;
  const auto tensor = [](void* data, std::int64_t& extent, DLDataTypeCode code, std::uint8_t bits) {
    DLTensor result{};
    result.data = data;
    result.device.device_type = kDLCPU;
    result.ndim = 1;
    result.dtype = {static_cast<std::uint8_t>(code), bits, 1};
    result.shape = &extent;
    return result;
  };
  const DLTensor rewards = tensor(p.rewards.data(), two, kDLFloat, 32), offsets = tensor(p.offsets.data(), three, kDLInt, 64);
  const DLTensor labels = tensor(p.labels.data(), one, kDLFloat, 32), out = tensor(&loss, one, kDLFloat, 32);
  segpref_preference_batch batch{};
  batch.struct_size = sizeof(batch);
  batch.offsets = &offsets;
  batch.labels = &labels;
  segpref_preference_result result{};
  result.struct_size = sizeof(result);
  result.loss = &out;
  segpref_context* context = nullptr;
  ASSERT_EQ(segpref_context_create(1, &context), SEGPREF_OK);
  EXPECT_EQ(segpref_preference_loss(context, &rewards, &batch, nullptr, &result, nullptr), SEGPREF_OK) << segpref_last_error();
  segpref_context_destroy(context);
  EXPECT_EQ(loss, p.loss[0]);
}

}  // namespace
}  // namespace segpref
