// A validated RankingBatch beside the segments of `Batch`, as the kernels read it.
#pragma once

#include "kernels/common/batch.hpp"

namespace segpref::kernels {

inline constexpr std::int64_t min_ranking_entries = 2, max_ranking_entries = 64;

struct Rankings {
  std::int64_t num_rankings = 0, num_entries = 0;
  std::int64_t top = 0;  ///< stages used; 0: all
  IndexArray entries;    ///< [num_entries] segments, best first
  IndexArray offsets;    ///< [num_rankings + 1]
  RealArray weights;     ///< [num_rankings] or [num_members, num_rankings]
};

}  // namespace segpref::kernels
