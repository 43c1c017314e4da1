# Mistakes of what goes on between two training steps: the fused optimiser, counters on the device, minibatches.
set(fused kernels/cuda/reward_mlp/reduce_adamw_kernel.cuh)
set(minibatch kernels/cuda/minibatch/kernels.cuh)

segpref_add_seeded_bug(step_coefficients_not_published DRIVER mlp_step MODES plain check EXPECT "wrong result|shared memory" FILE kernels/cuda/adamw/step_element.cuh
  REPLACE "  __syncthreads();\n" WITH "")
segpref_add_seeded_bug(step_advanced_by_its_readers DRIVER mlp_step MODES check EXPECT "data race in global memory.*another block" FILE ${fused}
  REPLACE "    share_coefficients(p.rates, p.step, coefficients);\n" WITH "    share_coefficients(p.rates, p.step, coefficients);\n    if (threadIdx.x == 0) ++*p.step;\n")
segpref_add_seeded_bug(parameter_behind_the_last DRIVER mlp_step MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE kernels/cuda/reward_mlp/reduce_kernel.cuh
  REPLACE "Tile::columns && position < shape.num_parameters" WITH "Tile::columns && position <= shape.num_parameters")
segpref_add_seeded_bug(part_left_out DRIVER mlp_step MODES plain EXPECT "wrong result" FILE kernels/cuda/reward_mlp/reduce_kernel.cuh
  REPLACE "split < p.num_splits" WITH "split + 1 < p.num_splits")
segpref_add_seeded_bug(operands_without_padding DRIVER mlp_step MODES plain EXPECT "wrong result" FILE kernels/cuda/reward_mlp/parameter_place.cuh
  REPLACE "unit * shape.padded_width[layer]" WITH "unit * shape.width[layer]")

segpref_add_seeded_bug(entry_behind_the_last DRIVER minibatch MODES check asan EXPECT "out-of-bounds read of 4 bytes in global memory" FILE ${minibatch}
  REPLACE "if (rank >= p.num_entries()) return;" WITH "if (rank > p.num_entries()) return;")
segpref_add_seeded_bug(draws_of_the_first_list_for_all DRIVER minibatch MODES plain EXPECT "wrong result" FILE ${minibatch}
  REPLACE "math::RandomPurpose::permutation, p.draws.number(), list" WITH "math::RandomPurpose::permutation, p.draws.number(), 0")
segpref_add_seeded_bug(last_minibatch_as_large_as_all DRIVER minibatch MODES plain EXPECT "wrong result|never written|outside|out-of-bounds|uninitialised" FILE ${minibatch}
  REPLACE "list * p.batch_size(batch)" WITH "list * p.batch_pairs")
