#include "kernels/math/philox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/cpu/random.hpp"

namespace segpref {
namespace {

void expect_block(const math::PhiloxBlock& block, std::uint32_t w0, std::uint32_t w1, std::uint32_t w2, std::uint32_t w3) {
  EXPECT_EQ(block.word[0], w0);
  EXPECT_EQ(block.word[1], w1);
  EXPECT_EQ(block.word[2], w2);
  EXPECT_EQ(block.word[3], w3);
}

// kat_vectors of Random123 1.14, philox4x32 with 10 rounds.
TEST(Philox, MatchesThePublishedKnownAnswers) {
  expect_block(math::philox4x32({{0, 0, 0, 0}}, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  const std::uint32_t ones = 0xffffffff;
  expect_block(math::philox4x32({{ones, ones, ones, ones}}, ones, ones), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  expect_block(math::philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0), 0xd16cfe09, 0x94fdcceb,
               0x5001e420, 0x24126ea1);
}

TEST(Philox, IndexStreamAndSeedFillCounterAndKey) {
  const auto block = math::random_block(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88);
  expect_block(block, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  EXPECT_EQ(math::random_bits32(0, 0, 2), 0xbc57ac4cu);
  EXPECT_EQ(math::random_bits64(0, 0, 1), 0x9b00dbd8bc57ac4cu);
}

TEST(Philox, UniformLiesBelowOne) {
  EXPECT_EQ(math::uniform_of(0), 0.0f);
  EXPECT_EQ(math::uniform_of(0xffffffff), 1.0f - 0x1p-24f);
}

TEST(Philox, MultiplyHighIsTheUpperHalf) {
  EXPECT_EQ(math::multiply_high(0xffffffffffffffff, 0xffffffffffffffff), 0xfffffffffffffffeu);
  EXPECT_EQ(math::multiply_high(std::uint64_t{1} << 63, 6), 3u);
  EXPECT_EQ(math::multiply_high(0x123456789abcdef0, 1), 0u);
}

TEST(Random, FillUniformEqualsSingleDrawsForEveryLength) {
  for (std::size_t length : {0, 1, 3, 4, 5, 17}) {
    std::vector<float> values(length);
    cpu::fill_uniform(7, 3, 0.0f, 1.0f, values);
    for (std::size_t i = 0; i < length; ++i) EXPECT_EQ(values[i], math::random_uniform(7, 3, i));
  }
}

TEST(Random, PermutationHoldsEveryIndexOnce) {
  for (std::size_t n : {0, 1, 2, 3, 1000}) {
    std::vector<std::int64_t> permutation(n), sorted(n), expected(n);
    cpu::fill_permutation(1, 2, permutation);
    sorted = permutation;
    std::sort(sorted.begin(), sorted.end());
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(sorted, expected);
    if (n == 1000) {
      EXPECT_NE(permutation, expected);
    }
  }
}

TEST(Random, PermutationsOfThreeAreEquallyLikely) {
  int seen[27] = {};
  constexpr int rounds = 6000;
  for (std::uint64_t stream = 0; stream < rounds; ++stream) {
    std::vector<std::int64_t> p(3);
    cpu::fill_permutation(9, stream, p);
    ++seen[9 * p[0] + 3 * p[1] + p[2]];
  }
  // 1000 expected, standard deviation 29.
  for (int code : {5, 7, 11, 15, 19, 21}) EXPECT_NEAR(seen[code], rounds / 6, 150) << code;
}

TEST(Random, BootstrapDrawsInRangeAndLeavesOutAThird) {
  std::vector<std::int64_t> draws(10000);
  cpu::fill_bootstrap(4, 5, draws);
  EXPECT_GE(*std::min_element(draws.begin(), draws.end()), 0);
  EXPECT_LT(*std::max_element(draws.begin(), draws.end()), 10000);
  std::sort(draws.begin(), draws.end());
  const auto distinct = std::unique(draws.begin(), draws.end()) - draws.begin();
  EXPECT_NEAR(static_cast<double>(distinct), 6321.0, 150.0);
}

TEST(Random, StreamsOfDifferentPurposesDiffer) {
  const auto initialization = math::random_stream(math::RandomPurpose::initialization, 5);
  const auto dropout = math::random_stream(math::RandomPurpose::dropout, 5);
  EXPECT_NE(initialization, dropout);
  EXPECT_NE(math::random_bits32(1, initialization, 0), math::random_bits32(1, dropout, 0));
}

}  // namespace
}  // namespace segpref
