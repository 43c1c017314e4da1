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
    math::AdamWCoefficients<float>& c = params.coefficients;
    c.beta1 = c.rest1 = c.beta2 = c.rest2 = 0.5f;
    c.step_size = c.root_scale = c.keep = 1;
    simt::launch(cuda::adamw_kernel<Tile, float>, 3, Tile::num_threads, 0, params);
    return simt::compare(p.to_host(), std::vector<float>(n, 1 - 0.5f / std::sqrt(0.5f)));
  });
}
