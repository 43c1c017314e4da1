// The part of a batch that one member uses, on rows of its own: the distinct steps of its pairs, and its segments as windows into
// them. A step that stands in several segments or pairs is one row, computed once.
#pragma once

#include <cstdint>

#include "kernels/cpu/batch.hpp"

namespace segpref::cpu::mlp {

/// Scratch and result for one member. Arrays hold as many pairs and rows as the plan books.
struct LocalPairs {
  std::int64_t num_rows = 0, num_pairs = 0;
  std::int64_t* steps = nullptr;    ///< [num_rows] the step of each row, ascending
  std::int64_t* begins = nullptr;   ///< [2 * num_pairs] rows: segment 2k is the first of pair k, 2k + 1 the second
  std::int64_t* lengths = nullptr;  ///< [2 * num_pairs]; 0 for the segments of a pair that needs no forward pass
  std::int64_t* by_begin = nullptr; ///< [2 * num_pairs] scratch, then the order of expand_gradient
  std::int64_t* reach = nullptr;    ///< [2 * num_pairs] scratch, then the same
};

/// Rows of the batch pairs of `member`; pairs of weight 0 only when `all_pairs`. Returns the number of rows needed, and fills `local`
/// when it is at most `row_capacity`.
std::int64_t gather_pairs(const Batch& batch, std::int64_t member, bool all_pairs, std::int64_t row_capacity, LocalPairs& local);

}  // namespace segpref::cpu::mlp
