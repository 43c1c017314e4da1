# Mistakes of the resident kernel: a tile of pairs that goes forward and backward on the chip.
set(resident kernels/cuda/reward_mlp/resident_kernel.cuh)

segpref_add_seeded_bug(tile_entered_too_early DRIVER mlp_resident MODES check EXPECT "data race in shared memory|uninitialised shared memory" FILE ${resident}
  REPLACE "      __syncthreads();  // segments are placed, and everyone has left the tile before\n" WITH "")
segpref_add_seeded_bug(inputs_replaced_while_used DRIVER mlp_resident MODES check EXPECT "data race in shared memory" FILE ${resident}
  REPLACE "      __syncthreads();  // the layer's inputs are used: their gradients take their place\n" WITH "")
segpref_add_seeded_bug(biases_unset_beyond_the_layer DRIVER mlp_resident MODES check EXPECT "uninitialised shared memory" FILE ${resident}
  REPLACE "if (thread < Tile::width) shared_.bias" WITH "if (thread < num_out) shared_.bias")
segpref_add_seeded_bug(part_of_the_next_block DRIVER mlp_resident MODES check asan EXPECT "out-of-bounds write of 4 bytes in global memory|data race in global memory" FILE ${resident}
  REPLACE "p_.partial + blockIdx.x * p_.shape" WITH "p_.partial + (blockIdx.x + 1) * p_.shape")
