# Mistakes of ranking_loss and query_scores.
set(ranking kernels/cuda/ranking_loss/kernel.cuh)
set(query kernels/cuda/query_scores/kernel.cuh)

segpref_add_seeded_bug(ranking_sums_not_published DRIVER ranking_loss MODES check EXPECT "shared memory" FILE ${ranking}
  REPLACE "  __syncthreads();\n" WITH "")
segpref_add_seeded_bug(ranking_barrier_in_two_places DRIVER ranking_loss MODES plain EXPECT "divergent barrier" FILE ${ranking}
  REPLACE "  __syncthreads();\n" WITH "  if (warp_of_thread() == 0) __syncthreads();\n  else\n    __syncthreads();\n")
segpref_add_seeded_bug(ranking_threads_leave_before_the_sum DRIVER ranking_loss MODES plain EXPECT "takes no part|divergen|deadlock|has ended" FILE ${ranking}
  REPLACE "  if (ranking < p.num_rankings) {" WITH "  if (ranking >= p.num_rankings) return;\n  {")
segpref_add_seeded_bug(ranking_behind_the_last DRIVER ranking_loss MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${ranking}
  REPLACE "if (ranking < p.num_rankings) {" WITH "if (ranking <= p.num_rankings) {")
segpref_add_seeded_bug(ranking_sums_unset DRIVER ranking_loss MODES asan EXPECT "wrong result" FILE ${ranking}
  REPLACE "  double sums[num_ranking_sums] = {};\n  if (ranking" WITH "  double sums[num_ranking_sums];\n  if (ranking")
segpref_add_seeded_bug(place_behind_a_ranking DRIVER ranking_loss MODES plain EXPECT "wrong result|not finite" FILE ${ranking}
  REPLACE "count = p.offsets[ranking + 1] - begin;" WITH "count = p.offsets[ranking + 1] - begin - 1;")

segpref_add_seeded_bug(query_behind_the_last_pair DRIVER query_scores MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${query}
  REPLACE "if (pair >= p.num_pairs) return;" WITH "if (pair > p.num_pairs) return;")
segpref_add_seeded_bug(query_blocks_overlap DRIVER query_scores MODES check EXPECT "data race in global memory.*another block" FILE ${query}
  REPLACE "blockIdx.x} * QueryScoresTile::num_threads" WITH "blockIdx.x} * (QueryScoresTile::num_threads - 1)")
segpref_add_seeded_bug(query_of_the_next_member DRIVER query_scores MODES plain EXPECT "wrong result" FILE ${query}
  REPLACE "(static_cast<double>(second[member * num_segments])" WITH "(static_cast<double>(second[(member ^ 1) % 3 * num_segments])")
