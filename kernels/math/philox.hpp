// Counter-based random numbers: every draw is a pure function of (seed, stream, index), so that any thread, and CPU and CUDA alike,
// draw the same bits without any state.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox4x32-10).
#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace segpref::math {

struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Ten rounds of Philox4x32.
SEGPREF_HOST_DEVICE inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(product0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// What a stream is for. Draws of different purposes never share a counter, whatever the seed.
enum class RandomPurpose : std::uint64_t { initialization, permutation, bootstrap, dropout, teacher };

/// A stream number: purpose in the upper 16 bits, `number` (below 2^48) in the lower.
SEGPREF_HOST_DEVICE constexpr std::uint64_t random_stream(RandomPurpose purpose, std::uint64_t number) {
  return (static_cast<std::uint64_t>(purpose) << 48) | number;
}

/// The 128 bits at block `block` of a stream.
SEGPREF_HOST_DEVICE inline PhiloxBlock random_block(std::uint64_t seed, std::uint64_t stream, std::uint64_t block) {
  return philox4x32({{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), static_cast<std::uint32_t>(stream),
                      static_cast<std::uint32_t>(stream >> 32)}},
                    static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

/// Draw `index` of 32 bits: four to a block.
SEGPREF_HOST_DEVICE inline std::uint32_t random_bits32(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return random_block(seed, stream, index / 4).word[index % 4];
}

/// Draw `index` of 64 bits: two to a block.
SEGPREF_HOST_DEVICE inline std::uint64_t random_bits64(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const PhiloxBlock block = random_block(seed, stream, index / 2);
  const bool is_upper = index % 2 != 0;  // chosen rather than indexed, for which a device would lay the block on its stack
  return (is_upper ? block.word[2] : block.word[0]) | (std::uint64_t{is_upper ? block.word[3] : block.word[1]} << 32);
}

/// 24 bits as a float in [0, 1): every value is exact.
SEGPREF_HOST_DEVICE inline float uniform_of(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

/// Draw `index`, uniform in [0, 1).
SEGPREF_HOST_DEVICE inline float random_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return uniform_of(random_bits32(seed, stream, index));
}

/// The upper half of the 128-bit product, from 32-bit parts so that every compiler gives it.
SEGPREF_HOST_DEVICE constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xffffffffu, a_high = a >> 32, b_low = b & 0xffffffffu, b_high = b >> 32;
  const std::uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
  const std::uint64_t carry = a_low * b_high + (middle & 0xffffffffu);
  return a_high * b_high + (middle >> 32) + (carry >> 32);
}

/// Draw `index`, an integer in [0, bound), bound > 0. The bias is below bound / 2^64.
SEGPREF_HOST_DEVICE inline std::uint64_t random_below(std::uint64_t seed, std::uint64_t stream, std::uint64_t index, std::uint64_t bound) {
  return multiply_high(random_bits64(seed, stream, index), bound);
}

}  // namespace segpref::math
