# Mistakes of the library's own host code, on the modelled device.
set(pair_stage host/cuda_backend/with_cuda/pair_work.cpp)
set(sorted_entries host/cuda_backend/with_cuda/sorted_entries.cpp)
set(launch_sums "device::check(cuda::launch_pair_sums(sums, stream), \"launch_pair_sums\");")

segpref_add_seeded_bug(sums_on_the_default_stream DRIVER backend MODES plain EXPECT "default stream" FILE ${pair_stage}
  REPLACE "launch_pair_sums(sums, stream)" WITH "launch_pair_sums(sums, nullptr)")
segpref_add_seeded_bug(sort_on_a_stream_of_its_own DRIVER backend MODES check EXPECT "are not ordered" FILE ${sorted_entries}
  REPLACE "cuda::bits_of(num_keys), stream)"
  WITH "cuda::bits_of(num_keys), [] { cudaStream_t other; cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking); return other; }())")
segpref_add_seeded_bug(keys_never_made DRIVER backend MODES plain check EXPECT "uninitialised|never written" FILE ${pair_stage}
  REPLACE "device::check(cuda::launch_segment_keys(e, stream), \"launch_segment_keys\");" WITH "")
segpref_add_seeded_bug(waits_for_the_stream DRIVER backend MODES plain EXPECT "cudaErrorStreamCapture" FILE ${pair_stage}
  REPLACE "${launch_sums}" WITH "${launch_sums} device::check(cudaStreamSynchronize(stream), \"cudaStreamSynchronize\");")
