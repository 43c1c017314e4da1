#include "kernels/reference/dropout.hpp"

#include <array>

namespace segpref::reference {
namespace {

using Words = std::array<std::uint32_t, 4>;

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x % (std::uint64_t{1} << 32)); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

/// Philox4x32 as published: ten rounds of two multiplications, with a key raised by the Weyl constants between rounds.
Words philox(Words counter, std::uint64_t seed) {
  std::uint32_t left_key = low(seed), right_key = high(seed);
  for (int round = 1; round <= 10; ++round) {
    const std::uint64_t left = 0xD2511F53ull * counter[0], right = 0xCD9E8D57ull * counter[2];
    counter = {high(right) ^ counter[1] ^ left_key, low(right), high(left) ^ counter[3] ^ right_key, low(left)};
    left_key = low(std::uint64_t{left_key} + 0x9E3779B9ull);
    right_key = low(std::uint64_t{right_key} + 0xBB67AE85ull);
  }
  return counter;
}

}  // namespace

DropoutMask dropout_mask(const Dropout& dropout) {
  return [dropout](std::int64_t member, std::int64_t layer, std::int64_t step, std::int64_t unit) {
    const std::uint64_t number = (dropout.call * 32 + static_cast<std::uint64_t>(member)) * 4 + static_cast<std::uint64_t>(layer);
    const std::uint64_t stream = (std::uint64_t{3} << 48) + number % (std::uint64_t{1} << 48);
    const std::uint64_t index = static_cast<std::uint64_t>(step) * 1024 + static_cast<std::uint64_t>(unit), block = index / 4;
    const Words words = philox({low(block), high(block), low(stream), high(stream)}, dropout.seed);
    const double uniform = static_cast<double>(words[index % 4] >> 8) / 16777216.0;
    // The rate is compared as f32, the precision of the draws.
    return uniform < static_cast<double>(static_cast<float>(dropout.rate)) ? 0.0 : 1 / (1 - dropout.rate);
  };
}

}  // namespace segpref::reference
