#include "host/cuda_backend/with_cuda/batch_rows_work.hpp"

#include <algorithm>
#include <vector>

#include "host/cuda_backend/with_cuda/pair_work.hpp"
#include "kernels/cuda/batch_rows/launch.hpp"

namespace segpref::cuda_backend {
namespace {

std::int64_t times(std::int64_t a, std::int64_t b) { return validation::product("workspace", a, b); }

/// Bits of the places of steps through all lists.
int key_bits(std::int64_t num_lists, std::int64_t num_steps) { return cuda::bits_of(num_lists * (num_steps + 1)); }

}  // namespace

std::int64_t row_capacity(const PreferenceCapacity& capacity) {
  std::int64_t most = capacity.num_steps;
  if (capacity.num_batch_steps > 0) most = std::min(most, capacity.num_batch_steps);
  const std::int64_t sides = 2 * num_batch_pairs(capacity);
  if (capacity.max_segment_steps > 0 && capacity.max_segment_steps <= most / std::max<std::int64_t>(sides, 1)) most = sides * capacity.max_segment_steps;
  return std::max<std::int64_t>(most, 1);
}

BatchRowsBuffers book_batch_rows(const PreferenceCapacity& capacity, WorkspaceLayout& layout) {
  BatchRowsBuffers b;
  b.row_capacity = row_capacity(capacity);
  if (b.row_capacity > cuda::max_sorted)
    throw Error(ErrorCode::unsupported, fmt::format("a plan for CUDA takes batches of up to {} distinct steps: this one has {} (num_batch_steps, or num_steps)", cuda::max_sorted, b.row_capacity));
  const std::int64_t members = capacity.num_members, sides = times(2 * members, num_batch_pairs(capacity));
  b.keys = layout.book<std::uint64_t>(sides);
  b.sorted_begins = layout.book<std::uint64_t>(sides);
  b.sides = layout.book<std::uint32_t>(sides);
  b.by_begin = layout.book<std::uint32_t>(sides);
  for (Booked<std::int64_t>* array : {&b.lengths, &b.sorted_ends, &b.reach, &b.fresh, &b.rows_through, &b.row_begins, &b.row_lengths, &b.sorted_row_begins, &b.sorted_row_ends, &b.row_reach})
    *array = layout.book<std::int64_t>(sides);
  b.steps = layout.book<std::int64_t>(times(members, b.row_capacity));
  b.num_needed = layout.book<std::int64_t>(members);
  b.num_rows = layout.book<std::int64_t>(members);
  std::size_t sort_bytes = 0, maximum_bytes = 0, sum_bytes = 0;
  device::check(cuda::sort_by_key_bytes(sides, key_bits(members, capacity.num_steps), sort_bytes), "sort_by_key_bytes");
  device::check(cuda::running_maximum_bytes(sides, maximum_bytes), "running_maximum_bytes");
  device::check(cuda::running_sum_bytes(sides, sum_bytes), "running_sum_bytes");
  b.storage = layout.book<std::byte>(static_cast<std::int64_t>(std::max({sort_bytes, maximum_bytes, sum_bytes})));
  return b;
}

BatchRowsWork::BatchRowsWork(const kernels::Batch& batch, bool all_pairs, const BatchRowsBuffers& b, float* rewards, Workspace workspace, cudaStream_t stream)
    : sorted_begins_(b.sorted_begins.in(workspace)), by_begin_(b.by_begin.in(workspace)), reach_(b.reach.in(workspace)), rows_through_(b.rows_through.in(workspace)),
      storage_(b.storage.in(workspace)), storage_bytes_(static_cast<std::size_t>(b.storage.count)), stream_(stream) {
  params_.batch = batch;
  params_.num_lists = batch.pair_order_member_stride > 0 ? batch.num_members : 1;
  params_.all_pairs = all_pairs;
  params_.row_capacity = b.row_capacity;
  params_.keys = b.keys.in(workspace);
  params_.sides = b.sides.in(workspace);
  params_.lengths = b.lengths.in(workspace);
  params_.sorted_begins = sorted_begins_;
  params_.by_begin = by_begin_;
  params_.sorted_ends = b.sorted_ends.in(workspace);
  params_.reach = reach_;
  params_.fresh = b.fresh.in(workspace);
  params_.rows_through = rows_through_;
  params_.row_begins = b.row_begins.in(workspace);
  params_.row_lengths = b.row_lengths.in(workspace);
  params_.sorted_row_begins = b.sorted_row_begins.in(workspace);
  params_.sorted_row_ends = b.sorted_row_ends.in(workspace);
  params_.row_reach = b.row_reach.in(workspace);
  params_.steps = b.steps.in(workspace);
  params_.num_needed = b.num_needed.in(workspace);
  params_.num_rows = b.num_rows.in(workspace);
  params_.rewards = rewards;
}

void BatchRowsWork::make() const {
  const std::int64_t sides = params_.num_sides();
  device::check(cuda::launch_side_keys(params_, stream_), "launch_side_keys");
  const cuda::SortArrays sort{params_.keys, params_.sides, sorted_begins_, by_begin_};
  device::check(cuda::sort_by_key(storage_, storage_bytes_, sort, sides, key_bits(params_.num_lists, params_.batch.num_steps), stream_), "sort_by_key");
  device::check(cuda::launch_side_ends(params_, stream_), "launch_side_ends");
  device::check(cuda::running_maximum(storage_, storage_bytes_, params_.sorted_ends, reach_, sides, stream_), "running_maximum");
  device::check(cuda::launch_fresh_steps(params_, stream_), "launch_fresh_steps");
  device::check(cuda::running_sum(storage_, storage_bytes_, params_.fresh, rows_through_, sides, stream_), "running_sum");
  device::check(cuda::launch_batch_rows(params_, stream_), "launch_batch_rows");
}

void BatchRowsWork::check_capacity() const {
  if (params_.num_sides() == 0) return;
  std::vector<std::int64_t> needed(static_cast<std::size_t>(num_lists()));
  device::check(cudaMemcpyAsync(needed.data(), params_.num_needed, needed.size() * sizeof(needed[0]), cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
  device::check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  if (*std::max_element(needed.begin(), needed.end()) > row_capacity())
    throw Error(ErrorCode::invalid_argument, fmt::format("the pairs of this call cover more than {} steps (num_batch_steps of the plan)", row_capacity()));
}

kernels::Batch BatchRowsWork::windows() const {
  kernels::Batch batch;
  batch.num_members = num_lists() == 1 ? params_.batch.num_members : 1;  // lists of their own follow each other as one long row
  batch.num_steps = num_lists() * row_capacity();
  batch.num_segments = params_.num_sides();
  batch.begins = {params_.row_begins, true};
  batch.lengths = {params_.row_lengths, true};
  return batch;
}

void BatchRowsWork::store_scores(const float* side_scores, float* scores) const {
  device::check(cuda::launch_store_side_scores({params_.batch, side_scores, reinterpret_cast<std::uint32_t*>(scores)}, stream_), "launch_store_side_scores");
}

void BatchRowsWork::store_rewards(const std::uint8_t* pair_counted, float* step_rewards) const {
  cuda::StoreRowRewardsParams p;
  p.num_members = params_.batch.num_members;
  p.num_steps = params_.batch.num_steps;
  p.num_lists = num_lists();
  p.sides_per_list = params_.sides_per_list();
  p.row_capacity = row_capacity();
  p.num_rows = params_.num_rows;
  p.steps = params_.steps;
  p.by_begin = params_.by_begin;
  p.sorted_row_begins = params_.sorted_row_begins;
  p.sorted_row_ends = params_.sorted_row_ends;
  p.row_reach = params_.row_reach;
  p.pair_counted = pair_counted;
  p.rewards = params_.rewards;
  p.step_rewards = step_rewards;
  device::check(cuda::launch_store_row_rewards(p, stream_), "launch_store_row_rewards");
}

}  // namespace segpref::cuda_backend
