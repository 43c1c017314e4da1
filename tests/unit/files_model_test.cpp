// Model files and checkpoints come back as they were saved.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "segpref/model_file.hpp"
#include "segpref/version.hpp"

namespace segpref {
namespace {

std::string temporary_path(const char* name) {
  return (std::filesystem::temp_directory_path() / fmt::format("segpref_{}_{}", getpid(), name)).string();
}

TEST(ModelFile, ComesBackWhole) {
  RewardModelFile model;
  model.architecture.feature_dim = 3;
  model.architecture.hidden = {8, 9};
  model.architecture.num_members = 2;
  model.architecture.activation = Activation::silu;
  model.architecture.output = Output::tanh;
  model.parameters.resize(static_cast<std::size_t>(num_parameters(model.architecture)));
  std::iota(model.parameters.begin(), model.parameters.end(), -5.5f);
  model.feature_mean = {1, 2, 3};
  model.feature_std = {0.5f, 1, 2};
  model.reward_shift = {0, -1};
  model.reward_scale = {2, 3};
  model.metadata["note"] = "an \"unusual\" note";
  const std::string path = temporary_path("model.safetensors");
  save_model(path, model);
  const RewardModelFile read = load_model(path);
  std::filesystem::remove(path);
  EXPECT_EQ(read.architecture.hidden, model.architecture.hidden);
  EXPECT_EQ(read.architecture.activation, model.architecture.activation);
  EXPECT_EQ(read.architecture.output, model.architecture.output);
  EXPECT_EQ(read.parameters, model.parameters);
  EXPECT_EQ(read.feature_mean, model.feature_mean);
  EXPECT_EQ(read.feature_std, model.feature_std);
  EXPECT_EQ(read.reward_shift, model.reward_shift);
  EXPECT_EQ(read.reward_scale, model.reward_scale);
  EXPECT_EQ(read.metadata, model.metadata);
  EXPECT_EQ(read.library_version, version());
}

TEST(TensorFile, EveryDtypeComesBack) {
  TensorFile file;
  file.put<float>("f32", {1.5f, -2});
  file.put<double>("f64", {1e300});
  file.put<std::int32_t>("i32", {-1, 2, 3});
  file.put<std::int64_t>("i64", {std::int64_t{1} << 50});
  file.put<std::uint8_t>("u8", {1, 2, 255});
  file.put<float>("empty", {});
  file.metadata.emplace("epoch", "7");
  const std::string path = temporary_path("checkpoint.safetensors");
  save_tensors(path, file);
  const TensorFile read = load_tensors(path);
  std::filesystem::remove(path);
  EXPECT_EQ(read.metadata, file.metadata);
  EXPECT_EQ(read.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(read.find(name, tensor.dtype).shape, tensor.shape) << name;
    EXPECT_EQ(read.find(name, tensor.dtype).bytes, tensor.bytes) << name;
  }
}

}  // namespace
}  // namespace segpref
