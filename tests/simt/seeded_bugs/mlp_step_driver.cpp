// The fused end of a training step, whose number lies on the device. All parameters are 1, all gradients 0.25 in two parts: the first step of Adam is the
// learning rate, 0.5.
#include "kernels/cuda/reward_mlp/reduce_adamw_kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

int main() {
  using Tile = cuda::MlpElementsTile;
  using Operands = cuda::SplitTf32Operands;
  RewardArchitecture architecture;
  architecture.feature_dim = 20;
  architecture.hidden = {24};
  architecture.num_members = 2;
  const cuda::MlpShape shape = cuda::mlp_shape(architecture);
  const auto n = static_cast<std::size_t>(shape.num_parameters);
  std::vector<float> operands(static_cast<std::size_t>(shape.num_members * shape.packed_size), 0.0f);
  for (std::int64_t member = 0; member < 2; ++member)
    for (std::int64_t unit = 0; unit < 24; ++unit)
      for (std::int64_t input = 0; input < 20; ++input) operands[static_cast<std::size_t>(member * shape.packed_size + unit * 32 + input)] = 0.5f;
  return simt::run_over_seeds([&] {
    const simt::Buffer<float> partial(2 * n, 0.125f), parameters(n, 1.0f), first(n, 0.0f), second(n, 0.0f), packed(operands.size(), 0.0f);
    const simt::Buffer<std::int64_t> step(1, 1);
    cuda::MlpReduceAdamWParams p;
    p.sums.shape = shape;
    p.sums.num_splits = 2;
    p.sums.partial = partial.get();
    p.parameters = parameters.get();
    p.first_moment = first.get();
    p.second_moment = second.get();
    p.rates = {0.5, 0.5, 0.5, 1e-12, 0, true};
    p.step = step.get();
    p.packed = packed.get();
    const auto num_blocks = static_cast<unsigned>((n + Tile::num_threads - 1) / Tile::num_threads);
    simt::launch(cuda::mlp_reduce_adamw_kernel<Tile, Operands, true>, num_blocks, Tile::num_threads, 0, p);
    simt::Finding finding = simt::compare(parameters.to_host(), std::vector<float>(n, 0.5f));
    if (finding.empty()) finding = simt::compare(first.to_host(), std::vector<float>(n, 0.125f));
    return finding.empty() ? simt::compare(packed.to_host(), operands) : finding;
  });
}
