// The vectorised f32 activations against long double, over the whole range of arguments.
#include "kernels/cpu/reward_mlp/activations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace segpref::cpu::mlp {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float leaky_slope = 0.125f;

struct Exact {
  long double value, slope;
};

Exact exact(Activation activation, long double z) {
  switch (activation) {
    case Activation::relu: return {z > 0 ? z : 0, z > 0 ? 1.0L : 0.0L};
    case Activation::leaky_relu: return {z > 0 ? z : z * leaky_slope, z > 0 ? 1.0L : static_cast<long double>(leaky_slope)};
    case Activation::tanh: return {std::tanh(z), 1 / (std::cosh(z) * std::cosh(z))};
    case Activation::silu: {
      const long double sigmoid = 1 / (1 + std::exp(-z));
      return {z * sigmoid, sigmoid + z * sigmoid * (1 - sigmoid)};
    }
    case Activation::gelu: {
      const long double phi = std::erfc(-z / std::sqrt(2.0L)) / 2;
      return {z * phi, phi + z * std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L))};
    }
  }
  return {};
}

class Activations : public ::testing::TestWithParam<Activation> {};

TEST_P(Activations, ValuesAndSlopesAreWithinTheBound) {
  std::vector<float> arguments;
  for (float z = -100.0f; z <= 100.0f; z += 0.0078125f) arguments.push_back(z);
  for (float z = 1e-30f; z < 1e4f; z *= 1.01f) arguments.push_back(z), arguments.push_back(-z);
  arguments.push_back(0.0f);
  while (arguments.size() % 16 != 0) arguments.push_back(0.5f);
  std::vector<float> values = arguments, slopes(values.size());
  activate(GetParam(), leaky_slope, values.data(), slopes.data(), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const long double z = arguments[i];
    const Exact want = exact(GetParam(), z);
    const long double bound = 1e-6L * std::max(1.0L, std::fabs(z));
    ASSERT_LE(std::fabs(values[i] - want.value), bound) << "value at " << arguments[i];
    ASSERT_LE(std::fabs(slopes[i] - want.slope), bound) << "slope at " << arguments[i];
    if (GetParam() == Activation::tanh) {
      ASSERT_LE(std::fabs(values[i] - want.value), 4e-7L * std::fabs(want.value)) << "relative, at " << arguments[i];
    }
  }
}

TEST_P(Activations, NanStaysNanAndSlopesAreOptional) {
  std::vector<float> values(16, 1.0f), slopes(16);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> alone = values;
  activate(GetParam(), leaky_slope, values.data(), slopes.data(), 16);
  activate(GetParam(), leaky_slope, alone.data(), static_cast<float*>(nullptr), 16);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(std::isnan(values[i]), i == 3);
    EXPECT_EQ(std::isnan(slopes[i]), i == 3);
    if (i != 3) {
      EXPECT_EQ(values[i], alone[i]);
    }
  }
}

TEST_P(Activations, LimitsAtInfinity) {
  std::vector<float> values(16, infinity);
  activate(GetParam(), leaky_slope, values.data(), static_cast<float*>(nullptr), 16);
  EXPECT_EQ(values[0], GetParam() == Activation::tanh ? 1.0f : infinity);
}

std::string name_of(const ::testing::TestParamInfo<Activation>& info) {
  const char* names[] = {"Relu", "LeakyRelu", "Tanh", "Silu", "Gelu"};
  return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(All, Activations,
                         ::testing::Values(Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::silu, Activation::gelu), name_of);

}  // namespace
}  // namespace segpref::cpu::mlp
