// Tensor views: a pointer, an element type, a shape and strides. They own nothing.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "dtype.hpp"
#include "error.hpp"

namespace segpref {

/// Where a tensor lives. `index` counts the devices of one kind.
struct Device {
  enum class Kind : std::uint8_t { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;
  friend constexpr bool operator==(const Device&, const Device&) = default;
};

inline constexpr int max_rank = 4;

/// A tensor of any element type, by pointer. `Data` is `void` (written) or `const void` (read).
/// A default-constructed view is "absent": the optional argument it stands for was not given.
template <typename Data>
struct BasicTensorView {
  Data* data = nullptr;
  DType dtype = DType::f32;
  int rank = 0;                                ///< 0 only for an absent view
  std::array<std::int64_t, max_rank> shape{};
  std::array<std::int64_t, max_rank> strides{};  ///< in elements
  Device device{};

  constexpr bool present() const { return rank > 0; }
  constexpr std::int64_t size() const {
    if (rank == 0) return 0;
    std::int64_t product = 1;
    for (int axis = 0; axis < rank; ++axis) product *= shape[axis];
    return product;
  }
  /// True when elements lie in row-major order without gaps.
  constexpr bool contiguous() const {
    std::int64_t expected = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      if (shape[axis] != 1 && strides[axis] != expected) return false;
      expected *= shape[axis];
    }
    return true;
  }
  /// Any view can be read.
  constexpr operator BasicTensorView<const void>() const
    requires(!std::is_const_v<Data>)
  {
    return {data, dtype, rank, shape, strides, device};
  }
};

using TensorView = BasicTensorView<void>;             ///< an output
using ConstTensorView = BasicTensorView<const void>;  ///< an input

/// A view of a contiguous row-major host array: `view(features.data(), {num_steps, feature_dim})`.
/// Gives a TensorView for `T*` and a ConstTensorView for `const T*`.
template <typename T>
constexpr auto view(T* data, std::initializer_list<std::int64_t> shape, Device device = {}) {
  if (shape.size() == 0 || shape.size() > static_cast<std::size_t>(max_rank))
    throw Error(ErrorCode::invalid_argument, "view: a shape has 1 to 4 axes");
  BasicTensorView<std::conditional_t<std::is_const_v<T>, const void, void>> result;
  result.data = data;
  result.dtype = dtype_of<std::remove_const_t<T>>::value;
  result.rank = static_cast<int>(shape.size());
  result.device = device;
  int axis = 0;
  for (std::int64_t extent : shape) result.shape[axis++] = extent;
  std::int64_t stride = 1;
  for (axis = result.rank - 1; axis >= 0; --axis) {
    result.strides[axis] = stride;
    stride *= result.shape[axis];
  }
  return result;
}

/// A view of a whole one-dimensional container with data() and size(): `view(labels)`.
template <typename Container>
  requires requires(Container& c) { c.data(); c.size(); }
constexpr auto view(Container& container, Device device = {}) {
  return view(container.data(), {static_cast<std::int64_t>(container.size())}, device);
}

}  // namespace segpref
