#include <cub/device/device_segmented_reduce.cuh>

#include "bench/cuda/segment_sums_peers.hpp"

namespace segpref::bench {

cudaError_t cub_segment_sums(void* storage, std::size_t& bytes, const SegmentSums& sums, cudaStream_t stream) {
  return cub::DeviceSegmentedReduce::Sum(storage, bytes, sums.values, sums.sums, sums.num_segments, sums.offsets, sums.offsets + 1, stream);
}

}  // namespace segpref::bench
