// check_values_kernel: the first offender of every form of rule, wherever it stands and however many follow; read_offender_kernel: what it says about it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/cuda/check_values/kernel.cuh"
#include "tests/simt/support/kernel_test.hpp"

namespace segpref::cuda {
namespace {

using kernels::ValueCheck;
using kernels::ValueForm;
using kernels::ValuesAt;
using simt::Buffer;

using Tile = CheckValuesTile;
constexpr std::int64_t one_round = std::int64_t{Tile::num_threads} * Tile::loads;
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

/// The first offender by a launch of num_blocks blocks per rule: {rule, position}, or {-1, -1}.
std::pair<std::int64_t, std::int64_t> first_offender(const std::vector<ValueCheck>& checks, unsigned num_blocks) {
  const Buffer<unsigned long long> d_first(1, no_offender);
  CheckValuesParams p;
  for (const ValueCheck& check : checks) p.checks[p.num_checks++] = check;
  p.first_offender = d_first.get();
  simt::launch(check_values_kernel<Tile>, dim3(num_blocks, static_cast<unsigned>(checks.size())), Tile::num_threads, 0, p);
  const unsigned long long first = d_first.to_host()[0];
  if (first == no_offender) return {-1, -1};
  return {static_cast<std::int64_t>(first >> offender_position_bits), static_cast<std::int64_t>(first & ((1ull << offender_position_bits) - 1))};
}

ValuesAt read_offender(const ValueCheck& check, std::int64_t position) {
  const Buffer<ValuesAt> values(1);
  simt::launch(read_offender_kernel<ReadOffenderTile>, dim3(1), ReadOffenderTile::num_threads, 0, ReadOffenderParams{check, position, values.get()});
  return values.to_host()[0];
}

/// Positions where loops have their edges.
std::vector<std::int64_t> edges(std::int64_t count) {
  constexpr std::int64_t threads = Tile::num_threads;
  std::vector<std::int64_t> positions;
  for (const std::int64_t i : std::vector<std::int64_t>{0, 1, 31, 32, threads - 1, threads, one_round - 1, one_round, 2 * one_round, count - 1})
    if (i >= 0 && i < count) positions.push_back(i);
  return positions;
}

constexpr std::int64_t counts[] = {1, 2, 33, Tile::num_threads, one_round, 2 * one_round + 5};

template <typename T>
class CheckIndices : public ::testing::Test {};
using Indices = ::testing::Types<std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(CheckIndices, Indices);

template <typename Index>
ValueCheck check_of(const Buffer<Index>& array, ValueForm form, std::int64_t begin, std::int64_t end, std::int64_t least, std::int64_t most) {
  ValueCheck check;
  check.form = form;
  check.begin = begin;
  check.end = end;
  check.indices = {array.get(), sizeof(Index) == 8};
  check.least = least;
  check.most = most;
  return check;
}

TYPED_TEST(CheckIndices, OutOfRangeIsFoundWhereverItStands) {
  for (const std::int64_t count : counts) {
    std::vector<TypeParam> values(static_cast<std::size_t>(count), 9);
    values[0] = 0;
    {
      const Buffer<TypeParam> legal(values);
      EXPECT_EQ(first_offender({check_of(legal, ValueForm::index, 0, count, 0, 9)}, 2), (std::pair<std::int64_t, std::int64_t>{-1, -1})) << count;
    }
    constexpr TypeParam outside[] = {10, -1, std::numeric_limits<TypeParam>::min()};
    for (const std::int64_t bad : edges(count)) {
      const TypeParam value = outside[bad % 3];
      std::vector<TypeParam> spoilt = values;
      spoilt[static_cast<std::size_t>(bad)] = value;
      spoilt.back() = value;
      const Buffer<TypeParam> array(spoilt);
      const ValueCheck check = check_of(array, ValueForm::index, 0, count, 0, 9);
      EXPECT_EQ(first_offender({check}, 2), (std::pair<std::int64_t, std::int64_t>{0, bad})) << count << " values";
      EXPECT_EQ(read_offender(check, bad).index, value);
    }
  }
}

TYPED_TEST(CheckIndices, AnOffsetBelowTheOneBeforeIsFound) {
  for (const std::int64_t count : counts) {
    std::vector<TypeParam> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<TypeParam>(i / 2));
    {
      const Buffer<TypeParam> legal(values);
      EXPECT_EQ(first_offender({check_of(legal, ValueForm::order, 1, count, 0, 0)}, 2).first, -1) << count;
    }
    for (const std::int64_t bad : edges(count)) {
      if (bad == 0) continue;  // has none before it
      std::vector<TypeParam> spoilt = values;
      spoilt[static_cast<std::size_t>(bad)] = -5;  // the next one is larger again
      const Buffer<TypeParam> array(spoilt);
      const ValueCheck check = check_of(array, ValueForm::order, 1, count, 0, 0);
      EXPECT_EQ(first_offender({check}, 2), (std::pair<std::int64_t, std::int64_t>{0, bad})) << count << " values";
      const ValuesAt found = read_offender(check, bad);
      EXPECT_EQ(found.index, -5);
      EXPECT_EQ(found.other, values[static_cast<std::size_t>(bad - 1)]);
    }
  }
}

TYPED_TEST(CheckIndices, ADifferenceOutOfRangeIsFound) {
  for (const std::int64_t count : counts) {
    std::vector<TypeParam> values = {3};
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<TypeParam>(values.back() + 2 + i % 63));  // differences of 2 to 64
    const Buffer<TypeParam> legal(values);
    EXPECT_EQ(first_offender({check_of(legal, ValueForm::difference, 0, count, 2, 64)}, 2).first, -1) << count;
    for (const std::int64_t bad : edges(count)) {
      const std::int64_t difference = bad % 2 == 0 ? 65 : 1;
      std::vector<TypeParam> spoilt = values;
      for (auto i = static_cast<std::size_t>(bad) + 1; i < spoilt.size(); ++i) spoilt[i] = static_cast<TypeParam>(spoilt[i] + difference - (2 + bad % 63));
      const Buffer<TypeParam> array(spoilt);
      const ValueCheck check = check_of(array, ValueForm::difference, 0, count, 2, 64);
      EXPECT_EQ(first_offender({check}, 2), (std::pair<std::int64_t, std::int64_t>{0, bad})) << count << " differences";
      const ValuesAt found = read_offender(check, bad);
      EXPECT_EQ(found.other - found.index, difference);
    }
  }
  // A difference that overflows is no undefined behaviour: asan mode would say so.
  const Buffer<TypeParam> extreme(std::vector<TypeParam>{std::numeric_limits<TypeParam>::max(), std::numeric_limits<TypeParam>::min()});
  EXPECT_EQ(first_offender({check_of(extreme, ValueForm::difference, 0, 1, 2, 64)}, 1).second, 0);
}

