// The fused end of a training step has the bits of its three kernels: every precision, with and without what may be left out, over two steps.
#include "kernels/cuda/reward_mlp/reduce_adamw_kernel.cuh"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "kernels/cuda/adamw/kernel.cuh"
#include "kernels/cuda/reward_mlp/pack_kernel.cuh"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::simt {
namespace {

using Tile = cuda::MlpElementsTile;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
unsigned blocks(std::int64_t elements) { return static_cast<unsigned>((elements + Tile::num_threads - 1) / Tile::num_threads); }

/// What a step is asked for.
struct StepCase {
  std::vector<std::int64_t> hidden = {24, 40};
  std::int64_t num_members = 3;
  bool has_bias = true;
  int num_splits = 3;
  bool is_scaled = true;
  bool wants_gradients = true;
  bool is_packed = true;
  bool is_counted = false;
};

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Parameters, moments and operands of an ensemble on the device.
template <class Operands>
struct State {
  using Element = typename Operands::Element;

  State(const cuda::MlpShape& shape, const std::vector<float>& parameters)
      : shape(shape), parameters(parameters), gradients(parameters.size(), -7.0f), first(parameters.size(), 0.0f), second(parameters.size(), 0.0f),
        packed(count(shape.num_members * shape.packed_size)) {
    pack();
  }
  void pack() const {
    cuda::PackWeightsParams p;
    p.shape = shape;
    p.parameters = parameters.get();
    p.packed = packed.get();
    launch(cuda::pack_weights_kernel<Tile, Operands>, dim3(blocks(shape.packed_size), static_cast<unsigned>(shape.num_members)), Tile::num_threads, 0, p);
  }

  cuda::MlpShape shape;
  Buffer<float> parameters, gradients, first, second;
  Buffer<Element> packed;
};

template <class Operands>
void check(const StepCase& c) {
  RewardArchitecture architecture;
  architecture.feature_dim = 20;
  architecture.hidden = c.hidden;
  architecture.num_members = c.num_members;
  architecture.bias = c.has_bias;
  const cuda::MlpShape shape = cuda::mlp_shape(architecture);
  const std::int64_t n = shape.num_parameters;
  const math::AdamWRates rates{1e-2, 0.9, 0.999, 1e-8, 0.1, true};

  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> parameters(count(n)), partial(count(c.num_splits * n)), scale;
  for (float& value : parameters) value = normal(random);
  for (std::int64_t e = 0; e < c.num_members; ++e) scale.push_back(0.25f + 0.3f * static_cast<float>(e));
  const State<Operands> apart(shape, parameters), fused(shape, parameters);
  const Buffer<float> d_scale(scale);
  const Buffer<std::int64_t> number(std::vector<std::int64_t>{1, 2});

  for (std::int64_t step = 1; step <= 2; ++step) {
    for (float& value : partial) value = normal(random);
    const Buffer<float> d_partial(partial);
    cuda::MlpReduceAdamWParams p;
    p.sums.shape = shape;
    p.sums.num_splits = c.num_splits;
    p.sums.partial = d_partial.get();
    p.sums.grad_scale = c.is_scaled ? d_scale.get() : nullptr;

    p.sums.gradients = apart.gradients.get();
    launch(cuda::mlp_reduce_grad_kernel<Tile>, blocks(n), Tile::num_threads, 0, p.sums);
    using AdamWTile = cuda::UnalignedAdamWTile<float>;
    const cuda::AdamWParams<float> adamw{apart.parameters.get(), apart.gradients.get(), apart.first.get(), apart.second.get(), n, math::adamw_coefficients<float>(rates, step)};
    launch(cuda::adamw_kernel<AdamWTile, float>, blocks(n), AdamWTile::num_threads, 0, adamw);
    apart.pack();

    p.sums.gradients = c.wants_gradients ? fused.gradients.get() : nullptr;
    p.parameters = fused.parameters.get();
    p.first_moment = fused.first.get();
    p.second_moment = fused.second.get();
    p.packed = c.is_packed ? fused.packed.get() : nullptr;
    if (c.is_counted) {
      p.rates = rates;
      p.step = number.get() + step - 1;
      launch(cuda::mlp_reduce_adamw_kernel<Tile, Operands, true>, blocks(n), Tile::num_threads, 0, p);
    } else {
      p.coefficients = adamw.coefficients;
      launch(cuda::mlp_reduce_adamw_kernel<Tile, Operands, false>, blocks(n), Tile::num_threads, 0, p);
    }
  }
  EXPECT_EQ(fused.parameters.to_host(), apart.parameters.to_host());
  EXPECT_EQ(fused.first.to_host(), apart.first.to_host());
  EXPECT_EQ(fused.second.to_host(), apart.second.to_host());
  EXPECT_EQ(fused.gradients.to_host(), c.wants_gradients ? apart.gradients.to_host() : std::vector<float>(count(n), -7.0f));
  if (c.is_packed) {
    EXPECT_TRUE(same_bits(fused.packed.to_host(), apart.packed.to_host()));
  } else {
    EXPECT_TRUE(same_bits(fused.packed.to_host(), State<Operands>(shape, parameters).packed.to_host())) << "operands that nobody asked for were written";
  }
  EXPECT_EQ(number.to_host(), (std::vector<std::int64_t>{1, 2})) << "only the kernel behind advances the step";
}

template <class Operands>
struct MlpReduceAdamW : ::testing::Test {};
using EveryPrecision = ::testing::Types<cuda::SplitTf32Operands, cuda::Tf32Operands, cuda::Bf16Operands, cuda::F16Operands>;
TYPED_TEST_SUITE(MlpReduceAdamW, EveryPrecision);

TYPED_TEST(MlpReduceAdamW, HasTheBitsOfThreeKernels) {
  for (const bool is_counted : {false, true}) {
    StepCase c;
    c.is_counted = is_counted;
    check<TypeParam>(c);
  }
}

using F32 = cuda::SplitTf32Operands;

TEST(MlpReduceAdamWShapes, LayersMembersAndBiases) {
  for (const bool has_bias : {true, false})
    for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{1}, {33}, {8, 64}, {40, 8, 17, 32}})
      for (const std::int64_t members : {1, 2}) {
        StepCase c;
        c.hidden = hidden;
        c.num_members = members;
        c.has_bias = has_bias;
        check<F32>(c);
      }
}

TEST(MlpReduceAdamWOptions, PartsScaleGradientsAndOperands) {
  for (const int num_splits : {1, 2, 7})
    for (const bool is_scaled : {false, true}) {
      StepCase c;
      c.num_splits = num_splits;
      c.is_scaled = is_scaled;
      check<F32>(c);
    }
  for (const bool wants_gradients : {false, true})
    for (const bool is_packed : {false, true})
      for (const bool is_counted : {false, true}) {
        StepCase c;
        c.wants_gradients = wants_gradients;
        c.is_packed = is_packed;
        c.is_counted = is_counted;
        check<F32>(c);
      }
}

}  // namespace
}  // namespace segpref::simt
