// Checks of the values inside host arrays, and the raw forms in which kernels read them. A check throws Error naming the first offender.
#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "kernels/cpu/batch.hpp"
#include "segpref/view.hpp"

namespace segpref::validation {

inline constexpr std::initializer_list<DType> index_types = {DType::i32, DType::i64};

/// The elements of a tensor in host memory. Checks reach values through this and the two raw forms below, and through nothing else.
/// @throws Error(internal) for device memory, whose values only kernels can check
const void* host_data(const ConstTensorView& view);
template <typename T>
const T* host_values(const ConstTensorView& view) { return static_cast<const T*>(host_data(view)); }

/// The raw form of an array of indices that was given, in host memory.
cpu::IndexArray indices(const ConstTensorView& view);

/// The raw form of [num] or [num_members, num] values in host memory; an absent view reads as `absent` everywhere.
cpu::RealArray reals(const ConstTensorView& view, std::int64_t num, double absent);

/// The first position that breaks a rule, or -1. The common answer is -1, and this loop has no early exit the compiler
/// could not vectorise: blocks are asked "is any bad?", and only a bad block is searched.
template <typename IsBad>
std::int64_t first_bad(std::int64_t count, IsBad is_bad) {
  constexpr std::int64_t block = 1024;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t end = std::min(count, begin + block);
    bool any = false;
    for (std::int64_t i = begin; i < end; ++i) any |= is_bad(i);
    if (!any) continue;
    for (std::int64_t i = begin; i < end; ++i)
      if (is_bad(i)) return i;
  }
  return -1;
}

/// Calls check with the array as const int32_t* or const int64_t*, so that its loop has one type.
template <typename Check>
auto with_type(const cpu::IndexArray& array, Check check) {
  return array.wide ? check(static_cast<const std::int64_t*>(array.data)) : check(static_cast<const std::int32_t*>(array.data));
}

/// Calls check with the array as const float* or const double*.
template <typename Check>
auto with_type(const cpu::RealArray& array, Check check) {
  return array.wide ? check(static_cast<const double*>(array.data)) : check(static_cast<const float*>(array.data));
}

/// How a message prints a flat position: "i", or "row, column" where rows have a size.
std::string position(std::int64_t i, std::int64_t row_size);

/// `count` offsets, not decreasing and in [0, limit].
void check_offsets(std::string_view name, const cpu::IndexArray& offsets, std::int64_t count, std::int64_t limit, std::string_view limit_word);

/// Indices in [0, limit); position_of says where the i-th one stands.
void check_indices(std::string_view name, const cpu::IndexArray& array, std::int64_t count, std::int64_t limit, std::string_view limit_word,
                   const std::function<std::string(std::int64_t)>& position_of);

/// Finite values >= 0, in rows of row_size where every member has its own; an absent array is fine.
void check_not_negative(std::string_view name, const cpu::RealArray& array, std::int64_t count, std::int64_t row_size);

}  // namespace segpref::validation
