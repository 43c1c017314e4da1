// What the preparing kernels are given.
#pragma once

#include "kernels/common/batch.hpp"
#include "kernels/cuda/segment_reduce/discount.hpp"

namespace segpref::cuda {

template <typename Real>
struct DiscountPowersParams {
  std::int64_t count = 0;
  DiscountPowers discount;
  Real* powers = nullptr;                  ///< [count], out: discount^t
};

/// All arrays are [num_segments].
struct WindowOrderParams {
  std::int64_t num_segments = 0;
  kernels::IndexArray begins, lengths;
  std::uint64_t* keys = nullptr;           ///< begins, as they are sorted
  std::uint32_t* windows = nullptr;        ///< 0, 1, 2, ...
  std::uint64_t* sorted_begins = nullptr;
  std::uint32_t* by_begin = nullptr;       ///< windows in the order of their begins
  std::int64_t* ends = nullptr;            ///< in that order
};

}  // namespace segpref::cuda