TYPED_TEST(CheckIndices, AWindowOutsideOfTheStepsIsFound) {
  constexpr std::int64_t num_steps = 20;
  constexpr auto largest = std::numeric_limits<TypeParam>::max();
  struct Window {
    TypeParam begin, length;
  };
  for (const Window bad : {Window{-1, 3}, {3, -1}, {21, 0}, {20, 1}, {18, 3}, {largest, largest}, {1, largest}})
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{33}, one_round + 5}) {
      std::vector<TypeParam> begins, lengths;
      for (std::int64_t i = 0; i < count; ++i) begins.push_back(static_cast<TypeParam>(i % 21)), lengths.push_back(static_cast<TypeParam>(num_steps - i % 21));
      const std::int64_t at = edges(count)[edges(count).size() / 2];
      for (const bool spoilt : {false, true}) {
        if (spoilt) begins[static_cast<std::size_t>(at)] = bad.begin, lengths[static_cast<std::size_t>(at)] = bad.length;
        const Buffer<TypeParam> d_begins(begins), d_lengths(lengths);
        ValueCheck check = check_of(d_begins, ValueForm::window, 0, count, 0, num_steps);
        check.lengths = {d_lengths.get(), sizeof(TypeParam) == 8};
        EXPECT_EQ(first_offender({check}, 2).second, spoilt ? at : -1) << count << " windows, [" << bad.begin << ", " << bad.length << "]";
        if (!spoilt) continue;
        const ValuesAt found = read_offender(check, at);
        EXPECT_EQ(found.index, bad.begin);
        EXPECT_EQ(found.other, bad.length);
      }
    }
}

