// Values inside host arrays: the raw forms in which checks (value_checks.hpp) and kernels read them.
#pragma once

#include <initializer_list>

#include "kernels/cpu/batch.hpp"
#include "segpref/view.hpp"

namespace segpref::validation {

inline constexpr std::initializer_list<DType> index_types = {DType::i32, DType::i64};

/// The elements of a tensor in host memory. Host code reaches values through this and the two raw forms below, and through nothing else.
/// @throws Error(internal) for device memory, whose values only kernels can check
const void* host_data(const ConstTensorView& view);
template <typename T>
const T* host_values(const ConstTensorView& view) { return static_cast<const T*>(host_data(view)); }

/// The raw form of an array of indices that was given, in host memory.
cpu::IndexArray indices(const ConstTensorView& view);

/// The raw form of [num] or [num_members, num] values in host memory; an absent view reads as `absent` everywhere.
cpu::RealArray reals(const ConstTensorView& view, std::int64_t num, double absent);

}  // namespace segpref::validation
