#include "kernels/cpu/reward_mlp/local_pairs.hpp"

#include <algorithm>
#include <numeric>

namespace segpref::cpu::mlp {

std::int64_t gather_pairs(const Batch& batch, std::int64_t member, bool all_pairs, std::int64_t row_capacity, LocalPairs& local) {
  local.num_pairs = batch.num_batch_pairs;
  const std::int64_t num_segments = 2 * local.num_pairs;
  for (std::int64_t k = 0; k < local.num_pairs; ++k) {
    const std::int64_t pair = batch.pair_at(member, k);
    const bool used = all_pairs || batch.weights(member, pair) > 0.0;
    for (int side = 0; side < 2; ++side) {
      const std::int64_t segment = batch.segment_of(pair, side);
      local.begins[2 * k + side] = batch.segment_begin(segment);
      local.lengths[2 * k + side] = used ? batch.segment_end(segment) - batch.segment_begin(segment) : 0;
    }
  }
  std::iota(local.by_begin, local.by_begin + num_segments, std::int64_t{0});
  std::sort(local.by_begin, local.by_begin + num_segments, [&](std::int64_t a, std::int64_t b) {
    return local.begins[a] != local.begins[b] ? local.begins[a] < local.begins[b] : a < b;
  });

  // Segments in order of their begins: each one adds the steps that those before it did not reach.
  std::int64_t num_rows = 0, reached = 0;
  for (std::int64_t i = 0; i < num_segments; ++i) {
    const std::int64_t segment = local.by_begin[i];
    const std::int64_t begin = local.begins[segment], end = begin + local.lengths[segment];
    if (local.lengths[segment] == 0) {
      local.begins[segment] = num_rows;
      continue;
    }
    const std::int64_t fresh = std::max(begin, reached);
    if (end > fresh) {
      if (num_rows + (end - fresh) > row_capacity) return num_rows + (end - fresh);
      for (std::int64_t step = fresh; step < end; ++step) local.steps[num_rows++] = step;
      reached = end;
    }
    // Rows up to `reached` are the newest ones, one per step without a gap from this segment's begin on.
    local.begins[segment] = num_rows - (reached - begin);
  }
  local.num_rows = num_rows;
  return num_rows;
}

}  // namespace segpref::cpu::mlp