template <typename T>
class CheckReals : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CheckReals, Reals);

TYPED_TEST(CheckReals, WhatIsNotInTheRangeIsFoundAndNanNeverIs) {
  struct Range {
    double least, most;
    std::vector<double> legal, bad;
  };
  const double tiny = std::numeric_limits<TypeParam>::denorm_min(), largest = std::numeric_limits<TypeParam>::max();
  const Range ranges[] = {{0, 1, {0, 1, 0.5, tiny}, {1.5, -tiny, nan, infinity, -infinity}},
                          {0, DBL_MAX, {0, largest, tiny}, {-tiny, nan, infinity}},
                          {-DBL_MAX, DBL_MAX, {0, largest, -largest}, {nan, infinity, -infinity}},
                          {DBL_TRUE_MIN, DBL_MAX, {tiny, largest}, {0, -1, nan, infinity}},
                          {-DBL_MAX, 0, {0, -1}, {tiny, nan}}};
  for (const Range& range : ranges)
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{33}, one_round + 5}) {
      std::vector<TypeParam> values;
      for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<TypeParam>(range.legal[static_cast<std::size_t>(i) % range.legal.size()]));
      ValueCheck check;
      check.form = ValueForm::real;
      check.end = count;
      check.least_real = range.least;
      check.most_real = range.most;
      const Buffer<TypeParam> legal(values);
      check.reals = {legal.get(), sizeof(TypeParam) == 8, 0, 0.0};
      EXPECT_EQ(first_offender({check}, 2).first, -1) << count << " values in [" << range.least << ", " << range.most << "]";
      const std::vector<std::int64_t> positions = edges(count);
      for (std::size_t i = 0; i < range.bad.size(); ++i) {
        const std::int64_t at = positions[i % positions.size()];
        std::vector<TypeParam> spoilt = values;
        spoilt[static_cast<std::size_t>(at)] = static_cast<TypeParam>(range.bad[i]);
        const Buffer<TypeParam> array(spoilt);
        check.reals.data = array.get();
        EXPECT_EQ(first_offender({check}, 2).second, at) << range.bad[i] << " among " << count;
        const double found = read_offender(check, at).real;
        EXPECT_TRUE(std::isnan(range.bad[i]) ? std::isnan(found) : found == range.bad[i]) << found << " instead of " << range.bad[i];
      }
    }
}

TEST(CheckValues, TheFirstRuleComesBeforeTheFirstPosition) {
  constexpr std::int64_t count = 3 * one_round;
  const Buffer<std::int32_t> all_broken(static_cast<std::size_t>(count), -1);
  std::vector<std::int32_t> late(static_cast<std::size_t>(count), 0);
  late[static_cast<std::size_t>(count - 7)] = -1;
  const Buffer<std::int32_t> broken_late(late), whole(5, 1);
  const auto rule = [](const Buffer<std::int32_t>& array) { return check_of(array, ValueForm::index, 0, static_cast<std::int64_t>(array.size()), 0, 9); };
  using Offender = std::pair<std::int64_t, std::int64_t>;
  for (const unsigned blocks : {1u, 2u, 3u}) {
    EXPECT_EQ(first_offender({rule(whole), rule(broken_late), rule(all_broken)}, blocks), (Offender{1, count - 7}));
    EXPECT_EQ(first_offender({rule(whole), rule(all_broken), rule(broken_late)}, blocks), (Offender{1, 0}));
    EXPECT_EQ(first_offender({rule(whole), rule(whole)}, blocks), (Offender{-1, -1}));
  }
}

}  // namespace
}  // namespace segpref::cuda
