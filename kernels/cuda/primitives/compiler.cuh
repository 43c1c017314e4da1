// The only file that knows who compiles: nvcc, for a GPU, or a host compiler, for the harness that executes kernels on a CPU
// (docs/simt_harness.md). Inline PTX lives in this folder alone; each primitive says what it promises, for whoever runs it.
#pragma once

#if defined(__CUDACC__)

#define SEGPREF_ON_GPU 1
#define SEGPREF_DEVICE __device__ __forceinline__
#define SEGPREF_UNROLL _Pragma("unroll")
#define SEGPREF_UNROLL_BY(count) SEGPREF_PRAGMA(unroll count)
#define SEGPREF_PRAGMA(text) _Pragma(#text)
// A primitive takes its caller's place in the source along in the harness, for messages; on a GPU there is nothing to take.
#define SEGPREF_CALLER
#define SEGPREF_ONLY_CALLER
#define SEGPREF_PASS_CALLER
#define SEGPREF_PASS_ONLY_CALLER

#else

#include "tests/simt/harness/device.hpp"

#define SEGPREF_ON_GPU 0
#define SEGPREF_DEVICE inline
#define SEGPREF_UNROLL
#define SEGPREF_UNROLL_BY(count)
#define SEGPREF_CALLER , ::segpref::simt::Site caller = ::segpref::simt::Site::current()
#define SEGPREF_ONLY_CALLER ::segpref::simt::Site caller = ::segpref::simt::Site::current()
#define SEGPREF_PASS_CALLER , caller
#define SEGPREF_PASS_ONLY_CALLER caller

#endif
