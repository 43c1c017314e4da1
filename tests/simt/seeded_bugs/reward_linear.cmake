# Mistakes of the linear head: reading features, scores, gradients of the head and of the features.
set(rows kernels/cuda/reward_linear/row_reader.cuh)
set(feature_sums kernels/cuda/reward_linear/feature_sums_kernel.cuh)
set(scores kernels/cuda/reward_linear/scores_kernels.cuh)
set(head kernels/cuda/reward_linear/grad_head_kernels.cuh)
set(grad_features kernels/cuda/reward_linear/grad_features_kernel.cuh)

segpref_add_seeded_bug(coefficients_filled_too_early DRIVER linear_scores MODES check EXPECT "data race in shared memory" FILE ${rows}
  REPLACE "  __syncthreads();  // the piece before has been read\n" WITH "")
segpref_add_seeded_bug(coefficients_not_published DRIVER linear_scores MODES check EXPECT "shared memory" FILE ${rows}
  REPLACE "segments.coefficient(first + row));\n  __syncthreads();\n" WITH "segments.coefficient(first + row));\n")
segpref_add_seeded_bug(warps_without_columns_leave DRIVER linear_scores MODES plain check EXPECT "wrong result|uninitialised shared memory" FILE ${feature_sums}
  REPLACE "  std::int64_t filled_for = -1;" WITH "  if (warp_of_thread() * Tile::columns_per_warp >= p.weights.feature_dim) return;\n  std::int64_t filled_for = -1;")
segpref_add_seeded_bug(rows_of_the_piece_before DRIVER linear_scores MODES plain EXPECT "wrong result" FILE ${feature_sums}
  REPLACE "blocks_of(stretch_begin - begin, rows_per_piece) : 0" WITH "(stretch_begin - begin) / rows_per_piece : 0")
segpref_add_seeded_bug(row_behind_a_segment DRIVER linear_scores MODES plain EXPECT "wrong result" FILE ${feature_sums}
  REPLACE "last_row = smaller(first_row + rows_per_piece, end);" WITH "last_row = smaller(first_row + rows_per_piece, end + 1);")
segpref_add_seeded_bug(used_without_an_atomic DRIVER linear_scores MODES check EXPECT "data race in global memory" FILE kernels/cuda/reward_linear/used_segments_kernel.cuh
  REPLACE "atomicOr(p.used + p.batch.segment_of(p.batch.pair_at(list, position), static_cast<int>(entry % 2)), 1u);"
  WITH "p.used[p.batch.segment_of(p.batch.pair_at(list, position), static_cast<int>(entry % 2))] = 1u;")
segpref_add_seeded_bug(products_not_published DRIVER linear_scores MODES check EXPECT "shared memory" FILE ${scores}
  REPLACE "  __syncthreads();\n" WITH "")
segpref_add_seeded_bug(threads_without_column_leave DRIVER linear_scores MODES plain EXPECT "takes no part|divergen|deadlock|has ended" FILE ${scores}
  REPLACE "const bool is_present = column < feature_dim;\n" WITH "const bool is_present = column < feature_dim;\n  if (!is_present) return;\n")
segpref_add_seeded_bug(score_behind_the_last_segment DRIVER linear_scores MODES check EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${scores}
  REPLACE "if (segment >= segments.num_segments) return;" WITH "if (segment > segments.num_segments) return;")

segpref_add_seeded_bug(gradients_loaded_too_early DRIVER linear_gradients MODES check EXPECT "data race in shared memory" FILE ${head}
  REPLACE "    __syncthreads();  // the gradients before have been read\n" WITH "")
segpref_add_seeded_bug(gradients_not_published DRIVER linear_gradients MODES check EXPECT "shared memory" FILE ${head}
  REPLACE "first_member, end, shared);\n    __syncthreads();\n" WITH "first_member, end, shared);\n")
segpref_add_seeded_bug(vote_of_some_members DRIVER linear_gradients MODES plain EXPECT "takes no part|divergen|deadlock|is not in mask" FILE ${head}
  REPLACE "__ballot_sync(all_lanes, grad != Real(0));" WITH "member < p.num_members ? __ballot_sync(all_lanes, grad != Real(0)) : 0u;")
segpref_add_seeded_bug(member_behind_the_last DRIVER linear_gradients MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${head}
  REPLACE "is_read = segment < end && member < p.num_members &&" WITH "is_read = segment < end &&")
segpref_add_seeded_bug(flag_of_the_first_segments_unset DRIVER linear_gradients MODES check EXPECT "uninitialised shared memory" FILE ${head}
  REPLACE "if (m == 0) shared.has_gradient[s]" WITH "if (m == 0 && s > 3) shared.has_gradient[s]")
segpref_add_seeded_bug(bias_as_a_weight DRIVER linear_gradients MODES check asan EXPECT "out-of-bounds write of 4 bytes in global memory|data race in global memory" FILE ${head}
  REPLACE "if (column < p.feature_dim && p.grad_weight" WITH "if (column <= p.feature_dim && p.grad_weight")
segpref_add_seeded_bug(row_gradients_not_published DRIVER linear_gradients MODES check EXPECT "shared memory" FILE ${grad_features}
  REPLACE "  __syncthreads();\n" WITH "")
segpref_add_seeded_bug(row_behind_the_last DRIVER linear_gradients MODES check asan EXPECT "out-of-bounds write of 16 bytes in global memory" FILE ${grad_features}
  REPLACE "      if (first + r >= num_rows) break;\n" WITH "")
