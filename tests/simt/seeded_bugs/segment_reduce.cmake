# Mistakes of the kernels that expand gradients, and of the sums of pieces.
set(expand kernels/cuda/segment_reduce/expand_kernel.cuh)
set(expand_windows kernels/cuda/segment_reduce/expand_windows_kernel.cuh)
set(piece_sums kernels/cuda/segment_reduce/piece_sums_kernel.cuh)

segpref_add_seeded_bug(step_behind_a_segment DRIVER expand MODES plain EXPECT "wrong result" FILE ${expand}
  REPLACE "if (step >= end_)" WITH "if (step > end_)")
segpref_add_seeded_bug(line_over_the_end_of_a_row DRIVER expand MODES check asan EXPECT "out-of-bounds write of 16 bytes in global memory|data race in global memory" FILE ${expand}
  REPLACE "first_step + Tile::steps_per_thread <= p.num_steps) {" WITH "first_step < p.num_steps) {")
segpref_add_seeded_bug(line_that_is_not_aligned DRIVER expand MODES asan EXPECT "misaligned" FILE ${expand}
  REPLACE "warp_of_thread() * Tile::steps_per_warp - before;" WITH "warp_of_thread() * Tile::steps_per_warp;")
segpref_add_seeded_bug(warps_expand_the_same_steps DRIVER expand MODES check EXPECT "data race in global memory" FILE ${expand}
  REPLACE "warp_of_thread() * Tile::steps_per_warp - before;" WITH "warp_of_thread() * (Tile::steps_per_warp - 4) - before;")
segpref_add_seeded_bug(search_of_half_a_warp DRIVER expand MODES plain EXPECT "takes no part|divergen|deadlock" FILE ${expand}
  REPLACE "std::int64_t segment = warp_last" WITH "std::int64_t segment = lane_of_thread() >= 16 ? -1 : warp_last")
segpref_add_seeded_bug(step_behind_a_window DRIVER expand MODES plain EXPECT "wrong result" FILE ${expand_windows}
  REPLACE "step < p.ends[i] &&" WITH "step <= p.ends[i] &&")
segpref_add_seeded_bug(steps_behind_the_row DRIVER expand MODES check asan EXPECT "out-of-bounds write of 4 bytes in global memory|data race in global memory" FILE ${expand_windows}
  REPLACE "if (step < p.num_steps) p.grad_steps" WITH "p.grad_steps")

segpref_add_seeded_bug(storage_used_again DRIVER piece_sums MODES check EXPECT "data race in shared memory" FILE ${piece_sums}
  REPLACE "    __syncthreads();  // storage is used again\n" WITH "")
segpref_add_seeded_bug(barrier_of_the_first_warp DRIVER piece_sums MODES plain EXPECT "divergent barrier|deadlock" FILE ${piece_sums}
  REPLACE "    __syncthreads();  // storage" WITH "    if (threadIdx.x < 32) __syncthreads();  // storage")
segpref_add_seeded_bug(piece_before_the_stretch DRIVER piece_sums MODES plain EXPECT "wrong result" FILE ${piece_sums}
  REPLACE "(first_step - steps.begin + steps_per_piece - 1) / steps_per_piece, begin" WITH "(first_step - steps.begin) / steps_per_piece, begin")
segpref_add_seeded_bug(slot_that_nobody_wrote DRIVER piece_sums MODES check EXPECT "uninitialised global memory" FILE kernels/cuda/segment_reduce/kernel.cuh
  REPLACE "piece == 0 && steps.begin % steps_per_piece != 0 ? 1 : 0" WITH "0")
