// Division for kernels that are short of registers: the correctly rounded one of thread.cuh is a call, in the code for some devices in every place.
#pragma once

#include "kernels/cuda/primitives/compiler.cuh"

namespace segpref::cuda {

/// a / b within 2 ulp, for |b| from 2^-126 to 2^126. In the harness it is exact.
SEGPREF_DEVICE float fast_divide(float a, float b) {
#if SEGPREF_ON_GPU
  return __fdividef(a, b);
#else
  return a / b;
#endif
}

}  // namespace segpref::cuda
