# Mistakes of the MLP: weights and activations on their way through a chain of layers, and the parts of the weight gradients.
set(slabs kernels/cuda/reward_mlp/weight_slabs.cuh)
set(forward kernels/cuda/reward_mlp/forward_kernel.cuh)
set(backward kernels/cuda/reward_mlp/backward_kernel.cuh)
set(weight_grad kernels/cuda/reward_mlp/weight_grad_kernel.cuh)

segpref_add_seeded_bug(weights_not_waited_for DRIVER mlp_chain MODES check EXPECT "asynchronous copy still writes|never waited for" FILE ${slabs}
  REPLACE "    async_copy_wait<Tile::stages - 2>();\n" WITH "")
segpref_add_seeded_bug(gradients_overwritten_while_read DRIVER mlp_chain MODES check EXPECT "data race in shared memory" FILE ${backward}
  REPLACE "      __syncthreads();  // the tile may be overwritten\n" WITH "")
segpref_add_seeded_bug(row_behind_the_last_of_a_member DRIVER mlp_chain MODES check EXPECT "out-of-bounds write of 4 bytes in global memory|data race in global memory|shared memory" FILE ${forward}
  REPLACE "if (row >= place_.num_rows) return;" WITH "if (row > place_.num_rows) return;")
segpref_add_seeded_bug(padded_columns_unset DRIVER mlp_chain MODES check EXPECT "uninitialised shared memory" FILE kernels/cuda/reward_mlp/chain_storage.cuh
  REPLACE "unit < Tile::width; unit += Tile::num_threads)\n    shared.weight_out" WITH "unit < shape.width[last]; unit += Tile::num_threads)\n    shared.weight_out")
segpref_add_seeded_bug(fragment_of_other_columns DRIVER mlp_chain MODES plain EXPECT "wrong result" FILE kernels/cuda/primitives/half_operands.cuh
  REPLACE "n0 + lane / 16 * 8 + lane % 8, k0 + lane / 8 % 2 * 8" WITH "n0 + lane / 8 % 2 * 8 + lane % 8, k0 + lane / 16 * 8")
segpref_add_seeded_bug(second_band_added_to_the_first DRIVER mlp_chain MODES plain EXPECT "wrong result" FILE kernels/cuda/reward_mlp/chain_sums.cuh
  REPLACE "band * Tile::tiles_per_band + j]" WITH "j]")

segpref_add_seeded_bug(rows_refilled_too_early DRIVER mlp_weight_grad MODES check EXPECT "shared memory" FILE ${weight_grad}
  REPLACE "      __syncthreads();  // slab i has arrived for everyone, and everyone has left the buffer that is filled now\n" WITH "")
segpref_add_seeded_bug(last_rows_dropped DRIVER mlp_weight_grad MODES plain EXPECT "wrong result" FILE ${weight_grad}
  REPLACE "num_slabs = (num_rows + Tile::slab - 1) / Tile::slab;\n    return" WITH "num_slabs = num_rows / Tile::slab;\n    return")
segpref_add_seeded_bug(part_of_another_parameter DRIVER mlp_weight_grad MODES plain EXPECT "wrong result" FILE kernels/cuda/reward_mlp/reduce_kernel.cuh
  REPLACE "p.partial[split * p.shape.num_parameters + position]" WITH "p.partial[position * p.num_splits + split]")
