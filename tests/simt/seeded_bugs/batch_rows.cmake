# Mistakes of the rows of a batch: side_keys_kernel to row_steps_kernel, and what stores results of sides.
set(make_rows kernels/cuda/batch_rows/make_rows_kernels.cuh)
set(store_rows kernels/cuda/batch_rows/store_kernels.cuh)

segpref_add_seeded_bug(side_behind_the_last DRIVER batch_rows MODES check asan EXPECT "out-of-bounds read of 8 bytes in global memory" FILE ${make_rows}
  REPLACE "  if (side >= p.num_sides()) return;" WITH "  if (side > p.num_sides()) return;")
segpref_add_seeded_bug(short_window_hides_a_long_one DRIVER batch_rows MODES plain EXPECT "wrong result" FILE ${make_rows}
  REPLACE "i == 0 ? 0 : p.reach[i - 1]" WITH "i == 0 ? 0 : p.sorted_ends[i - 1]")
segpref_add_seeded_bug(nested_window_begins_too_late DRIVER batch_rows MODES plain EXPECT "wrong result" FILE ${make_rows}
  REPLACE "through - steps_to_reach" WITH "through - p.lengths[side]")
segpref_add_seeded_bug(row_of_the_side_before DRIVER batch_rows MODES plain EXPECT "wrong result" FILE ${make_rows}
  REPLACE "- rows.before > row) high" WITH "- rows.before >= row) high")
segpref_add_seeded_bug(rows_of_other_lists_counted DRIVER batch_rows MODES plain EXPECT "wrong result" FILE ${make_rows}
  REPLACE "before(list == 0 ? 0 : p.rows_through[first_side - 1])" WITH "before(0)")
segpref_add_seeded_bug(list_that_does_not_fit_is_written DRIVER batch_rows MODES check asan EXPECT "wrong result|out-of-bounds write of 8 bytes in global memory" FILE ${make_rows}
  REPLACE "fits(num_needed <= p.row_capacity)" WITH "fits(true)")
segpref_add_seeded_bug(shared_score_is_stored_twice DRIVER batch_rows MODES check EXPECT "data race in global memory" FILE ${store_rows}
  REPLACE "  atomicOr(p.scores + member * p.batch.num_segments + segment, __float_as_uint(score));" WITH "  p.scores[member * p.batch.num_segments + segment] = __float_as_uint(score);")
