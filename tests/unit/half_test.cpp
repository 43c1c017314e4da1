#include "kernels/math/half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace segpref::math {
namespace {

TEST(Half, EveryBf16AndF16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half_bits = static_cast<std::uint16_t>(bits);
    const float from_bf16 = to_f32(bf16{half_bits}), from_f16 = to_f32(f16{half_bits});
    if (std::isnan(from_bf16)) {
      EXPECT_TRUE(std::isnan(to_f32(to_bf16(from_bf16))));
    } else {
      EXPECT_EQ(to_bf16(from_bf16).bits, half_bits);
    }
    if (std::isnan(from_f16)) {
      EXPECT_TRUE(std::isnan(to_f32(to_f16(from_f16))));
    } else {
      EXPECT_EQ(to_f16(from_f16).bits, half_bits);
    }
  }
}

/// Halfway between two neighbours goes to the even one; a hair more or less goes to the nearer one.
template <typename Half, typename Round>
void check_rounding(Round round, std::uint16_t last_finite) {
  for (std::uint32_t bits = 0; bits < last_finite; ++bits) {
    const auto low = static_cast<std::uint16_t>(bits), high = static_cast<std::uint16_t>(bits + 1);
    const double middle = (static_cast<double>(to_f32(Half{low})) + static_cast<double>(to_f32(Half{high}))) / 2;
    const float halfway = static_cast<float>(middle);
    if (static_cast<double>(halfway) != middle) continue;
    const std::uint16_t even = low % 2 == 0 ? low : high;
    ASSERT_EQ(round(halfway).bits, even) << bits;
    ASSERT_EQ(round(-halfway).bits, even | 0x8000) << bits;
    ASSERT_EQ(round(std::nextafter(halfway, 0.0f)).bits, low) << bits;
    ASSERT_EQ(round(std::nextafter(halfway, std::numeric_limits<float>::infinity())).bits, high) << bits;
  }
}

TEST(Half, Bf16RoundsToNearestEven) { check_rounding<bf16>(to_bf16, 0x7f7f); }
TEST(Half, F16RoundsToNearestEven) { check_rounding<f16>(to_f16, 0x7bff); }

TEST(Half, LimitsAndInfinities) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_f32(to_f16(65504.0f)), 65504.0f);
  EXPECT_EQ(to_f32(to_f16(65519.0f)), 65504.0f);
  EXPECT_EQ(to_f32(to_f16(65520.0f)), infinity);
  EXPECT_EQ(to_f32(to_f16(-infinity)), -infinity);
  EXPECT_EQ(to_f32(to_f16(0x1p-24f)), 0x1p-24f);
  EXPECT_EQ(to_f16(0x1p-25f).bits, 0);
  EXPECT_EQ(to_f16(-0.0f).bits, 0x8000);
  EXPECT_EQ(to_f32(to_bf16(infinity)), infinity);
  EXPECT_EQ(to_f32(to_bf16(std::numeric_limits<float>::max())), infinity);
}

}  // namespace
}  // namespace segpref::math
