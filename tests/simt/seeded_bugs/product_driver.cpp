#include "tests/simt/samples/pipelined_product.cuh"
#include "kernels/math/half.hpp"
#include "tests/simt/seeded_bugs/driver.hpp"

using namespace segpref;

/// 40 rows: one whole block and one with rows beyond the end; three slabs, so that a buffer is filled twice.
int main() {
  using Tile = cuda::ProductTile;
  return simt::run_over_seeds([] {
    constexpr std::size_t num_rows = 40, k = 48, cols = Tile::cols;
    std::vector<bf16> a, b;
    for (std::size_t i = 0; i < num_rows * k; ++i) a.push_back(math::to_bf16(static_cast<float>(i * 7 % 11) - 5));
    for (std::size_t i = 0; i < cols * k; ++i) b.push_back(math::to_bf16(static_cast<float>(i * 5 % 13) - 6));
    std::vector<float> expected(num_rows * cols);
    for (std::size_t row = 0; row < num_rows; ++row)
      for (std::size_t col = 0; col < cols; ++col)
        for (std::size_t i = 0; i < k; ++i) expected[row * cols + col] += math::to_f32(a[row * k + i]) * math::to_f32(b[col * k + i]);
    const simt::Buffer<bf16> d_a(a), d_b(b);
    const simt::Buffer<float> d_c(num_rows * cols);
    simt::launch(cuda::pipelined_product_kernel<Tile>, 2, Tile::num_threads, 0, d_a.get(), d_b.get(), static_cast<int>(num_rows), static_cast<int>(k), d_c.get());
    return simt::compare(d_c.to_host(), expected);
  });
}
