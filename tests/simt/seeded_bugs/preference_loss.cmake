# Mistakes of the pair stage: pair_loss_kernel, pair_sums_kernel, and the kernels that add up gradients by segment.
set(pair_loss kernels/cuda/preference_loss/pair_loss_kernel.cuh)
set(pair_sums kernels/cuda/preference_loss/pair_sums_kernel.cuh)
set(segment_entries kernels/cuda/preference_loss/segment_entries_kernels.cuh)

segpref_add_seeded_bug(pair_constants_not_published DRIVER preference_loss MODES check EXPECT "shared memory" FILE ${pair_loss}
  REPLACE "  }\n  __syncthreads();\n\n  // Load" WITH "  }\n\n  // Load")
segpref_add_seeded_bug(pair_sums_not_published DRIVER preference_loss MODES check EXPECT "shared memory" FILE ${pair_loss}
  REPLACE "  __syncthreads();\n  if (thread >= num_pair_sums) return;" WITH "  if (thread >= num_pair_sums) return;")
segpref_add_seeded_bug(pair_sum_of_a_warp_unset DRIVER preference_loss MODES plain check EXPECT "wrong result|uninitialised shared memory" FILE kernels/cuda/preference_loss/pair_access.cuh
  REPLACE "if (lane_of_thread() == 0) warp_sums" WITH "if (lane_of_thread() == 0 && warp_of_thread() != 3) warp_sums")
segpref_add_seeded_bug(pair_behind_the_batch DRIVER preference_loss MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${pair_loss}
  REPLACE "position < p.batch.num_batch_pairs)" WITH "position <= p.batch.num_batch_pairs)")
segpref_add_seeded_bug(pair_threads_leave_before_the_sum DRIVER preference_loss MODES plain EXPECT "takes no part|divergent barrier|deadlock|has ended" FILE ${pair_loss}
  REPLACE "  // Store\n  if (in.present) {" WITH "  // Store\n  if (!in.present) return;\n  {")
segpref_add_seeded_bug(pair_barrier_in_two_places DRIVER preference_loss MODES plain EXPECT "divergent barrier" FILE ${pair_loss}
  REPLACE "  __syncthreads();\n  if (thread >= num_pair_sums) return;" WITH "  if (warp_of_thread() == 0) __syncthreads();\n  else\n    __syncthreads();\n  if (thread >= num_pair_sums) return;")
segpref_add_seeded_bug(members_not_published DRIVER preference_loss MODES check EXPECT "shared memory" FILE ${pair_sums}
  REPLACE "  __syncthreads();\n" WITH "")
segpref_add_seeded_bug(lanes_without_blocks_leave DRIVER preference_loss MODES plain EXPECT "takes no part|divergen|deadlock|has ended" FILE ${pair_sums}
  REPLACE "    double sums[num_pair_sums] = {};\n" WITH "    double sums[num_pair_sums] = {};\n    if (lane >= p.num_blocks) continue;\n")
segpref_add_seeded_bug(first_entry_behind_equal_keys DRIVER preference_loss MODES plain EXPECT "wrong result" FILE ${segment_entries}
  REPLACE "< key) low" WITH "<= key) low")
segpref_add_seeded_bug(end_of_the_last_segment_unset DRIVER preference_loss MODES check EXPECT "uninitialised global memory" FILE ${segment_entries}
  REPLACE "if (key > num_keys)" WITH "if (key >= num_keys)")
segpref_add_seeded_bug(two_segments_added_up DRIVER preference_loss MODES plain EXPECT "wrong result" FILE ${segment_entries}
  REPLACE "warp_sum_in_groups<Tile::lanes_per_segment>" WITH "warp_sum_in_groups<2 * Tile::lanes_per_segment>")
segpref_add_seeded_bug(every_lane_stores_the_sum DRIVER preference_loss MODES check EXPECT "data race in global memory" FILE ${segment_entries}
  REPLACE "if (segment < p.num_segments && lane == 0)" WITH "if (segment < p.num_segments)")
