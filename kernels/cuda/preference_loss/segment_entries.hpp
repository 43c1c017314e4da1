// Which pairs a segment stands in: the inverse of `pairs`, for adding up gradients without atomics.
//
// An entry is one side of one pair of the batch, numbered 2 * position + side within its list of pairs; a list is one member's order, or the
// one order that all members share. Entries are sorted by (list, segment); a stable sort keeps the order of the batch among equals.
#pragma once

#include <cstdint>

#include "kernels/common/batch.hpp"

namespace segpref::cuda {

struct SegmentEntriesParams {
  kernels::Batch batch;
  std::int64_t num_lists = 1;               ///< num_members where every member has its own order, else 1
  std::uint64_t* keys = nullptr;            ///< [num_lists, 2 * num_batch_pairs], list * num_segments + segment
  std::uint32_t* entries = nullptr;         ///< [num_lists, 2 * num_batch_pairs], numbered through all lists

  SEGPREF_HOST_DEVICE std::int64_t num_entries() const { return num_lists * 2 * batch.num_batch_pairs; }
  SEGPREF_HOST_DEVICE std::int64_t num_keys() const { return num_lists * batch.num_segments; }
};

/// Source is the type of the entries' gradients, Real that of the scores'.
template <typename Source, typename Real>
struct GatherGradientsParams {
  std::int64_t num_members = 1, num_segments = 0;
  std::int64_t num_entries = 0;                   ///< of one list: two per pair, or all places of all rankings
  std::int64_t num_lists = 1;
  const std::uint32_t* sorted_entries = nullptr;  ///< [num_lists, num_entries]
  const std::uint32_t* first_entries = nullptr;   ///< [num_lists * num_segments + 1]: where each key's entries begin
  const Source* grad_entries = nullptr;           ///< [num_members, num_entries]
  Real* grad_scores = nullptr;                    ///< [num_members, num_segments], out
};

}  // namespace segpref::cuda
