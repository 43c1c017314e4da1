// Capacities and workspace: what a plan is made from and what it books.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dtype.hpp"
#include "view.hpp"

namespace segpref {

/// The most that a batch run with a plan may hold. A batch may be smaller in every number.
struct PreferenceCapacity {
  std::int64_t num_members = 1;
  std::int64_t num_steps = 0;
  std::int64_t num_segments = 0;
  std::int64_t num_pairs = 0;
  std::int64_t num_batch_pairs = 0;  ///< pairs a call uses, per member; 0 means num_pairs
  std::int64_t num_batch_steps = 0;  ///< distinct steps that the pairs of a call cover, per member (MLP only); 0 means num_steps
  DType dtype = DType::f32;          ///< of step rewards or features
  std::int64_t max_segment_steps = 0;  ///< no segment is longer; 0: unknown. Checked where values are: in host memory, or by a context that is checking_values(); relied on elsewhere
  Device device{};                   ///< where the runs take place, and the workspace lies
};

/// Scratch memory of a run, on the plan's device, 64-byte aligned, at least plan.workspace_bytes() long. The caller's: never resized, never kept.
using Workspace = std::span<std::byte>;

}  // namespace segpref
