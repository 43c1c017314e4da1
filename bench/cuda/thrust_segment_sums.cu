#include <thrust/device_ptr.h>
#include <thrust/execution_policy.h>
#include <thrust/reduce.h>

#include "bench/cuda/segment_sums_peers.hpp"

namespace segpref::bench {

void thrust_segment_sums(const std::int32_t* segment_of, std::int64_t num_values, const SegmentSums& sums, std::int32_t* keys, cudaStream_t stream) {
  thrust::reduce_by_key(thrust::cuda::par.on(stream), segment_of, segment_of + num_values, sums.values, keys, sums.sums);
}

}  // namespace segpref::bench
