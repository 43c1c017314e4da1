#include "kernels/cpu/random.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "kernels/math/philox.hpp"

namespace segpref::cpu {

void fill_uniform(std::uint64_t seed, std::uint64_t stream, float lo, float hi, std::span<float> values) {
  for (std::size_t begin = 0; begin < values.size(); begin += 4) {
    const math::PhiloxBlock block = math::random_block(seed, stream, begin / 4);
    const std::size_t count = std::min<std::size_t>(4, values.size() - begin);
    for (std::size_t i = 0; i < count; ++i) values[begin + i] = lo + (hi - lo) * math::uniform_of(block.word[i]);
  }
}

void fill_permutation(std::uint64_t seed, std::uint64_t stream, std::span<std::int64_t> indices) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> keyed(indices.size());
  for (std::size_t i = 0; i < keyed.size(); ++i) keyed[i] = {math::random_bits64(seed, stream, i), static_cast<std::int64_t>(i)};
  std::sort(keyed.begin(), keyed.end());
  for (std::size_t i = 0; i < keyed.size(); ++i) indices[i] = keyed[i].second;
}

void fill_bootstrap(std::uint64_t seed, std::uint64_t stream, std::span<std::int64_t> indices) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    indices[i] = static_cast<std::int64_t>(math::random_below(seed, stream, i, indices.size()));
}

}  // namespace segpref::cpu
