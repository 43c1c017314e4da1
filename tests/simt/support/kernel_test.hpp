// What a kernel test is written with: device buffers and launches. The same test source runs in the harness, or on a GPU when nvcc
// compiles it (support/on_gpu.cuh).
#pragma once

#if defined(__CUDACC__)
#include "tests/simt/support/on_gpu.cuh"
#else
#include "tests/simt/support/in_harness.hpp"
#endif

namespace segpref::simt {

enum class Mode { plain, asan, check, gpu };

/// How this program was built.
inline constexpr Mode mode = Mode::SEGPREF_SIMT_MODE;

}  // namespace segpref::simt
