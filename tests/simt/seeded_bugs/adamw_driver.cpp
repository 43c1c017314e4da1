#include "kernels/cuda/adamw/kernel.cuh"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

/// 2 * 1024 + 5 parameters: two whole blocks and a tail. With these coefficients p becomes p - m / sqrt(v) = 1 - 0.5 g / (|g| sqrt(0.5)).
int main() {
  using Tile = cuda::AlignedAdamWTile<float>;
  return simt::run_over_seeds([] {
    constexpr std::size_t n = 2 * 1024 + 5;
    const std::vector<float> gradients(n, 0.25f);
    const simt::Buffer<float> p(n, 1.0f), g(gradients), m(n, 0.0f), v(n, 0.0f);
    cuda::AdamWParams<float> params{};
    params.parameters = p.get();
    params.gradients = g.get();
    params.first_moment = m.get();
    params.second_moment = v.get();
    params.num_parameters = n;
    params.beta1 = params.rest1 = params.beta2 = params.rest2 = 0.5f;
    params.step_size = params.root_scale = params.keep = 1;
    simt::launch(cuda::adamw_kernel<Tile, float>, 3, Tile::num_threads, 0, params);
    return simt::compare(p.to_host(), std::vector<float>(n, 1 - 0.5f / std::sqrt(0.5f)));
  });
}
