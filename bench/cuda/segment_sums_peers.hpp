// Sums of segments as the toolkit's libraries make them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace segpref::bench {

/// values [offsets[num_segments]] f32, offsets [num_segments + 1], sums [num_segments]
struct SegmentSums {
  const float* values;
  const std::int64_t* offsets;
  std::int64_t num_segments;
  float* sums;
};

/// cub::DeviceSegmentedReduce. storage null: only says in `bytes` how much it needs.
cudaError_t cub_segment_sums(void* storage, std::size_t& bytes, const SegmentSums& sums, cudaStream_t stream);

/// thrust::reduce_by_key, by the segment of every value; segments without values have no sum. Takes memory of its own and waits.
/// @param segment_of  [num_values]      @param keys  [num_segments], scratch
void thrust_segment_sums(const std::int32_t* segment_of, std::int64_t num_values, const SegmentSums& sums, std::int32_t* keys, cudaStream_t stream);

}  // namespace segpref::bench
